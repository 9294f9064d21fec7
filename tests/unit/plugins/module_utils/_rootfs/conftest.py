# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers as the storage drivers find them."""

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import containers, data_root
from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Life
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.driver import Request
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.drivers import driver_for
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident


@pytest.fixture
def request_for(host, docker):
    """What container_rootfs asks a driver for; a dead container, read-only, unless told."""

    def make(name="web", **changes):
        container = containers.Container(docker.path, ident(name))
        path = host.run_directory + "/" + name
        asked = Request(
            container,
            name,
            path,
            "read_only",
            "auto",
            host.run_directory,
            host.image_directory,
            2**30,
            Life([], []),
        )
        return asked._replace(**changes)

    return make


@pytest.fixture
def opening(host, root, request_for):
    """What the container's own driver would do."""

    def make(**changes):
        asked = request_for(**changes)
        driver = driver_for(asked.container)
        layer = driver.locate(root(), asked.container)
        return driver.open_plan(layer, driver.present(host, layer), asked)

    return make


@pytest.fixture
def root(host, docker):
    return lambda: data_root.find(host, docker.path)
