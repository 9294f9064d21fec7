# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option `repository` of every module that has one; documented in the fragment drydock.rescue.repository. PRIVATE
to the collection."""

from typing import Any, Dict

from .._errors import Refused
from .engine import Repository

_SLOWEST = 1024  # bytes per second: restic counts in KiB
_PASSWORDS = ("password", "password_file", "password_command")

REPOSITORY = {
    "type": "dict",
    "required": True,
    "options": {
        "engine": {"type": "str", "choices": ["archive", "restic"], "default": "archive"},
        "location": {"type": "str", "required": True},
        "password": {"type": "str", "no_log": True},
        "password_file": {"type": "path", "no_log": False},
        "password_command": {"type": "str", "no_log": False},
        "environment": {"type": "dict", "no_log": True, "default": {}},
        "options": {"type": "list", "elements": "str", "default": []},
        "rate_limit": {"type": "int"},
    },
    "mutually_exclusive": [_PASSWORDS],
    "required_if": [("engine", "restic", _PASSWORDS, True)],
}


def given(params: Dict[str, Any]) -> Repository:
    """Raises Refused for a rate that is none."""
    rate = params["repository"]["rate_limit"]
    if rate is not None and rate < _SLOWEST:
        raise Refused(
            "rate_limit %d is less than %d bytes per second" % (rate, _SLOWEST),
            "Give bytes per second, as 10000000 for ten megabytes, or leave it out for no limit",
        )
    environment = {name: str(value) for name, value in params["repository"]["environment"].items()}
    return Repository(**dict(params["repository"], environment=environment))
