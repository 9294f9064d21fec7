# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Binds what lies outside of a container's layer into its open tree, and takes it away again. PRIVATE to the
collection.

Destinations are hostile input, and what is in a volume may change at any moment: a destination is resolved inside the
tree as the container would, and mounted on without following any link. Nothing is made in a layer: where it has no
mount point, the volume is not shown, and that is said.
"""

import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .. import _mountinfo
from .._errors import NotFound, Refused
from .._host import Host, quote
from .._plan import Action, Context
from .._text import printable
from .._tree.inside import Entry, Inside, Parts


# A volume or bind, what it is in its file system, and where it is to be seen.
class Outer(NamedTuple):
    facts: Dict[str, Any]  # as container_info returns them
    source: str  # without links; empty where there is none
    place: Tuple[str, str]  # see _mountinfo.place_of
    parts: Parts  # the destination as it was recorded


class ShowOuter(Action):
    """Binds a volume into an open tree. Where that cannot be, ``left_out`` says why and nothing is done; so it is where
    the ``first``, in the same tree at another place, was left out."""

    def __init__(
        self, path: str, outer: Outer, options: Sequence[str], first: "Optional[ShowOuter]" = None
    ) -> None:
        self.path, self.outer, self.options = path, outer, ("bind",) + tuple(options)
        self.first = first
        self.parts = outer.parts
        self.left_out = ""

    def shown(self, outputs: object) -> List[str]:
        target = os.path.join(self.path, *self.parts)
        argv = ["mount", "--make-private", "-o", ",".join(self.options), self.outer.source, target]
        return [] if self.left_out else [quote(argv)]

    def perform(self, context: Context) -> None:
        if self.first and self.first.left_out:
            self.left_out = self.first.left_out
            return
        entry, self.left_out = mount_point(context.host, self.path, self.outer)
        if entry is not None:
            self.parts = entry.parts
            try:
                context.host.bind_inside(self.outer.source, self.path, entry.parts, self.options)
            except OSError as error:
                self.left_out = "the way to it changed just now: %s" % error.strerror
        if self.left_out:
            context.warnings.append(not_shown(self.outer, self.left_out))


class HideOuter(Action):
    """Takes it away again."""

    def __init__(self, step: ShowOuter) -> None:
        self.step = step

    def shown(self, outputs: object) -> List[str]:
        target = os.path.join(self.step.path, *self.step.parts)
        return [] if self.step.left_out else [quote(["umount", target])]

    def perform(self, context: Context) -> None:
        if not self.step.left_out:
            context.host.unmount_inside(self.step.path, self.step.parts)


class UnmountInside(Action):
    """Unmounts what is mounted in an open tree. In one that lives, it may have gone by itself."""

    def __init__(self, path: str, mount: _mountinfo.Mount) -> None:
        self.path, self.mount = path, mount

    def shown(self, outputs: object) -> List[str]:
        return [quote(["umount", self.mount.mount_point])]

    def perform(self, context: Context) -> None:
        for mount in _mountinfo.below(context.host.mounts(), self.path):
            if mount.mount_id == self.mount.mount_id:  # who lives there may have renamed its directory
                parts = mount.mount_point[len(self.path) :].strip("/").split("/")
                context.host.unmount_inside(self.path, parts)


class OwnPeerGroup(Action):
    """What is mounted in the tree from now on is seen there alone, and not in Docker's own mount of the same."""

    def __init__(self, path: str) -> None:
        self.path = path

    def shown(self, outputs: object) -> List[str]:
        return [quote(["mount", "--make-r" + kind, self.path]) for kind in ("private", "shared")]

    def perform(self, context: Context) -> None:
        context.host.own_peer_group(self.path)


def mount_point(host: Host, path: str, outer: Outer) -> Tuple[Optional[Entry], str]:
    """The place in an open tree where something is to be seen, or why there is none."""
    try:
        tree = Inside(path)
    except NotFound as error:
        return None, error.message
    try:
        entry = tree.entry(tree.resolve(outer.parts))
    except (FileNotFoundError, NotADirectoryError):
        return None, "the container's layer has no mount point for it, and none is made"
    except OSError as error:
        return None, "the way to its mount point cannot be followed: %s" % error.strerror
    except Refused as error:
        return None, error.message
    finally:
        tree.close()
    wanted = "directory" if os.path.isdir(outer.source) else "file"
    if entry.kind != wanted:
        return None, "it is a %s, and its mount point in the layer a %s" % (wanted, entry.kind)
    if not entry.parts:
        return None, "its destination leads to / itself"
    target = os.path.join(path, *entry.parts)
    for mount in _mountinfo.below(host.mounts(), path):
        if mount.mount_point == target or mount.mount_point.startswith(target + "/"):
            return None, "another volume is shown there, or below"
    return entry, ""


def not_shown(outer: Outer, reason: str) -> str:
    return "%s is not shown: %s" % (named(outer), printable(reason))


def named(outer: Outer) -> str:
    return printable("%s at %s" % (outer.facts["type"], outer.facts["destination"]))
