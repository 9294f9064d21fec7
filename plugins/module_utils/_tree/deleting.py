# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes inside a container's tree, without ever following a link. PRIVATE to the collection."""

import os
from typing import Dict, List, Tuple

from .._errors import Refused
from .inside import Entry, Inside, outermost
from .listing import below, disk_bytes


def freed_bytes(tree: Inside, matches: List[Entry]) -> int:
    """What the matches take on the disk; a file that keeps another name elsewhere frees nothing."""
    names: Dict[Tuple[int, int], int] = {}
    freed = 0
    for entry in below(tree, matches):
        if entry.kind == "directory":
            continue
        key = (entry.facts.st_dev, entry.facts.st_ino)
        names[key] = names.get(key, 0) + 1
        if names[key] == entry.facts.st_nlink:
            freed += disk_bytes(entry)
    return freed


def delete(tree: Inside, matches: List[Entry]) -> None:
    """Deletes files, and directories with all in them."""
    for match in matches:
        if not match.parts:
            raise Refused("`/` itself is not deleted", "Name what is in it, as in `/tmp/*`")
    for match in outermost(matches):
        # Contents before their directory.
        for entry in reversed(list(tree.walk(match))):
            with tree.directory(entry.parts[:-1]) as directory:
                try:
                    if entry.kind == "directory":
                        os.rmdir(entry.parts[-1], dir_fd=directory)
                    else:
                        os.unlink(entry.parts[-1], dir_fd=directory)
                except FileNotFoundError:
                    pass
