# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file in module_utils that knows AnsibleModule: parameters in; results, diff and failures out. PRIVATE to
the collection."""

import contextlib
import gc
import io
import json
import os
import sys
from typing import Any, Callable, Dict, Sequence

from ansible.module_utils.basic import AnsibleModule

from ._errors import MissingTools, RescueError
from ._host import Host

Result = Dict[str, Any]

_PIECE = 200  # items of a long list that are written at once

# Shared by every module that selects containers; documented in the fragment drydock.rescue.selection.
DATA_ROOT = {"data_root": {"type": "path"}}
CONTAINERS = dict(DATA_ROOT, containers={"type": "list", "elements": "str"})
CONTAINER = dict(DATA_ROOT, container={"type": "str", "required": True})


def run(
    argument_spec: Dict[str, Any],
    work: Callable[[Host, Dict[str, Any], bool], Result],
    bulk: str = "",
    **options: Any,
) -> None:
    """Runs a module: ``work`` is given the host, the parameters and whether this is check mode. Every RescueError
    becomes one clear failure; ``actions`` then lists what ran and ``undone`` what was taken back. ``bulk`` names a
    list in the result that can be very long."""
    if bulk:
        gc.disable()  # among so much that is kept to the end, looking for garbage again and again takes its time
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **options)
    try:
        result = work(Host(), module.params, module.check_mode)
    except RescueError as error:
        facts: Dict[str, Any] = {"code": error.code, "actions": error.ran, "undone": error.undone}
        if isinstance(error, MissingTools):
            facts["missing_tools"] = error.tools
        module.fail_json(msg=str(error), changed=bool(set(error.ran)) and not error.undone, **facts)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    diff = result.pop("diff", None)
    if diff is not None and module._diff:
        result["diff"] = diff
    if bulk and not module.no_log_values:
        _exit_with_bulk(module, result, bulk)
    module.exit_json(**result)


def _exit_with_bulk(module: AnsibleModule, result: Result, bulk: str) -> None:
    """exit_json looks into every value for what no_log hides, which takes longer than reading ten thousand records
    did. Nothing is hidden here: it writes all but the long list, and the list goes where its mark stands. Returns
    where there is no mark."""
    mark = os.urandom(16).hex()
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            module.exit_json(**dict(result, **{bulk: mark}))
    except SystemExit:
        before, found, after = said.getvalue().partition('"%s"' % mark)
        if not found:
            return
        sys.stdout.write(before + "[")
        for start in range(0, len(result[bulk]), _PIECE):
            piece = json.dumps(result[bulk][start : start + _PIECE])[1:-1]
            sys.stdout.write((", " if start else "") + piece)
        sys.stdout.write("]" + after)
        raise


def state_diff(before: Sequence[str], after: Sequence[str]) -> Dict[str, str]:
    """A diff of lists of lines, as Ansible shows it."""
    return {
        "before": "".join(line + "\n" for line in before),
        "after": "".join(line + "\n" for line in after),
    }
