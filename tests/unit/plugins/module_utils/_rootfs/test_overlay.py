# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import overlay
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

LAYER = ident("layer of web")


@pytest.fixture
def web(docker):
    docker.first_overlay_container("web", "app", "base")
    return docker


@pytest.fixture
def locate(root, request_for):
    return lambda: overlay.locate(root(), request_for().container)


def test_one_tree_is_below_the_container(web, locate):
    assert locate().storage() == {
        "upper_dir": web.join("overlay", LAYER, "upper"),
        "lower_dirs": [web.join("overlay", ident("app"), "root")],
        "work_dir": web.join("overlay", LAYER, "work"),
        "merged_dir": web.join("overlay", LAYER, "merged"),
    }


def test_reading_is_a_merge_without_an_upper_directory(host, web, opening):
    opened = opening()
    assert opened.method == "merge"
    (mount,) = opened.plan.shown()
    upper, lower = web.join("overlay", LAYER, "upper"), web.join("overlay", ident("app"), "root")
    assert mount.startswith("mount -t overlay -o ro,nosuid,nodev,noexec,lowerdir=%s:%s" % (upper, lower))
    assert "upperdir" not in mount


def test_in_place_is_the_mount_that_docker_makes(web, opening):
    (mount,) = opening(access="in_place").plan.shown()
    own = web.join("overlay", LAYER)
    lower = web.join("overlay", ident("app"), "root")
    assert "lowerdir=%s,upperdir=%s/upper,workdir=%s/work" % (lower, own, own) in mount


@pytest.mark.parametrize("content", [None, "", "../../etc", ident("gone")])
def test_a_lost_lower_id_is_known_from_the_image(web, locate, content):
    path = web.join("overlay", LAYER, "lower-id")
    os.unlink(path)
    if content is not None:
        web.write(content, "overlay", LAYER, "lower-id")
    assert locate().lower_dirs == [web.join("overlay", ident("app"), "root")]


def test_a_lost_lower_id_and_a_lost_image(web, locate):
    os.unlink(web.join("overlay", LAYER, "lower-id"))
    shutil.rmtree(web.join("image", "overlay", "layerdb", "sha256"))
    with pytest.raises(BadRecord) as failure:
        locate()
    assert "lower-id is missing; and from the image's records" in failure.value.message


def test_a_link_in_the_place_of_the_tree_below_is_refused(web, locate, tmp_path):
    place = web.join("overlay", ident("app"), "root")
    os.rmdir(place)
    os.symlink(str(tmp_path), place)
    with pytest.raises(BadRecord) as failure:
        locate()
    assert "%s is a link to %s" % (place, tmp_path) in failure.value.message
