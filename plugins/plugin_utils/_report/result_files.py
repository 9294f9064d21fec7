# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result files: one for each host and run, DIRECTORY/HOST/TIME-KIND.json on the controller. PRIVATE to the
collection.

Runs that go on side by side, as slices of one inventory do, write into the same directory: no two write the same file.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from typing import Any, NamedTuple

from . import fields, whole_files

BACKUP, VERIFY, RESCUE, SURVEY = KINDS = ("backup", "verify_backups", "rescue", "survey")
FORMAT = 1
LIMIT = 32 * 2**20  # bytes of a file; five thousand containers have a tenth of it
KEPT = 100  # files of a host and kind
CONTAINERS = 5000  # of a host
_TIME = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"([0-9]{8}T[0-9]{6}Z)-(%s)\.json" % "|".join(KINDS), re.ASCII)

# What a report needs of what a module returned. All else stays away: the modules' arguments can hold secrets.
_POOL = dict.fromkeys(["name", "mode", "needs_check", "data", "metadata"])
_NEEDED: dict[str, Any] = {
    BACKUP: dict.fromkeys(["results", "warnings", "code"]),
    VERIFY: dict.fromkeys(["rehearsed"]),
    RESCUE: dict.fromkeys(["containers"]),
    SURVEY: {
        "containers": dict.fromkeys(["id", "name", "image", "driver", "created", "alive", "problems"]),
        "data_root": None,
        "driver": None,
        "docker_at_least": None,
        "kernel": None,
        "pools": dict(_POOL, pools=_POOL, problems=None),
        "code": None,
    },
}


class Result(NamedTuple):
    kind: str
    started: int | None
    ended: int
    error: str
    fields: fields.Fields


def is_file_name(host: str) -> bool:
    """Whether a host's name can be that of a directory, and leads nowhere else."""
    try:
        encoded = os.fsencode(host)
    except UnicodeEncodeError:
        return False
    return bool(host) and "/" not in host and "\0" not in host and host[0] != "." and len(encoded) <= 255


def write(directory: str, host: str, kind: str, started: str, error: str, result: dict[str, Any]) -> str:
    """Writes the file of a run that ends now; its path. Raises ValueError and OSError."""
    now = time.time()
    if not is_file_name(host):
        raise ValueError(
            "the host %r has no name that a directory can have: give it another one in the inventory" % host
        )
    document = {
        "format": FORMAT,
        "kind": kind,
        "host": host,
        "started": started,
        "ended": fields.written(now),
        "error": error,
        "result": _needed(result, _NEEDED[kind]),
    }
    place = os.path.join(directory, host)
    for each in (directory, place):
        os.makedirs(each, mode=0o700, exist_ok=True)
    path = os.path.join(place, "%s-%s.json" % (time.strftime(_TIME, time.gmtime(now)), kind))
    whole_files.write(path, json.dumps(document) + "\n", 0o600)
    for name in names(directory, host)[kind][KEPT:]:
        whole_files.remove(os.path.join(place, name))
    return path


def hosts(directory: str) -> list[str]:
    """The hosts that have results. Raises OSError."""
    # Before the first host has reported there is no directory.
    if not os.path.isdir(directory):
        return []
    with os.scandir(directory) as entries:
        return sorted(one.name for one in entries if one.name[0] != "." and one.is_dir(follow_symlinks=False))


def names(directory: str, host: str) -> dict[str, list[str]]:
    """The files of a host by their kinds, the newest first."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    if is_file_name(host):
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(os.path.join(directory, host)), reverse=True):
                match = _NAME.fullmatch(name)
                if match and _is_time(name):
                    found[match.group(2)].append(name)
    return found


def _is_time(name: str) -> bool:
    try:
        fields.moment(time_of(name))
    except ValueError:
        return False
    return True


def time_of(name: str) -> str:
    """When the run of a file ended, as its name says."""
    return "%s-%s-%sT%s:%s:%sZ" % (name[:4], name[4:6], name[6:8], name[9:11], name[11:13], name[13:15])


def read(directory: str, host: str, name: str, notes: fields.Notes) -> Result:
    """Raises ValueError with what is wrong of the file."""
    try:
        document = fields.parsed(whole_files.read(os.path.join(directory, host, name), LIMIT))
    except OSError as error:
        raise ValueError("cannot be read: %s" % error.strerror)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("is no result file of format %d" % FORMAT)
    kind = name[:-5].partition("-")[2]
    if document.get("host") != host or document.get("kind") != kind:
        raise ValueError("is the result of another host or kind than its name says")
    there = fields.Fields(document, kind, notes)
    ended = there.moment("ended")
    if ended is None:
        raise ValueError("does not say when the run ended")
    error = there.text("error", fields.MESSAGE)
    return Result(kind, there.moment("started"), ended, error, there.mapping("result"))


def _needed(value: Any, needed: dict[str, Any] | None) -> Any:
    """What is named of mappings, and of each in a list; as plain types of Python, whatever Ansible made of them."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_needed(one, needed) for one in value]
    if isinstance(value, dict):
        return {
            str(key): _needed(one, needed[key] if needed else None)
            for key, one in value.items()
            if not needed or key in needed
        }
    for kind in (bool, int, float):
        if isinstance(value, kind):
            return kind(value)
    return None
