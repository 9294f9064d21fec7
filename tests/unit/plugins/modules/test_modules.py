# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module offers what it documents and passes it on."""

import importlib
import os

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, *([os.pardir] * 4 + ["plugins", "modules"]))
NAMES = sorted(name[:-3] for name in os.listdir(SOURCES) if name.endswith(".py") and name[0] != "_")
yaml = pytest.importorskip("yaml")


def load(name):
    return importlib.import_module("ansible_collections.drydock.rescue.plugins.modules." + name)


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_is_yaml_and_names_the_module(name):
    module = load(name)
    assert yaml.safe_load(module.DOCUMENTATION)["module"] == name
    assert yaml.safe_load(module.EXAMPLES)
    assert yaml.safe_load(module.RETURN)


@pytest.mark.parametrize("name", NAMES)
def test_examples_use_only_options_that_exist(name, monkeypatch):
    module = load(name)
    spec = {}
    monkeypatch.setattr(
        module._ansible, "run", lambda argument_spec, *_rest, **_options: spec.update(argument_spec)
    )
    module.main()
    for task in yaml.safe_load(module.EXAMPLES):
        if "drydock.rescue." + name in task:
            assert set(task["drydock.rescue." + name] or {}) <= set(spec)


def test_the_methods_of_container_rootfs_are_those_of_the_drivers(monkeypatch):
    module = load("container_rootfs")
    drivers = importlib.import_module(
        "ansible_collections.drydock.rescue.plugins.module_utils._rootfs.drivers"
    )
    spec = {}
    monkeypatch.setattr(module._ansible, "run", lambda spec_, *_rest, **_more: spec.update(spec_))
    module.main()
    assert sorted(set(spec["method"]["choices"]) - {"auto"}) == drivers.methods()
