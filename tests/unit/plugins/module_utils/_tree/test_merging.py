# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import socket
import stat

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._errors import Refused
from ansible_collections.drydock.rescue.plugins.module_utils._host import Host
from ansible_collections.drydock.rescue.plugins.module_utils._tree import copying, merging
from ansible_collections.drydock.rescue.tests.unit.support.host import tree_of


@pytest.fixture
def union(tmp_path):
    """Writes branches, the top one first, as lists of names, and copies what they show; a name that ends with a
    slash is a directory, `a -> b` a link, `a = text` a file with this text, and any other a file that says its
    branch."""

    def make(*branches):
        roots = []
        for number, names in enumerate(branches):
            root = tmp_path / ("branch%d" % number)
            root.mkdir()
            for name in names:
                _write(root, name, number)
            roots.append(str(root))
        dest = tmp_path / "dest"
        dest.mkdir()
        assert merging.copy(Host(), roots, str(dest)) == []
        return dest

    return make


def _write(root, name, number):
    path, _arrow, target = name.partition(" -> ")
    os.makedirs(os.path.dirname(str(root / path)), exist_ok=True)
    if target:
        os.symlink(target, str(root / path))
    elif name.endswith("/"):
        os.makedirs(str(root / name), exist_ok=True)
    else:
        path, _equals, text = name.partition(" = ")
        (root / path).write_text(text or str(number))


def shown(dest):
    """Files with their text, links with their target, directories that are empty."""
    found = {}
    for directory, names, files in os.walk(str(dest)):
        place = os.path.relpath(directory, str(dest))
        if not names and not files:
            found[place + "/"] = None
        for name in names + files:
            path = os.path.join(directory, name)
            relative = os.path.normpath(os.path.join(place, name))
            if os.path.islink(path):
                found[relative] = "-> " + os.readlink(path)
            elif os.path.isfile(path):
                with open(path) as stream:
                    found[relative] = stream.read()
    return found


def test_the_nearest_branch_is_shown(union):
    assert shown(union(["a"], ["a", "b"], ["a", "b", "c"])) == {"a": "0", "b": "1", "c": "2"}


def test_a_whiteout_hides_what_is_below_it_only(union):
    dest = union(["x/.wh.a"], ["x/a", "x/.wh.b", "x/b"], ["x/a", "x/b", "x/c"])
    assert shown(dest) == {"x/b": "1", "x/c": "2"}


def test_a_whiteout_hides_a_whole_directory(union):
    assert shown(union([".wh.etc"], ["etc/a", "etc/b/c"], ["d"])) == {"d": "2"}


def test_what_was_made_again_after_it_was_deleted(union):
    assert shown(union(["a"], [".wh.a"], ["a"])) == {"a": "0"}


def test_an_opaque_directory_hides_what_the_branches_below_have_in_it(union):
    dest = union(["x/.wh..wh..opq", "x/new"], ["x/old", "x/y/z"], ["x/older", "w"])
    assert shown(dest) == {"x/new": "0", "w": "2"}


def test_an_opaque_directory_that_is_empty(union):
    assert shown(union(["x/.wh..wh..opq"], ["x/old"])) == {"x/": None}


def test_a_file_in_the_place_of_a_directory_and_the_other_way(union):
    assert shown(union(["a", "b/c"], ["a/x", "b"])) == {"a": "0", "b/c": "0"}


def test_a_link_in_the_place_of_a_directory_is_never_followed(union, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    dest = union(["a -> %s" % outside], ["a/secret"])
    assert shown(dest) == {"a": "-> %s" % outside}
    assert os.listdir(str(outside)) == []


def test_what_is_aufs_own_is_left_out(union):
    dest = union([".wh..wh.aufs", ".wh..wh.plnk/1.2", ".wh..wh.orph/x", "a"], ["b"])
    assert shown(dest) == {"a": "0", "b": "1"}


def test_modes_times_links_holes_and_devices(union, tmp_path):
    top = tmp_path / "branch0"

    class Names(list):
        def __iter__(self):
            (top / "d").mkdir()
            (top / "d" / "a").write_text("a")
            os.link(str(top / "d" / "a"), str(top / "d" / "b"))
            os.chmod(str(top / "d" / "a"), 0o4750)
            os.utime(str(top / "d" / "a"), ns=(1, 1500000000123456789))
            with open(str(top / "d" / "sparse"), "wb") as stream:
                stream.truncate(50 * 2**20)
            os.mkfifo(str(top / "d" / "fifo"))
            os.chmod(str(top / "d"), 0o751)
            os.utime(str(top / "d"), ns=(1, 1400000000000000000))
            os.chmod(str(top), 0o711)
            return iter(())

    dest = union(Names(), ["d/below"])
    facts = os.stat(str(dest / "d" / "a"))
    assert facts.st_nlink == 2
    assert (stat.S_IMODE(facts.st_mode), facts.st_mtime_ns) == (0o4750, 1500000000123456789)
    assert os.stat(str(dest / "d" / "sparse")).st_blocks * 512 < 2**20
    assert stat.S_ISFIFO(os.stat(str(dest / "d" / "fifo")).st_mode)
    directory = os.stat(str(dest / "d"))
    assert (stat.S_IMODE(directory.st_mode), directory.st_mtime_ns) == (0o751, 1400000000000000000)
    assert stat.S_IMODE(os.stat(str(dest)).st_mode) == 0o711


def test_a_socket_is_made_anew(union, tmp_path):
    class Names(list):
        def __iter__(self):
            with socket.socket(socket.AF_UNIX) as listener:
                here = os.getcwd()
                os.chdir(str(tmp_path / "branch0"))
                listener.bind("s")
                os.chdir(here)
            return iter(("a",))

    facts = os.lstat(str(union(Names()) / "s"))
    there = os.lstat(str(tmp_path / "branch0" / "s"))
    assert (facts.st_mode, facts.st_mtime_ns) == (there.st_mode, there.st_mtime_ns)
    assert stat.S_ISSOCK(facts.st_mode)


def test_nothing_is_copied_where_it_does_not_fit(union, tmp_path, monkeypatch):
    def full(entries, directory):
        raise Refused("no room")

    monkeypatch.setattr(copying, "require_space", full)
    with pytest.raises(Refused):
        union(["a"])
    assert os.listdir(str(tmp_path / "dest")) == []


def test_the_branches_are_not_changed(union, tmp_path):
    dest = union(["x/.wh.a", "b"], ["x/a"])
    before = [tree_of(str(tmp_path / "branch0")), tree_of(str(tmp_path / "branch1"))]
    for name in os.listdir(str(dest)):
        assert name in ("x", "b")
    assert merging.copy(Host(), [str(tmp_path / "branch0"), str(tmp_path / "branch1")], str(dest)) == []
    assert [tree_of(str(tmp_path / "branch0")), tree_of(str(tmp_path / "branch1"))] == before
