# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import services, settings

OTHER = "/srv/docker"


@pytest.fixture
def enable(tmp_path):
    def link(name):
        directory = str(tmp_path / "etc/etc-units/multi-user.target.wants")
        os.makedirs(directory, exist_ok=True)
        os.symlink("/none", os.path.join(directory, name))

    return link


def roots():
    return [one.data_root for one in services.configured() if one.data_root]


@pytest.mark.parametrize(
    "name", ["docker.service", "docker-latest.service", "docker.io.service", "moby.service"]
)
def test_a_service_of_any_name(unit, name):
    unit("ssh.service", "ExecStart=/usr/sbin/sshd -D")
    unit(name, "ExecStart=/usr/bin/dockerd -g /srv/docker")
    assert roots() == [OTHER]
    assert services.services(OTHER) == [name]
    assert services.services(settings.DEFAULT_DATA_ROOT) == []


def test_the_enabled_one_of_several(unit, enable):
    unit("docker.service", "ExecStart=/usr/bin/dockerd -g /one")
    unit("docker-latest.service", "ExecStart=/usr/bin/dockerd -g /latest")
    unit("docker-aaa.service", "ExecStart=/usr/bin/dockerd -g /aaa")
    assert roots() == ["/one"]
    enable("docker-latest.service")
    assert roots() == ["/latest"]
    enable("docker.socket")
    assert roots() == ["/one"]


def test_a_service_of_a_container_is_no_docker(unit):
    unit("docker-web.service", "ExecStart=/usr/bin/docker run --rm -g /x web")
    unit("docker-registry.service", "ExecStart=/usr/bin/registry serve")
    assert roots() == []
    assert services.configured() == []


def test_the_root_by_a_variable(unit, write):
    path = write("sysconfig/docker", "OPTIONS=-g /srv/docker\n")
    unit("docker.service", "EnvironmentFile=" + path, "ExecStart=/usr/bin/dockerd $OPTIONS")
    assert services.services(OTHER) == ["docker.service"]
    assert services.services(settings.DEFAULT_DATA_ROOT) == []


def test_one_whose_root_is_known_only_when_it_starts_counts(unit):
    unit("a.service", "EnvironmentFile=/run/made-at-start.env", "ExecStart=/usr/bin/dockerd $OPTIONS")
    unit("b.service", "EnvironmentFile=-/run/none.env", "ExecStart=/usr/bin/dockerd $OPTIONS -g /b")
    unit("c.service", "EnvironmentFile=-/run/none.env", "ExecStart=/usr/bin/dockerd $OPTIONS")
    assert services.services(OTHER) == ["a.service"]
    assert services.services(settings.DEFAULT_DATA_ROOT) == ["a.service", "c.service"]


def test_the_environment_names_a_driver(unit):
    unit("docker.service", "Environment=DOCKER_DRIVER=btrfs", "ExecStart=/usr/bin/dockerd -s vfs")
    assert settings.joined(services.configured()).storage_driver == "btrfs"


def test_the_service_of_the_snap(unit):
    unit("snap.docker.dockerd.service", "ExecStart=/usr/bin/snap run docker.dockerd")
    assert roots() == ["/var/snap/docker/common/var-lib-docker"]
    assert services.services("/var/snap/docker/common/var-lib-docker") == ["snap.docker.dockerd.service"]
    assert services.services(OTHER) == []


def test_a_shell_in_between(unit):
    """As in EL 7 before 7.3."""
    line = "/bin/sh -c '/usr/bin/docker-current daemon $OPTIONS 2>&1 | /usr/bin/forward-journald -tag docker'"
    unit("docker.service", 'Environment="OPTIONS=-g /srv/docker"', "ExecStart=" + line)
    assert roots() == [OTHER]


@pytest.mark.parametrize("line", ["/bin/sh -c", "/bin/sh", "/bin/sh -c ''", "/bin/sh -c 'a \"'"])
def test_a_shell_with_nothing_in_it(unit, line):
    unit("docker.service", "ExecStart=" + line)
    assert services.configured() == []


def test_a_service_that_remaps_users(unit, write, docker):
    for name in ("subuid", "subgid"):
        write(name, "alice:100000:65536\n")
    unit("docker.service", "ExecStart=/usr/bin/dockerd --userns-remap alice")
    remapped = docker.join("100000.100000")
    assert services.services(remapped) == ["docker.service"]
    assert services.services(docker.path) == []


def test_a_wrapper_of_an_init_script_is_no_daemon(unit):
    unit("docker.service", "ExecStart=/etc/init.d/docker start")
    assert services.configured() == []
