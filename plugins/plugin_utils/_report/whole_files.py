# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that others read while we write: they are there whole, or as they were. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile


def write(path: str, text: str, mode: int) -> None:
    """Replaces a file at once, and for good. Raises OSError."""
    directory, name = os.path.split(os.path.abspath(path))
    # Hidden, and with an ending of no reader: neither a result file nor a collector's.
    handle, temporary = tempfile.mkstemp(prefix=".%s." % name[:100], suffix=".new", dir=directory)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode("utf-8", "backslashreplace"))
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync(directory)


def remove(path: str) -> None:
    """Removes a file where there is one. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def read(path: str, limit: int) -> bytes:
    """What is in a regular file. Raises OSError, and ValueError with what is wrong."""
    # Neither a link that leads elsewhere nor a pipe on which we would wait.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise ValueError("is no regular file")
        # Python sets as much memory aside as it is asked to read.
        content = stream.read(min(facts.st_size, limit) + 1)
    if len(content) > limit:
        raise ValueError("has more than %d MiB" % (limit // 2**20))
    return content


def _sync(directory: str) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
