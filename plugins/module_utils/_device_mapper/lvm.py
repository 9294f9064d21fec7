# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where LVM keeps the two parts of a thin pool, so that they can be read without LVM activating anything.

Activating the pool would let LVM's thin_check clear the needs_check flag, and leaves what nobody of us may
remove; so the segments of its hidden volumes are mapped by devices of ours. PRIVATE to the collection.
"""

import os
import re
from typing import Dict, List, NamedTuple, Optional, Tuple

from .._errors import CommandFailed, Refused
from .._host import Host
from .._text import is_number

_SECTOR_UNIT = ("--units", "s", "--nosuffix", "--noheadings", "--separator", "|")
_DEVICE = re.compile(r"(.+)\(([0-9]{1,20})\)")


class Segment(NamedTuple):
    """Sectors of 512 bytes: where they begin in the volume, how many, and where they lie."""

    start: int
    length: int
    device: str
    offset: int


# The segments of a pool's data and of its metadata.
class Parts(NamedTuple):
    data: Tuple[Segment, ...]
    metadata: Tuple[Segment, ...]


def split_name(name: str) -> Optional[Tuple[str, str]]:
    """Volume group and volume of a device-mapper name: joined by `-`, which is doubled inside of either."""
    match = re.fullmatch(r"((?:[^-]|--)+)-((?:[^-]|--)+)", name)
    if not match:
        return None
    return match.group(1).replace("--", "-"), match.group(2).replace("--", "-")


def parts_of(host: Host, name: str) -> Optional[Parts]:
    """The parts of the thin pool that LVM would activate as ``name``; None where LVM has none of that name.
    Raises Refused for volumes that are not made of plain pieces."""
    pair = split_name(name)
    if pair is None or host.tool("lvs") is None:
        return None
    group, volume = pair
    options = "lv_name,segtype,seg_start,seg_size,vg_extent_size,devices"
    try:
        shown = host.run(
            ["lvs", "--readonly", "--all", "--segments", *_SECTOR_UNIT, "--options", options, group]
        ).out
        if not any(line.strip().startswith(volume + "|thin-pool|") for line in shown.splitlines()):
            return None
        starts = _first_extents(host)
    except CommandFailed:  # no such group
        return None
    return Parts(_segments(shown, volume + "_tdata", starts), _segments(shown, volume + "_tmeta", starts))


def segment_of_device(path: str, sectors: int) -> Tuple[Segment, ...]:
    """A whole block device as the one segment of a part."""
    return (Segment(0, sectors, path, 0),)


def table(segments: Tuple[Segment, ...]) -> str:
    return "\n".join(
        "%d %d linear %s %d" % (one.start, one.length, one.device, one.offset) for one in segments
    )


def sectors_of(segments: Tuple[Segment, ...]) -> int:
    return sum(one.length for one in segments)


def _segments(shown: str, volume: str, starts: Dict[str, int]) -> Tuple[Segment, ...]:
    found: List[Segment] = []
    for line in shown.splitlines():
        fields = [field.strip() for field in line.strip().split("|")]
        if len(fields) != 6 or fields[0] != "[%s]" % volume:
            continue
        kind, where = fields[1], fields[5]
        if not all(map(is_number, fields[2:5])):
            raise Refused("LVM says what cannot be read of the volume %s: %r" % (volume, line))
        start, length, extent = map(int, fields[2:5])
        match = _DEVICE.fullmatch(where)
        if kind != "linear" or not match or match.group(1) not in starts:
            raise Refused(
                "the volume %s has a segment of the type %s on %s: only linear ones are read"
                % (volume, kind, where),
                "Activate the pool with LVM and use `method: snapshot`",
            )
        path = match.group(1)
        found.append(
            Segment(start, length, os.path.realpath(path), starts[path] + int(match.group(2)) * extent)
        )
    if not found:
        raise Refused("LVM shows no segment of the volume %s" % volume)
    return tuple(sorted(found))


def _first_extents(host: Host) -> Dict[str, int]:
    shown = host.run(["pvs", "--readonly", *_SECTOR_UNIT, "--options", "pv_name,pe_start"]).out
    pairs = [line.strip().split("|") for line in shown.splitlines()]
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and is_number(pair[1])}
