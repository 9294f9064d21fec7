# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads mountinfo, the kernel's own list of mounts. PRIVATE to the collection.

Format: Documentation/filesystems/proc.rst of the kernel, section 3.5. Space, tab, newline and backslash are
written as octal escapes there.
"""

import re
from typing import List, NamedTuple, Optional, Tuple

from ._text import is_number

_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    mount_id: int
    parent_id: int
    device: str  # major:minor of the file system
    root: str  # the directory of the file system that is seen at mount_point
    mount_point: str
    options: str
    fs_type: str
    source: str
    super_options: str


def parse(text: str) -> List[Mount]:
    """Every mount of one namespace in the order that the kernel lists them; lines of another form are passed over."""
    mounts = []
    for line in text.split("\n"):
        fields = line.split(" ")
        if "-" not in fields[6:]:
            continue
        dash = fields.index("-", 6)
        tail = fields[dash + 1 :]
        if len(tail) < 2 or not is_number(fields[0]) or not is_number(fields[1]):
            continue
        mounts.append(
            Mount(
                int(fields[0]),
                int(fields[1]),
                fields[2],
                unescape(fields[3]),
                unescape(fields[4]),
                fields[5],
                tail[0],
                unescape(tail[1]),
                unescape(tail[2]) if len(tail) > 2 else "",
            )
        )
    return mounts


def unescape(field: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match.group(1), 8)), field)


def stacked_at(mounts: List[Mount], mount_point: str) -> List[Mount]:
    """The mounts on exactly this directory, the one that is seen (mounted last) at the end."""
    return [mount for mount in mounts if mount.mount_point == mount_point]


def covering(mounts: List[Mount], path: str) -> Optional[Mount]:
    """The mount that ``path`` (absolute, without links) lies in."""
    best = None
    for mount in mounts:
        point = mount.mount_point.rstrip("/")
        inside = path == point or path.startswith(point + "/")
        if inside and (best is None or len(point) >= len(best.mount_point.rstrip("/"))):
            best = mount
    return best


def below(mounts: List[Mount], directory: str) -> List[Mount]:
    """The mounts inside of a directory (absolute, without links), not that on itself."""
    inside = directory.rstrip("/") + "/"
    return [mount for mount in mounts if mount.mount_point.startswith(inside) and mount.mount_point != inside]


def place_of(mounts: List[Mount], path: str) -> Tuple[str, str]:
    """The file system that ``path`` (absolute, without links) lies on, and its path there: alike by whatever mount
    the same directory is reached."""
    mount = covering(mounts, path)
    if mount is None:
        return "", path
    inside = path[len(mount.mount_point.rstrip("/")) :]
    return mount.device, mount.root.rstrip("/") + inside or "/"
