# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module offers what it documents and passes it on."""

import importlib
import os

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, *([os.pardir] * 4 + ["plugins", "modules"]))
NAMES = sorted(name[:-3] for name in os.listdir(SOURCES) if name.endswith(".py") and name[0] != "_")
# What an action plugin does by itself: the module is its documentation. See tests/unit/plugins/action.
ON_CONTROLLER = ["container_rescue", "report", "result_file", "survey", "survey_summary"]
yaml = pytest.importorskip("yaml")


def load(name):
    return importlib.import_module("ansible_collections.drydock.rescue.plugins.modules." + name)


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_is_yaml_and_names_the_module(name):
    module = load(name)
    assert yaml.safe_load(module.DOCUMENTATION)["module"] == name
    assert yaml.safe_load(module.EXAMPLES)
    assert yaml.safe_load(module.RETURN)


@pytest.fixture
def spec_of(monkeypatch):
    """The options of a module."""

    def spec_of(name):
        module, spec = load(name), {}
        monkeypatch.setattr(module._ansible, "run", lambda given, *_rest, **_options: spec.update(given))
        module.main()
        return spec

    return spec_of


@pytest.mark.parametrize("name", sorted(set(NAMES).difference(ON_CONTROLLER)))
def test_examples_use_only_options_that_exist(name, spec_of):
    for task in yaml.safe_load(load(name).EXAMPLES):
        if "drydock.rescue." + name in task:
            assert set(task["drydock.rescue." + name] or {}) <= set(spec_of(name))


def test_the_methods_of_container_rootfs_are_those_of_the_drivers(spec_of):
    drivers = importlib.import_module(
        "ansible_collections.drydock.rescue.plugins.module_utils._rootfs.drivers"
    )
    assert sorted(set(spec_of("container_rootfs")["method"]["choices"]) - {"auto"}) == drivers.methods()


def test_what_the_scenarios_give_container_rootfs_without_ansible_are_its_options(spec_of, monkeypatch):
    monkeypatch.syspath_prepend(
        os.path.join(HERE, *([os.pardir] * 4 + ["extensions/molecule/_shared/files"]))
    )
    rescues = importlib.import_module("rescues")
    assert sorted(rescues.given(container="web")) == sorted(spec_of("container_rootfs"))
