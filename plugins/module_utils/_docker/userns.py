# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Docker keeps everything when it remaps users: `<data root>/<uid>.<gid>`. PRIVATE to the collection.

The two numbers are the first subordinate ids of the user that `--userns-remap` names, out of /etc/subuid and
/etc/subgid. `default` is the user dockremap, which Docker makes itself.
"""

import grp
import os
import pwd
import re
from typing import Dict, List

from .._errors import RescueError
from . import records

SUBUID = "/etc/subuid"
SUBGID = "/etc/subgid"
_DIRECTORY = re.compile(r"(0|[1-9][0-9]{0,9})\.(0|[1-9][0-9]{0,9})")
_NUMBER = re.compile(r"[0-9]{1,10}")


def directories(root: str) -> List[str]:
    """The directories below a data root that have the form of a remapped one."""
    paths = [os.path.join(root, name) for name in records.names_in(root) if _DIRECTORY.fullmatch(name)]
    return [path for path in paths if os.path.isdir(path)]


def remapped(root: str, remap: str) -> str:
    """The data root in truth, of one that is configured together with ``--userns-remap``. Where the ids are not known
    or that directory is not there, it is the only one of that form, or else what can be said."""
    user, _colon, group = remap.partition(":")
    if user in ("", "root", "0"):  # root as itself: Docker then remaps nothing
        return root
    wanted = [
        os.path.join(root, "%d.%d" % (uid, gid)) for uid in _user_ids(user) for gid in _group_ids(user, group)
    ]
    there = [path for path in wanted if os.path.isdir(path)] or directories(root)
    if len(there) == 1 or (there and there[0] in wanted):
        return there[0]
    return wanted[0] if wanted else root


def _user_ids(user: str) -> List[int]:
    return _first_ids(SUBUID, _names_of_user(user))


def _group_ids(user: str, group: str) -> List[int]:
    """Docker looks the user up in /etc/subgid; before 17.06 it was the group."""
    return _first_ids(SUBGID, _names_of_user(user) + _names_of_group(group or user))


def _names_of_user(user: str) -> List[str]:
    """How the files of subordinate ids may name a user: by number and by name."""
    user = "dockremap" if user == "default" else user
    try:
        found = pwd.getpwuid(int(user)) if _NUMBER.fullmatch(user) else pwd.getpwnam(user)
    except (KeyError, ValueError, OverflowError, OSError):
        return [user]
    return [str(found.pw_uid), found.pw_name]


def _names_of_group(group: str) -> List[str]:
    group = "dockremap" if group == "default" else group
    if not _NUMBER.fullmatch(group):
        return [group]
    try:
        return [grp.getgrgid(int(group)).gr_name]
    except (KeyError, ValueError, OverflowError, OSError):
        return []


def _first_ids(path: str, names: List[str]) -> List[int]:
    """The ids that the first of these names gets for its root: that of its first range, or, as Docker had it before
    20.10, of its lowest."""
    try:
        text = records.read_text(path, follow=True)
    except RescueError:
        return []
    ranges = [line.strip().split(":") for line in text.splitlines() if not line.strip().startswith("#")]
    starts: Dict[str, List[int]] = {}
    for fields in ranges:
        if len(fields) == 3 and _NUMBER.fullmatch(fields[1]):
            starts.setdefault(fields[0], []).append(int(fields[1]))
    found: List[int] = []
    for name in names:
        for start in starts.get(name, [])[:1] + sorted(starts.get(name, []))[:1]:
            if start not in found:
                found.append(start)
    return found
