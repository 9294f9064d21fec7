# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a backup or a restore is, where it is a job: one small file for each container. PRIVATE to the collection.

Each is written by the process that works on the container. plugin_utils/_progress.py shows them.
"""

import time

from .. import _jobs
from .._host import Host
from .._text import printable
from .engine import Watch, WatchOfRestore


def expect(host: Host, containers: int) -> None:
    _jobs.tell(host, "all", {"containers": containers})


class Progress:
    """Of one container, or of one part of what is restored."""

    def __init__(self, host: Host, container_id: str, name: str) -> None:
        self._host, self._id, self._name = host, container_id, printable(name)
        self._tell()

    def watch(self, total: int) -> Watch:
        """To be told how many of so many bytes are done."""
        told = self.watch_of_restore()
        told(0, total)
        return lambda done: told(done, total)

    def watch_of_restore(self) -> WatchOfRestore:
        """To be told how many of how many bytes are done."""
        begin = time.monotonic()

        def told(done: int, total: int) -> None:
            self._tell(done=done, total=total, seconds=round(time.monotonic() - begin, 1))

        return told

    def end(self, status: str) -> None:
        self._tell(status=status)

    def _tell(self, **facts: object) -> None:
        _jobs.tell(self._host, self._id, dict(facts, container=self._name))
