# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role's defaults, argument specs and README say must be the same."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path.parent for path in ROOT.glob("roles/*/meta"))


def read(path):
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_defaults_are_those_of_the_argument_specs(role):
    options = read(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    specified = {name: option["default"] for name, option in options.items() if "default" in option}
    assert read(role / "defaults/main.yml") == specified


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_variable_begins_with_the_role_and_is_in_its_readme(role):
    options = read(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    readme = (role / "README.md").read_text()
    for name in options:
        assert name.startswith(role.name + "_")
        assert "`%s`" % name in readme
