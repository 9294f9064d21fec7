# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which blocks of a pool a thin device has, as thin_dump(8) prints it. PRIVATE to the collection.

A line each: ``<range_mapping origin_begin="0" data_begin="6400" length="3" .../>`` and ``<single_mapping
origin_block="9" data_block="6403" .../>``, inside ``<device dev_id="4" mapped_blocks="6430" ...>``; all in blocks
of the pool. Newer tools print what devices share once, as ``<def name="...">``, and ``<ref name="..."/>`` in each.
"""

import re
from typing import Dict, Iterable, List, NamedTuple, Optional, Set, Union

from .._errors import BadRecord

_DEVICE = re.compile(r'\s*<device dev_id="([0-9]{1,8})" mapped_blocks="([0-9]{1,20})"')
_DEFINITION = re.compile(r'\s*<(def|ref) name="([^"]*)"')
_RANGE = re.compile(
    r'\s*<range_mapping origin_begin="([0-9]{1,20})" data_begin="([0-9]{1,20})" length="([0-9]{1,20})"'
)
_SINGLE = re.compile(r'\s*<single_mapping origin_block="([0-9]{1,20})" data_block="([0-9]{1,20})"')


class Range(NamedTuple):
    """Blocks of the thin device, where they lie in the data device, and how many."""

    origin: int
    data: int
    length: int


_Entry = Union[Range, str]  # a name is that of mappings that devices share
_DAMAGED = "The pool's metadata is damaged"


def of_device(lines: Iterable[str], device_id: int, data_blocks: int) -> Optional[List[Range]]:
    """The mappings of one thin device; None where the dump has no such device. Raises BadRecord for mappings that
    leave the data device, or are fewer than the device counts: the dump was cut."""
    entries: List[_Entry] = []
    shared: Dict[str, List[_Entry]] = {}
    into: Optional[List[_Entry]] = None  # where the lines that follow belong
    expected: Optional[int] = None
    for line in lines:
        device, named = _DEVICE.match(line), _DEFINITION.match(line)
        if device:
            into = entries if int(device.group(1)) == device_id else None
            expected = int(device.group(2)) if into is not None else expected
        elif named and named.group(1) == "def":
            into = shared.setdefault(named.group(2), [])
        elif "</device>" in line or "</def>" in line:
            into = None
        elif into is not None:
            into += [named.group(2)] if named else _range(line)
    ranges = _with_shared(entries, shared)
    for one in ranges:
        if one.data + one.length > data_blocks:
            raise BadRecord(
                "thin device %d maps block %d, the pool's data has %d blocks"
                % (device_id, one.data + one.length - 1, data_blocks),
                "The pool's data and metadata do not belong together, or the metadata is damaged",
            )
    if expected is None:
        return None
    mapped = sum(one.length for one in ranges)
    if mapped != expected:
        raise BadRecord(
            "thin device %d counts %d mapped blocks, its mappings have %d" % (device_id, expected, mapped),
            _DAMAGED,
        )
    return ranges


def _with_shared(entries: List[_Entry], shared: Dict[str, List[_Entry]]) -> List[Range]:
    """What is shared in the place of its names. No device has a block of the data twice; so a name that comes again is
    a fault, and without that rule a short dump could stand for more ranges than any memory holds."""
    found: List[Range] = []
    used: Set[str] = set()
    open_lists = [iter(entries)]
    while open_lists:
        one = next(open_lists[-1], None)
        if one is None:
            open_lists.pop()
        elif isinstance(one, Range):
            found.append(one)
        elif one in used:
            raise BadRecord("a thin device has the shared mappings %r twice" % one[:80], _DAMAGED)
        else:
            used.add(one)
            open_lists.append(iter(shared.get(one, [])))
    return found


def _range(line: str) -> List[Range]:
    match = _RANGE.match(line)
    if match:
        return [Range(*[int(number) for number in match.groups()])]
    match = _SINGLE.match(line)
    return [Range(int(match.group(1)), int(match.group(2)), 1)] if match else []
