# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Into a directory, and chosen files of it."""

import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _jobs
from ansible_collections.drydock.rescue.plugins.module_utils._backup import archive, engines, tar
from ansible_collections.drydock.rescue.plugins.module_utils._errors import (
    CommandFailed,
    NotFound,
    Refused,
)
from ansible_collections.drydock.rescue.plugins.module_utils._tree.surveying import survey
from ansible_collections.drydock.rescue.tests.unit.support.host import tree_of


def points(docker, tmp_path):
    """A volume with one in it, and a file of the host."""
    for name, destination in (("outer", "/data"), ("inner", "/data/in")):
        docker.write("data of " + name, "volumes", name, "_data", "file")
        point = {"Type": "volume", "Name": name, "Driver": "local", "RW": True}
        yield destination, dict(point, Destination=destination)
    docker.write("hidden", "volumes", "outer", "_data", "in", "hidden")
    (tmp_path / "source.cnf").write_text("cnf")
    source = {"Type": "bind", "Source": str(tmp_path / "source.cnf"), "RW": True}
    yield "/data/my.cnf", dict(source, Destination="/data/my.cnf")


@pytest.fixture
def stored(docker, layer, back_up, tmp_path):
    directory = layer(MountPoints=dict(points(docker, tmp_path)))
    back_up(binds=True)
    return directory


def test_all_of_it_comes_back(stored, restore, machine, out):
    result = restore()
    places = ["rootfs", "volumes/data", "volumes/data/in", "volumes/data/my.cnf", "container.json"]
    assert result["restored"] == places
    assert survey(machine, str(out / "rootfs")).listing == survey(machine, str(stored)).listing
    assert (out / "volumes/data/file").read_text() == "data of outer"
    assert (out / "volumes/data/in/file").read_text() == "data of inner"
    assert (out / "volumes/data/my.cnf").read_text() == "cnf"
    assert not (out / "volumes/data/in/hidden").exists()
    assert not (out / ".drydock-restoring").exists()


@pytest.mark.parametrize("more", [{}, {"to": "files", "files": ["/etc"]}])
def test_what_has_its_final_name_is_on_the_disk(stored, restore, machine, out, monkeypatch, more):
    synced = []

    def sync(directory):
        synced.append([os.path.basename(directory)] + sorted(os.listdir(out)))

    monkeypatch.setattr(machine, "sync", sync)
    restore(**more)
    assert synced[0] == [".drydock-restoring", ".drydock-restoring"]


def test_again(stored, restore, out):
    restore()
    before = tree_of(out)
    assert not restore()["changed"]
    assert tree_of(out) == before


def test_only_what_is_missing(stored, restore, out):
    restore()
    time = (out / "volumes/data").stat().st_mtime_ns
    (out / "volumes/data/in/file").unlink()
    with pytest.raises(Refused, match="volumes/data/in is there already"):
        restore()
    (out / "volumes/data/in").rmdir()
    os.utime(str(out / "volumes/data"), ns=(0, time))
    assert restore()["restored"] == ["volumes/data/in"]


def test_nothing_is_replaced_unless_told(stored, restore, out):
    (out / "rootfs").mkdir(parents=True)
    (out / "rootfs/mine").touch()
    with pytest.raises(Refused, match="rootfs is there already"):
        restore()
    assert (out / "rootfs/mine").exists()
    restore(overwrite=True)
    assert not (out / "rootfs/mine").exists()
    (out / "container.json").write_text("{}")
    with pytest.raises(Refused, match=r"container\.json is there already"):
        restore()
    assert restore(overwrite=True)["restored"] == ["container.json"]


@pytest.mark.parametrize(
    ("options", "key", "shown"),
    [
        ({}, "part-0", "rootfs"),
        ({"to": "files", "files": ["/etc/conf"]}, "files", "web"),
    ],
)
def test_how_far_it_is(layer, back_up, restore, stored_files, monkeypatch, options, key, shown):
    """In bytes of the archive."""
    big = os.urandom(3 * 1024 * 1024)
    (layer() / "big").write_bytes(big)
    back_up()
    size = stored_files()["rootfs.tar.gz"].stat().st_size
    told = []
    monkeypatch.setattr(_jobs, "tell", lambda host, name, facts: told.append((name, facts)))
    monkeypatch.setattr(tar, "_TELL_EVERY", 0.0)
    restore(**options)
    assert ("all", {"containers": 1}) in told
    facts = [one for name, one in told if name == key]
    assert {one["container"] for one in facts} == {shown}
    done = [one["done"] for one in facts if "done" in one]
    assert len(done) > 2
    assert done == sorted(done)
    assert done[-1] == size
    assert {one["total"] for one in facts if "done" in one} == {size}


class Fetching(archive.Archives):
    """An engine that has the rootfs sooner with its manifest."""

    fetched = ()

    def fetch(self, backup, directory, watch):
        Fetching.fetched += (os.listdir(directory),)


@pytest.fixture
def fetching(monkeypatch):
    monkeypatch.setattr(Fetching, "fetched", ())
    monkeypatch.setitem(engines.ENGINES, "archive", Fetching)
    return Fetching


def test_fetched_at_once_where_nothing_is_there_yet(stored, restore, out, fetching):
    restore()
    assert fetching.fetched == ([],)
    shutil.rmtree(str(out / "volumes"))
    assert len(restore()["restored"]) == 3
    assert not restore()["changed"]
    assert len(fetching.fetched) == 1


def test_check_mode_fetches_nothing(stored, restore, fetching):
    restore(check_mode=True)
    assert fetching.fetched == ()


def test_what_cannot_be_proven_stays_out(stored, restore, out, monkeypatch):
    extract = archive.Archives.restore

    def short(self, backup, part, target, *rest):
        warnings = extract(self, backup, part, target, *rest)
        os.unlink(os.path.join(target, "etc/conf"))
        return warnings

    (out / "rootfs").mkdir(parents=True)
    (out / "rootfs/mine").touch()
    monkeypatch.setattr(archive.Archives, "restore", short)
    with pytest.raises(
        CommandFailed, match="rootfs did not come back as it was stored: 1 files instead of 2"
    ):
        restore(overwrite=True)
    assert (out / "rootfs/mine").exists()


def test_check_mode(stored, restore, out):
    assert len(restore(check_mode=True)["restored"]) == 5
    assert not out.exists()


def test_what_a_kill_moved_away_comes_back(stored, restore, out):
    """Killed when the old rootfs was out of the way, and before the new one was in its place."""
    beside = out / ".drydock-restoring"
    (beside / "old-rootfs").mkdir(parents=True)
    (beside / "old-rootfs/mine").touch()
    (beside / "new").mkdir()
    with pytest.raises(Refused):
        restore()
    assert (out / "rootfs/mine").exists()
    restore(overwrite=True)
    assert not (out / "rootfs/mine").exists()


def test_links_below_the_directory_lead_nowhere(stored, restore, out, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    out.mkdir()
    (out / "volumes").symlink_to(outside)
    for overwrite in (False, True):
        with pytest.raises(Refused, match="leads through a link"):
            restore(overwrite=overwrite)
    assert list(outside.iterdir()) == []


def test_the_newest_whole_one(layer, back_up, restore, archives, out):
    directory = layer()
    first = back_up()["results"][0]["backup_id"]
    (directory / "etc/conf").write_text("second")
    second = back_up()["results"][0]["backup_id"]
    assert restore()["backup_id"] == second
    assert restore(backup_id=first, path=str(out / "first"))["backup_id"] == first
    (out / "first/rootfs/etc/conf").write_text("of web")
    archives._mark(archives.backups()[-1], "damaged")
    result = restore(path=str(out / "third"))
    assert result["backup_id"] == first
    result = restore(path=str(out / "fourth"), backup_id=second)
    assert result["warnings"] == ["backup %s is damaged" % second]


def test_none_to_restore(stored, restore, stored_files):
    with pytest.raises(NotFound, match="The repository holds web of"):
        restore(container="db")
    with pytest.raises(NotFound, match="of host 'other'"):
        restore(host="other")
    stored_files()["manifest.json"].write_text("{}")
    with pytest.raises(NotFound, match="cannot be read"):
        restore()


# -- files ---------------------------------------------------------------------------------------------------


def test_files(stored, restore, out):
    result = restore(to="files", files=["/etc/co*"])
    assert result["restored"] == ["/etc", "/etc/conf"]
    assert (out / "etc/conf").read_text() == "of web"
    assert not (out / "etc/link").exists()
    assert not restore(to="files", files=["/etc/co*"])["changed"]
    assert [one.name for one in out.iterdir()] == ["etc"]


def test_both_names_of_a_file_can_be_had(stored, restore, out):
    for name in ("also", "conf"):
        path = out / name
        restore(to="files", files=["/etc/" + name], path=str(path))
        assert [one.name for one in (path / "etc").iterdir()] == [name]
        assert (path / "etc" / name).read_text() == "of web"


def test_a_directory_with_all_below(stored, restore, out):
    restore(to="files", files=["/etc"])
    assert sorted(one.name for one in (out / "etc").iterdir()) == ["also", "conf", "link"]
    assert (out / "etc/also").stat().st_ino == (out / "etc/conf").stat().st_ino
    assert (out / "etc").stat().st_mtime_ns == (stored / "etc").stat().st_mtime_ns


def test_files_are_replaced_only_when_told(stored, restore, out):
    (out / "etc").mkdir(parents=True)
    (out / "etc/conf").write_text("mine")
    (out / "etc/other").write_text("mine")
    with pytest.raises(Refused, match="etc/conf"):
        restore(to="files", files=["/etc/conf", "/fifo"])
    assert sorted(one.name for one in out.iterdir()) == ["etc"]
    restore(to="files", files=["/etc/conf"], overwrite=True)
    assert (out / "etc/conf").read_text() == "of web"
    assert (out / "etc/other").read_text() == "mine"


def test_files_do_not_follow_links_of_the_directory(stored, restore, out, tmp_path):
    (tmp_path / "outside").mkdir()
    out.mkdir()
    (out / "etc").symlink_to(tmp_path / "outside")
    with pytest.raises(Refused, match="is a link where a directory belongs"):
        restore(to="files", files=["/etc/conf"], overwrite=True)
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        {"files": ["/etc"]},
        {"to": "files"},
        {"to": "files", "files": ["etc"]},
        {"to": "files", "files": ["/../etc"]},
        {"to": "files", "files": ["/"]},
        {"path": "relative"},
        {"path": None},
    ],
)
def test_options_without_sense(stored, restore, out, options):
    with pytest.raises(Refused):
        restore(**options)
    assert not out.exists()
