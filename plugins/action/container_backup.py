# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module of the same name as a job that is followed and outlives a lost connection. Where hosts share a repository
of restic and there is none yet, one of them makes it: two that do so at the same moment spoil it."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.drydock.rescue.plugins.plugin_utils import _turns
from ansible_collections.drydock.rescue.plugins.plugin_utils._following import Following, Shown

# Of the module's options, those that making a repository needs.
NEEDED = ("data_root", "containerd_root", "repository")


class ActionModule(Following):
    def _work(
        self, arguments: dict[str, Any], task_vars: dict[str, Any] | None, shown: Shown
    ) -> dict[str, Any]:
        if not boolean(arguments.get("make_repository", True), strict=False) or not self._is_restic():
            return super()._work(arguments, task_vars, shown)
        arguments = dict(arguments, make_repository=False)
        result = super()._work(arguments, task_vars, shown)
        if result.get("code") != "no_repository":
            return result
        making = {name: arguments[name] for name in NEEDED if name in arguments}
        with _turns.alone(self.location):
            made = self._execute_module(module_args=dict(making, containers=[]), task_vars=task_vars)
        return made if made.get("failed") else super()._work(arguments, task_vars, shown)

    def _is_restic(self) -> bool:
        repository = self._task.args.get("repository")
        return isinstance(repository, dict) and repository.get("engine") == "restic"
