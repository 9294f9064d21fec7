# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading pool files and block devices as they are below the page cache. PRIVATE to the collection."""

import contextlib
import fcntl
import os
import stat
from typing import Iterator

_BLKFLSBUF = 0x1261


@contextlib.contextmanager
def opened(path: str, flags: int = os.O_RDONLY) -> Iterator[int]:
    """A file descriptor. Of a block device what the page cache has is dropped first: device-mapper writes below it."""
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        if stat.S_ISBLK(os.fstat(descriptor).st_mode):
            fcntl.ioctl(descriptor, _BLKFLSBUF)
        yield descriptor
    finally:
        os.close(descriptor)
