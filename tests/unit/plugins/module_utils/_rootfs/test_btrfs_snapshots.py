# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read-only snapshots of living containers on btrfs: taken, deleted, and found again when a run was killed. What the
tool prints is from btrfs-progs 6.2."""

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Life
from ansible_collections.drydock.rescue.plugins.module_utils._errors import (
    CommandFailed,
    MissingTools,
    Refused,
)
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import (
    alive,
    closing,
    opening,
    subvolumes,
)
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.driver import NOTHING
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident
from ansible_collections.drydock.rescue.tests.unit.support.host import tree_of

LAYER = ident("layer of web")
NESTED = "ID 257 gen 7 top level 256 path docker/btrfs/subvolumes/%s/d/%s\n"


@pytest.fixture
def web(host, docker, monkeypatch):
    """It lives."""
    docker.whole_container("web", "btrfs", "btrfs", "subvolumes")
    monkeypatch.setattr(
        alive.Alive, "of", lambda self, container: Life(["process 11 is in its cgroup"], [11])
    )
    with open(docker.join("btrfs", "subvolumes", LAYER, "file"), "w") as stream:
        stream.write("as it was")
    return docker


@pytest.fixture
def snapshot(host, web):
    path = web.join("btrfs", "drydock-web")
    host.btrfs(web.join("btrfs", "subvolumes", LAYER), path)
    return path


@pytest.fixture
def wanted(web):
    def make(**changes):
        given = opening.Wanted(
            "web", "", web.path, NOTHING, None, "read_only", "snapshot", None, 2**30, False
        )
        return given._replace(**changes)

    return make


@pytest.fixture
def opened(host, wanted):
    return lambda check_mode=False, **changes: opening.open_rootfs(host, wanted(**changes), check_mode)


def docker_here(host, docker):
    """The data root is the one that this host's Docker uses."""
    host.process(7, ["dockerd", "--data-root", docker.path])


def is_clean(host):
    return not os.path.exists(host.run_directory) and [one.mount_point for one in host.mounts()] == ["/"]


def test_opening_and_closing(host, web, snapshot, opened):
    before = tree_of(web.path)
    result = opened()
    assert (result.method, result.warnings) == ("snapshot", [])
    assert result.actions[-2:] == [
        "btrfs subvolume snapshot -r %s %s" % (web.join("btrfs", "subvolumes", LAYER), snapshot),
        "mount -o bind,ro,nosuid,nodev,noexec %s %s/web" % (snapshot, host.run_directory),
    ]
    assert os.path.isdir(snapshot)
    # By its label: it may be another data root than the one that the host uses.
    closed = closing.close_rootfs(host, "web", None, False)
    assert "btrfs subvolume delete " + snapshot in closed.actions
    assert tree_of(web.path) == before
    assert is_clean(host)


def test_check_mode_takes_none(host, snapshot, opened):
    shown = opened(check_mode=True)
    assert not os.path.exists(snapshot)
    assert opened().actions == shown.actions


def test_subvolumes_in_the_container(host, web, snapshot):
    layer = web.join("btrfs", "subvolumes", LAYER)
    host.btrfs(layer, snapshot, NESTED % (LAYER, "one") + NESTED % (LAYER, "a " + LAYER + "/two"))
    assert subvolumes.nested(host, layer) == ["/d/one", "/d/a %s/two" % LAYER]


@pytest.mark.parametrize("name", ["two\nlines", "all*", "a?", "two\nID 258 gen 7 top level 256 path x"])
def test_a_subvolume_whose_name_means_something_else(host, web, snapshot, name):
    layer = web.join("btrfs", "subvolumes", LAYER)
    host.btrfs(layer, snapshot, NESTED % (LAYER, name))
    with pytest.raises(Refused, match=r"cannot be left out: .*`consistency: pause` or `live`"):
        subvolumes.nested(host, layer)


def test_without_the_tool(host, snapshot, opened):
    host.missing_tools = {"btrfs"}
    with pytest.raises(MissingTools, match=r"missing on this host: btrfs\. .* btrfs-progs"):
        opened()
    assert is_clean(host)


def test_a_file_system_that_is_full(host, web, snapshot, opened):
    source = web.join("btrfs", "subvolumes", LAYER)
    failure = "ERROR: cannot snapshot '%s': No space left on device" % source
    host.answer("btrfs subvolume snapshot -r %s %s" % (source, snapshot), err=failure, code=1)
    with pytest.raises(CommandFailed, match="No space left on device"):
        opened()
    assert is_clean(host)


def test_what_is_in_its_place_and_is_no_subvolume_stays(host, snapshot, opened):
    """The tool would make the snapshot inside of it."""
    os.mkdir(snapshot)
    with pytest.raises(Refused, match="drydock-web is there, and is no snapshot of ours"):
        opened()
    assert os.listdir(snapshot) == []
    assert is_clean(host)


@pytest.mark.parametrize("changes", [{"access": "scratch"}, {"access": "in_place"}, {"method": "merge"}])
def test_other_ways_to_a_living_one_are_refused(snapshot, opened, changes):
    with pytest.raises(Refused, match=r"cannot give access|is alive"):
        opened(**changes)
    assert not os.path.exists(snapshot)


# -- runs that were killed ---------------------------------------------------------------------------------


@pytest.fixture
def killed(host, snapshot, wanted, killed_after):
    return lambda steps: killed_after(steps, lambda: opening.open_rootfs(host, wanted(), False))


@pytest.fixture
def rebooted(host, killed, snapshot):
    """Of a run that was killed nothing but the snapshot is left."""
    killed(5)
    for mount in [one for one in host.mounts() if one.mount_point != "/"]:
        host.unmount(mount.mount_point)
    os.rmdir(host.run_directory + "/web")
    os.rmdir(host.run_directory)
    assert os.path.isdir(snapshot)


@pytest.mark.parametrize("steps", range(1, 6))
def test_closing_tidies_up_after_a_kill_at_any_point(host, killed, snapshot, steps):
    killed(steps)
    assert os.path.exists(snapshot) == (steps >= 4)
    closing.close_rootfs(host, "web", None, False)
    assert not os.path.exists(snapshot)
    assert not os.path.exists(host.run_directory) or os.listdir(host.run_directory) == []


def test_after_a_reboot_it_is_taken_anew(host, web, rebooted, snapshot, opened):
    with open(snapshot + "/old", "w"):
        pass
    result = opened()
    assert result.actions[0] == "btrfs subvolume delete " + snapshot
    assert not os.path.exists(snapshot + "/old")
    closing.close_rootfs(host, "web", None, False)
    assert not os.path.exists(snapshot)


def test_after_a_reboot_it_goes_also_when_the_container_is_dead_now(
    host, web, rebooted, snapshot, opened, monkeypatch
):
    monkeypatch.setattr(alive.Alive, "of", lambda self, container: Life([], []))
    assert opened(method="auto").method == "directory"
    assert not os.path.exists(snapshot)


def test_cleanup_after_a_reboot(host, web, rebooted, snapshot):
    docker_here(host, web)
    (shown,) = closing.close_everything(host, True)
    assert shown.actions[0] == "btrfs subvolume delete " + snapshot
    assert os.path.isdir(snapshot)
    closing.close_everything(host, False)
    assert not os.path.exists(snapshot)
    assert closing.close_everything(host, False) == []


def test_cleanup_touches_nothing_else(host, web):
    docker_here(host, web)
    others = ["drydock", "drydock-", "drydock- x", "drydock-plain", "other", "subvolumes/drydock-x"]
    for name in others:
        path = web.join("btrfs", *name.split("/"))
        os.mkdir(path)
        if name != "drydock-plain":
            host.subvolumes.add(path)
    os.symlink(web.join("btrfs", "other"), web.join("btrfs", "drydock-link"))
    assert closing.close_everything(host, False) == []
    assert all(os.path.isdir(web.join("btrfs", *name.split("/"))) for name in others)
