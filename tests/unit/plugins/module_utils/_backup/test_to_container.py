# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Into the layer of a dead container. Nothing is lost, at whatever point the run is killed."""

import contextlib
import ctypes
import os
import signal
import traceback

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _mountinfo
from ansible_collections.drydock.rescue.plugins.module_utils._backup import archive, to_container
from ansible_collections.drydock.rescue.plugins.module_utils._docker import containers
from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Life
from ansible_collections.drydock.rescue.plugins.module_utils._errors import (
    CommandFailed,
    NotFound,
    Refused,
    RescueError,
)
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import alive
from ansible_collections.drydock.rescue.plugins.module_utils._tree.surveying import survey
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident


def spoil(directory):
    """What happened to a container since its backup."""
    (directory / "etc/conf").write_text("spoiled")
    (directory / "etc/link").unlink()
    (directory / "new/deep").mkdir(parents=True)
    (directory / "new/deep/file").write_text("not in the backup")
    (directory / "cache").write_text("mine")


@pytest.fixture
def stored(layer, back_up):
    """The layer of a container that is not any more what its backup holds."""
    directory = layer()
    back_up(exclude=["/cache"])
    spoil(directory)
    return directory


def listing(machine, directory):
    return survey(machine, str(directory), ["/cache"]).listing


def nothing_is_left(machine):
    return not os.path.exists(machine.run_directory) and not os.path.exists(machine.restore_directory)


def is_restored(directory):
    return (directory / "etc/conf").read_text() == "of web" and not (directory / "new").exists()


def test_the_container_is_what_the_backup_holds(stored, restore, machine, out):
    restore()
    result = restore(to="container")
    assert result["changed"]
    assert result["container"] == ident("web")
    assert listing(machine, stored) == listing(machine, out / "rootfs")
    assert nothing_is_left(machine)
    again = restore(to="container")
    assert not again["changed"]
    assert again["actions"] == []


def test_what_the_backup_was_told_to_exclude_stays(stored, restore):
    restore(to="container")
    assert (stored / "cache").read_text() == "mine"


def test_check_mode(stored, restore, machine):
    before = listing(machine, stored)
    result = restore(check_mode=True, to="container")
    assert result["restored"] == ["rootfs"]
    assert result["actions"]
    assert listing(machine, stored) == before
    assert nothing_is_left(machine)


def test_into_another_container(stored, restore, layer):
    other = layer("other")
    restore(to="container", into={"container": "other"})
    assert is_restored(other)
    with pytest.raises(NotFound):
        restore(to="container", into={"container": "none"})


def test_volumes_are_not_in_the_layer(docker, layer, back_up, restore):
    docker.write("x", "volumes", "data", "_data", "file")
    point = {"Type": "volume", "Name": "data", "Driver": "local", "Destination": "/data", "RW": True}
    layer(MountPoints={"/data": point})
    back_up()
    assert "volumes/data" in restore(to="container")["warnings"][0]


def test_a_living_container_is_refused(stored, restore, machine, monkeypatch):
    monkeypatch.setattr(alive.Alive, "of", lambda self, one: Life(["process 11 is in its cgroup"], [11]))
    before = listing(machine, stored)
    with pytest.raises(Refused, match="is alive"):
        restore(to="container")
    assert listing(machine, stored) == before
    assert nothing_is_left(machine)


def test_a_backup_that_is_damaged_touches_nothing(stored, restore, machine, stored_files):
    stored_files()["rootfs.tar.gz"].write_bytes(b"")
    before = listing(machine, stored)
    with pytest.raises(RescueError, match="is damaged"):
        restore(to="container")
    assert listing(machine, stored) == before
    assert nothing_is_left(machine)


def test_no_room_for_the_old_content(stored, restore, machine, monkeypatch):
    def full(self, *unused):
        raise CommandFailed("No space left on device")

    monkeypatch.setattr(archive.Archives, "store", full)
    before = listing(machine, stored)
    with pytest.raises(CommandFailed, match="Nothing was changed in the container"):
        restore(to="container")
    assert listing(machine, stored) == before
    assert nothing_is_left(machine)


class Broken:
    """Makes the tree another one, as many times as it is told."""

    def __init__(self, monkeypatch, times):
        self.times, self.mirror = times, to_container.mirror
        monkeypatch.setattr(to_container, "mirror", self)

    def __call__(self, host, source, target, exclude):
        if self.times:
            self.times -= 1
            os.unlink(os.path.join(target, "etc/conf"))
            raise OSError(28, "No space left on device")
        return self.mirror(host, source, target, exclude)


def test_what_cannot_be_completed_is_taken_back(stored, restore, machine, monkeypatch):
    before = listing(machine, stored)
    Broken(monkeypatch, 1)
    with pytest.raises(CommandFailed, match="The container has its old content again"):
        restore(to="container")
    assert listing(machine, stored) == before
    assert nothing_is_left(machine)


def test_what_is_not_proven_is_taken_back(stored, restore, machine, monkeypatch):
    mirror = to_container.mirror

    def forgetful(host, source, target, exclude):
        warnings = mirror(host, source, target, exclude)
        if source.endswith("/new"):
            os.unlink(os.path.join(target, "etc/conf"))
        return warnings

    before = listing(machine, stored)
    monkeypatch.setattr(to_container, "mirror", forgetful)
    with pytest.raises(CommandFailed, match="is not what the backup holds"):
        restore(to="container")
    assert listing(machine, stored) == before


def test_what_cannot_be_taken_back_is_kept(stored, restore, machine, monkeypatch, docker):
    Broken(monkeypatch, 2)
    with pytest.raises(CommandFailed, match="could not be taken back") as failure:
        restore(to="container")
    assert os.path.exists(machine.run_directory), "Docker must not start it"
    assert machine.restore_directory in str(failure.value)
    assert restore(to="container")["changed"]
    assert is_restored(stored)
    assert nothing_is_left(machine)


def test_what_ran_since_is_not_taken_for_the_old_content(stored, restore, machine, monkeypatch, docker):
    Broken(monkeypatch, 2)
    with pytest.raises(CommandFailed):
        restore(to="container")
    path = machine.run_directory + "/web"
    machine.unmount(path)  # as cleanup does
    machine.unmount(path)
    (stored / "etc/conf").write_text("of a week of work")
    record = docker.record("web", "vfs")
    record["State"]["StartedAt"] = "2026-11-21T03:00:00Z"
    docker.write(record, "containers", ident("web"), "config.v2.json")
    Broken(monkeypatch, 1)
    with pytest.raises(CommandFailed, match="has its old content again"):
        restore(to="container")
    assert (stored / "etc/conf").read_text() == "of a week of work"
    (kept,) = os.listdir(machine.restore_directory)
    assert kept.startswith("drydock-restore-%s-" % ident("web"))


# -- killed --------------------------------------------------------------------------------------------------

PR_SET_CHILD_SUBREAPER = 36
CALLS = ("unlink", "rename", "rmdir", "mkdir", "utime", "fsync", "symlink", "fchmod")


@pytest.fixture
def reaper():
    """Who loses its parent becomes a child of ours."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def killed_at(number, work, machine):
    """Does ``work`` in a process that is killed at its call number ``number`` that changes anything; whether it was."""
    child = os.fork()
    if child == 0:
        count, inside, me = [0], [False], os.getpid()

        def counted(call):
            def wrapper(*arguments, **keys):
                if inside[0] or os.getpid() != me:  # a part of a mount, or of a helper
                    return call(*arguments, **keys)
                count[0] += 1
                if count[0] == number:
                    os.kill(me, signal.SIGKILL)
                inside[0] = True
                try:
                    return call(*arguments, **keys)
                finally:
                    inside[0] = False

            return wrapper

        code = 1
        try:
            for name in CALLS:
                setattr(os, name, counted(getattr(os, name)))
            for name in ("start", "pipe", "mount", "unmount"):
                setattr(machine, name, counted(getattr(machine, name)))
            work()
            code = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    with contextlib.suppress(ChildProcessError):
        while True:  # what it started has ended too
            os.waitpid(-1, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def tree_of_container(machine, directory):
    """Where its files are now: in the layer, or where that is open."""
    return directory if directory.exists() else machine.run_directory + "/web"


def old_content(machine, docker, directory, tmp_path):
    """The listing of what was kept aside."""
    path = os.path.join(machine.restore_directory, "drydock-restore-" + ident("web"), "aside")
    aside = to_container._Aside(machine, path, containers.Container(docker.path, ident("web")))
    if aside.newest():
        return aside.extract(str(tmp_path / "extracted"))[0]
    return ""


@pytest.mark.parametrize("start", [1, 4, 7])
def test_killed_at_any_point(stored, restore, machine, docker, tmp_path, out, reaper, start):
    """At every third call."""
    restore()
    restored = listing(machine, out / "rootfs")
    number, before = start, listing(machine, stored)
    while killed_at(number, lambda: restore(to="container"), machine):
        there = tree_of_container(machine, stored)
        if listing(machine, there) != before:
            new = listing(machine, there) == restored
            assert new or old_content(machine, docker, stored, tmp_path) == before, number
        restore(to="container")
        assert is_restored(stored), number
        assert nothing_is_left(machine), number
        assert not [one for one in machine.mounts() if one.source.startswith("drydock")]
        spoil_again(stored)
        before = listing(machine, stored)
        number += 9
    assert number > 20
    assert is_restored(stored)


def spoil_again(directory):
    (directory / "cache").unlink()
    spoil(directory)


def test_the_machine_of_these_tests_mounts(machine, tmp_path):
    """Else a kill would find nothing open."""
    (tmp_path / "place").mkdir()
    (tmp_path / "from").mkdir()
    machine.mount(str(tmp_path / "from"), str(tmp_path / "place"), "", ("bind",))
    assert _mountinfo.stacked_at(machine.mounts(), str(tmp_path / "place"))
    assert not (tmp_path / "from").exists()
