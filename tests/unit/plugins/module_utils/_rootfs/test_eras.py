# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of Docker before 1.10 and their layers: a layer has the id of its container or image there."""

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.drivers import driver_for
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

WEB = ident("web")
LOWER = [WEB + "-init", ident("app"), ident("base")]


@pytest.fixture
def storage(root, request_for):
    def read():
        container = request_for().container
        assert (container.layout, container.problems) == ("graph", [])
        return driver_for(container).locate(root(), container).storage()

    return read


def old_container(docker, driver, **keys):
    """Its image is app over base, as in `graph/`."""
    docker.old_container("web", driver, Image=docker.graph_image("app", "base"), **keys)


@pytest.mark.parametrize("recorded", ["aufs", ""])
@pytest.mark.parametrize("lost", [False, True])
def test_aufs(docker, storage, recorded, lost):
    """The oldest records leave the driver empty; a list that is lost is made again from the images."""
    old_container(docker, recorded)
    for position, layer in enumerate([WEB, *LOWER]):
        os.makedirs(docker.join("aufs", "diff", layer))
        docker.write("".join(one + "\n" for one in LOWER[position:]), "aufs", "layers", layer)
    if lost:
        os.unlink(docker.join("aufs", "layers", WEB))
    assert storage() == {
        "upper_dir": docker.join("aufs", "diff", WEB),
        "lower_dirs": [docker.join("aufs", "diff", one) for one in LOWER],
        "work_dir": "",
        "merged_dir": docker.join("aufs", "mnt", WEB),
    }


@pytest.mark.parametrize("lost", [False, True])
def test_overlay(docker, storage, lost):
    old_container(docker, "overlay")
    for layer in (ident("app"), ident("base")):
        os.makedirs(docker.join("overlay", layer, "root"))
    for layer in (WEB, WEB + "-init"):
        for name in ("upper", "work"):
            os.makedirs(docker.join("overlay", layer, name))
        docker.write(ident("app"), "overlay", layer, "lower-id")
    if lost:
        os.unlink(docker.join("overlay", WEB, "lower-id"))
    assert storage()["lower_dirs"] == [docker.join("overlay", ident("app"), "root")]


@pytest.mark.parametrize(("driver", "home"), [("vfs", "vfs/dir"), ("btrfs", "btrfs/subvolumes")])
def test_full_trees(docker, storage, driver, home):
    old_container(docker, driver)
    os.makedirs(docker.join(home, WEB))
    assert storage() == {"directory": docker.join(home, WEB)}


def test_devicemapper_with_one_file_for_all_devices(docker, storage):
    old_container(docker, "devicemapper")
    docker.devices_in_one_file(web=7)
    found = storage()
    assert (found["device_id"], found["device_name"][-64:]) == (7, WEB)


def test_devicemapper_with_a_file_for_each(docker, storage):
    old_container(docker, "devicemapper")
    docker.device_file(WEB, 8)
    assert storage()["device_id"] == 8
