# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""vfs and btrfs: the drivers that keep each layer as a full tree."""

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Life
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord, NotFound, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import drivers
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

HOMES = {"vfs": ("vfs", "dir"), "btrfs": ("btrfs", "subvolumes")}
LAYER = ident("layer of web")
ALIVE = Life(["process 900 is in its cgroup"], [900])


@pytest.fixture(params=sorted(HOMES))
def driver(request):
    return request.param


@pytest.fixture
def directory(docker, driver):
    docker.whole_container("web", driver, *HOMES[driver])
    return docker.join(*HOMES[driver], LAYER)


@pytest.fixture
def locate(root, request_for, driver):
    return lambda: drivers.DRIVERS[driver].locate(root(), request_for().container)


def test_where_the_layer_is(locate, directory):
    assert locate().storage() == {"directory": directory}


def test_reading_is_a_bind_that_cannot_be_written(host, directory, opening):
    opened = opening()
    assert opened.method == "directory"
    assert opened.plan.shown() == [
        "mount -o bind,ro,nosuid,nodev,noexec %s %s/web" % (directory, host.run_directory)
    ]


def test_a_living_one_is_shown_as_it_is(host, directory, opening):
    opened = opening(life=ALIVE)
    assert opened.method == "live"
    assert opened.plan.shown() == [
        "mount -o bind,ro,nosuid,nodev,noexec %s %s/web" % (directory, host.run_directory)
    ]


def test_scratch_writes_go_into_an_upper_directory_of_ours(host, directory, opening):
    opened = opening(access="scratch")
    upper = host.run_directory + "/.drydock-web/upper"
    (mount,) = [line for line in opened.plan.shown() if line.startswith("mount")]
    assert "lowerdir=%s,upperdir=%s," % (directory, upper) in mount
    assert ",ro," not in mount


def test_in_place_is_the_directory_itself(host, directory, opening):
    assert opening(access="in_place").plan.shown() == [
        "mount -o bind,nosuid,nodev,noexec %s %s/web" % (directory, host.run_directory)
    ]


@pytest.mark.parametrize("access", ["scratch", "in_place"])
def test_a_living_one_is_not_written(directory, opening, access):
    with pytest.raises(Refused) as failure:
        opening(access=access, life=ALIVE)
    assert "is alive: " in failure.value.message


def test_a_layer_that_is_gone(locate, directory):
    os.rmdir(directory)
    with pytest.raises(NotFound) as failure:
        locate()
    assert failure.value.message == directory + " is missing"


def test_a_link_in_the_place_of_the_layer_is_refused(locate, directory, tmp_path):
    """It would show the host's files as the container's, and write to them."""
    os.rmdir(directory)
    (tmp_path / "host").mkdir()
    os.symlink(str(tmp_path / "host"), directory)
    with pytest.raises(BadRecord) as failure:
        locate()
    assert "%s is a link to %s" % (directory, tmp_path / "host") in failure.value.message
