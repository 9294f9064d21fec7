# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import data_root
from ansible_collections.drydock.rescue.plugins.module_utils._errors import (
    Ambiguous,
    BadRecord,
    NotFound,
)
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import DockerRoot


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


# -- remapped users ----------------------------------------------------------------------------------------


@pytest.fixture
def mapping(docker):
    """A data root that holds nothing but directories for remapped users."""
    os.rmdir(docker.join("containers"))
    os.rmdir(docker.join("volumes"))

    def make(name):
        return DockerRoot(docker.join(name))

    return make


def test_the_only_mapping_of_users_below_a_root_given_by_hand(host, docker, mapping):
    inner = mapping("100000.100000")
    inner.overlay_container("web")
    for wanted in (docker.path, inner.path):
        found = data_root.find(host, wanted)
        assert (found.path, found.storage_drivers) == (inner.path, ["overlay2"])
    assert found.source == "the option data_root"
    found = data_root.find(host, None)
    assert (found.path, found.source) == (inner.path, "the default, and the only mapping of users in it")


def test_several_mappings_of_users_are_named(host, docker, mapping):
    roots = [mapping(name).path for name in ("100000.100000", "165536.165536")]
    os.makedirs(docker.join("7.7"))  # not one
    with pytest.raises(Ambiguous) as failure:
        data_root.find(host, docker.path)
    assert failure.value.hint == "Give one of them as `data_root`: %s" % ", ".join(roots)


def test_the_mapping_that_is_configured_is_taken_of_several(host, docker, mapping, write):
    mapping("100000.100000")
    second = mapping("165536.165536")
    for name in ("subuid", "subgid"):
        write(name, "dockremap:165536:65536")
    write("daemon.json", '{"userns-remap": "default"}')
    assert data_root.find(host, None).path == second.path


def test_containers_from_before_the_mapping_hide_it_only_where_nothing_says_it(host, docker, write):
    DockerRoot(docker.join("100000.100000"))
    assert data_root.find(host, None).path == docker.path
    for name in ("subuid", "subgid"):
        write(name, "dockremap:100000:65536")
    write("daemon.json", '{"userns-remap": "default"}')
    found = data_root.find(host, None)
    assert (found.path, found.source) == (docker.join("100000.100000"), "the default")
    assert data_root.find(host, docker.path).path == docker.path


# -- rootless ----------------------------------------------------------------------------------------------


def test_a_users_docker_is_suggested_and_not_taken(host, tmp_path, write):
    own, other = (DockerRoot(tmp_path / name / ".local/share/docker") for name in ("alice", "bob"))
    lines = ["%s:x:1:1::%s:/bin/sh" % (name, tmp_path / name) for name in ("alice", "bob")]
    write("passwd", "\n".join(lines))
    host.process(7, ["dockerd", "--data-root", own.path], uid=1000)
    with pytest.raises(NotFound) as failure:
        data_root.find(host, None)
    assert failure.value.hint == (
        "Give `data_root`; this host has %s (dockerd of user 1000, process 7), %s" % (own.path, other.path)
    )
    assert data_root.find(host, own.path).path == own.path


def test_a_path_with_a_zero_byte(host):
    with pytest.raises(NotFound):
        data_root.find(host, "/a\0b")


# -- drivers -----------------------------------------------------------------------------------------------


def test_the_driver_of_images_before_1_10(host, docker):
    """vfs/dir has the volumes of every driver, but only the driver of a Docker has a file of image names."""
    docker.write({"Repositories": {}}, "repositories-vfs")
    os.makedirs(docker.join("vfs", "dir"))
    assert data_root.find(host, None).storage_drivers == ["vfs"]


def test_a_data_root_of_docker_0_7(host, docker):
    os.rmdir(docker.join("volumes"))
    docker.write({"Repositories": {}}, "repositories-aufs")
    os.makedirs(docker.join("graph"))
    assert data_root.find(host, None).storage_drivers == ["aufs"]
