# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A limit of bytes per second. PRIVATE to the collection."""

import time
from typing import IO, Iterator, Optional

_LARGEST = 1024 * 1024


class Pace:
    """One stream of bytes."""

    def __init__(self, rate: Optional[int]) -> None:
        self._rate, self._free = rate, time.monotonic()
        # What is read at once: so much that no sleep is longer than a second.
        self.chunk = min(_LARGEST, rate or _LARGEST)

    def passed(self, count: int) -> None:
        """Sleeps as long as these bytes may take. Time that was lost before is not made good by a burst."""
        if self._rate:
            now = time.monotonic()
            self._free = max(self._free, now) + count / self._rate
            time.sleep(self._free - now)

    def chunks(self, stream: IO[bytes]) -> Iterator[bytes]:
        """What can be read of it."""
        for chunk in iter(lambda: stream.read(self.chunk), b""):
            self.passed(len(chunk))
            yield chunk
