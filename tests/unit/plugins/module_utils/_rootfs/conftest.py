# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers as the storage drivers find them."""

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import containers, data_root
from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Life
from ansible_collections.drydock.rescue.plugins.module_utils._plan import Plan
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


@pytest.fixture
def killed_after(host, monkeypatch):
    """Opens as far as some steps, and then nothing more happens: as if the run had been killed there."""

    class Killed(BaseException):
        pass

    def kill(steps, open_it):
        real = Plan.apply

        def apply(plan, target):
            if not plan.steps:  # nothing to hold
                return real(plan, target)
            plan.steps[:] = [step._replace(undo=None) for step in plan.steps[:steps]]
            real(plan, target)
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(Plan, "apply", apply)
            with pytest.raises(Killed):
                open_it()
        assert os.path.exists(host.run_directory)

    return kill
