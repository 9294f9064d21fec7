# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import types

import pytest
import yaml
from ansible.errors import AnsibleActionFail

from ansible_collections.drydock.rescue.plugins.action import survey_summary as action
from ansible_collections.drydock.rescue.plugins.modules import survey
from ansible_collections.drydock.rescue.plugins.modules import survey_summary as module
from ansible_collections.drydock.rescue.plugins.plugin_utils import _survey


@pytest.fixture
def run(monkeypatch):
    """Runs the action plugin and returns its result."""
    monkeypatch.setattr(action.ActionBase, "run", lambda *_rest: {})

    def go(**arguments):
        plugin = action.ActionModule.__new__(action.ActionModule)
        plugin._task = types.SimpleNamespace(args=arguments)
        return plugin.run(task_vars={})

    return go


def test_the_documentation_is_that_of_the_options():
    assert tuple(yaml.safe_load(module.DOCUMENTATION)["options"]) == action.OPTIONS


def test_what_is_returned_is_documented(run):
    old = dict(_survey.of_host({"storage_drivers": ["aufs"]}, {}), changed=False)
    result = run(hosts=["web7", "off"], surveys=[old, {"unreachable": True, "msg": "gone"}])
    assert result["errors"] == {"off": "gone"}
    assert result["lines"][-1] == "off: failed: gone"
    assert set(yaml.safe_load(module.RETURN)) == set(result) - {"changed"}
    assert set(yaml.safe_load(survey.RETURN)) == set(old) - {"changed"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"hosts": ["web7"], "surveys": []}, "of the same length"),
        ({"hosts": ["web7"], "surveys": "{}"}, "must be lists"),
        ({"hosts": []}, "must be lists"),
        ({"hosts": [], "surveys": [], "info": []}, "there is no option info; there are hosts, surveys"),
    ],
)
def test_other_options_are_refused(run, arguments, reason):
    with pytest.raises(AnsibleActionFail, match=reason):
        run(**arguments)
