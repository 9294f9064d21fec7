# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `docker diff` would say of two trees. The marks of an overlay are made as the kernel makes them; its attributes
are those of a user's overlay, and its whiteouts come with a Linux that lets everyone make them (5.8), or with root."""

import os
import stat
import struct

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._tree import union
from ansible_collections.drydock.rescue.plugins.module_utils._tree.changes import Changes
from ansible_collections.drydock.rescue.plugins.module_utils._tree.inside import Inside

OVERLAY = union.OVERLAY_OF_USER
OPAQUE, REDIRECT = "user.overlay.opaque", "user.overlay.redirect"
THEN = 10**18  # ns


@pytest.fixture
def trees(tmp_path):
    return Trees(tmp_path)


class Trees:
    """Branches below one directory, by name. In each a name that ends with a slash is a directory, `a -> b` a link,
    `a = text` a file with this text, `!a` a whiteout of overlay, and any other name an empty file. All are of the same
    time."""

    def __init__(self, top):
        self.top = top

    def make(self, branch, *names):
        root = self.top / branch
        root.mkdir(exist_ok=True)
        for name in names:
            self._make(str(root), name)
        for directory, below, files in os.walk(str(root)):
            for one in below + files:
                os.utime(os.path.join(directory, one), ns=(THEN, THEN), follow_symlinks=False)

    def _make(self, root, name):
        path = os.path.join(root, name.partition(" ")[0].lstrip("!"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if name.startswith("!"):
            os.mknod(path, stat.S_IFCHR, 0)
        elif " -> " in name:
            os.symlink(name.partition(" -> ")[2], path)
        elif name.endswith("/"):
            os.makedirs(path, exist_ok=True)
        else:
            with open(path, "w") as stream:
                stream.write(name.partition(" = ")[2])

    def path(self, branch, *names):
        return str(self.top.joinpath(branch, *names))

    def changes(self, after, before, marks=union.NONE):
        """Of names of branches, the top one first."""
        held = {name: Inside(self.path(name)) for name in after + before}
        found = Changes(*(union.Union([held[name] for name in names], marks) for names in (after, before)))
        found.compare()
        for one in held.values():
            one.close()
        return found

    def diff(self, after, before, marks=union.NONE):
        """As `docker diff` prints it."""
        found = self.changes(after, before, marks).found
        return ["%s %s" % (one.kind[0].upper(), one.path) for one in found]

    def over(self, marks=OVERLAY):
        """What the branch `upper` changed of `lower`."""
        return self.diff(["upper", "lower"], ["lower"], marks)


def test_whole_trees(trees):
    trees.make("old", "etc/kept", "etc/gone", "same", "var/log/a = x", "gone.d/deep/file")
    trees.make("new", "etc/kept", "etc/new", "same", "var/log/a = xy", "new.d/deep/file")
    assert trees.diff(["new"], ["old"]) == [
        "C /etc",
        "D /etc/gone",
        "A /etc/new",
        "D /gone.d",
        "A /new.d",
        "A /new.d/deep",
        "A /new.d/deep/file",
        "C /var",
        "C /var/log",
        "C /var/log/a",
    ]


def test_trees_that_are_alike(trees):
    names = ["a/b/c = text", "a/link -> b", "d/"]
    trees.make("old", *names)
    trees.make("new", *names)
    os.utime(trees.path("new", "d"))  # of a directory this is no change
    assert trees.diff(["new"], ["old"]) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda path: os.chmod(path, 0o4755),
        lambda path: os.utime(path, ns=(THEN, THEN - 10**9)),
        lambda path: os.truncate(path, 5) or os.utime(path, ns=(THEN, THEN)),
        lambda path: os.unlink(path) or os.mkfifo(path) or os.utime(path, ns=(THEN, THEN)),
        lambda path: os.unlink(path) or os.symlink("x", path),
        lambda path: os.unlink(path) or os.mkdir(path),
    ],
    ids=["mode", "time", "size", "fifo", "link", "directory"],
)
def test_what_a_change_is(trees, change):
    trees.make("old", "dir/a")
    trees.make("new", "dir/a")
    change(trees.path("new", "dir", "a"))
    assert trees.diff(["new"], ["old"]) == ["C /dir", "C /dir/a"]


def test_an_owner_is_a_change(trees):
    if os.geteuid():
        pytest.skip("another owner needs root")
    trees.make("old", "a", "d/")
    trees.make("new", "a", "d/")
    os.chown(trees.path("new", "a"), 0, 7)
    os.chown(trees.path("new", "d"), 7, 0)
    assert trees.diff(["new"], ["old"]) == ["C /a", "C /d"]


def test_a_capability_is_a_change_and_another_attribute_is_none(trees):
    if os.geteuid():
        pytest.skip("a capability needs root")
    for branch in ("old", "new"):
        trees.make(branch, "given", "kept", "marked")
        os.setxattr(trees.path(branch, "kept"), "security.capability", _capability(13))
    os.setxattr(trees.path("new", "given"), "security.capability", _capability(13))
    os.setxattr(trees.path("new", "marked"), "user.mark", b"x")
    assert trees.diff(["new"], ["old"]) == ["C /given"]
    os.setxattr(trees.path("new", "kept"), "security.capability", _capability(10))
    assert trees.diff(["new"], ["old"]) == ["C /given", "C /kept"]


def _capability(number):
    return struct.pack("<5I", 0x2000001, 1 << number, 0, 0, 0)


@pytest.mark.parametrize("shift, listed", [(5, []), (10**9 - 1, []), (10**9, ["C /a"]), (-1, ["C /a"])])
def test_whole_seconds_are_what_a_tar_made_of_the_time(trees, shift, listed):
    trees.make("old", "a")
    trees.make("new", "a")
    os.utime(trees.path("new", "a"), ns=(THEN, THEN + shift))
    assert trees.diff(["new"], ["old"]) == listed


def test_two_times_with_parts_of_a_second_are_compared_whole(trees):
    trees.make("old", "a")
    trees.make("new", "a")
    os.utime(trees.path("old", "a"), ns=(THEN, THEN + 1))
    os.utime(trees.path("new", "a"), ns=(THEN, THEN + 2))
    assert trees.diff(["new"], ["old"]) == ["C /a"]


def test_types_and_sizes(trees):
    trees.make("old", "gone = four", "gone.d/file = text", "grown = x")
    trees.make("new", "grown = xyz", "link -> grown", "d/one = hello")
    os.link(trees.path("new", "d/one"), trees.path("new", "d/two"))
    os.mkfifo(trees.path("new", "fifo"))
    changes = trees.changes(["new"], ["old"])
    assert [tuple(one) for one in changes.found] == [
        ("/d", "added", "directory", 0),
        ("/d/one", "added", "file", 5),
        ("/d/two", "added", "file", 5),
        ("/fifo", "added", "fifo", 0),
        ("/gone", "deleted", "file", 4),
        ("/gone.d", "deleted", "directory", 0),
        ("/grown", "changed", "file", 3),
        ("/link", "added", "link", 5),
    ]
    assert changes.totals == {
        "added": {"count": 5, "size_bytes": 10},
        "changed": {"count": 1, "size_bytes": 3},
        "deleted": {"count": 2, "size_bytes": 4},
    }


def test_an_upper_directory(trees):
    trees.make("lower", "etc/passwd = root", "etc/gone", "etc/d/file", "etc/kept", "usr/bin/a")
    trees.make("upper", "etc/passwd = root, me", "!etc/gone", "!etc/d", "usr/bin/b", "!never", "top")
    assert trees.over() == [
        "C /etc",
        "D /etc/d",
        "D /etc/gone",
        "C /etc/passwd",
        "A /top",
        "C /usr",
        "C /usr/bin",
        "A /usr/bin/b",
    ]


def test_what_was_copied_up_and_not_changed_is_no_change(trees):
    trees.make("lower", "etc/passwd = root")
    trees.make("upper", "etc/passwd = root")
    assert trees.over() == []


def test_a_directory_that_was_made_again(trees):
    trees.make("lower", "d/old", "d/both = x", "d/deep/old")
    trees.make("upper", "d/new", "d/both = y1", "d/deep/new")
    os.setxattr(trees.path("upper", "d"), OPAQUE, b"y")
    assert trees.over() == [
        "C /d",
        "C /d/both",
        "C /d/deep",
        "A /d/deep/new",
        "D /d/deep/old",
        "A /d/new",
        "D /d/old",
    ]


def test_directories_and_files_in_each_others_place(trees):
    trees.make("lower", "was-file", "was-dir/inside", "was-link -> was-dir")
    trees.make("upper", "was-file/inside", "was-dir", "was-link/inside")
    assert trees.over() == [
        "C /was-dir",
        "C /was-file",
        "A /was-file/inside",
        "C /was-link",
        "A /was-link/inside",
    ]


def test_layers_hide_what_is_below_them(trees):
    trees.make("bottom", "a = 1", "b = 1", "d/old", "e/old")
    trees.make("middle", "a = 22", "!b", "d/new", "!e")
    os.setxattr(trees.path("middle", "d"), OPAQUE, b"y")
    trees.make("upper", "a = 22", "b = 1", "!d/old", "d/new", "e/old")
    after = ["upper", "middle", "bottom"]
    assert trees.diff(after, after[1:], OVERLAY) == ["A /b", "A /e", "A /e/old"]


def test_a_renamed_directory(trees):
    """As overlay's redirect_dir leaves it: the directory has its contents in the lower one under another name."""
    trees.make("lower", "opt/app/bin/tool = x", "opt/app/conf", "other/")
    trees.make("upper", "!opt/app", "opt/new/conf2", "!opt/new/conf", "other/moved/")
    os.setxattr(trees.path("upper", "opt/new"), REDIRECT, b"app")
    os.setxattr(trees.path("upper", "other/moved"), REDIRECT, b"/opt/app/bin")
    assert trees.over() == [
        "C /opt",
        "D /opt/app",
        "A /opt/new",
        "A /opt/new/bin",
        "A /opt/new/bin/tool",
        "A /opt/new/conf2",
        "C /other",
        "A /other/moved",
        "A /other/moved/tool",
    ]


def test_a_redirect_of_an_image_layer(trees):
    trees.make("bottom", "a/deep/file")
    trees.make("middle", "!a", "b/")
    os.setxattr(trees.path("middle", "b"), REDIRECT, b"/a")
    trees.make("upper", "!b/deep/file", "b/deep/new")
    assert trees.diff(["upper", "middle", "bottom"], ["middle", "bottom"], OVERLAY) == [
        "C /b",
        "C /b/deep",
        "D /b/deep/file",
        "A /b/deep/new",
    ]


@pytest.mark.parametrize("target", [b"/../host", b"../host", b"/link", b"link", b"", b"/", b"a/b", b"."])
def test_a_redirect_leads_nowhere_outside(trees, target):
    (trees.top / "host").mkdir()
    (trees.top / "host" / "secret").write_text("x")
    trees.make("lower", "link -> %s" % (trees.top / "host"))
    trees.make("upper", "d/")
    os.setxattr(trees.path("upper", "d"), REDIRECT, target)
    assert trees.over() == ["A /d"]


def test_marks_of_another_kind_count_for_nothing(trees):
    """What a process in a container can make, such as an attribute of a user's, misleads nobody."""
    trees.make("lower", "d/old")
    trees.make("upper", "d/.wh.old", "d/.wh..wh..opq")
    os.setxattr(trees.path("upper", "d"), OPAQUE, b"y")
    assert trees.over(union.OVERLAY) == ["C /d", "A /d/.wh..wh..opq", "A /d/.wh.old"]


def test_links_are_not_followed(trees):
    (trees.top / "host").mkdir()
    (trees.top / "host" / "secret").write_text("x")
    trees.make("lower", "d/file")
    trees.make("upper", "link -> %s" % (trees.top / "host"), "d -> %s" % (trees.top / "host"))
    assert trees.over() == ["C /d", "A /link"]


@pytest.mark.parametrize("marks", [union.AUFS, union.FUSE_OVERLAYFS], ids=["aufs", "fuse-overlayfs"])
def test_whiteouts_that_are_names(trees, marks):
    trees.make("bottom", "gone", "hidden", "d/old", "d/deep/file")
    trees.make("middle", ".wh.hidden", "d/other")
    trees.make("upper", ".wh.gone", "d/.wh..wh..opq", "d/new", ".wh..wh.plnk/1.2", ".wh..wh.aufs", "hidden")
    after = ["upper", "middle", "bottom"]
    assert trees.diff(after, after[1:], marks) == [
        "C /d",
        "D /d/deep",
        "A /d/new",
        "D /d/old",
        "D /d/other",
        "D /gone",
        "A /hidden",
    ]


@pytest.mark.parametrize("attribute", ["user.fuseoverlayfs.opaque", "user.overlay.opaque"])
def test_opaque_for_fuse_overlayfs(trees, attribute):
    trees.make("lower", "d/old", "gone")
    trees.make("upper", "d/new", "!gone")
    os.setxattr(trees.path("upper", "d"), attribute, b"y")
    assert trees.over(union.FUSE_OVERLAYFS) == ["C /d", "A /d/new", "D /d/old", "D /gone"]


def test_a_container_of_the_first_overlay(trees):
    """Its upper directory began as a copy of its init layer's: both lie above the same tree."""
    trees.make("root", "etc/passwd", "bin/a")
    trees.make("init", "etc/hosts", "etc/hostname", "dev/")
    trees.make("upper", "etc/hosts", "!etc/passwd", "dev/")
    assert trees.diff(["upper", "root"], ["init", "root"], OVERLAY) == [
        "C /etc",
        "D /etc/hostname",
        "D /etc/passwd",
    ]


def test_a_tree_deeper_than_a_path_goes(trees):
    trees.make("lower")
    trees.make("upper")
    deep, name = os.open(trees.path("upper"), os.O_RDONLY), "d" * 100
    for _level in range(60):
        os.mkdir(name, dir_fd=deep)
        below = os.open(name, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(deep)
    assert len(trees.over()) == 60


def test_names_are_not_decoded(trees):
    trees.make("old")
    trees.make("new")
    path = os.fsencode(trees.path("new")) + b"/caf\xe9\n\x1b"
    with open(path, "wb"):
        pass
    (found,) = trees.changes(["new"], ["old"]).found
    assert os.fsencode(found.path) == b"/caf\xe9\n\x1b"


def test_what_vanishes_meanwhile_is_passed_over(trees, monkeypatch):
    trees.make("old", "d/a")
    trees.make("new", "d/a", "d/b", "gone/x")
    listed = os.listdir

    def listing(directory):
        names = listed(directory)
        return names + ["vanished"]

    monkeypatch.setattr(os, "listdir", listing)
    assert trees.diff(["new"], ["old"]) == ["C /d", "A /d/b", "A /gone", "A /gone/x"]
