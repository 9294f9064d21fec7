# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Works on the controller alone, for all hosts at once; its options are in the module of the same name."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.drydock.rescue.plugins.plugin_utils import _survey

OPTIONS = ("hosts", "surveys")


class ActionModule(ActionBase):
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        arguments = self._task.args
        unknown = sorted(set(arguments) - set(OPTIONS))
        if unknown:
            raise AnsibleActionFail("there is no option %s; there are %s" % (unknown[0], ", ".join(OPTIONS)))
        names, surveys = (arguments.get(name) for name in OPTIONS)
        if not (isinstance(names, list) and isinstance(surveys, list) and len(names) == len(surveys)):
            raise AnsibleActionFail(
                "hosts and surveys must be lists of the same length, one item for each host"
            )
        hosts = {str(name): one for name, one in zip(names, surveys, strict=True)}
        return {"changed": False, "lines": _survey.lines(hosts), "errors": _survey.errors_of(hosts)}
