# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two halves of a pool, data and metadata, as they lie on the host while the pool is not active: a file, or
segments of block devices. PRIVATE to the collection."""

import os
import stat
import tempfile
from typing import List, NamedTuple, Set, Tuple

from .. import _ours
from .._errors import BadRecord, Refused
from .._host import Host, quote
from .._plan import Action, Argument, Context, Output, Plan, Run
from . import dmsetup, lvm, raw, superblock
from .loop import AttachLoop, DetachLoop

SECTOR = 512


class Part(NamedTuple):
    """``segments`` is empty for a file. ``path`` of segments is what a message calls them."""

    path: str
    segments: Tuple[lvm.Segment, ...] = ()


def of_path(path: str) -> Part:
    """A file or a whole block device. Raises Refused for anything else."""
    real = os.path.realpath(path)
    try:
        mode = os.stat(real).st_mode
    except OSError as error:
        raise Refused("%s cannot be read: %s" % (path, error.strerror))
    if stat.S_ISREG(mode):
        return Part(real)
    if not stat.S_ISBLK(mode):
        raise Refused("%s is neither a file nor a block device" % path)
    with open(real, "rb") as stream:
        size = stream.seek(0, os.SEEK_END)
    return Part(real, lvm.segment_of_device(real, size // SECTOR))


def size_bytes(part: Part) -> int:
    return lvm.sectors_of(part.segments) * SECTOR if part.segments else os.path.getsize(part.path)


def read_superblock(part: Part) -> superblock.Superblock:
    """Raises BadRecord."""
    if not part.segments:
        return superblock.read(part.path)
    first = part.segments[0]
    try:
        with raw.opened(first.device) as descriptor:
            block = os.pread(descriptor, superblock.BLOCK, first.offset * SECTOR)
    except OSError as error:
        raise BadRecord("the pool's metadata %s cannot be read: %s" % (part.path, error.strerror))
    return superblock.parse(block, part.path, size_bytes(part))


def modified(part: Part) -> int:
    """The time of the last write in ns; a block device has none."""
    facts = None if part.segments else os.stat(part.path)
    return facts.st_mtime_ns if facts and not stat.S_ISBLK(facts.st_mode) else 0


def attach_plan(part: Part, name: str, uuid: str, saves: str, read_only: bool) -> Tuple[Plan, Argument]:
    """A file gets a loop device, segments a device under our name. Returns how the pool's table calls it."""
    if not part.segments:
        loop = Output(saves)
        return Plan().add(AttachLoop(part.path, saves, read_only), DetachLoop(loop)), loop
    create = CreateLinear(name, uuid, part.segments, read_only)
    return Plan().add(create, Run("dmsetup", "remove", "--retry", name)), "/dev/mapper/" + name


class CreateLinear(Action):
    """A device over segments; a table of several lines goes through standard input."""

    def __init__(self, name: str, uuid: str, segments: Tuple[lvm.Segment, ...], read_only: bool) -> None:
        self.argv = ["dmsetup", "create", name, "--uuid", uuid] + (["--readonly"] if read_only else [])
        self.table = lvm.table(segments)

    def shown(self, outputs: object) -> List[str]:
        return ["printf '%%s\\n' %s | %s" % (quote(self.table.splitlines()), quote(self.argv))]

    def perform(self, context: Context) -> None:
        with tempfile.TemporaryFile() as table:
            table.write(self.table.encode() + b"\n")
            table.seek(0)
            context.host.run(self.argv, stdin=table.fileno())


def under_ours(devices: List[dmsetup.Device]) -> Set[str]:
    """What pools of ours lie on, as major:minor."""
    return {number for one in devices if _ours.read_uuid(one.uuid) for number in one.table.split()[3:5]}


def maps(device: dmsetup.Device, part: Part) -> bool:
    """Whether a device is a linear one that begins where the part's segments begin."""
    words = device.table.split()
    if not part.segments or words[2:3] != ["linear"] or len(words) < 5:
        return False
    first = part.segments[0]
    try:
        number = os.stat(first.device).st_rdev
    except OSError:
        return False
    return words[3:5] == ["%d:%d" % (os.major(number), os.minor(number)), str(first.offset)]


def holders(host: Host, part: Part, devices: List[dmsetup.Device]) -> List[str]:
    """The devices, not ours, that a whole block device of the part is held by. Of LVM's volumes this says nothing:
    other volumes of the group lie on the same devices."""
    if len(part.segments) != 1 or part.segments[0].offset:
        return []
    directory = os.path.join(host.sys, "class/block", os.path.basename(part.segments[0].device), "holders")
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    ours = {one.name for one in devices if _ours.read_uuid(one.uuid)}
    found = []
    for name in names:
        try:
            with open(os.path.join(host.sys, "class/block", name, "dm/name")) as stream:
                shown = stream.read().strip()
        except OSError:
            shown = name
        if shown not in ours:
            found.append(shown)
    return found
