# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import subprocess

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _ours
from ansible_collections.drydock.rescue.plugins.module_utils._errors import MissingTools, NotFound, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._host import Host
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import files
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident
from ansible_collections.drydock.rescue.tests.unit.support.host import tree_of
from ansible_collections.drydock.rescue.tests.unit.support.texts import dangerous


@pytest.fixture
def tree(host):
    """An open tree of container web."""

    def opened(access="in_place", method="merge"):
        path = host.run_directory + "/web"
        os.makedirs(path + "/var/log")
        for name in ("var/log/a.log", "var/log/b.log"):
            with open(os.path.join(path, name), "w") as stream:
                stream.write("x" * 5000)
        label = _ours.Label(ident("web"), "web", method, access, "")
        host.sees_mount("50 22 0:9 / %s ro - tmpfs %s ro" % (path, _ours.label_source(label)))
        host.sees_mount("51 50 0:10 / %s ro - overlay drydock-x ro" % path)
        host.pipe = Host().pipe
        host.run = real_tar(host)
        return path

    return opened


def real_tar(host):
    fake = host.run

    def run(argv, **options):
        return Host().run(argv, **options) if argv[0] == "tar" else fake(argv, **options)

    return run


def work(host, check_mode=False, **changes):
    wanted = files.Wanted("web", None, "listed", ["/"], None, False, None)
    return files.work(host, wanted._replace(**changes), check_mode)


@pytest.mark.parametrize("word", ["web", ident("web"), ident("web")[:10]])
def test_listing_an_open_container(host, tree, word):
    path = tree("read_only")
    result = work(host, container=word, paths=["/var/log/*", "/none"])
    assert [one["path"] for one in result["files"]] == ["/var/log/a.log", "/var/log/b.log"]
    assert (result["root"], result["not_matched"], result["changed"]) == (path, ["/none"], False)


def test_a_container_that_is_not_open(host):
    with pytest.raises(NotFound) as failure:
        work(host)
    assert "container_rootfs" in failure.value.hint


def test_the_largest_files(host, tree):
    tree()
    assert len(work(host, largest=1)["files"]) == 1


def test_copying_and_copying_again(host, tree, tmp_path):
    path = tree("read_only")
    dest = str(tmp_path / "a" / "dest")
    shown = work(host, True, state="copied", paths=["/var"], dest=dest)
    assert shown["changed"]
    assert not os.path.exists(dest)
    result = work(host, state="copied", paths=["/var"], dest=dest)
    assert result["copied"] == shown["copied"] == ["/var", "/var/log", "/var/log/a.log", "/var/log/b.log"]
    assert tree_of(dest) == tree_of(path)
    assert os.stat(dest).st_mode & 0o777 == 0o700
    again = work(host, state="copied", paths=["/var"], dest=dest)
    assert (again["changed"], again["copied"], again["actions"]) == (False, [], [])


def test_what_is_not_there_is_not_silently_left_out_of_a_copy(host, tree, tmp_path):
    tree()
    with pytest.raises(NotFound) as failure:
        work(host, state="copied", paths=["/var", "/none"], dest=str(tmp_path / "dest"))
    assert "'/none'" in failure.value.message
    assert not (tmp_path / "dest").exists()


def test_an_archive_and_the_same_again(host, tree, tmp_path):
    tree()
    dest = str(tmp_path / "a.tar")
    result = work(host, state="copied", paths=["/"], dest=dest, archive=True)
    assert (result["changed"], result["size_bytes"]) == (True, os.path.getsize(dest))
    again = work(host, state="copied", paths=["/"], dest=dest, archive=True)
    assert (again["changed"], again["sha256"]) == (False, result["sha256"])
    assert sorted(os.listdir(str(tmp_path))) == ["a.tar", "machine"]
    assert os.stat(dest).st_mode & 0o777 == 0o600


def test_a_relative_dest_and_one_in_the_tree_are_refused(host, tree):
    path = tree()
    for dest in ("relative", path + "/out"):
        with pytest.raises(Refused):
            work(host, state="copied", paths=["/var"], dest=dest)
    assert sorted(os.listdir(path)) == ["var"]


@pytest.mark.parametrize("access", ["in_place", "scratch"])
def test_deleting(host, tree, access):
    path = tree(access)
    shown = work(host, True, state="absent", paths=["/var/log/a*"])
    assert os.path.exists(path + "/var/log/a.log")
    result = work(host, state="absent", paths=["/var/log/a*"])
    assert result["deleted"] == shown["deleted"] == ["/var/log/a.log"]
    assert result["freed_bytes"] == shown["freed_bytes"] > 0
    assert result["actions"] == ["rm -r -- %s/var/log/a.log" % path]
    assert os.listdir(path + "/var/log") == ["b.log"]
    assert work(host, state="absent", paths=["/var/log/a*"])["changed"] is False


def test_nothing_is_deleted_in_a_view(host, tree):
    path = tree("read_only")
    before = tree_of(path)
    with pytest.raises(Refused) as failure:
        work(host, state="absent", paths=["/var"])
    assert "open read_only" in failure.value.message
    assert tree_of(path) == before


def test_nothing_is_deleted_outside_of_our_trees(host, tmp_path):
    (tmp_path / "precious").write_text("")
    with pytest.raises(Refused):
        work(host, container=None, root=str(tmp_path), state="absent", paths=["/precious"])
    assert (tmp_path / "precious").exists()


def test_any_directory_can_be_listed(host, tmp_path):
    (tmp_path / "file").write_text("")
    found = work(host, container=None, root=str(tmp_path), paths=["/file"])
    assert [one["path"] for one in found["files"]] == ["/file"]


def test_a_dest_in_the_tree_under_another_name_is_refused(host, tree, tmp_path):
    os.symlink(tree(), str(tmp_path / "alias"))
    with pytest.raises(Refused):
        work(host, state="copied", paths=["/var"], dest=str(tmp_path / "alias" / "out"))


# -- hostile trees -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("state", ["listed", "copied", "archive", "absent"])
def test_a_link_to_the_hosts_files_shows_and_changes_nothing_of_them(host, tree, tmp_path, state, absolute):
    """`/etc/passwd` where the container made `/etc` a link to the host's."""
    path = tree()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd").write_text("secret")
    before = tree_of(outside)
    os.symlink(str(outside) if absolute else "../" * 20 + str(outside), path + "/etc")
    asked = {"paths": ["/etc/passwd"], "state": "copied" if state == "archive" else state}
    if state in ("copied", "archive"):
        dest = str(tmp_path / "dest")
        with pytest.raises(NotFound) as failure:
            work(host, dest=dest, archive=state == "archive", **asked)
        assert "'/etc/passwd'" in failure.value.message
        assert not os.path.exists(dest)
        # The link itself comes as a link, and nothing with it.
        result = work(host, dest=dest, state="copied", paths=["/etc"])
        assert result["copied"] == ["/etc"]
        assert os.path.islink(dest + "/etc")
    else:
        result = work(host, **asked)
        assert (result["not_matched"], result.get("files", result.get("deleted"))) == (["/etc/passwd"], [])
    assert tree_of(outside) == before


@pytest.mark.parametrize(
    "name", ["a\nb", "ok: [host]\n", "\x1b[2J", "\u202egnp", "{{ 7 * 7 }}", "-rf", "$(reboot)"]
)
def test_names_are_deleted_as_they_are_and_shown_harmlessly(host, tree, name):
    path = tree()
    with open(os.path.join(path, "var", "log", name), "w"):
        pass
    os.mkdir(os.path.join(path, "var", "log", "ok: [host]"))
    result = work(host, state="absent", paths=["/var/log/" + name.replace("[", "[[]")])
    assert dangerous(result["actions"] + result["deleted"] + [result["diff"]]) == []
    (line,) = result["actions"]
    script = 'rm() { shift 2; printf "%%s\\0" "$@"; }; %s' % line
    said = subprocess.check_output(["sh", "-c", script])
    assert said == os.fsencode(os.path.join(path, "var", "log", name)) + b"\0"
    assert not os.path.lexists(os.path.join(path, "var", "log", name))
    assert sorted(os.listdir(path + "/var/log")) == ["a.log", "b.log", "ok: [host]"]


def test_every_directory_that_is_made_is_for_root_alone(host, tree, tmp_path):
    tree()
    old = os.umask(0)
    try:
        work(host, state="copied", paths=["/var"], dest=str(tmp_path / "a" / "b" / "c") + "/")
        work(host, state="copied", paths=["/var"], dest=str(tmp_path / "d" / "e" / "x.tar"), archive=True)
    finally:
        os.umask(old)
    for name in ("a", "a/b", "a/b/c", "d", "d/e"):
        assert os.stat(str(tmp_path / name)).st_mode & 0o777 == 0o700
    assert os.stat(str(tmp_path / "d" / "e" / "x.tar")).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_file_that_another_put_there_is_never_written_into(host, tree, tmp_path, kind):
    """In a directory that others can write to, it could be read by them while the archive grows."""
    tree()
    partial, theirs = str(tmp_path / "x.tar.drydock-partial"), tmp_path / "theirs"
    theirs.write_text("theirs")
    if kind == "link":
        os.symlink(str(theirs), partial)
    else:
        os.link(str(theirs), partial)
    work(host, state="copied", paths=["/var"], dest=str(tmp_path / "x.tar"), archive=True)
    assert theirs.read_text() == "theirs"
    assert os.stat(str(tmp_path / "x.tar")).st_mode & 0o777 == 0o600
    assert not os.path.lexists(partial)


@pytest.mark.parametrize(("mode", "warned"), [(0o755, True), (0o700, False)])
def test_programs_with_the_rights_of_another_are_told_where_others_can_enter(
    host, tree, tmp_path, mode, warned
):
    path = tree()
    (tmp_path / "dest").mkdir()
    os.chmod(str(tmp_path / "dest"), mode)
    os.chmod(path + "/var/log/a.log", 0o4755)
    warnings = work(host, state="copied", paths=["/var"], dest=str(tmp_path / "dest"))["warnings"]
    assert ["/var/log/a.log" in one for one in warnings] == [True] * warned


@pytest.mark.parametrize(
    ("method", "old_kernel", "warned"), [("live", True, 1), ("merge", True, 0), ("live", False, 0)]
)
def test_a_kernel_that_cannot_keep_a_living_container_in_is_told(
    host, tree, tmp_path, monkeypatch, method, old_kernel, warned
):
    tree("read_only", method)
    view = (lambda directory: None) if old_kernel else os.dup
    monkeypatch.setattr(host, "without_links", view)
    warnings = work(host, state="copied", paths=["/var"], dest=str(tmp_path / "dest"))["warnings"]
    assert len([one for one in warnings if "before 5.14" in one]) == warned


def test_without_tar_nothing_is_begun(host, tree, tmp_path):
    tree()
    host.missing_tools = {"tar"}
    for archive in (True, False):
        with pytest.raises(MissingTools) as failure:
            work(host, state="copied", paths=["/var"], dest=str(tmp_path / "dest"), archive=archive)
        assert failure.value.tools == ["tar"]
    assert not (tmp_path / "dest").exists()


def test_less_than_no_files_is_refused(host, tree):
    tree()
    with pytest.raises(Refused) as failure:
        work(host, largest=-1)
    assert "largest -1" in failure.value.message


# -- volumes in the tree -----------------------------------------------------------------------------------


@pytest.fixture
def volume(host, tree, tmp_path):
    """A volume of the host's directory `volume` at /var/data in the open tree, and one in that."""

    def opened(*options):
        path = tree("in_place")
        for name in ("var/data/inner", "var/other"):
            os.makedirs(os.path.join(path, name))
        for name in ("var/data/file", "var/data/inner/file"):
            with open(os.path.join(path, name), "w") as stream:
                stream.write(name)
        places = ("var/data", tmp_path / "volume"), ("var/data/inner", tmp_path / "inner")
        for (place, source), option in zip(places, options):
            fields = (source, path, place, option)
            host.sees_mount("60 51 254:1 %s %s/%s %s,nosuid - ext4 /dev/vda1 rw" % fields)
        return path

    return opened


@pytest.mark.parametrize("path", ["/", "/var", "/v*", "/var/data", "/var/data/inner", "/var/data/*", "/**"])
def test_a_volume_is_never_deleted_with_what_it_lies_in(host, volume, path):
    before = tree_of(volume("rw", "rw"))
    for check_mode in (True, False):
        with pytest.raises(Refused) as failure:
            work(host, check_mode, state="absent", paths=[path])
        assert "the volume at /var/data" in failure.value.message
    assert tree_of(host.run_directory + "/web") == before


def test_what_is_in_a_volume_is_deleted_where_it_is_named(host, volume):
    path = volume("rw", "rw")
    assert work(host, state="absent", paths=["/var/data/file", "/var/other"])["changed"]
    assert os.listdir(path + "/var/data") == ["inner"]


@pytest.mark.parametrize(("outer", "inner"), [("ro", "rw"), ("rw", "ro")])
def test_in_volumes_in_volumes_the_innermost_says_what_can_be_written(host, volume, outer, inner):
    volume(outer, inner)
    writable, denied = ["/var/data/inner/file", "/var/data/file"][:: 1 if inner == "rw" else -1]
    with pytest.raises(Refused) as failure:
        work(host, state="absent", paths=[denied])
    assert "which is shown read-only" in failure.value.message
    assert work(host, state="absent", paths=[writable])["changed"]


@pytest.mark.parametrize(("dest", "seen"), [("volume", "/var/data"), ("volume/a/b", "/var/data/a/b")])
def test_a_copy_does_not_go_into_the_volume_that_is_copied(host, volume, tmp_path, dest, seen):
    volume("ro")
    dest = str(tmp_path / dest)
    with pytest.raises(Refused) as failure:
        work(host, state="copied", paths=["/var"], dest=dest)
    assert failure.value.message == "dest %s is copied itself: the tree shows it at %s" % (dest, seen)
    assert work(host, state="copied", paths=["/var/log"], dest=dest)["changed"]


def test_what_is_in_a_volume_is_copied(host, volume, tmp_path):
    volume("ro", "ro")
    dest = tmp_path / "dest"
    work(host, state="copied", paths=["/var/data"], dest=str(dest))
    assert (dest / "var" / "data" / "inner" / "file").read_text() == "var/data/inner/file"
