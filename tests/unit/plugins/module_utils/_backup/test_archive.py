# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a repository of archives holds, and what it is not believed."""

import hashlib
import io
import json
import os
import shutil
import tarfile

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._backup import archive, manifest, tar
from ansible_collections.drydock.rescue.plugins.module_utils._backup.engine import Compression, Repository
from ansible_collections.drydock.rescue.plugins.module_utils._errors import (
    BadRecord,
    CommandFailed,
    NoRepository,
    NotFound,
    Refused,
    RescueError,
)
from ansible_collections.drydock.rescue.tests.unit.support.host import tree_of


@pytest.fixture
def backup(layer, back_up, archives):
    layer()
    back_up()
    (found,) = archives.backups()
    return found


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))


def rewrite(path, change):
    """As somebody would who can write the repository: with a good seal."""
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(manifest.sealed(told)))


def test_it_can_be_read_without_this_collection(backup, stored_files, tmp_path):
    files = stored_files()
    (part,) = json.loads(files["manifest.json"].read_text())["parts"]
    content = files[part["file"]].read_bytes()
    assert hashlib.sha256(content).hexdigest() == part["sha256"]
    with tarfile.open(str(files[part["file"]])) as stored:
        assert stored.extractfile("./etc/conf").read() == b"of web"
    assert "sha256sum" in (tmp_path / "repository/README.txt").read_text()


@pytest.mark.parametrize("name", ["rootfs.tar.gz", "manifest.json", "container.json"])
@pytest.mark.parametrize("harm", ["a byte", "the end", "all of it"])
def test_any_harm_fails_the_restore_of_that_container_alone(
    backup, layer, back_up, restore, stored_files, out, name, harm
):
    layer("db")
    back_up(containers=["db"])
    path = stored_files()[name]
    if harm == "all of it":
        path.unlink()
    elif harm == "the end":
        path.write_bytes(path.read_bytes()[:-3])
    else:
        flip(path, 40)
    with pytest.raises(RescueError):
        restore()
    assert not out.exists() or list(out.iterdir()) == []
    restore(container="db", path=str(out / "db"))
    assert (out / "db/rootfs/etc/conf").read_text() == "of db"


def test_what_is_damaged_is_named(backup, archives, stored_files):
    assert archives.verify([backup], True) == {}
    flip(stored_files()["rootfs.tar.gz"], 40)
    assert archives.verify([backup], False) == {}
    (reason,) = archives.verify([backup], True).values()
    assert "rootfs.tar.gz is damaged" in reason
    stored_files()["rootfs.tar.gz"].unlink()
    (reason,) = archives.verify([backup], False).values()
    assert "No such file" in reason


def test_a_backup_that_is_whole_again_counts_again(backup, archives, stored_files):
    content = stored_files()["rootfs.tar.gz"].read_bytes()
    stored_files()["rootfs.tar.gz"].write_bytes(b"")
    archives.verify([backup], True)
    assert archives.backups()[0].status == "damaged"
    stored_files()["rootfs.tar.gz"].write_bytes(content)
    assert archives.verify([backup], True) == {}
    assert archives.backups()[0].status == "stored"


def test_a_manifest_that_cannot_be_read_is_said_once(backup, archives, stored_files):
    stored_files()["manifest.json"].write_text("[]")
    assert archives.backups() == archives.backups() == []
    (warning,) = archives.warnings
    assert "holds no JSON object" in warning


def set_part(name, value):
    return lambda told: told["parts"][0].__setitem__(name, value)


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.clear(),
        lambda told: told.update(format=2),
        lambda told: told.update(backup_id="../../../etc"),
        lambda told: told.update(container="../other"),
        lambda told: told.update(container="other"),
        lambda told: told.update(host="other"),
        lambda told: told.update(host=7),
        lambda told: told.update(host="\0"),
        lambda told: told.update(container="\ud800"),
        lambda told: told.update(time="yesterday"),
        lambda told: told.update(time="2026-13-40T00:00:00Z"),
        lambda told: told.update(status="good"),
        lambda told: told.update(state=None),
        lambda told: told.update(bytes_read=-1),
        lambda told: told.update(bytes_stored="many"),
        lambda told: told.update(parts={}),
        lambda told: told.update(parts=[]),
        lambda told: told.update(parts=["rootfs"]),
        lambda told: told["parts"].append(told["parts"][0]),
        set_part("name", "volumes/../../etc"),
        set_part("name", "/etc"),
        set_part("name", "volumes//data"),
        set_part("name", ""),
        set_part("name", None),
        set_part("file", "../../../etc/shadow"),
        set_part("file", "/etc/shadow"),
        set_part("file", "manifest.json"),
        set_part("file", None),
        set_part("sha256", "0"),
        set_part("bytes_stored", "1"),
        set_part("counts", {"files": 1}),
        set_part("counts", None),
        set_part("listing", []),
        set_part("exclude", "/"),
        set_part("exclude", [1]),
        set_part("only", "../x"),
        set_part("only", None),
    ],
)
def test_a_manifest_that_lies_is_not_believed(backup, archives, stored_files, change):
    rewrite(stored_files()["manifest.json"], change)
    assert archives.backups() == []
    assert len(archives.warnings) == 1
    with pytest.raises(BadRecord):
        archives.manifest(backup)


def test_links_in_a_repository_lead_nowhere(backup, archives, tmp_path, stored_files, restore):
    repository = tmp_path / "repository"
    elsewhere = tmp_path / "elsewhere"
    host = next(one for one in repository.iterdir() if one.is_dir())
    host.rename(str(elsewhere))
    host.symlink_to(elsewhere)
    assert archives.backups() == []
    host.unlink()
    elsewhere.rename(str(host))
    path = stored_files()["rootfs.tar.gz"]
    path.rename(str(tmp_path / "other"))
    path.symlink_to(tmp_path / "other")
    with pytest.raises(BadRecord):
        restore()
    path.unlink()
    os.mkfifo(str(path))
    with pytest.raises(BadRecord, match="is not a file"):
        restore()


def hostile(path, members):
    """An archive of these: names with the target of a link, or None for a file."""
    with tarfile.open(str(path), "w:gz") as stream:
        for name, target, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target or ""
            content = b"evil" if kind == tarfile.REGTYPE else b""
            member.size = len(content)
            stream.addfile(member, io.BytesIO(content))


FILE, LINK, HARD, DIRECTORY = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


@pytest.mark.parametrize(
    "members",
    [
        [("../evil", None, FILE)],
        [("{out}/evil", None, FILE)],
        [("./way", "{out}", LINK), ("./way/evil", None, FILE)],
        [("./way", "../../../../..", LINK), ("./way{out}/evil", None, FILE)],
        [("./mine", "{out}/victim", HARD), ("./mine", None, FILE)],
    ],
)
def test_an_archive_never_leaves_its_target(backup, stored_files, restore, tmp_path, out, members):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("mine")
    before = tree_of(outside)
    path = stored_files()["rootfs.tar.gz"]
    hostile(
        path, [[one.format(out=outside) if isinstance(one, str) else one for one in row] for row in members]
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    def change(told):
        told["parts"][0].update(sha256=digest, bytes_stored=path.stat().st_size)

    rewrite(stored_files()["manifest.json"], change)
    with pytest.raises(RescueError):
        restore()
    assert tree_of(outside) == before
    assert not (out / "rootfs").exists()
    assert not (tmp_path / "evil").exists()


def test_files_that_are_not_there(backup, archives, tmp_path):
    with pytest.raises(NotFound, match="/nothing"):
        archives.restore(backup, "rootfs", str(tmp_path), ["/nothing"], lambda _done, _total: None)
    with pytest.raises(NotFound, match="no volumes/data"):
        archives.restore(backup, "volumes/data", str(tmp_path), [], lambda _done, _total: None)


def test_a_password_is_not_used(machine, repository):
    engine = archive.Archives(machine, repository._replace(password="x"), Compression())
    assert engine.warnings == ["the engine archive does not encrypt: the password is not used"]


def test_a_location_that_is_no_path(machine):
    with pytest.raises(Refused, match="is not an absolute path"):
        archive.Archives(machine, Repository("archive", "backup"), Compression())


def test_a_location_that_cannot_be_written(machine, tmp_path):
    (tmp_path / "file").touch()
    engine = archive.Archives(machine, Repository("archive", str(tmp_path / "file/in")), Compression())
    with pytest.raises(CommandFailed, match="cannot be written"):
        engine.prepare()


def test_a_tar_that_is_too_old(machine, archives):
    machine.run = lambda argv, ok=(0,): type(
        "Said", (), {"out": "Usage: tar --xattrs --acls --selinux --warning"}
    )
    with pytest.raises(
        Refused, match="does not know --xattrs-include, --sparse-version, --wildcards-match-slash"
    ):
        archives.prepare()


def test_a_file_system_that_cannot_sync_a_directory(backup, layer, back_up, monkeypatch):
    def fsync(descriptor):
        if os.path.isdir("/proc/self/fd/%d" % descriptor):
            raise OSError(22, "Invalid argument")

    layer("db")
    monkeypatch.setattr(os, "fsync", fsync)
    assert back_up(containers=["db"])["totals"]["stored"] == 1


# -- the tar and its compressor ------------------------------------------------------------------------------


def test_a_disk_that_takes_a_part_of_a_write():
    class Nearly(io.BytesIO):
        def write(self, data):
            return super().write(bytes(data[:3]))

    out = Nearly()
    tar._write(out, b"0123456789")
    assert out.getvalue() == b"0123456789"


def test_a_disk_that_is_full_leaves_nothing(back_up, layer, monkeypatch, tmp_path):
    def full(out, chunk):
        raise OSError(28, "No space left on device")

    layer()
    monkeypatch.setattr(tar, "_write", full)
    result = back_up(fail_on="never")
    assert "No space left on device" in result["results"][0]["warnings"][0]
    assert list((tmp_path / "repository").glob("*/web/*")) == []


def test_a_compressor_that_fails(back_up, layer, monkeypatch, tmp_path):
    layer()
    broken = tar.Compressor(".gz", ["gzip", "--no-such-option"])
    monkeypatch.setattr(tar, "compressor", lambda host, wanted: broken)
    result = back_up(fail_on="never")
    assert "`gzip` ended with code" in result["results"][0]["warnings"][0]
    assert list((tmp_path / "repository").glob("*/web/*")) == []


def test_no_compression(back_up, layer, stored_files, restore, out):
    layer()
    back_up(compression=Compression("none"))
    assert "rootfs.tar" in stored_files()
    restore()
    assert (out / "rootfs/etc/conf").read_text() == "of web"


def test_without_any_compressor(machine, repository, monkeypatch):
    monkeypatch.setattr(machine, "tool", lambda name: None if name in ("gzip", "zstd") else "/bin/" + name)
    with pytest.raises(RescueError, match="gzip"):
        archive.Archives(machine, repository, Compression()).prepare()


def test_the_command_for_zstd(machine, monkeypatch):
    monkeypatch.setattr(machine, "tool", lambda name: "/bin/" + name)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2})
    made = tar.compressor(machine, Compression(None, 7))
    assert made == (".zst", ["zstd", "-q", "-c", "--threads=3", "-7"])


def test_exclude_takes_names_as_they_are(layer, back_up, stored_files, restore, out):
    directory = layer()
    for name in ("[a]", "a", "b\\", "cache-1", "cache-2"):
        (directory / name).mkdir()
        (directory / name / "file").touch()
    back_up(exclude=["/[a]", "/b\\", "/cache-?"])
    restore()
    assert sorted(one.name for one in (out / "rootfs").iterdir()) == ["a", "etc", "fifo"]
    shutil.rmtree(str(out))


def test_no_repository_is_made_where_that_is_not_wanted(layer, back_up, repository, archives):
    layer()
    with pytest.raises(NoRepository, match="there is no directory %s" % repository.location):
        back_up(make_repository=False)
    assert not os.path.exists(repository.location)
    assert back_up(containers=[])["totals"]["stored"] == 0
    assert back_up(make_repository=False)["totals"]["stored"] == 1
