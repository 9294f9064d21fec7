# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what became of a host on the controller; the host itself is not asked."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.drydock.rescue.plugins.module_utils import _text
from ansible_collections.drydock.rescue.plugins.plugin_utils._report import fields, result_files


class ActionModule(ActionBase):
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        try:
            return self._write((task_vars or {})["inventory_hostname"])
        except AnsibleActionFail as error:
            # Said as a result: of an exception some Ansibles show more than the reader needs.
            return {"failed": True, "msg": str(error)}

    def _write(self, host: str) -> dict[str, Any]:
        _result, given = self.validate_argument_spec(
            dict(
                directory=dict(type="path", required=True),
                kind=dict(type="str", required=True, choices=list(result_files.KINDS)),
                started=dict(type="str", required=True),
                error=dict(type="str", default=""),
                result=dict(type="dict", default={}),
            )
        )
        try:
            fields.moment(given["started"])
        except ValueError:
            raise AnsibleActionFail(
                "started is %s, and must be a time in UTC as 2026-11-22T03:00:00Z"
                % _text.printable(given["started"])
            )
        if self._task.check_mode:
            return {"changed": False}
        try:
            path = result_files.write(
                given["directory"], host, given["kind"], given["started"], given["error"], given["result"]
            )
        except (OSError, ValueError) as error:
            raise AnsibleActionFail("The result could not be written: %s" % _text.printable(str(error)))
        return {"changed": True, "path": path}
