# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import shutil
import signal
import time
import types

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._backup import reading as readings
from ansible_collections.drydock.rescue.plugins.module_utils._docker import containers, data_root
from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Life
from ansible_collections.drydock.rescue.plugins.module_utils._errors import CommandFailed, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import alive
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

RUNS = Life(["process 11 is in its cgroup"], [11])


@pytest.fixture
def reading(machine, docker, layer):
    layer()

    def call(consistency="auto"):
        root = data_root.find(machine, docker.path)
        everyone = containers.read_all(root.path)
        return readings.reading(machine, root, everyone, everyone[0], consistency, 60)

    return call


@pytest.fixture
def life(monkeypatch):
    """What the container's signs of life are from now on."""

    def say(life):
        monkeypatch.setattr(alive.Alive, "of", lambda self, container: life)

    say(Life([], []))
    return say


def test_a_dead_container(reading, machine, life):
    with reading() as tree:
        assert os.listdir(tree.path)
        assert (tree.method, tree.consistency) == ("directory", "stopped")
        assert tree.finish() == []
    assert not os.path.exists(machine.run_directory)


def test_it_is_closed_also_when_reading_fails(reading, machine, life):
    with pytest.raises(ZeroDivisionError), reading():
        raise ZeroDivisionError
    assert not os.path.exists(machine.run_directory)


def test_it_is_closed_also_when_we_are_killed(reading, machine, life):
    child = os.fork()
    if child == 0:
        try:
            reading().__enter__()
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    end = time.time() + 20
    while os.path.exists(machine.run_directory) and time.time() < end:
        time.sleep(0.01)
    assert not os.path.exists(machine.run_directory)


def test_what_was_open_stays_open(reading, machine, life):
    with reading():
        with reading() as again:
            assert again.finish() == []
        assert os.listdir(again.path)


def test_one_that_is_started_meanwhile(reading, machine, life):
    with reading() as tree:
        life(RUNS)
        assert tree.finish() == ["the container was started while it was read (process 11 is in its cgroup)"]


def test_one_that_was_started_and_stopped_meanwhile(reading, machine, docker, life):
    with reading() as tree:
        record = docker.record("web", "vfs")
        record["State"]["StartedAt"] = "2026-11-21T03:00:00Z"
        docker.write(record, "containers", ident("web"), "config.v2.json")
        assert tree.finish() == ["the container was started while it was read (it has stopped again)"]


def test_one_that_is_deleted_meanwhile(reading, machine, docker, life):
    with reading() as tree:
        shutil.rmtree(docker.join("containers", ident("web")))
        assert tree.finish() == ["the container was removed while it was read"]


def test_one_that_is_closed_meanwhile(reading, machine, life):
    with reading() as tree:
        machine.unmount(tree.path)
        machine.unmount(tree.path)
        with pytest.raises(CommandFailed, match="was closed while it was read"):
            tree.finish()


def test_no_snapshot_of_a_living_container(reading, machine, life):
    life(RUNS)
    with reading() as tree:
        assert tree.consistency == "live"
        assert tree.finish() == []
    with pytest.raises(Refused, match="vfs has no snapshot"), reading("snapshot"):
        pytest.fail("it was read")
    assert not os.path.exists(machine.run_directory)


@pytest.mark.parametrize("consistency", ["auto", "snapshot"])
def test_a_snapshot_of_a_living_container_on_btrfs(machine, docker, life, consistency):
    docker.whole_container("web", "btrfs", "btrfs", "subvolumes")
    layer = docker.join("btrfs", "subvolumes", ident("layer of web"))
    os.mkdir(layer + "/etc")
    machine.btrfs(
        layer,
        docker.join("btrfs", "drydock-web"),
        "ID 257 gen 7 top level 256 path %s/nested\n" % ident("layer of web"),
    )
    root = data_root.find(machine, docker.path)
    everyone = containers.read_all(root.path)
    life(RUNS)
    with readings.reading(machine, root, everyone, everyone[0], consistency, 60) as tree:
        os.mkdir(layer + "/later")
        assert (tree.method, tree.consistency, os.listdir(tree.path)) == ("snapshot", "snapshot", ["etc"])
        assert tree.left_out == ["/nested"]
        assert tree.warnings == ["subvolumes in the container are not in this backup: /nested"]
        assert tree.finish() == []
    assert os.listdir(docker.join("btrfs")) == ["subvolumes"]
    assert not os.path.exists(machine.run_directory)


def test_pause(reading, machine, life, tmp_path):
    state = tmp_path / "freezer" / ident("web") / "freezer.state"
    state.parent.mkdir(parents=True)
    state.write_text("THAWED\n")
    machine.sees_mount("30 22 0:30 / %s rw - cgroup cgroup rw,freezer" % (tmp_path / "freezer"))
    machine.process(11, ["sleep"], "3:freezer:/%s\n" % ident("web"))
    life(RUNS)
    with reading("pause") as tree:
        assert tree.consistency == "pause"
        assert state.read_text().strip() == "FROZEN"
        assert tree.finish() == []
        assert state.read_text().strip() == "THAWED"
    life(Life([], []))
    with reading("pause") as tree:
        assert tree.consistency == "stopped"
        assert state.read_text().strip() == "THAWED"


def test_a_tree_that_shows_something_else_is_refused(reading, machine, life):
    with reading():
        life(RUNS)
        with pytest.raises(Refused, match="as a dead container, and it is alive now"), reading():
            pytest.fail("it was read")
        machine.sees_mount("99 22 0:9 / %s/web/data rw - xfs /dev/vdb rw" % machine.run_directory)
        life(Life([], []))
        with pytest.raises(Refused, match="with its volumes in it"), reading():
            pytest.fail("it was read")
        machine.unmount(machine.run_directory + "/web/data")


@pytest.mark.parametrize(
    ("driver", "consistency", "method"),
    [
        ("zfs", "auto", "snapshot"),
        ("zfs", "snapshot", "snapshot"),
        ("zfs", "live", "auto"),
        ("zfs", "pause", "auto"),
        ("devicemapper", "auto", "snapshot"),
        ("devicemapper", "snapshot", "snapshot"),
        ("devicemapper", "pause", "auto"),
        ("btrfs", "auto", "snapshot"),
        ("btrfs", "live", "auto"),
        ("overlay2", "auto", "auto"),
        ("overlay2", "snapshot", "auto"),
    ],
)
def test_how_a_living_container_is_opened(driver, consistency, method):
    container = types.SimpleNamespace(driver=driver, layout="layerdb")
    assert readings._method(container, consistency) == method
