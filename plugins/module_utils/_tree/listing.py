# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists what is in a container's tree, and what fills it. PRIVATE to the collection."""

import heapq
import stat
from typing import Any, Dict, Iterator, List, Sequence, Set, Tuple

from .._text import printable
from .inside import Entry, Inside, outermost, shown

_BLOCK = 512  # bytes of st_blocks, on every Linux


def below(tree: Inside, matches: Sequence[Entry]) -> Iterator[Entry]:
    """The matches with all below them, each once."""
    for match in outermost(matches):
        yield from tree.walk(match)


def largest(entries: Iterator[Entry], count: int) -> List[Entry]:
    """The files that take the most room on the disk, a file with several names once."""
    seen: Set[Tuple[int, int]] = set()

    def files() -> Iterator[Entry]:
        for entry in entries:
            key = (entry.facts.st_dev, entry.facts.st_ino)
            if entry.kind == "file" and key not in seen:
                seen.add(key)
                yield entry

    return heapq.nlargest(count, files(), key=disk_bytes)


def disk_bytes(entry: Entry) -> int:
    """What a file takes on the disk; less than its size where it has holes."""
    return entry.facts.st_blocks * _BLOCK


def facts(entry: Entry) -> Dict[str, Any]:
    """What container_files returns of one file."""
    return {
        "path": shown(entry.parts),
        "type": entry.kind,
        "size_bytes": entry.facts.st_size,
        "disk_bytes": disk_bytes(entry),
        "mode": "%04o" % stat.S_IMODE(entry.facts.st_mode),
        "uid": entry.facts.st_uid,
        "gid": entry.facts.st_gid,
        "mtime": int(entry.facts.st_mtime),
        "target": printable(entry.target),
    }
