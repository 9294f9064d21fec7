# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import data_root
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord, NotFound


def test_the_default_is_found(host, docker):
    docker.overlay_container("web")
    found = data_root.find(host, None)
    assert (found.path, found.storage_drivers) == (docker.path, ["overlay2"])


def test_a_path_is_believed_before_any_configuration(host, docker, tmp_path):
    os.rename(docker.path, str(tmp_path / "moved"))
    assert data_root.find(host, str(tmp_path / "moved")).path == str(tmp_path / "moved")


def test_links_in_the_path_are_resolved(host, docker, tmp_path):
    os.symlink(docker.path, str(tmp_path / "link"))
    assert data_root.find(host, str(tmp_path / "link")).path == docker.path


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_what_is_not_a_directory_is_not_found(host, tmp_path, kind):
    path = str(tmp_path / kind)
    if kind == "file":
        open(path, "w").close()
    with pytest.raises(NotFound) as failure:
        data_root.find(host, path)
    assert "data_root %s is not a directory" % path in failure.value.message
    assert failure.value.code == "no_data_root"
    assert failure.value.hint == "Give `data_root`; no Docker was found on this host"


def test_a_missing_default_says_where_it_comes_from(host, tmp_path):
    with pytest.raises(NotFound) as failure:
        data_root.find(host, None)
    assert "data root %s (from the default)" % (tmp_path / "docker") in failure.value.message


@pytest.mark.parametrize("names", [[], ["containers"], ["containers", "machines"], ["image", "overlay2"]])
def test_a_directory_that_is_not_dockers(host, tmp_path, names):
    for name in names:
        os.makedirs(str(tmp_path / "lib" / name))
    os.makedirs(str(tmp_path / "lib"), exist_ok=True)
    with pytest.raises(BadRecord) as failure:
        data_root.find(host, str(tmp_path / "lib"))
    assert "it holds %s" % (", ".join(sorted(names)) or "nothing") in failure.value.message


@pytest.mark.parametrize("beside", ["image", "graph", "volumes", "devicemapper", "overlay2"])
def test_what_makes_a_data_root(host, tmp_path, beside):
    os.makedirs(str(tmp_path / "root" / "containers"))
    os.makedirs(str(tmp_path / "root" / beside))
    assert data_root.find(host, str(tmp_path / "root")).path == str(tmp_path / "root")


def test_the_hint_names_the_docker_that_runs(host, docker, tmp_path):
    host.process(812, ["/usr/bin/dockerd", "--data-root", docker.path])
    with pytest.raises(NotFound) as failure:
        data_root.find(host, str(tmp_path / "none"))
    assert "this host has %s (dockerd, process 812)" % docker.path in failure.value.hint


def test_every_driver_that_left_something_is_named(host, docker):
    docker.container("new", driver="overlay2")
    docker.old_container("old")
    docker.loop_pool()
    docker.write("", "aufs", "layers", "x")
    os.makedirs(docker.join("btrfs"))  # empty: Docker makes it and leaves it
    os.makedirs(docker.join("vfs", "dir"))  # volumes before 1.7
    assert data_root.find(host, None).storage_drivers == ["aufs", "devicemapper", "overlay2"]


def test_vfs_counts_when_images_are_on_it(host, docker):
    docker.container("web", driver="vfs")
    assert data_root.find(host, None).storage_drivers == ["vfs"]
