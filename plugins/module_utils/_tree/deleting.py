# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes inside a container's tree, without ever following a link. PRIVATE to the collection."""

import os
from typing import List

from .._errors import Refused
from .inside import Entry, Inside
from .listing import disk_bytes


def freed_bytes(tree: Inside, matches: List[Entry]) -> int:
    """What the matches take on the disk; a file that has another name elsewhere frees nothing yet."""
    return sum(
        disk_bytes(entry) for match in matches for entry in tree.walk(match) if entry.facts.st_nlink == 1
    )


def delete(tree: Inside, matches: List[Entry]) -> None:
    """Deletes files, and directories with all in them."""
    for match in matches:
        if not match.parts:
            raise Refused("`/` itself is not deleted", "Name what is in it, as in `/tmp/*`")
    for match in matches:
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
