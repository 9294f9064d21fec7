# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import bare_layer
from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Life
from ansible_collections.drydock.rescue.plugins.module_utils._errors import Ambiguous, BadRecord, NotFound
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import orphans
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.alive import Alive
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.drivers import DRIVERS
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

LAYER = ident("layer of web")


@pytest.fixture
def listed(root):
    def make():
        return [
            (one["driver"], one["layer_id"], one["reason"], one["container"])
            for one in orphans.orphans(root())
        ]

    return make


def test_a_whole_root_has_none(docker, listed):
    docker.overlay_container("web", "app", "base")
    docker.whole_container("db", "vfs", "vfs", "dir")
    docker.aufs_container("old", "app")
    docker.loop_pool()
    docker.container("dm", driver="devicemapper")
    docker.device_file(ident("layer of dm"), 8)
    docker.device_file(ident("layer of dm") + "-init", 7)
    assert listed() == []


def test_a_container_whose_record_is_gone(docker, root, listed):
    docker.overlay_container("web", "app")
    shutil.rmtree(docker.join("containers", ident("web")))
    assert listed() == [("overlay2", LAYER, "no_container", ident("web"))]
    (one,) = orphans.orphans(root())
    assert one["storage"]["upper_dir"] == docker.join("overlay2", LAYER, "diff")


def test_a_layer_whose_mount_in_layerdb_is_gone(docker, listed):
    docker.overlay_container("web", "app")
    shutil.rmtree(docker.join("image", "overlay2", "layerdb", "mounts", ident("web")))
    assert listed() == sorted(
        [("overlay2", LAYER, "no_record", ""), ("overlay2", LAYER + "-init", "no_record", "")]
    )


def test_a_device_that_docker_was_to_delete(docker, listed):
    docker.loop_pool()
    docker.container("web", driver="devicemapper")
    docker.device_file(LAYER, 8, deleted=True)
    assert listed() == [("devicemapper", LAYER, "deleted", ident("web"))]


def test_a_broken_orphan_is_listed_without_its_storage(docker, root, listed):
    docker.loop_pool()
    docker.write("", "devicemapper", "metadata", LAYER)
    assert listed() == [("devicemapper", LAYER, "no_record", "")]
    assert orphans.orphans(root())[0]["storage"] == {}


def test_volumes_of_an_old_docker_are_no_layers(docker, listed):
    """Before 1.7 they lay beside the layers of vfs, whatever the driver was."""
    docker.whole_container("web", "vfs", "vfs", "dir")
    docker.write("data", "vfs", "dir", ident("volume"), "file")
    docker.write({"ID": ident("volume")}, "volumes", ident("volume"), "config.json")
    assert listed() == []


def test_a_layer_by_its_id_or_the_beginning_of_it(docker, root):
    docker.overlay_container("web", "app")
    for word in (LAYER, LAYER[:12]):
        found = orphans.find(root(), word)
        assert (found.driver, found.layer_id, found.changes) == ("overlay2", LAYER, True)
        assert found.name == "layer-" + LAYER[:12]
    for word in (LAYER + "-init", LAYER[:12] + "-init"):
        init = orphans.find(root(), word)
        assert (init.layer_id, init.name) == (LAYER + "-init", "layer-%s-init" % LAYER[:12])
        assert bare_layer.name_of(word) == init.name
    assert orphans.find(root(), ident("app")).changes is False


def test_a_layer_that_is_not_there(docker, root):
    docker.overlay_container("web", "app")
    for word in (ident("none"), LAYER[:11], "", "../x"):
        with pytest.raises(NotFound) as failure:
            orphans.find(root(), word)
        assert "orphans: true" in failure.value.hint


def test_the_same_layer_under_two_drivers(docker, root):
    docker.overlay_container("web", "app")
    docker.aufs_container("old", "app")
    with pytest.raises(Ambiguous) as failure:
        orphans.find(root(), ident("app"))
    assert "(aufs)" in failure.value.message
    assert "(overlay2)" in failure.value.message


def test_the_layers_of_an_image_are_those_from_it_on(docker, root):
    docker.overlay_container("web", "app", "base")
    layer = DRIVERS["overlay2"].locate(root(), orphans.find(root(), ident("app")))
    assert layer.upper_dir == docker.join("overlay2", ident("app"), "diff")
    assert layer.lower_dirs == [docker.join("overlay2", ident("base"), "diff")]


def test_an_image_that_others_use_is_not_alive(host, docker, root):
    """The layers of an image stand among those of every mount of its containers."""
    docker.first_overlay_container("web", "app")
    lower = docker.join("overlay", ident("app"), "root")
    line = "60 22 0:50 / %s/overlay/%s/merged rw - overlay overlay rw,lowerdir=%s"
    host.sees_mount(line % (docker.path, LAYER, lower))
    host.process(7, ["dockerd", "--data-root", docker.path])
    assert Alive(host, root()).of(orphans.find(root(), ident("app"))) == Life([], [])


def test_the_base_device(docker, root):
    docker.loop_pool()
    base = orphans.find(root(), "base")
    assert (base.driver, base.name, base.changes) == ("devicemapper", "layer-base", False)
    assert DRIVERS["devicemapper"].locate(root(), base).file.device_id == 1


def test_a_layer_whose_list_of_layers_is_lost_is_not_shown_alone(docker, root):
    """It would look like a tree in which most is missing."""
    docker.overlay_container("web", "app", "base")
    os.unlink(docker.join("overlay2", LAYER, "lower"))
    with pytest.raises(BadRecord) as failure:
        DRIVERS["overlay2"].locate(root(), orphans.find(root(), LAYER))
    assert "no record says what is below it" in failure.value.message
