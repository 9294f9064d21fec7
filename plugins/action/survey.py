# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task for all that a survey asks a host. With a thousand hosts it is the tasks that cost the controller its time,
and the containers, were they all returned, its memory. The options are in the module of the same name."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.drydock.rescue.plugins.module_utils._text import printable
from ansible_collections.drydock.rescue.plugins.plugin_utils import _survey
from ansible_collections.drydock.rescue.plugins.plugin_utils._report import fields, result_files

# Paths on the host: it is the modules there that look at them.
ROOTS = {"data_root": {"type": "raw"}, "containerd_root": {"type": "raw"}}


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _result, given = self.validate_argument_spec(dict(ROOTS, results={"type": "path"}))
        variables = task_vars or {}
        started = fields.written(time.time())
        roots = {name: given[name] for name in ROOTS if given[name] is not None}
        info: dict[str, Any] = {}
        pools: dict[str, Any] = {}
        try:
            info = self._ask("container_info", dict(roots, details=False), variables)
            if "devicemapper" in _survey.storage_drivers(info):
                pools = self._ask("thin_pool_info", {"data_root": info.get("data_root")}, variables)
        except AnsibleConnectionFailure as failure:
            self._write(given["results"], variables, started, printable(str(failure)), info, pools)
            raise
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        error = _survey.error(info, pools)
        self._write(given["results"], variables, started, error, info, pools)
        result = dict(_survey.of_host(info, pools), changed=False)
        return dict(result, failed=True, msg=error) if error else result

    def _ask(self, module: str, arguments: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        return self._execute_module("drydock.rescue." + module, module_args=arguments, task_vars=variables)

    def _write(
        self,
        directory: str | None,
        variables: dict[str, Any],
        started: str,
        error: str,
        info: dict[str, Any],
        pools: dict[str, Any],
    ) -> None:
        if directory is None or self._task.check_mode:
            return
        found = dict(info, pools=pools, driver=_survey.storage_drivers(info))
        try:
            result_files.write(
                directory, variables["inventory_hostname"], result_files.SURVEY, started, error, found
            )
        except (OSError, ValueError) as failure:
            raise AnsibleActionFail("The result could not be written: %s" % printable(str(failure)))
