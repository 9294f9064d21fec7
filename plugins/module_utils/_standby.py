# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A helper that takes something back when we die, by whatever death. PRIVATE to the collection.

It runs in a session of its own and holds a pipe from us. When the pipe closes and nothing was said in it, or a time
limit has passed, it acts within a second.
"""

import contextlib
import os
import select
import signal
from typing import Callable, Optional

_ACTED_AT_LIMIT = 3  # exit status


class Standby:
    """``act`` runs in the helper, which has none of our open files. It stands by from ``with`` on, and goes with it."""

    def __init__(self, act: Callable[[], None], limit: Optional[float] = None) -> None:
        self._act, self._limit = act, limit
        self._code: Optional[int] = None

    def __enter__(self) -> "Standby":
        read_end, self._pipe = os.pipe()
        self._helper = os.fork()
        if self._helper == 0:
            self._watch(read_end)
        os.close(read_end)
        return self

    def __exit__(self, *_unused: object) -> None:
        self.dismiss()

    def acted(self) -> bool:
        """Whether the limit has passed and it acted."""
        if self._code is None:
            pid, status = os.waitpid(self._helper, os.WNOHANG)
            self._code = status if pid else None
        return (
            self._code is not None
            and os.WIFEXITED(self._code)
            and os.WEXITSTATUS(self._code) == _ACTED_AT_LIMIT
        )

    def dismiss(self, act_first: bool = False) -> None:
        """Ends it and waits for that; it acts before only where that is asked for."""
        if self._pipe < 0:
            return
        if not act_first:
            with contextlib.suppress(OSError):  # it may be gone
                os.write(self._pipe, b"-")
        os.close(self._pipe)
        self._pipe = -1
        if self._code is None:
            self._code = os.waitpid(self._helper, 0)[1]

    def _watch(self, read_end: int) -> None:
        """The helper: runs in the child and never returns."""
        code = 0
        try:
            os.setsid()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_IGN)
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(null, descriptor)
            os.dup2(read_end, 3)
            os.closerange(4, 65536)  # our end of the pipe too: else it would never close
            if not select.select([3], [], [], self._limit)[0]:
                code = _ACTED_AT_LIMIT
                self._act()
            elif not os.read(3, 1):
                self._act()
        finally:
            os._exit(code)
