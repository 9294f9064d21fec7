# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one folder that the lab writes to, and its locks."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "drydock-lab"
LABS = FOLDER / "labs"


@contextlib.contextmanager
def locked(name: str = "lock") -> Iterator[None]:
    """While images or labs come and go; other callers wait. The kernel frees it even when we are killed. What is quick
    has a lock of its own name, for building an image takes minutes."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
