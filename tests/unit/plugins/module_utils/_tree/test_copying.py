# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import re
import tarfile

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._errors import CommandFailed, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._host import Host
from ansible_collections.drydock.rescue.plugins.module_utils._tree import copying
from ansible_collections.drydock.rescue.plugins.module_utils._tree.inside import Inside, shown
from ansible_collections.drydock.rescue.tests.unit.support.host import tree_of


@pytest.fixture
def root(tmp_path):
    top = tmp_path / "tree"
    for name in ("etc/conf.d", "data"):
        os.makedirs(str(top / name))
    (top / "etc" / "passwd").write_text("root")
    (top / "data" / "a").write_bytes(b"a" * 5000)
    os.chmod(str(top / "data" / "a"), 0o4640)
    os.link(str(top / "data" / "a"), str(top / "data" / "b"))
    os.symlink("../etc/passwd", str(top / "data" / "link"))
    os.mkfifo(str(top / "data" / "fifo"))
    with open(str(top / "data" / "sparse"), "wb") as stream:
        stream.seek(50 * 1024 * 1024)
        stream.write(b"end")
    for place, directories, files in os.walk(str(top), topdown=False):
        for name in directories + files:
            os.utime(os.path.join(place, name), (1600000000, 1600000000), follow_symlinks=False)
    return top


@pytest.fixture
def dest(tmp_path):
    path = tmp_path / "dest"
    path.mkdir()
    return path


def select(root, *patterns):
    tree = Inside(str(root))
    try:
        return copying.select(tree, tree.find(patterns)[0])
    finally:
        tree.close()


def names(entries):
    return [shown(entry.parts) for entry in entries]


def copy(root, dest, *patterns):
    """Copies what is missing. Returns what that was."""
    todo = copying.missing(select(root, *patterns).entries, str(dest))
    if todo:
        assert copying.to_directory(Host(), str(root), todo, str(dest)) == []
    return names(todo)


# -- what is selected --------------------------------------------------------------------------------------


def test_the_directories_above_come_too(root):
    assert names(select(root, "/etc/passwd").entries) == ["/etc", "/etc/passwd"]


def test_what_a_named_link_leads_to_comes_too(root):
    assert names(select(root, "/data/link").entries) == ["/data", "/data/link", "/etc", "/etc/passwd"]


def test_a_link_in_a_directory_is_only_a_link(root):
    assert "/etc/passwd" not in names(select(root, "/data").entries)


def test_fifos_are_left_out_and_named(root):
    selection = select(root, "/data")
    assert names(selection.left_out) == ["/data/fifo"]
    assert "/data/fifo" not in names(selection.entries)


def test_the_whole_tree_without_its_root(root):
    assert "/" not in names(select(root, "/").entries)
    assert "/etc/conf.d" in names(select(root, "/").entries)


# -- the copy ----------------------------------------------------------------------------------------------


def test_a_copy_is_like_the_original(root, dest):
    copy(root, dest, "/")
    expected = tree_of(root)
    del expected["data/fifo"]
    assert tree_of(dest) == expected


def test_holes_stay_holes(root, dest):
    copy(root, dest, "/data")
    facts = os.stat(str(dest / "data" / "sparse"))
    assert facts.st_size == 50 * 1024 * 1024 + 3
    assert facts.st_blocks * 512 < 1024 * 1024


def test_two_names_of_one_file_stay_one_file(root, dest):
    copy(root, dest, "/data")
    assert os.path.samefile(str(dest / "data" / "a"), str(dest / "data" / "b"))


def test_modes_and_times_stay(root, dest):
    copy(root, dest, "/data")
    facts = os.stat(str(dest / "data" / "a"))
    assert (facts.st_mode & 0o7777, facts.st_mtime) == (0o4640, 1600000000)
    assert os.stat(str(dest / "data")).st_mtime == 1600000000


@pytest.mark.parametrize(
    "name", ["-rf", "new\nline", "*", "a\\nb", "@x", "\udcff", "--checkpoint-action=exec=x"]
)
def test_odd_names_are_copied_as_they_are(root, dest, name):
    path = os.path.join(str(root), "etc", "conf.d", name)
    with open(path, "w") as stream:
        stream.write("odd")
    copy(root, dest, "/etc/conf.d")
    assert os.listdir(os.fsencode(str(dest / "etc" / "conf.d"))) == [os.fsencode(name)]


def test_the_second_time_there_is_nothing_to_copy(root, dest):
    assert "/data/sparse" in copy(root, dest, "/")
    assert copy(root, dest, "/") == []


@pytest.mark.parametrize("change", ["size", "time", "mode", "gone", "kind"])
def test_only_what_differs_is_copied_again(root, dest, change):
    copy(root, dest, "/")
    there = str(dest / "etc" / "passwd")
    if change == "size":
        with open(there, "a") as stream:
            stream.write("x")
    elif change == "time":
        os.utime(there, (1, 1))
    elif change == "mode":
        os.chmod(there, 0o600)
    else:
        os.unlink(there)
        if change == "kind":
            os.symlink("/etc/passwd", there)
        os.utime(str(dest / "etc"), (1600000000, 1600000000))
    assert copy(root, dest, "/") == ["/etc/passwd"]
    assert tree_of(dest)["etc/passwd"] == tree_of(root)["etc/passwd"]


def test_a_link_with_another_target_is_copied_again(root, dest):
    copy(root, dest, "/data")
    os.unlink(str(dest / "data" / "link"))
    os.symlink("elsewhere", str(dest / "data" / "link"))
    assert "/data/link" in copy(root, dest, "/data")
    assert os.readlink(str(dest / "data" / "link")) == "../etc/passwd"


def test_a_file_whose_other_name_is_missing_is_copied_with_it(root, dest):
    copy(root, dest, "/data")
    os.unlink(str(dest / "data" / "b"))
    assert {"/data/a", "/data/b"} <= set(copy(root, dest, "/data"))
    assert os.path.samefile(str(dest / "data" / "a"), str(dest / "data" / "b"))


def test_a_link_in_the_place_of_a_directory_is_refused(root, dest, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    os.symlink(str(tmp_path / "elsewhere"), str(dest / "etc"))
    with pytest.raises(Refused) as failure:
        copy(root, dest, "/etc/passwd")
    assert "%s is a link" % (dest / "etc") in failure.value.message
    assert os.listdir(str(tmp_path / "elsewhere")) == []


def test_a_link_in_the_place_of_a_file_is_not_written_through(root, dest, tmp_path):
    (tmp_path / "precious").write_text("precious")
    (dest / "etc").mkdir()
    os.symlink(str(tmp_path / "precious"), str(dest / "etc" / "passwd"))
    copy(root, dest, "/etc/passwd")
    assert (tmp_path / "precious").read_text() == "precious"
    assert (dest / "etc" / "passwd").read_text() == "root"


# -- looking again -----------------------------------------------------------------------------------------


def verify(root, dest, entries):
    tree = Inside(str(root))
    try:
        copying.verify(tree, entries, str(dest))
    finally:
        tree.close()


def test_a_whole_copy_is_good(root, dest):
    entries = select(root, "/").entries
    copy(root, dest, "/")
    verify(root, dest, entries)


def test_a_copy_that_lacks_something_is_not_good(root, dest):
    entries = select(root, "/").entries
    copy(root, dest, "/")
    os.unlink(str(dest / "etc" / "passwd"))
    with pytest.raises(CommandFailed) as failure:
        verify(root, dest, entries)
    assert "/etc/passwd" in failure.value.message


def test_what_a_living_container_changed_meanwhile_is_no_fault_of_the_copy(root, dest):
    entries = select(root, "/").entries
    copy(root, dest, "/")
    (root / "etc" / "passwd").write_text("another")
    os.unlink(str(root / "data" / "sparse"))
    verify(root, dest, entries)


def test_the_room_is_looked_at_before(root, dest, monkeypatch):
    entries = select(root, "/").entries
    copying.require_space(entries, str(dest))
    full = os.statvfs_result((4096, 4096, 100, 1, 1, 0, 0, 0, 0, 255))
    monkeypatch.setattr(copying.os, "statvfs", lambda path: full)
    with pytest.raises(Refused) as failure:
        copying.require_space(entries, str(dest))
    assert "%s has 4096 free" % dest in failure.value.message


# -- archives ----------------------------------------------------------------------------------------------


def archive(root, path):
    with open(str(path), "wb") as stream:
        assert copying.to_archive(Host(), str(root), select(root, "/").entries, stream.fileno()) == []
    return copying.sha256(str(path))


def test_the_same_tree_gives_the_same_bytes(root, tmp_path):
    first = archive(root, tmp_path / "first.tar")
    for place, _directories, files in os.walk(str(root)):
        for name in files:
            if name != "fifo":
                with open(os.path.join(place, name), "rb") as stream:
                    stream.read(1)  # a new access time
    assert archive(root, tmp_path / "second.tar") == first


def test_another_tree_gives_other_bytes(root, tmp_path):
    first = archive(root, tmp_path / "first.tar")
    os.utime(str(root / "etc" / "passwd"), (1600000001, 1600000001))
    assert archive(root, tmp_path / "second.tar") != first


def test_what_is_in_an_archive(root, tmp_path):
    archive(root, tmp_path / "a.tar")
    with tarfile.open(str(tmp_path / "a.tar")) as content:
        members = {member.name: member for member in content.getmembers()}
    assert "./data/fifo" not in members
    assert members["./data/b"].islnk()
    assert members["./data/link"].linkname == "../etc/passwd"
    assert members["./data/sparse"].size == 50 * 1024 * 1024 + 3
    assert os.path.getsize(str(tmp_path / "a.tar")) < 1024 * 1024
    assert members["./data/a"].uid == os.getuid()


# -- a container that lives --------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["directory", "archive"])
def test_a_directory_that_became_a_link_meanwhile_never_leads_out(root, dest, tmp_path, way):
    """As CVE-2018-15664 was in docker cp: what is outside must not come with the copy."""
    directory = os.open(str(root), os.O_RDONLY)
    view = Host().without_links(directory)
    os.close(directory)
    if view is None:
        kernel = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
        assert os.geteuid() or kernel < (5, 14)
        pytest.skip("the guard needs root and Linux 5.14")
    os.close(view)
    entries = select(root, "/data").entries
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a").write_text("secret")
    os.rename(str(root / "data"), str(tmp_path / "away"))
    os.symlink(str(tmp_path / "outside"), str(root / "data"))
    with pytest.raises(CommandFailed) as failure:
        if way == "directory":
            copying.to_directory(Host(), str(root), entries, str(dest))
        else:
            with open(str(dest / "x.tar"), "wb") as stream:
                copying.to_archive(Host(), str(root), entries, stream.fileno())
    assert str(root) in failure.value.message
    assert "the container lives" in failure.value.hint
    for place, _directories, files in os.walk(str(dest)):
        for name in files:
            with open(os.path.join(place, name), "rb") as stream:
                assert b"secret" not in stream.read()


def test_links_are_still_copied_as_links(root, dest):
    os.symlink("passwd", str(root / "etc" / "link"))
    copy(root, dest, "/etc")
    assert os.readlink(str(dest / "etc" / "link")) == "passwd"


def test_no_view_is_left(root, dest):
    def mounts():
        with open("/proc/self/mountinfo") as stream:
            return stream.read()

    before, descriptors = mounts(), len(os.listdir("/proc/self/fd"))
    copy(root, dest, "/")
    assert (mounts(), len(os.listdir("/proc/self/fd"))) == (before, descriptors)
