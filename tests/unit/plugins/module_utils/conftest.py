# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host, and a data root on it. Nothing here looks at the machine that the tests run on."""

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import (
    containerd_root,
    rootless,
    services,
    settings,
    systemd_units,
    userns,
)
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import DockerRoot
from ansible_collections.drydock.rescue.tests.unit.support.host import FakeHost


@pytest.fixture(autouse=True)
def no_docker_here(tmp_path, monkeypatch):
    """The configuration of Docker is looked for below tmp_path/etc."""
    etc = tmp_path / "etc"
    monkeypatch.setattr(settings, "DEFAULT_DATA_ROOT", str(tmp_path / "docker"))
    monkeypatch.setattr(settings, "DAEMON_JSON", str(etc / "daemon.json"))
    places = tuple(str(etc / name) for name in ("etc-units", "run-units", "usr-units"))
    monkeypatch.setattr(systemd_units, "PATHS", places)
    names = ("sysconfig/docker", "sysconfig/docker-storage", "sysconfig/docker-network", "default/docker")
    monkeypatch.setattr(services, "INIT_FILES", tuple(str(etc / name) for name in names))
    monkeypatch.setattr(userns, "SUBUID", str(etc / "subuid"))
    monkeypatch.setattr(userns, "SUBGID", str(etc / "subgid"))
    monkeypatch.setattr(containerd_root, "DEFAULT", str(tmp_path / "var-containerd"))
    monkeypatch.setattr(containerd_root, "CONFIG", str(etc / "config.toml"))
    monkeypatch.setattr(rootless, "PASSWD", str(etc / "passwd"))


@pytest.fixture
def host(tmp_path):
    return FakeHost(tmp_path / "machine")


@pytest.fixture
def docker(tmp_path):
    """An empty data root in the default place."""
    return DockerRoot(tmp_path / "docker")
