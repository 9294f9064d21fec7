# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import containers, data_root
from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Life
from ansible_collections.drydock.rescue.plugins.module_utils._errors import CommandFailed, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._plan import Context
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import fuse_overlayfs, live
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import DockerRoot, ident

LAYER = ident("layer of web")


@pytest.fixture
def web(docker):
    docker.overlay_container("web", "app", driver="fuse-overlayfs")
    return docker


def diffs(docker, *layers):
    return ":".join(docker.join("fuse-overlayfs", one, "diff") for one in layers)


def test_the_layout_is_that_of_overlay2(root, request_for, web):
    storage = fuse_overlayfs.locate(root(), request_for().container).storage()
    assert storage["upper_dir"] == diffs(web, LAYER)
    assert ":".join(storage["lower_dirs"]) == diffs(web, LAYER + "-init", ident("app"))


def test_reading_is_a_mount_of_the_program(host, web, opening):
    opened = opening()
    assert opened.method == "merge"
    assert opened.plan.shown() == [
        "fuse-overlayfs -o ro,nosuid,nodev,noexec,lowerdir=%s %s/web"
        % (diffs(web, LAYER, LAYER + "-init", ident("app")), host.run_directory)
    ]


def test_in_place_is_the_mount_that_docker_makes(host, web, opening):
    own = web.join("fuse-overlayfs", LAYER)
    assert opening(access="in_place").plan.shown() == [
        "fuse-overlayfs -o rw,nosuid,nodev,noexec,lowerdir=%s,upperdir=%s/diff,workdir=%s/work %s/web"
        % (diffs(web, LAYER + "-init", ident("app")), own, own, host.run_directory)
    ]


def test_the_program_is_asked_for(web):
    assert fuse_overlayfs.TOOLS["merge"] == fuse_overlayfs.TOOLS["direct"] == ("fuse-overlayfs",)


def test_links_to_odd_paths_stay_as_long_as_the_program(host, tmp_path, request_for):
    docker = DockerRoot(tmp_path / "a,b")
    docker.overlay_container("web", "app", driver="fuse-overlayfs")
    asked = request_for()._replace(container=containers.Container(docker.path, ident("web")))
    layer = fuse_overlayfs.locate(data_root.find(host, docker.path), asked.container)
    shown = fuse_overlayfs.open_plan(layer, fuse_overlayfs.present(host, layer), asked).plan.shown()
    assert shown[-1] == "fuse-overlayfs -o ro,nosuid,nodev,noexec,lowerdir=%s %s/web" % (
        ":".join("%s/.l-web/%d" % (host.run_directory, number) for number in range(3)),
        host.run_directory,
    )


@pytest.mark.parametrize("odd", ["a:b", "a,b"])
def test_it_cannot_write_where_a_colon_is(host, tmp_path, request_for, odd):
    """Seen with 1.10: it takes what a link leads to for a list of directories."""
    docker = DockerRoot(tmp_path / odd)
    docker.overlay_container("web", "app", driver="fuse-overlayfs")
    asked = request_for()._replace(
        container=containers.Container(docker.path, ident("web")), access="in_place"
    )
    layer = fuse_overlayfs.locate(data_root.find(host, docker.path), asked.container)
    state = fuse_overlayfs.present(host, layer)
    if ":" in odd:
        with pytest.raises(Refused) as failure:
            fuse_overlayfs.open_plan(layer, state, asked)
        assert "its path has a colon" in failure.value.message
    else:
        assert "upperdir=" in fuse_overlayfs.open_plan(layer, state, asked).plan.shown()[-1]


ROOT = "50 49 0:60 / / rw - %s %s rw,user_id=0,group_id=0"


@pytest.mark.parametrize(("fs_type", "found"), [("fuse.fuse-overlayfs", True), ("ext4", False)])
def test_the_root_of_a_living_one_is_known_by_its_file_system(host, web, request_for, fs_type, found):
    """Such a mount does not say its layers. A process of the container that has the host's root is not taken."""
    host.process(900, ["x"], mountinfo=ROOT % (fs_type, "x") + "\n")
    asked = request_for(life=Life(["process 900 is in its cgroup"], [900]))
    shown = []
    host.mount_root_of_process = lambda pid, target: shown.append(pid)
    plan = live.plan("", asked, "fuse.fuse-overlayfs")
    if found:
        plan.steps[0].do.perform(Context(host))
        assert shown == [900]
    else:
        with pytest.raises(CommandFailed):
            plan.steps[0].do.perform(Context(host))
