# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are: the checkout, and the cache that holds all that is made."""

import contextlib
import functools
import os
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "drydock-rescue"
# Where the collection lies below a directory that Ansible searches.
COLLECTION = Path("ansible_collections/drydock/rescue")


@functools.lru_cache
def logs() -> Path:
    """A directory for what the steps of this run write."""
    directory = CACHE / "logs" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def collections_path() -> Path:
    """A collections path on which Ansible finds the checkout itself, so that edits count at once."""
    directory = ROOT / ".ansible/collections"
    link = directory / COLLECTION
    link.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # of a run before, or of a job beside this one
        link.symlink_to(os.path.relpath(ROOT, link.parent))
    return directory
