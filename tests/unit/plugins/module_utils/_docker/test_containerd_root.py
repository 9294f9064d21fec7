# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import data_root
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord, NotFound
from ansible_collections.drydock.rescue.tests.unit.support.containerd import Containerd
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import DockerRoot


@pytest.fixture
def found(host, docker):
    """What is found for the data root: the path of its containerd, and whether it has the layers."""

    def find(path=None):
        root = data_root.find(host, docker.path, path)
        return root.containerd and root.containerd.root, "overlayfs" in root.storage_drivers

    return find


def test_a_docker_without_containerd(docker, found):
    docker.overlay_container("web", "base")
    assert found() == (None, False)


def test_that_of_the_system(tmp_path, docker, found):
    Containerd(tmp_path / "var-containerd").container(docker, "web", "base")
    assert found() == (str(tmp_path / "var-containerd"), True)


def test_that_which_dockerd_started(docker, found):
    own = Containerd(docker.join("containerd/daemon"))
    own.container(docker, "web", "base")
    assert found() == (own.path, True)


def test_the_one_that_knows_the_containers(tmp_path, docker, found):
    Containerd(docker.join("containerd/daemon")).container(DockerRoot(tmp_path / "other"), "other")
    Containerd(tmp_path / "var-containerd").container(docker, "web", "base")
    assert found() == (str(tmp_path / "var-containerd"), True)


def test_one_that_is_there_for_something_else(tmp_path, docker, found):
    Containerd(tmp_path / "var-containerd", "k8s.io").container(DockerRoot(tmp_path / "other"), "pod")
    docker.overlay_container("web", "base")
    assert found() == (str(tmp_path / "var-containerd"), False)


def test_one_whose_containers_have_no_record_any_more(tmp_path, docker, found):
    Containerd(tmp_path / "var-containerd").container(DockerRoot(tmp_path / "other"), "lost")
    os.makedirs(docker.join("rootfs", "overlayfs"))
    assert found() == (str(tmp_path / "var-containerd"), True)


def test_the_hosts_own_is_not_taken_for_another_data_root(tmp_path, docker, host):
    copy = DockerRoot(tmp_path / "mnt" / "docker")
    os.makedirs(copy.join("rootfs", "overlayfs"))
    Containerd(tmp_path / "var-containerd").container(docker, "web", "base")
    found = data_root.find(host, copy.path)
    assert (found.containerd, found.storage_drivers) == (None, [])
    own = Containerd(copy.join("containerd/daemon"))
    found = data_root.find(host, copy.path)
    assert (found.containerd.root, found.storage_drivers) == (own.path, ["overlayfs"])


def test_beside_a_data_root_that_was_moved(tmp_path, docker, host):
    moved = DockerRoot(tmp_path / "mnt" / "docker")
    Containerd(tmp_path / "var-containerd").container(docker, "web", "base")
    Containerd(tmp_path / "mnt" / "containerd").container(moved, "other", "base")
    assert data_root.find(host, moved.path).containerd.root == str(tmp_path / "mnt" / "containerd")


def test_the_option(tmp_path, docker, found):
    Containerd(tmp_path / "var-containerd").container(docker, "web", "base")
    Containerd(tmp_path / "copy")
    os.symlink("copy", str(tmp_path / "link"))
    assert found(str(tmp_path / "link")) == (str(tmp_path / "copy"), True)


@pytest.mark.parametrize("path", ["/none/such", "/a\0b"])
def test_an_option_that_is_no_directory(docker, found, path):
    with pytest.raises(NotFound, match="containerd_root"):
        found(path)


def test_an_option_that_is_another_directory(docker, found):
    with pytest.raises(BadRecord, match="is not the root of a containerd: it holds containers, volumes"):
        found(docker.path)


@pytest.mark.parametrize(
    "argv, config",
    [
        (["/usr/bin/containerd", "--root", "{}"], ""),
        (["containerd", "--root={}"], 'root = "/elsewhere"'),
        (["containerd", "-root={}"], ""),
        (["containerd"], 'version = 2\nroot = "{}"  # here\nstate = "/run"\n[plugins]\nroot = "/x"'),
        (["containerd"], "root = '{}'"),
        (["containerd", "-c", "{}/config.toml"], ""),
        (["containerd", "--config={}/config.toml"], ""),
    ],
)
def test_that_of_a_running_containerd(tmp_path, host, docker, found, write, argv, config):
    own = Containerd(tmp_path / "srv")
    own.container(docker, "web", "base")
    (tmp_path / "srv" / "config.toml").write_text('root = "%s"\n' % own.path)
    write("config.toml", config.replace("{}", own.path))
    host.process(700, [word.replace("{}", own.path) for word in argv])
    assert found() == (own.path, True)


def test_what_somebody_else_calls_containerd_does_not_count(tmp_path, host, docker, found):
    Containerd(tmp_path / "srv").container(docker, "web", "base")
    host.process(700, ["containerd", "--root", str(tmp_path / "srv")], uid=1000)
    assert found() == (None, False)


def test_a_root_that_is_none_of_the_first_keys_of_the_file(tmp_path, docker, found, write):
    Containerd(tmp_path / "srv").container(docker, "web", "base")
    write("config.toml", 'version = 2\n[plugins]\n  root = "%s"\n' % (tmp_path / "srv"))
    assert found() == (None, False)


def test_a_root_that_no_directory_can_be(docker, found, write):
    write("config.toml", 'root = "/srv\0"')
    assert found() == (None, False)


def test_a_damaged_containerd_does_not_keep_docker_from_being_read(tmp_path, docker, found):
    other = Containerd(tmp_path / "var-containerd")
    with open(os.path.join(other.path, "io.containerd.metadata.v1.bolt/meta.db"), "wb") as stream:
        stream.write(b"\1" * 10000)
    docker.overlay_container("web", "base")
    assert found() == (other.path, False)


def test_the_namespace_of_remapped_users(tmp_path, host):
    remapped = DockerRoot(tmp_path / "docker" / "100000.100000")
    own = Containerd(tmp_path / "docker" / "containerd" / "daemon", "moby-100000.100000")
    assert data_root.find(host, remapped.path).containerd.namespace == "moby-100000.100000"
    own.container(remapped, "web", "base")
    store = data_root.find(host, remapped.path).containerd
    assert (store.root, store.namespace) == (own.path, "moby-100000.100000")


def test_a_namespace_of_another_name(tmp_path, docker, host):
    Containerd(tmp_path / "var-containerd", "ours").container(docker, "web", "base")
    assert data_root.find(host, docker.path).containerd.namespace == "ours"
