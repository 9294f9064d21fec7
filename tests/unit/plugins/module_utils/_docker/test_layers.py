# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import layers
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord, NotFound
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident


def test_the_layers_of_an_image_from_the_top_down(docker):
    top = docker.image("overlay2", ident("c"), ident("b"), ident("a"))
    assert layers.image_layer_ids(docker.path, "overlay2", top) == [ident("c"), ident("b"), ident("a")]


def test_a_missing_link_of_the_chain_is_said(docker):
    docker.image("overlay2", ident("b"), ident("a"))
    with pytest.raises(NotFound):
        layers.image_layer_ids(docker.path, "overlay2", "sha256:" + ident("none"))


def test_a_cache_id_that_cannot_be_read(docker):
    top = docker.image("overlay2", ident("a"))
    path = ("image", "overlay2", "layerdb", "sha256", top[len("sha256:") :], "cache-id")
    docker.write("x" * (16 * 1024 * 1024 + 1), *path)
    with pytest.raises(BadRecord):
        layers.image_layer_ids(docker.path, "overlay2", top)


def test_what_is_claimed_by_some_record(docker):
    docker.container("web", driver="devicemapper")
    docker.image("devicemapper", ident("image layer"))
    docker.old_container("old")
    docker.write({}, "graph", ident("old image"), "json")
    layer = ident("layer of web")
    assert layers.known_layer_ids(docker.path, "devicemapper") == {
        layer,
        layer + "-init",
        ident("image layer"),
        ident("old"),
        ident("old") + "-init",
        ident("old image"),
    }


def test_records_of_another_driver_claim_nothing(docker):
    docker.container("web", driver="overlay2")
    assert layers.known_layer_ids(docker.path, "devicemapper") == set()


@pytest.mark.parametrize("parent", ["", "circle", "sha256:", "nonsense"])
def test_a_damaged_chain_is_never_a_shorter_one(docker, parent):
    top = docker.image("overlay2", ident("b"), ident("a"))
    content = top if parent == "circle" else parent
    docker.write(content, "image", "overlay2", "layerdb", "sha256", top[len("sha256:") :], "parent")
    with pytest.raises(BadRecord):
        layers.image_layer_ids(docker.path, "overlay2", top)
