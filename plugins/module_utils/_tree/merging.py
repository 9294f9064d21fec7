# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of what aufs would show, for a host where nothing can mount it. PRIVATE to the collection.

The rules (aufs(5); pkg/archive/whiteouts.go of moby): `.wh.NAME` in a branch hides NAME in all branches below,
`.wh..wh..opq` in a directory all that they have in it, and what begins with `.wh..wh.` is aufs' own. A file that has
several names in different branches (`.wh..wh.plnk`) is one for aufs alone; here each name is a file of its own.
"""

import os
import stat
from typing import Dict, List, NamedTuple, Set

from .._errors import RescueError
from .._host import Host
from . import copying
from .inside import Entry, Inside, Parts

_WHITEOUT, _OWN, _OPAQUE = ".wh.", ".wh..wh.", ".wh..wh..opq"


# What the union takes from one branch.
class Share(NamedTuple):
    branch: Inside
    directories: List[Entry]
    others: List[Entry]


def copy(host: Host, branches: List[str], dest: str) -> List[str]:
    """Copies the union of branches (directories, the top one first) into an empty directory. Returns warnings. Raises
    Refused where it would not fit."""
    held: List[Inside] = []
    try:
        for branch in branches:
            held.append(Inside(branch))
        parts = shares(held)
        everything = [one for share in parts for one in share.directories + share.others]
        copying.require_space(everything, dest)
        warnings: List[str] = []
        # Directories twice: they must be there for what is in them, whose coming changes their times.
        for of_share in (_directories, _others, _directories):
            for share in reversed(parts):
                wanted = of_share(share)
                if wanted:
                    warnings += copying.to_directory(host, share.branch.root, wanted, dest)
                if of_share is _others:
                    _make_sockets(share, dest)
        return warnings
    except OSError as error:
        raise RescueError("the layers cannot be read: %s" % error)
    finally:
        for one in held:
            one.close()


def shares(branches: List[Inside]) -> List[Share]:
    """What the union shows of each branch, the top one first."""
    union = _Union()
    return [union.below(branch) for branch in branches]


class _Union:
    """The branches that were looked at so far, from the top."""

    def __init__(self) -> None:
        self._kinds: Dict[Parts, str] = {}  # of what is shown
        self._hidden: Set[Parts] = set()
        self._opaque: Set[Parts] = set()
        self._hides: Set[Parts] = set()  # what the present branch says of those below it
        self._closes: Set[Parts] = set()

    def below(self, branch: Inside) -> Share:
        """The share of the next branch."""
        share = Share(branch, [], [])
        for entry in branch.walk(branch.entry(()), self._is_shown):
            if entry.parts not in self._kinds:
                (share.directories if entry.kind == "directory" else share.others).append(entry)
                self._kinds[entry.parts] = entry.kind
        self._hidden |= self._hides
        self._opaque |= self._closes
        return share

    def _is_shown(self, entry: Entry) -> bool:
        directory, name = entry.parts[:-1], (entry.parts or ("",))[-1]
        if name.startswith(_WHITEOUT):
            if name == _OPAQUE:
                self._closes.add(directory)
            elif not name.startswith(_OWN):
                self._hides.add(directory + (name[len(_WHITEOUT) :],))
            return False
        if entry.parts in self._hidden or (entry.parts and directory in self._opaque):
            return False
        above = self._kinds.get(entry.parts)
        return above is None or above == entry.kind == "directory"


def _directories(share: Share) -> List[Entry]:
    return share.directories


def _others(share: Share) -> List[Entry]:
    return [one for one in share.others if one.kind != "socket"]


def _make_sockets(share: Share, dest: str) -> None:
    """tar(1) knows none."""
    for entry in share.others:
        if entry.kind == "socket":
            path = os.path.join(dest, *entry.parts)
            os.mknod(path, entry.facts.st_mode)
            os.chown(path, entry.facts.st_uid, entry.facts.st_gid)
            os.chmod(path, stat.S_IMODE(entry.facts.st_mode))
            os.utime(path, ns=(entry.facts.st_atime_ns, entry.facts.st_mtime_ns))
