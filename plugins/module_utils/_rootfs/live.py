# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of a container that lives, as it sees it itself. PRIVATE to the collection."""

from typing import List

from .. import _mountinfo
from .._errors import CommandFailed, Refused
from .._plan import Action, Context, Mount, Plan, Unmount
from .driver import SAFE_OPTIONS, Request


def plan(merged_here: str, request: Request, fs_type: str = "") -> Plan:
    """A read-only bind of the driver's own mount where our namespace shows it, else the root of one of the container's
    processes. That root is known by the layer's mark in it, or by ``fs_type`` where a mount does not say its layers."""
    if merged_here:
        bind = Mount(merged_here, request.path, "", ("bind", "ro") + SAFE_OPTIONS)
        return Plan().add(bind, Unmount(request.path))
    if not request.life.pids:
        reasons = "; ".join(request.life.reasons) or "nothing"
        raise Refused(
            "no process of container %s was found to look through (seen: %s)"
            % (request.container.id[:12], reasons),
            "If it is dead, use `method: auto`",
        )
    step = MountLive(request.life.pids, request.container.mark, fs_type, request.path)
    return Plan().add(step, Unmount(request.path))


class MountLive(Action):
    """Shows the root of a living container through one of its processes, also out of another mount namespace."""

    def __init__(self, pids: List[int], mark: str, fs_type: str, target: str) -> None:
        self.pids, self.mark, self.fs_type, self.target = pids, mark, fs_type, target
        self.pid = pids[0]

    def shown(self, outputs: object) -> List[str]:
        # mount(8) cannot do it; this is the nearest that a shell can: a copy of the mount, made inside, moved out.
        return [
            "# open_tree(CLONE) of / in the mount namespace of process %d, move_mount to %s"
            % (self.pid, self.target)
        ]

    def perform(self, context: Context) -> None:
        for pid in self.pids:
            roots = _mountinfo.stacked_at(context.host.mounts_of(pid), "/")
            if roots and self._is_it(roots[-1]):
                self.pid = pid
                context.host.mount_root_of_process(self.pid, self.target)
                return
        raise CommandFailed(
            "no process shows the container's own root any more (looked at %s)"
            % ", ".join(map(str, self.pids)),
            "It has ended meanwhile: run it again",
        )

    def _is_it(self, root: _mountinfo.Mount) -> bool:
        named = any(self.mark in text for text in (root.root, root.source, root.super_options))
        return named or (bool(self.fs_type) and root.fs_type == self.fs_type)
