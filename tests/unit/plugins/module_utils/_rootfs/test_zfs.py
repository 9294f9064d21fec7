# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans only: no machine with ZFS was at hand. The output of `zfs list` is as OpenZFS 2.1 prints it."""

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Life, Liveness
from ansible_collections.drydock.rescue.plugins.module_utils._errors import NotFound, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import found, zfs
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

LAYER = ident("layer of web")
ALIVE = Life(["process 900 is in its cgroup"], [900])
LIST = "zfs list -H -t filesystem,snapshot -o name"


@pytest.fixture
def web(host, docker):
    docker.container("web", driver="zfs")
    host.sees_mount("40 22 0:45 / %s rw,noatime - zfs tank/docker rw,xattr,noacl" % docker.path)
    return docker


@pytest.fixture
def locate(root, request_for):
    return lambda: zfs.locate(root(), request_for().container)


DATASET = "tank/docker/" + LAYER


def test_the_dataset_lies_below_that_of_the_data_root(web, locate):
    assert locate().storage() == {"dataset": DATASET}


def test_the_dataset_that_is_configured(host, docker, locate):
    docker.container("web", driver="zfs")
    host.process(7, ["dockerd", "--data-root", docker.path, "--storage-opt", "zfs.fsname=fast/d"])
    assert locate().storage() == {"dataset": "fast/d/" + LAYER}


def test_a_data_root_that_does_not_lie_on_zfs(docker, locate):
    docker.container("web", driver="zfs")
    with pytest.raises(NotFound) as failure:
        locate()
    assert "does not lie on ZFS" in failure.value.message
    assert "/" + LAYER in failure.value.hint


def test_reading_is_a_mount_of_a_snapshot(host, web, opening):
    opened = opening()
    assert opened.method == "snapshot"
    assert opened.plan.shown() == [
        "zfs snapshot %s@drydock-web" % DATASET,
        "mount -t zfs -o ro,nosuid,nodev,noexec %s@drydock-web %s/web" % (DATASET, host.run_directory),
    ]


def test_a_scratch_is_a_clone(host, web, opening):
    assert opening(access="scratch", life=ALIVE).plan.shown() == [
        "zfs snapshot %s@drydock-web" % DATASET,
        "zfs clone -o mountpoint=legacy %s@drydock-web tank/docker/drydock-web" % DATASET,
        "mount -t zfs -o nosuid,nodev,noexec tank/docker/drydock-web %s/web" % host.run_directory,
    ]


def test_in_place_says_what_to_run(web, opening):
    with pytest.raises(Refused) as failure:
        opening(access="in_place")
    assert "mount -t zfs %s /mnt" % DATASET in failure.value.hint


def test_another_method_is_refused(web, opening):
    with pytest.raises(Refused) as failure:
        opening(method="merge")
    assert "live or snapshot" in failure.value.hint


def test_a_living_one_is_shown_as_it_is(host, web, opening):
    place = web.join("zfs", "graph", LAYER)
    host.sees_mount("60 22 0:70 / %s rw - zfs %s rw" % (place, DATASET))
    shown = opening(life=ALIVE).plan.shown()
    assert shown == ["mount -o bind,ro,nosuid,nodev,noexec %s %s/web" % (place, host.run_directory)]


def test_a_process_that_sees_the_dataset_is_a_sign_of_life(host, web, request_for):
    host.process(900, ["x"], mountinfo="50 49 0:70 / / rw - zfs %s rw\n" % DATASET, namespace="mnt:[9]")
    container = request_for().container
    assert Liveness(host, web.path).of(container).reasons == ["process 900 sees its layer mounted at /"]


def test_closing_destroys_what_is_ours_and_the_clone_first(host, web):
    os.makedirs(os.path.join(host.sys, "module/zfs"))
    names = ["tank/docker", DATASET, "tank/docker/drydock-web", DATASET + "@drydock-web"]
    names += [DATASET + "@drydock-web2", DATASET + "@backup", "tank/docker/drydock-other"]
    host.answer(LIST, "".join(name + "\n" for name in names))
    there = found.of_container(host, ident("web"), "web")
    assert zfs.close_plan(host, there).shown() == [
        "zfs destroy tank/docker/drydock-web",
        "zfs destroy %s@drydock-web" % DATASET,
    ]


def test_closing_asks_nothing_of_a_host_without_zfs(host, web):
    assert zfs.close_plan(host, found.of_container(host, ident("web"), "web")).shown() == []
