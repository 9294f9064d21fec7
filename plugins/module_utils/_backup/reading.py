# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's tree, open for reading while it is backed up, and what to think of what was read. PRIVATE to the
collection.

How consistent it is: a dead container is ``stopped``; a living one is read from a ``snapshot`` where its driver has
one, or while it is frozen (``pause``), else ``live``: its files may change while they are read.
"""

import contextlib
import os
import time
from typing import Iterator, List, NamedTuple, Optional, Set

from .. import _lock, _ours
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._errors import CommandFailed, Refused, RescueError
from .._host import Host
from .._rootfs import drivers, found, tree
from .._rootfs.alive import Alive
from .._rootfs.closing import close_container
from .._rootfs.driver import NOTHING
from .._rootfs.opening import Target, Wanted, open_container
from .._standby import Standby
from .._text import few
from .pausing import Pause, paused

_SCRATCH = 1024**3  # bytes, for the journal that a read-only mount replays
_CLOSED_WITHIN = 60.0  # seconds: a tar that outlives us holds the tree until it notices


class Reading(NamedTuple):
    host: Host
    root: DataRoot
    container: Container
    name: str
    path: str
    method: str
    consistency: str
    warnings: List[str]
    pause: Optional[Pause]
    left_out: List[str]  # paths of it that are empty here

    def finish(self) -> List[str]:
        """Asked when all is read: what makes it a part only. Raises CommandFailed where nothing can be trusted."""
        warnings = self.pause.end() if self.pause else []
        with _turn(self.host, self.root):
            opened, _binds = tree.find(self.host, self.container.id)
            if opened is None or not opened.mount:
                raise CommandFailed("the tree at %s was closed while it was read" % self.path, "Run it again")
            trouble = drivers.distrust(self.host, found.of_container(self.host, self.container.id, self.name))
        if trouble:
            raise CommandFailed("what was read of %s is not to be trusted: %s" % (self.name, trouble))
        if not os.path.isdir(os.path.join(self.root.path, "containers", self.container.id)):
            return warnings + ["the container was removed while it was read"]
        if self.consistency == "stopped" and self.method != "snapshot":
            alive = Alive(self.host, self.root).of(self.container).reasons
            if alive or self._was_started():
                said = "; ".join(alive) or "it has stopped again"
                warnings.append("the container was started while it was read (%s)" % said)
        return warnings

    def _was_started(self) -> bool:
        """Whether it ran meanwhile, and has ended."""
        now = Container(self.root.path, self.container.id)
        return bool(now.record) and now.state()["started_at"] != self.container.state()["started_at"]


@contextlib.contextmanager
def reading(
    host: Host,
    root: DataRoot,
    everyone: List[Container],
    container: Container,
    consistency: str,
    pause_limit: float,
) -> Iterator[Reading]:
    """Opens it, and closes it again if it was not open before, also should we die. Raises RescueError."""
    same = sum(one.name == container.name for one in everyone)
    name = _ours.tree_name(container.id, container.name, same == 1)
    life = Alive(host, root).of(container)
    lives = bool(life.reasons)
    before, _binds = tree.find(host, container.id)
    if before and before.mount:
        _require_fit(host, before, lives)
    method = _method(container, consistency) if lives else "auto"
    wanted = Wanted(container.id, "", root.path, NOTHING, None, "read_only", method, None, _SCRATCH, False)
    with contextlib.ExitStack() as stack:
        pause = None
        with _turn(host, root):
            if lives and consistency == "pause":
                pause = stack.enter_context(paused(host, container.id, life.pids, pause_limit))
            if not (before and before.mount):
                stack.enter_context(Standby(lambda: _close_after_death(host, container.id, root)))
            # Before and after: what comes or goes meanwhile may be in the snapshot or not.
            left_out = _not_in_snapshot(host, root, container, method)
            opened = open_container(host, wanted, Target(root, everyone, container, name), False)
            left_out |= _not_in_snapshot(host, root, container, method)
        if opened.changed:
            stack.callback(_close, host, container.id, root)
        reached = _reached(lives, pause, opened.method)
        if consistency == "snapshot" and reached == "live":
            raise Refused(
                "container %s is alive, and %s has no snapshot of it" % (name, container.driver),
                "Use `consistency: pause` or `auto`, or stop the container",
            )
        warnings = list(opened.warnings)
        apart = sorted(left_out)
        if apart:
            warnings.append("subvolumes in the container are not in this backup: %s" % few(apart))
        yield Reading(
            host, root, container, name, opened.path, opened.method, reached, warnings, pause, apart
        )


def _turn(host: Host, root: DataRoot) -> "contextlib.AbstractContextManager[None]":
    """Of several containers that are read at a time, one is opened, looked at or closed: what another has opened by
    half looks like a Docker that is starting."""
    return _lock.turn(host, "open-" + root.path, "the data root %s" % root.path)


def _close(host: Host, container_id: str, root: DataRoot) -> None:
    with _turn(host, root):
        close_container(host, container_id, root)


def _method(container: Container, consistency: str) -> str:
    """How a living container is opened: from a snapshot where its driver has them, so that what forbids one is said."""
    has_snapshots = "snapshot" in drivers.driver_for(container).METHODS["read_only"]
    return "snapshot" if has_snapshots and consistency in ("auto", "snapshot") else "auto"


def _not_in_snapshot(host: Host, root: DataRoot, container: Container, method: str) -> Set[str]:
    return set(drivers.not_in_snapshot(host, root, container)) if method == "snapshot" else set()


def _reached(lives: bool, pause: Optional[Pause], method: str) -> str:
    if not lives:
        return "stopped"
    if pause:
        return "pause"
    return "snapshot" if method == "snapshot" else "live"


def _require_fit(host: Host, opened: _ours.Tree, lives: bool) -> None:
    """Refuses a tree that was open before and does not show what the container is now."""
    label = opened.label
    reason = ""
    if label.method == "snapshot":
        reason = "as it was when it was opened"
    elif lives and label.method in ("merge", "directory", "assemble", "extract"):
        reason = "as a dead container, and it is alive now"
    elif opened.below:
        reason = "with its volumes in it"
    if reason:
        raise Refused(
            "container %s is open already at %s, %s" % (label.name, opened.path, reason),
            "Close it: `state: unmounted`, or drydock.rescue.cleanup",
        )


def _close_after_death(host: Host, container_id: str, root: DataRoot) -> None:
    end = time.monotonic() + _CLOSED_WITHIN
    while time.monotonic() < end:
        with contextlib.suppress(RescueError, OSError):
            close_container(host, container_id, root)
            return
        time.sleep(0.2)
