# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker.containers import Container
from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Life, Liveness
from ansible_collections.drydock.rescue.plugins.module_utils._errors import (
    BadRecord,
    CommandFailed,
    NotFound,
    Refused,
)
from ansible_collections.drydock.rescue.plugins.module_utils._plan import Context
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import live, orphans, overlayfs
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.container_facts import container_facts
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.drivers import driver_for
from ansible_collections.drydock.rescue.tests.unit.support.containerd import Containerd, chain
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

WEB = ident("web")
ALIVE = Life(["process 900 is in its cgroup"], [900])


@pytest.fixture
def containerd(tmp_path):
    return Containerd(tmp_path / "var-containerd")


@pytest.fixture
def web(containerd, docker):
    containerd.container(docker, "web", "app", "base")
    return containerd


@pytest.fixture
def container(docker, root):
    return lambda name="web": Container(docker.path, ident(name), root().containerd)


@pytest.fixture
def opening(host, root, container, request_for):
    def make(name="web", **changes):
        asked = request_for(**changes)._replace(container=container(name))
        layer = overlayfs.locate(root(), asked.container)
        return overlayfs.open_plan(layer, overlayfs.present(host, layer), asked)

    return make


@pytest.fixture
def facts(host, docker):
    def read(*wanted, **options):
        found = container_facts(host, docker.path, list(wanted) or None, False, False, True, **options)
        return [json.loads(one) for one in found["containers"]], found

    return read


# -- what is told ------------------------------------------------------------------------------------------


def test_a_container(web, docker, facts):
    (one,), found = facts()
    directory = web.directory(WEB)
    assert found["storage_drivers"] == ["overlayfs"]
    assert (one["layout"], one["driver"], one["problems"]) == ("containerd", "overlayfs", [])
    assert (one["layer_id"], one["init_layer_id"], one["parent"]) == (WEB, WEB + "-init", chain("app"))
    assert one["storage"] == {
        "upper_dir": directory + "/fs",
        "lower_dirs": [web.directory(key) + "/fs" for key in (WEB + "-init", chain("app"), chain("base"))],
        "work_dir": directory + "/work",
        "merged_dir": docker.join("rootfs", "overlayfs", WEB),
    }


def test_one_of_docker_24_has_no_init_layer(containerd, docker, container):
    containerd.container(docker, "web", "app", init=False)
    found = container()
    assert (found.layer_id, found.init_layer_id, found.parent) == (WEB, "", chain("app"))


def test_the_layers_of_its_image(web, container):
    assert container().image_layer_ids() == [chain("app"), chain("base")]


def test_one_of_an_image_without_layers(containerd, docker, facts, container):
    containerd.container(docker, "web", init=False)
    (one,), _found = facts()
    assert one["problems"] == []
    assert (one["parent"], one["storage"]["lower_dirs"], one["storage"]["work_dir"]) == ("", [], "")
    assert container().image_layer_ids() == []


def test_beside_containers_of_a_driver_of_before(web, docker, facts):
    docker.overlay_container("old", "base")
    found, result = facts()
    assert sorted((one["layout"], one["driver"]) for one in found) == [
        ("containerd", "overlayfs"),
        ("layerdb", "overlay2"),
    ]
    assert result["storage_drivers"] == ["overlay2", "overlayfs"]
    assert result["problems"] == []


def test_a_record_that_is_lost_is_made_up_for(web, docker, facts):
    docker.write("", "containers", WEB, "config.v2.json")
    (one,), _found = facts()
    assert [problem["code"] for problem in one["problems"]] == ["config_broken"]
    assert (one["driver"], one["layout"], one["layer_id"]) == ("overlayfs", "containerd", WEB)
    assert one["storage"]["upper_dir"] == web.directory(WEB) + "/fs"


def test_both_roots_are_copies(web, docker, host, tmp_path):
    shutil.move(docker.path, str(tmp_path / "copy"))
    shutil.move(web.path, str(tmp_path / "other"))
    found = container_facts(host, str(tmp_path / "copy"), None, False, False, False, str(tmp_path / "other"))
    storage = json.loads(found["containers"][0])["storage"]
    assert storage["upper_dir"].startswith(str(tmp_path / "other"))
    assert storage["merged_dir"] == str(tmp_path / "copy" / "rootfs" / "overlayfs" / WEB)
    assert found["problems"] == []


# -- what is damaged ---------------------------------------------------------------------------------------


def test_no_containerd(web, facts):
    shutil.rmtree(web.path)
    (one,), _found = facts()
    codes = {problem["code"]: problem["message"] for problem in one["problems"]}
    assert sorted(codes) == ["layer_unknown", "storage_unknown"]
    assert "give containerd_root" in codes["layer_unknown"]
    assert (one["layout"], one["layer_id"], one["storage"]) == ("containerd", "", {})


def test_a_snapshot_that_is_lost_hides_no_other_container(web, docker, facts):
    web.container(docker, "db", "base")
    del web.meta[WEB]
    web.write()
    found, _result = facts()
    problems = {one["name"]: [problem["code"] for problem in one["problems"]] for one in found}
    assert problems == {"web": ["layer_unknown", "storage_unknown"], "db": []}


def test_an_init_snapshot_that_is_lost(web, facts):
    del web.meta[WEB + "-init"]
    web.write()
    (one,), _found = facts()
    assert [problem["code"] for problem in one["problems"]] == ["layer_incomplete"]
    # What is below, the snapshotter knows by itself.
    assert len(one["storage"]["lower_dirs"]) == 3


@pytest.mark.parametrize("name", ["io.containerd.metadata.v1.bolt/meta.db", "*/metadata.db"])
def test_a_file_of_records_that_is_damaged(web, docker, facts, name):
    os.makedirs(docker.join("rootfs", "overlayfs"))
    path = os.path.join(web.path, name.replace("*", "io.containerd.snapshotter.v1.overlayfs"))
    with open(path, "wb") as stream:
        stream.write(b"\0" * 8192)
    (one,), found = facts()
    assert found["storage_drivers"] == ["overlayfs"]
    assert "storage_unknown" in [problem["code"] for problem in one["problems"]]
    assert any("is not a file of bbolt" in problem["message"] for problem in one["problems"])
    assert one["storage"] == {}


def test_a_directory_that_is_missing(web, root, container):
    shutil.rmtree(web.directory(chain("base")))
    with pytest.raises(NotFound, match="/fs is missing"):
        overlayfs.locate(root(), container())


def test_a_directory_that_is_a_link(web, root, container, tmp_path):
    shutil.move(web.directory(chain("base")), str(tmp_path / "elsewhere"))
    os.symlink(str(tmp_path / "elsewhere"), web.directory(chain("base")))
    with pytest.raises(BadRecord, match="where a layer belongs"):
        overlayfs.locate(root(), container())


def test_a_layer_that_another_container_writes(web, docker, root, container):
    db = web.container(docker, "db", "base")
    web.kept["moby/4/" + WEB][b"parent"] = web.meta[db][b"name"]
    web.write()
    with pytest.raises(BadRecord, match="can be written"):
        overlayfs.locate(root(), container())


def test_a_snapshotter_that_has_the_name_of_a_driver(web, docker, container, facts):
    """Its directories are not those of Docker's driver."""
    record = docker.record("web", "btrfs")
    docker.write(record, "containers", WEB, "config.v2.json")
    web.write("btrfs")
    found = container()
    assert (found.layout, found.driver, found.layer_id) == ("containerd", "btrfs", WEB)
    with pytest.raises(Refused, match="on the storage driver btrfs"):
        driver_for(found)
    (one,), _found = facts()
    assert [problem["code"] for problem in one["problems"]] == ["layer_incomplete", "driver_unsupported"]


# -- opening -----------------------------------------------------------------------------------------------


def test_a_dead_one_is_merged(web, opening):
    opened = opening()
    assert opened.method == "merge"
    lower = ":".join(web.directory(key) + "/fs" for key in (WEB, WEB + "-init", chain("app"), chain("base")))
    assert "lowerdir=" + lower in opened.plan.shown()[-1]
    assert "upperdir" not in opened.plan.shown()[-1]


def test_in_place_is_the_mount_that_docker_would_make(web, opening):
    opened = opening(access="in_place")
    directory = web.directory(WEB)
    assert opened.method == "direct"
    assert "upperdir=%s/fs,workdir=%s/work" % (directory, directory) in opened.plan.shown()[-1]


def test_without_its_work_directory_it_is_not_written(web, opening):
    os.rmdir(web.directory(WEB) + "/work")
    with pytest.raises(NotFound, match="/work is missing"):
        opening(access="in_place")


@pytest.mark.parametrize(("access", "options"), [("read_only", "bind,ro,"), ("in_place", "bind,nosuid")])
def test_a_single_layer_is_a_directory(containerd, docker, opening, access, options):
    containerd.container(docker, "web", init=False)
    (line,) = opening(access=access).plan.shown()[-1:]
    assert containerd.directory(WEB) + "/fs" in line and options in line


def test_a_living_one_is_shown_as_docker_mounts_it(web, docker, host, opening):
    merged = docker.join("rootfs", "overlayfs", WEB)
    host.sees_mount("90 1 0:50 / %s rw - overlay overlay rw" % merged)
    opened = opening(life=ALIVE)
    assert opened.method == "live"
    assert merged in opened.plan.shown()[-1]


@pytest.mark.parametrize(("number", "is_it"), [("4", True), ("14", False), ("3", False)])
def test_the_root_of_a_process_is_the_containers(web, host, request_for, container, number, is_it):
    directory = os.path.join(os.path.dirname(web.directory(WEB)), number)
    host.process(
        900, ["x"], mountinfo="50 49 0:60 / / rw - overlay overlay rw,upperdir=%s/fs,workdir=x\n" % directory
    )
    shown = []
    host.mount_root_of_process = lambda pid, target: shown.append(pid)
    plan = live.plan("", request_for(life=ALIVE)._replace(container=container()))
    if is_it:
        plan.steps[0].do.perform(Context(host))
        assert shown == [900]
    else:
        with pytest.raises(CommandFailed):
            plan.steps[0].do.perform(Context(host))


# -- whether it lives --------------------------------------------------------------------------------------


@pytest.fixture
def life(host, docker, container):
    return lambda name="web": Liveness(host, docker.path).of(container(name)).reasons


def test_nothing_shows_it(web, life):
    assert life() == []


def test_the_mount_that_docker_made(web, docker, host, life):
    host.sees_mount("90 1 0:50 / %s rw - overlay overlay rw" % docker.join("rootfs", "overlayfs", WEB))
    assert life() != []


@pytest.mark.parametrize(("key", "lives"), [(WEB, True), (ident("db"), False)])
def test_a_mount_of_its_layers_at_any_place_of_any_namespace(web, docker, host, life, key, lives):
    web.container(docker, "db", "app", "base")
    options = "lowerdir=/a:/b,upperdir=%s/fs,workdir=/c" % web.directory(key)
    host.process(
        900, ["x"], namespace="mnt:[9]", mountinfo="50 49 0:60 / /x rw - overlay o rw,%s\n" % options
    )
    assert bool(life()) == lives


def test_a_view_of_ours_is_none(web, host, life):
    lower = "lowerdir=%s/fs:/b" % web.directory(WEB)
    host.sees_mount("90 1 0:50 / %s/web ro - overlay drydock-%s ro,%s" % (host.run_directory, WEB, lower))
    upper = "lowerdir=/b,upperdir=%s/fs,workdir=/c" % web.directory(WEB)
    host.sees_mount("91 1 0:51 / /mnt rw - overlay drydock-%s rw,%s" % (WEB, upper))
    assert life() == []


def test_the_directory_of_a_single_layer(containerd, docker, host, life):
    containerd.container(docker, "web", init=False)
    host.sees_mount("90 1 254:1 %s/fs /elsewhere rw - ext4 /dev/vda1 rw" % containerd.directory(WEB))
    assert life() == ["process %d sees its layer mounted at /elsewhere" % os.getpid()]


def test_a_copy_of_one_that_lives_is_dead(web, host, docker, root, tmp_path):
    directory = web.directory(WEB)
    host.sees_mount("90 1 0:50 / /x rw - overlay overlay rw,lowerdir=/a,upperdir=%s/fs" % directory)
    shutil.copytree(web.path, str(tmp_path / "copy"))
    docker_copy = str(tmp_path / "docker-copy")
    shutil.copytree(docker.path, docker_copy)
    store = type(root().containerd)(str(tmp_path / "copy"))
    copied = Container(docker_copy, WEB, store)
    assert copied.layer_id == WEB
    assert Liveness(host, docker_copy).of(copied).reasons == []


# -- layers without a container ----------------------------------------------------------------------------


@pytest.fixture
def lost(web, docker):
    web.container(docker, "other", "base")
    shutil.rmtree(docker.join("containers", WEB))
    return web


def test_a_container_whose_record_is_gone(lost, root):
    (one,) = orphans.orphans(root())
    assert (one["driver"], one["layer_id"], one["reason"], one["container"]) == (
        "overlayfs",
        WEB,
        "no_container",
        WEB,
    )
    assert one["storage"]["upper_dir"] == lost.directory(WEB) + "/fs"


def test_a_whole_store_has_none(web, root):
    assert orphans.orphans(root()) == []


@pytest.mark.parametrize(
    ("word", "key", "name", "changes"),
    [
        (WEB[:12], WEB, "layer-" + WEB[:12], True),
        (WEB[:12] + "-init", WEB + "-init", "layer-" + WEB[:12] + "-init", False),
        (chain("base"), chain("base"), "layer-" + chain("base")[7:19], False),
        (chain("base")[:19], chain("base"), "layer-" + chain("base")[7:19], False),
        (chain("base")[7:], chain("base"), "layer-" + chain("base")[7:19], False),
    ],
)
def test_a_layer_is_found_by_its_key(lost, root, word, key, name, changes):
    layer = orphans.find(root(), word)
    assert (layer.layer_id, layer.name, layer.changes) == (key, name, changes)
    assert overlayfs.locate(root(), layer).upper_dir == lost.directory(key) + "/fs"


def test_a_layer_without_a_container_that_is_mounted_lives(lost, host, docker, root):
    host.sees_mount("90 1 0:50 / /x rw - overlay overlay rw,upperdir=%s/fs" % lost.directory(WEB))
    assert Liveness(host, docker.path).of(orphans.find(root(), WEB)).reasons != []
