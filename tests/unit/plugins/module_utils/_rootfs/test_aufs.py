# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Life
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import aufs
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

LAYER = ident("layer of web")


@pytest.fixture
def web(docker):
    docker.aufs_container("web", "app", "base")
    return docker


@pytest.fixture
def locate(root, request_for):
    return lambda: aufs.locate(root(), request_for().container)


def diffs(docker, *layers):
    return [docker.join("aufs", "diff", one) for one in layers]


LOWER = [LAYER + "-init", ident("app"), ident("base")]


def in_kernel(host):
    os.makedirs(os.path.join(host.sys, "fs/aufs"))


def test_the_branches(web, locate):
    storage = locate().storage()
    assert storage["upper_dir"] == web.join("aufs", "diff", LAYER)
    assert storage["lower_dirs"] == diffs(web, *LOWER)
    assert storage["merged_dir"] == web.join("aufs", "mnt", LAYER)


@pytest.mark.parametrize("content", [None, "../../../etc\n", ident("gone") + "\n"])
def test_a_damaged_list_of_layers_is_made_again_from_the_image(web, locate, content):
    os.unlink(web.join("aufs", "layers", LAYER))
    if content is not None:
        web.write(content, "aufs", "layers", LAYER)
    assert locate().lower_dirs == diffs(web, *LOWER)


def test_a_damaged_list_and_no_image(web, locate):
    os.unlink(web.join("aufs", "layers", LAYER))
    shutil.rmtree(web.join("image", "aufs", "layerdb", "sha256"))
    with pytest.raises(BadRecord) as failure:
        locate()
    assert "and from the image's records" in failure.value.message


def test_by_fuse_overlayfs_where_the_kernel_has_no_aufs(host, web, opening):
    opened = opening()
    assert opened.method == "merge"
    lower = ":".join(diffs(web, LAYER, *LOWER))
    assert opened.plan.shown() == [
        "fuse-overlayfs -o ro,nosuid,nodev,noexec,lowerdir=%s %s/web" % (lower, host.run_directory)
    ]


def test_by_aufs_where_the_kernel_has_it(host, web, opening):
    in_kernel(host)
    host.missing_tools = {"fuse-overlayfs"}
    shown = opening().plan.shown()
    assert "ln -s %s %s/.l-web/0" % (diffs(web, LAYER)[0], host.run_directory) in shown
    (mount,) = [line for line in shown if "mount -t aufs" in line]
    assert "-o ro,nosuid,nodev,noexec,br:0=ro+wh:1=ro+wh:2=ro+wh:3=ro+wh,dio,xino=/dev/shm/aufs.xino" in mount


def test_a_scratch_by_aufs_writes_to_a_branch_of_ours(host, web, opening):
    in_kernel(host)
    shown = opening(access="scratch").plan.shown()
    assert "ln -s %s/.drydock-web/upper %s/.l-web/0" % ((host.run_directory,) * 2) in shown
    (mount,) = [line for line in shown if "mount -t aufs" in line]
    assert "br:0=rw:1=ro+wh:2=ro+wh:3=ro+wh:4=ro+wh," in mount


def test_in_place_by_aufs_is_the_mount_that_docker_makes(host, web, opening):
    in_kernel(host)
    shown = opening(access="in_place").plan.shown()
    assert "ln -s %s %s/.l-web/0" % (diffs(web, LAYER)[0], host.run_directory) in shown
    assert any("br:0=rw:1=ro+wh:2=ro+wh:3=ro+wh," in line for line in shown)


def test_in_place_without_aufs_says_the_way_out(web, opening):
    with pytest.raises(Refused) as failure:
        opening(access="in_place")
    assert "no aufs" in failure.value.message
    assert "access: scratch" in failure.value.hint


@pytest.mark.parametrize("method", ["auto", "extract"])
def test_a_copy_where_nothing_can_mount_it(host, web, opening, method):
    host.missing_tools = {"fuse-overlayfs"}
    opened = opening(method=method)
    tree = host.image_directory + "/.drydock-web/tree"
    assert (opened.method, opened.work_dir) == ("extract", host.image_directory)
    assert opened.plan.shown()[-2:] == [
        "# copy of the union of 4 branches of aufs to " + tree,
        "mount -o bind,ro,nosuid,nodev,noexec %s %s/web" % (tree, host.run_directory),
    ]


def test_a_merge_that_nothing_can_mount(host, web, opening):
    host.missing_tools = {"fuse-overlayfs"}
    with pytest.raises(Refused) as failure:
        opening(method="merge")
    assert "Install fuse-overlayfs" in failure.value.hint


def test_a_living_one_is_shown_as_it_sees_itself(host, web, opening):
    alive = Life(["process 900 is in its cgroup"], [900])
    host.sees_mount("60 22 0:70 / %s rw - aufs none rw,si=1" % web.join("aufs", "mnt", LAYER))
    opened = opening(life=alive)
    assert opened.method == "live"
    assert opened.plan.shown() == [
        "mount -o bind,ro,nosuid,nodev,noexec %s %s/web"
        % (web.join("aufs", "mnt", LAYER), host.run_directory)
    ]
