# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file in module_utils that knows AnsibleModule: parameters in; results, diff and failures out. PRIVATE to
the collection."""

import contextlib
import io
import sys
import traceback
from typing import Any, Callable, Dict, List, Optional, Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values

from . import _text
from ._errors import CommandFailed, MissingTools, RescueError
from ._host import Host

Result = Dict[str, Any]

# Shared by every module that selects containers; documented in the fragment drydock.rescue.selection.
DATA_ROOT = {"data_root": {"type": "path"}}
ROOTS = dict(DATA_ROOT, containerd_root={"type": "path"})
CONTAINERS = dict(ROOTS, containers={"type": "list", "elements": "str"})
CONTAINER = dict(ROOTS, container={"type": "str", "required": True})
# Of every module that can take long; documented in the fragment drydock.rescue.progress.
PROGRESS = {
    "progress": {"type": "bool", "default": True},
    "background": {"type": "bool", "default": False},
    "throttle": {"type": "int", "default": 0},
}


def run(
    argument_spec: Dict[str, Any],
    work: Callable[[Host, Dict[str, Any], bool], Result],
    bulk: str = "",
    reach: Optional[Callable[[Host, Any, Callable[[Host], Result]], Result]] = None,
    **options: Any,
) -> None:
    """Runs a module: ``work`` is given the host, the parameters and whether this is check mode. Every RescueError
    becomes one clear failure; ``actions`` then lists what ran and ``undone`` what was taken back. ``bulk`` names the
    part of the result that can be very long: a list whose items are JSON already, made by _text.as_json. ``reach`` is
    that of _jobs.py, for a module that has the options PROGRESS.

    Nothing leaves here that could drive a terminal: messages are one printable line each, and of everything else
    control characters, marks of direction and undecodable bytes are escaped.
    """
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **options)
    pieces: List[str] = []
    try:
        if reach and module.params["background"] and not module.check_mode:
            asked = {name: value for name, value in module.params.items() if name not in PROGRESS}
            result = reach(Host(), [module._name, asked], lambda host: _told(work, host, module))
        else:
            result = work(Host(), module.params, module.check_mode)
            pieces = result.pop(bulk) if bulk else []
            result = _harmless(result)
    except RescueError as error:
        _fail(module, error)
    except (
        OSError
    ) as error:  # of a file outside of any plan: nothing is left half done that a plan would undo
        _fail(module, CommandFailed(os_error(error)))
    for warning in result.pop("warnings", []):
        module.warn(warning)
    diff = result.pop("diff", None)
    if diff is not None and module._diff:
        result["diff"] = diff
    if bulk:
        _exit_with(module, result, bulk, pieces)
    module.exit_json(**result)


def _fail(module: AnsibleModule, error: RescueError) -> None:
    module.fail_json(**_failure(error))


def _failure(error: RescueError) -> Result:
    facts: Dict[str, Any] = {"code": error.code, "actions": error.ran, "undone": error.undone}
    if isinstance(error, MissingTools):
        facts["missing_tools"] = error.tools
    message = _text.printable(str(error))
    return dict(_text.data(facts), msg=message, changed=bool(set(error.ran)) and not error.undone)


def _told(work: Callable[[Host, Dict[str, Any], bool], Result], host: Host, module: AnsibleModule) -> Result:
    """What work comes to as it leaves here, where somebody else is to hear it: a failure is a result too."""
    try:
        result = work(host, module.params, False)
    except RescueError as error:
        result = dict(_failure(error), failed=True)
    except OSError as error:
        result = dict(_failure(CommandFailed(os_error(error))), failed=True)
    except Exception as error:  # nobody else can tell it
        result = {"failed": True, "msg": str(error), "exception": traceback.format_exc()}
    told: Result = remove_values(_harmless(result), module.no_log_values)
    return told


def _harmless(result: Result) -> Result:
    """Without what could drive a terminal."""
    clean: Result = _text.data(result)
    if "warnings" in result:
        clean["warnings"] = [_text.printable(warning) for warning in result["warnings"]]
    return clean


def os_error(error: OSError) -> str:
    """What the system said, with the file that it was about."""
    said = error.strerror or str(error)
    return "%s: %s" % (error.filename, said) if isinstance(error.filename, str) else said


def _exit_with(module: AnsibleModule, result: Result, bulk: str, pieces: List[str]) -> None:
    """exit_json, but for the long list. To look for what no_log hides, and no parameter of ours is hidden, exit_json
    copies every value, and for the containers of a large host that takes longer than all the rest."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            module.exit_json(**result)
    except SystemExit:
        before, brace, rest = said.getvalue().partition("{")
        sys.stdout.write('%s%s"%s": [' % (before, brace, bulk))
        for number, piece in enumerate(pieces):
            sys.stdout.write(", " + piece if number else piece)
        sys.stdout.write("], " + rest)
        raise


def state_diff(before: Sequence[str], after: Sequence[str]) -> Dict[str, str]:
    """A diff of lists of lines, as Ansible shows it."""
    return {
        "before": "".join(_text.name(line) + "\n" for line in before),
        "after": "".join(_text.name(line) + "\n" for line in after),
    }
