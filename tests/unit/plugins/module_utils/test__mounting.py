# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Binds below a hostile tree, with a real kernel: each test in a mount namespace of its own, where one can be had."""

import ctypes
import errno
import os
import time
import traceback

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _mountinfo, _mounting, _syscalls
from ansible_collections.drydock.rescue.plugins.module_utils._errors import CommandFailed
from ansible_collections.drydock.rescue.plugins.module_utils._host import Host

READ_ONLY = ("bind", "ro", "nosuid", "nodev", "noexec")
MS_REC, MS_PRIVATE, MS_SLAVE, MS_SHARED = 1 << 14, 1 << 18, 1 << 19, 1 << 20


@pytest.fixture
def apart():
    """Runs a function in a child with mounts of its own, and fails with what it says."""

    def run(function):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            said = ""
            try:
                if ctypes.CDLL(None, use_errno=True).unshare(_syscalls.CLONE_NEWNS):
                    said = "skip"
                else:
                    _syscalls.mount("", "/", "", MS_REC | MS_PRIVATE, "")
                    function()
            except BaseException:
                said = traceback.format_exc()
            os.write(writing, said.encode()[:60000])
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as stream:
            said = stream.read()
        os.waitpid(child, 0)
        if said == "skip":
            pytest.skip("no mount namespace can be had here")
        assert not said, said

    return run


@pytest.fixture(params=["at once", "by steps"])
def way(request, monkeypatch):
    """As kernels bind since 5.12, and before."""
    if request.param == "by steps":

        def too_old(*_arguments):
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

        monkeypatch.setattr(_syscalls, "clone_for_bind", too_old)


@pytest.fixture
def tree(tmp_path):
    """A tree, two volumes beside it, and a secret of the host."""
    for name in ("tree/data", "one/sub", "two", "host/data"):
        os.makedirs(str(tmp_path / name))
    for name in ("tree/conf", "one/file", "two/file", "host/data/secret", "file"):
        (tmp_path / name).write_text(name)
    return tmp_path


def mounted(place):
    """The tree as a mount of its own, that is shared as on a host with systemd, in a group of its own."""
    _syscalls.mount("drydock", str(place), "tmpfs", 0, "")
    _syscalls.mount("", str(place), "", MS_SHARED, "")
    os.mkdir(str(place / "data"))
    (place / "conf").write_text("")


def seen(directory):
    return [mount.mount_point for mount in _mountinfo.below(Host().mounts(), str(directory))]


def test_a_bind_has_its_flags_and_goes_again(tree, apart, way):
    def work():
        mounted(tree / "tree")
        Host().bind_inside(str(tree / "one"), str(tree / "tree"), ("data",), READ_ONLY)
        assert (tree / "tree" / "data" / "file").read_text() == "one/file"
        (mount,) = _mountinfo.below(Host().mounts(), str(tree / "tree"))
        assert {"ro", "nosuid", "nodev", "noexec"} <= set(mount.options.split(","))
        assert (mount.device, mount.root) == _mountinfo.place_of(Host().mounts(), str(tree / "one"))
        with pytest.raises(OSError):
            (tree / "tree" / "data" / "new").write_text("")
        Host().unmount_inside(str(tree / "tree"), ("data",))
        assert seen(tree / "tree") == []

    apart(work)


def test_a_writable_one_and_a_file(tree, apart, way):
    def work():
        mounted(tree / "tree")
        Host().bind_inside(str(tree / "one"), str(tree / "tree"), ("data",), ("bind", "nosuid"))
        Host().bind_inside(str(tree / "file"), str(tree / "tree"), ("conf",), READ_ONLY)
        (tree / "tree" / "data" / "new").write_text("new")
        assert (tree / "tree" / "conf").read_text() == "file"

    apart(work)
    assert (tree / "one" / "new").read_text() == "new"


def test_a_link_is_followed_nowhere(tree, apart, way):
    def work():
        mounted(tree / "tree")
        os.symlink(str(tree / "host"), str(tree / "tree" / "link"))
        os.symlink(str(tree / "host"), str(tree / "alias"))
        before = [mount.mount_point for mount in Host().mounts()]
        for parts in (("link",), ("link", "data")):
            with pytest.raises(OSError):
                Host().bind_inside(str(tree / "one"), str(tree / "tree"), parts, READ_ONLY)
        for source in ("alias", "alias/data"):
            with pytest.raises(OSError):
                Host().bind_inside(str(tree / source), str(tree / "tree"), ("data",), READ_ONLY)
        assert [mount.mount_point for mount in Host().mounts()] == before
        # What is mounted on the host is not unmounted through a link either.
        _syscalls.mount("x", str(tree / "host" / "data"), "tmpfs", 0, "")
        with pytest.raises(CommandFailed):
            Host().unmount_inside(str(tree / "tree"), ("link", "data"))
        assert seen(tree / "host") == [str(tree / "host" / "data")]

    apart(work)


def test_a_directory_is_not_bound_on_a_file(tree, apart, way):
    def work():
        mounted(tree / "tree")
        with pytest.raises(CommandFailed):
            Host().bind_inside(str(tree / "one"), str(tree / "tree"), ("conf",), READ_ONLY)
        assert seen(tree / "tree") == []

    apart(work)


def test_what_is_mounted_in_a_volume_does_not_appear_in_dockers_own(tree, apart, way):
    """Nor in the tree's source, nor where the volume lies: all of them are shared mounts on most hosts."""

    def work():
        _syscalls.mount(str(tree), str(tree), "", _syscalls.MS_BIND, "")
        _syscalls.mount("", str(tree), "", MS_SHARED, "")
        os.makedirs(str(tree / "open"))
        Host().mount(str(tree / "tree"), str(tree / "open"), "", READ_ONLY)
        Host().own_peer_group(str(tree / "open"))
        Host().bind_inside(str(tree / "one"), str(tree / "open"), ("data",), READ_ONLY)
        Host().bind_inside(str(tree / "two"), str(tree / "open"), ("data", "sub"), READ_ONLY)
        assert seen(tree / "tree") == seen(tree / "one") == []
        assert (tree / "open" / "data" / "sub" / "file").read_text() == "two/file"

    apart(work)


def in_a_slave_namespace(work, ask):
    """Does the ``work`` while another mount namespace gets what is mounted here, as that of many services does; returns
    the number that ``ask`` has there afterwards."""
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).unshare(_syscalls.CLONE_NEWNS)
        _syscalls.mount("", "/", "", MS_REC | MS_SLAVE, "")
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os._exit(ask())
    os.read(ready[0], 1)
    try:
        work()
    finally:
        os.write(go[1], b"x")
    return os.WEXITSTATUS(os.waitpid(child, 0)[1])


def test_a_second_place_is_unmounted_alone_and_everywhere(tree, apart, way):
    def work():
        _syscalls.mount("", "/", "", MS_REC | MS_SHARED, "")
        mounted(tree / "tree")
        host, top, place = Host(), str(tree / "tree"), str(tree / "two")

        def binds():
            for at in (top, place):
                if at == place:
                    host.mount(top, place, "", ("bind",))
                host.own_peer_group(at)
                host.bind_inside(str(tree / "one"), at, ("data",), READ_ONLY)
                host.bind_inside(str(tree / "host"), at, ("data", "sub"), READ_ONLY)
            assert len(seen(place)) == 2
            host.unmount_inside(place, ("data", "sub"))
            host.unmount_inside(place, ("data",))
            host.unmount(place)

        everything = len(seen(tree))
        assert in_a_slave_namespace(binds, lambda: len(seen(tree))) == everything
        assert len(seen(top)) == 2

    apart(work)


def test_a_namespace_that_copied_the_tree_does_not_keep_a_volume(tree, apart, way):
    """Else what lies below would stay busy until that service ends."""

    def work():
        mounted(tree / "tree")
        host, top = Host(), str(tree / "tree")
        host.own_peer_group(top)
        host.bind_inside(str(tree / "one"), top, ("data",), READ_ONLY)
        ready, go = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            ctypes.CDLL(None).unshare(_syscalls.CLONE_NEWNS)
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            os._exit(len(seen(top)))
        os.read(ready[0], 1)
        host.unmount_inside(top, ("data",))
        os.write(go[1], b"x")
        assert os.waitpid(child, 0)[1] == 0

    apart(work)


def test_who_is_ending_has_the_time_to_end(tree, apart):
    def work():
        mounted(tree / "tree")
        child = os.fork()
        if child == 0:
            os.open(str(tree / "tree"), os.O_RDONLY)
            time.sleep(0.5)
            os._exit(0)
        wait_until_open(child, str(tree / "tree"))
        Host().unmount(str(tree / "tree"))
        assert len(seen(tree / "tree")) == 0
        os.waitpid(child, 0)

    apart(work)


def test_who_stays_is_told_to_the_operator(tree, apart, monkeypatch):
    monkeypatch.setattr(_mounting, "_ENDS_WITHIN", 0.2)

    def work():
        mounted(tree / "tree")
        here = os.open(str(tree / "tree"), os.O_RDONLY)
        with pytest.raises(CommandFailed) as failure:
            Host().unmount(str(tree / "tree"))
        assert "fuser -vm %s" % (tree / "tree") in failure.value.hint
        os.close(here)
        Host().unmount(str(tree / "tree"))

    apart(work)


def wait_until_open(child, path):
    while path not in (os.readlink(one.path) for one in os.scandir("/proc/%d/fd" % child)):
        time.sleep(0.01)
