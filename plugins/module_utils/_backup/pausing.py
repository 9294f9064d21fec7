# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freezes the processes of a living container while it is read. PRIVATE to the collection.

By its own cgroup (the `freezer` of version 1, `cgroup.freeze` of version 2 since Linux 5.2), as `docker pause` does,
and never one above. Before that, a helper stands by that thaws it when we die, or when the limit is reached.
"""

import contextlib
import os
import re
import time
from typing import Iterator, List, NamedTuple, Optional, Sequence

from .. import _mountinfo
from .._errors import CommandFailed, Refused
from .._host import Host, quote
from .._standby import Standby

_FREEZES_WITHIN = (
    5.0  # seconds; a process that waits for a disk or a network file system does not freeze before
)
_LOOK_EVERY = 0.01


class Freezer(NamedTuple):
    """How one cgroup is frozen: by a word in a file, and ``shows`` is the line of ``status`` when it is done."""

    control: str
    freeze: str
    thaw: str
    status: str
    shows: str

    def is_frozen(self) -> bool:
        """Raises OSError."""
        with open(self.status) as stream:
            return self.shows in stream.read().splitlines()

    def write(self, word: str) -> None:
        """Raises OSError."""
        descriptor = os.open(self.control, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, word.encode())
        finally:
            os.close(descriptor)


class Pause:
    """A container that is frozen now, by us or by somebody before us."""

    def __init__(self, freezer: Freezer, standby: Optional[Standby], limit: float) -> None:
        self._freezer, self._standby, self._limit = freezer, standby, limit
        self._ended = False

    def end(self) -> List[str]:
        """Thaws what we froze; what of it makes a backup a partial one. Raises CommandFailed."""
        if self._ended:
            return []
        self._ended = True
        try:
            stayed = self._freezer.is_frozen()
        except OSError:
            return ["the container ended while it was read"]
        if self._standby is None:
            return [] if stayed else ["the container was paused, and resumed while it was read"]
        if self._standby.acted():
            return [
                "the container was paused for %g s (`pause_limit`); what was read later may not fit together"
                % self._limit
            ]
        self._thaw()
        return [] if stayed else ["the container was resumed by another while it was read"]

    def _thaw(self) -> None:
        try:
            self._freezer.write(self._freezer.thaw)
        except FileNotFoundError:
            return  # it ended
        except OSError as error:
            raise CommandFailed(
                "the container is frozen and cannot be thawed: %s" % error.strerror,
                "Run `echo %s > %s` at once" % (self._freezer.thaw, quote([self._freezer.control])),
            )


@contextlib.contextmanager
def paused(host: Host, container_id: str, pids: Sequence[int], limit: float) -> Iterator[Pause]:
    """Freezes a container for at most ``limit`` seconds; one that is frozen already is left so. Raises Refused and
    CommandFailed."""
    freezer = _freezer(host, container_id, pids)
    try:
        if freezer.is_frozen():
            yield Pause(freezer, None, limit)
            return
    except OSError as error:
        raise CommandFailed("%s cannot be read: %s" % (freezer.status, error.strerror))
    with Standby(lambda: freezer.write(freezer.thaw), limit) as standby:
        pause = Pause(freezer, standby, limit)
        try:
            _freeze(freezer, limit)
            yield pause
        finally:
            pause.end()


def _freeze(freezer: Freezer, limit: float) -> None:
    end = time.monotonic() + min(limit, _FREEZES_WITHIN)
    try:
        while True:
            freezer.write(freezer.freeze)  # again: version 1 may stay FREEZING after one
            if freezer.is_frozen():
                return
            if time.monotonic() > end:
                raise CommandFailed(
                    "the container does not freeze: a process of it waits in the kernel",
                    "Use `consistency: live`, or stop the container",
                )
            time.sleep(_LOOK_EVERY)
    except OSError as error:
        raise CommandFailed("the container cannot be frozen: %s: %s" % (freezer.control, error.strerror))


def _freezer(host: Host, container_id: str, pids: Sequence[int]) -> Freezer:
    """The freezer of the container's own cgroup."""
    mounts = host.mounts()
    for process in host.processes():
        if process.pid not in pids:
            continue
        for line in process.cgroup.splitlines():
            _number, controllers, path = (line.split(":", 2) + ["", ""])[:3]
            own = _own(path, container_id)
            directory = _directory(mounts, controllers, own) if own else ""
            for one in _both(directory) if directory else ():
                if os.path.exists(one.control):
                    return one
    raise Refused(
        "the container cannot be paused: it has no cgroup of its own that can be frozen",
        "Use `consistency: auto`, or stop the container",
    )


def _own(path: str, container_id: str) -> str:
    """The container's own cgroup out of that of a process, which may lie deeper; empty if none names it."""
    named = re.match(r"(?:/[^/]+)*?/(?:[^/]*[^/a-f0-9])?%s(?:\.scope)?(?=/|$)" % container_id, path)
    return named.group() if named and ".." not in path.split("/") else ""


def _directory(mounts: Sequence[_mountinfo.Mount], controllers: str, cgroup: str) -> str:
    """Where a cgroup of a hierarchy is to be seen: of the freezer of version 1, or of version 2."""
    for mount in mounts:
        if controllers:
            fits = mount.fs_type == "cgroup" and "freezer" in mount.super_options.split(",")
            fits = fits and "freezer" in controllers.split(",")
        else:
            fits = mount.fs_type == "cgroup2"
        root = mount.root.rstrip("/")
        if fits and cgroup.startswith(root + "/"):
            return mount.mount_point + cgroup[len(root) :]
    return ""


def _both(directory: str) -> List[Freezer]:
    state, freeze = os.path.join(directory, "freezer.state"), os.path.join(directory, "cgroup.freeze")
    events = os.path.join(directory, "cgroup.events")
    return [
        Freezer(state, "FROZEN", "THAWED", state, "FROZEN"),
        Freezer(freeze, "1", "0", events, "frozen 1"),
    ]
