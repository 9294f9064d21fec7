# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the report on the fleet, on the controller alone."""

from __future__ import annotations

import os
import re
import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.drydock.rescue.plugins.module_utils import _text
from ansible_collections.drydock.rescue.plugins.plugin_utils._report import (
    fields,
    fleet,
    outputs,
    result_files,
)

_AGE = re.compile(r"([1-9][0-9]{0,5})([smhd]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class ActionModule(ActionBase):
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        try:
            return self._report()
        except AnsibleActionFail as error:
            # Said as a result: of an exception some Ansibles show more than the reader needs.
            return {"failed": True, "msg": str(error)}

    def _report(self) -> dict[str, Any]:
        _result, given = self.validate_argument_spec(
            dict(
                results=dict(type="path", required=True),
                dest=dict(type="path", required=True),
                hosts=dict(type="list", elements="str", required=True),
                kinds=dict(
                    type="list",
                    elements="str",
                    choices=list(result_files.KINDS),
                    default=[result_files.BACKUP],
                ),
                max_age=dict(type="str", default="26h"),
                since=dict(type="str"),
                pool_limit=dict(type="float", default=90.0),
                metrics=dict(type="path"),
            )
        )
        if not given["hosts"]:
            raise AnsibleActionFail("hosts is empty: a report on no host would always be good")
        if not 0 < given["pool_limit"] <= 100:
            raise AnsibleActionFail(
                "pool_limit is %s, and must be percent: above 0, at most 100" % given["pool_limit"]
            )
        if given["metrics"] and not given["metrics"].endswith(".prom"):
            raise AnsibleActionFail(
                "metrics is %s, and the collector reads only names that end with .prom"
                % _text.printable(given["metrics"])
            )
        wanted = fleet.Wanted(
            given["results"],
            [str(host) for host in given["hosts"]],
            given["kinds"],
            _age(given["max_age"]),
            given["pool_limit"],
            int(time.time()),
            _since(given["since"]),
        )
        notes = []
        if not os.path.isdir(given["results"]):
            notes.append("There is no directory %s: no host has ever reported to it" % given["results"])
        before, unknown = outputs.last(given["dest"])
        notes += [unknown] if unknown else []
        try:
            document = fleet.document(wanted, before, [_text.printable(note) for note in notes])
            if not self._task.check_mode:
                outputs.write(document, given["dest"], given["metrics"])
        except OSError as error:
            raise AnsibleActionFail("The report could not be made: %s" % _text.printable(str(error)))
        return {
            "changed": True,
            "failed": document["wrong"],
            "msg": outputs.message(document, given["dest"]),
            "totals": document["totals"],
            "limit": [_text.name(host) for host in document["limit"]],
            "changes": document["changes"],
            "warnings": document["notes"],
        }


def _since(said: str | None) -> int:
    try:
        return fields.moment(said) if said else 0
    except ValueError:
        raise AnsibleActionFail(
            "since is %s, and must be a time in UTC as 2026-11-22T03:00:00Z" % _text.printable(str(said))
        )


def _age(said: str) -> int:
    match = _AGE.fullmatch(said)
    if not match:
        raise AnsibleActionFail(
            "max_age is %s, and must be a number with s, m, h or d, as 26h" % _text.printable(said)
        )
    return int(match.group(1)) * _SECONDS[match.group(2)]
