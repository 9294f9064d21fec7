# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import shutil

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


# -- before 1.10 -------------------------------------------------------------------------------------------


def test_the_images_that_an_image_is_made_of(docker):
    top = docker.graph_image("c", "b", "a")
    assert layers.graph_layer_ids(docker.path, top) == [ident("c"), ident("b"), ident("a")]
    assert layers.graph_layer_ids(docker.path, ident("a")) == [ident("a")]


def test_the_ways_in_which_1_8_and_1_9_say_the_image_below(docker):
    """By `parent_id`, a digest; and by the file `parent`, which Docker believes before all."""
    docker.graph_image("a")
    docker.write({"parent_id": "sha256:" + ident("a")}, "graph", ident("b"), "json")
    assert layers.graph_layer_ids(docker.path, ident("b")) == [ident("b"), ident("a")]
    docker.graph_image("wrong")
    docker.write({"id": ident("c"), "parent": ident("wrong")}, "graph", ident("c"), "json")
    docker.write(ident("b"), "graph", ident("c"), "parent")
    assert layers.graph_layer_ids(docker.path, ident("c")) == [ident("c"), ident("b"), ident("a")]
    docker.write("", "graph", ident("c"), "parent")
    assert layers.graph_layer_ids(docker.path, ident("c"))[1] == ident("wrong")


def test_an_image_that_is_lost(docker):
    docker.graph_image("b", "a")
    shutil.rmtree(docker.join("graph", ident("a")))
    with pytest.raises(NotFound) as failure:
        layers.graph_layer_ids(docker.path, ident("b"))
    assert docker.join("graph", ident("a"), "json") in failure.value.message


@pytest.mark.parametrize("parent", ["circle", "../../../etc", "sha256:", "A" * 64, "\ud800", "a\0"])
def test_a_damaged_chain_of_images_is_never_a_shorter_one(docker, parent):
    top = docker.graph_image("b", parent=ident("b") if parent == "circle" else parent)
    with pytest.raises(BadRecord) as failure:
        layers.graph_layer_ids(docker.path, top)
    assert len(failure.value.message) < 500


@pytest.mark.parametrize("content", ["", "{", "[]", "\0"])
def test_an_image_with_a_broken_record(docker, content):
    docker.graph_image("b", "a")
    docker.write(content, "graph", ident("b"), "json")
    with pytest.raises(BadRecord):
        layers.graph_layer_ids(docker.path, ident("b"))


@pytest.mark.parametrize(
    ("driver", "place"),
    [
        ("aufs", ("aufs", "diff")),
        ("btrfs", ("btrfs", "subvolumes")),
        ("devicemapper", ("devicemapper", "metadata")),
        ("overlay", ("overlay",)),
        ("vfs", ("vfs", "dir")),
    ],
)
def test_the_driver_that_has_a_layer(docker, driver, place):
    docker.write("x", *(place + (ident("web"),)))
    assert layers.driver_with_layer(docker.path, ident("web")) == driver
    assert layers.driver_with_layer(docker.path, ident("other")) == ""
    docker.write("x", "overlay2", ident("web"), "link")
    assert layers.driver_with_layer(docker.path, ident("web")) == ""  # two of them: no answer
