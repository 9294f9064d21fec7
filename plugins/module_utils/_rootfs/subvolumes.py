# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read-only btrfs snapshots of ours: `<data root>/btrfs/drydock-<name>`, beside Docker's `subvolumes`. PRIVATE to the
collection.

They outlive a reboot, and the label that says where they are does not: then they are looked for below the data root.
"""

import os
import re
from typing import List, Optional, Sequence

from .. import _ours
from .._docker.data_root import DataRoot
from .._errors import Refused
from .._host import Host
from .._plan import Context, Run
from .._text import printable

_HOME = "btrfs"
_PATTERN = frozenset("*?")  # of `exclude`
_LISTED = re.compile(r"ID \d+ gen \d+ top level \d+ path (.+)")


def home(data_root: str) -> str:
    """Where Docker's driver keeps what it has, and we our snapshots."""
    return os.path.join(data_root, _HOME)


def names(host: Host, root: Optional[DataRoot]) -> List[str]:
    """The names of the trees of which a data root holds a snapshot."""
    if root is None:
        return []
    there = home(root.path)
    listed = os.listdir(there) if os.path.isdir(there) else []
    trees = [one[len(_ours.PREFIX) :] for one in listed if one.startswith(_ours.PREFIX)]
    return [one for one in trees if _ours.is_tree_name(one) and host.is_subvolume(_ours.snapshot(there, one))]


def of(host: Host, name: str, root: Optional[DataRoot], labels: Sequence[_ours.Label]) -> List[str]:
    """The snapshots of one tree: below the data root, and where its label says."""
    homes = {home(root.path)} if root else set()
    homes.update(one.extra for one in labels if os.path.basename(one.extra) == _HOME)
    return [path for path in (_ours.snapshot(one, name) for one in sorted(homes)) if host.is_subvolume(path)]


def nested(host: Host, subvolume: str) -> List[str]:
    """The subvolumes in one, as absolute paths of its tree; a snapshot shows them as empty directories. Raises Refused
    where a name is none that can be left out by itself: it has a line break, or stands for others too."""
    above = os.path.basename(subvolume) + "/"
    found = []
    for line in host.run(["btrfs", "subvolume", "list", "-o", subvolume]).out.split("\n"):
        match = _LISTED.fullmatch(line)
        inside = match.group(1).partition(above)[2] if match else ""
        if line and (not inside or _PATTERN.intersection(inside)):
            raise Refused(
                "a subvolume in the container is in no snapshot of it, and cannot be left out: %s"
                % printable(line),
                "Use `consistency: pause` or `live`",
            )
        if inside:
            found.append("/" + inside)
    return found


class Take(Run):
    """A snapshot of a subvolume."""

    def __init__(self, source: str, path: str) -> None:
        super().__init__("btrfs", "subvolume", "snapshot", "-r", source, path)
        self.path = path

    def perform(self, context: Context) -> None:
        if os.path.lexists(self.path):  # the tool would make it inside of that
            raise Refused("%s is there, and is no snapshot of ours" % self.path, "Move it away")
        super().perform(context)


class Delete(Run):
    """Deletes a snapshot of ours."""

    def __init__(self, path: str) -> None:
        super().__init__("btrfs", "subvolume", "delete", path)
