# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thin pool: what its status says, whether it may be used, and putting one together from its files or devices.
PRIVATE to the collection.

Status line (Documentation/admin-guide/device-mapper/thin-provisioning.rst): ``0 <length> thin-pool <transaction id>
<used>/<total metadata blocks of 4096 bytes> <used>/<total data blocks> <held root|-> <mode> <discard> <no space>
[needs_check|-] ...``, or ``Fail``, or ``Error``. Kernels before 3.16 end it earlier.
"""

import hashlib
from typing import List, NamedTuple, Optional, Tuple, Union

from .. import _ours
from .._errors import BadRecord, CommandFailed, Refused
from .._host import Host
from .._plan import Action, Argument, Context, Output, Plan, Run
from . import dmsetup, parts, superblock

METADATA_BLOCK = 4096
SECTOR = 512
SNAPSHOT_PERCENT = 15  # of data and metadata that must be free: every later write of the origin doubles


class Status(NamedTuple):
    mode: str  # rw, ro, out_of_data_space or fail
    needs_check: bool
    transaction_id: Optional[int]
    metadata_used: int  # blocks of 4096 bytes
    metadata_total: int
    data_used: int  # blocks of the pool
    data_total: int
    held_root: bool


# The two devices of an active pool, as major:minor, and its block size.
class Table(NamedTuple):
    metadata_number: str
    data_number: str
    block_sectors: int


def parse_status(line: str) -> Status:
    """Reads a status line with or without its trailing fields. Raises BadRecord."""
    words = line.split()[3:]
    if words[:1] in (["Fail"], ["Error"]):
        return Status("fail", words[0] == "Fail", None, 0, 0, 0, 0, False)
    try:
        metadata, data = _fraction(words[1]), _fraction(words[2])
        mode = words[4] if len(words) > 4 else "rw"
        return Status(
            mode if mode in ("rw", "ro", "out_of_data_space") else "fail",
            "needs_check" in words[5:],
            int(words[0]),
            metadata[0],
            metadata[1],
            data[0],
            data[1],
            len(words) > 3 and words[3] != "-",
        )
    except (IndexError, ValueError):
        raise BadRecord("the status of the thin pool cannot be read: %r" % line)


def parse_table(line: str) -> Table:
    """Reads ``0 <length> thin-pool <metadata> <data> <block sectors> ...``. Raises BadRecord."""
    words = line.split()
    try:
        return Table(words[3], words[4], int(words[5]))
    except (IndexError, ValueError):
        raise BadRecord("the table of the thin pool cannot be read: %r" % line)


def status_of(host: Host, name: str) -> Status:
    return parse_status(dmsetup.status(host, name))


def unhealthy(status: Status) -> str:
    """Why nothing may be written through this pool; empty when it is well."""
    if status.mode != "rw":
        return "its mode is %s" % status.mode
    return "it needs a check (needs_check is set)" if status.needs_check else ""


def require_space(name: str, status: Status, block_sectors: int, percent: int, what_for: str) -> None:
    """Refuses on a pool of which less than ``percent`` of data or metadata is free, and says how much is missing."""
    for kind, used, total, size in (
        ("data", status.data_used, status.data_total, block_sectors * SECTOR),
        ("metadata", status.metadata_used, status.metadata_total, METADATA_BLOCK),
    ):
        needed = -(-total * percent // 100)
        free = total - used
        if free < needed:
            raise Refused(
                "pool %s has %d bytes of %s free, %s needs %d (%d %%): %d bytes are missing"
                % (name, free * size, kind, what_for, needed * size, percent, (needed - free) * size),
                "Extend the pool or remove what is not needed",
            )


def require_snapshots(name: str, status: Status, block_sectors: int, way_out: str = "") -> None:
    """Refuses where no snapshot can be made, or none for long."""
    trouble = unhealthy(status)
    if trouble:
        raise Refused("no snapshot can be made in pool %s: %s" % (name, trouble), way_out)
    require_space(name, status, block_sectors, SNAPSHOT_PERCENT, "a snapshot")


class AwaitHealthy(Action):
    """Fails unless a pool that was just put together is read-write and without needs_check."""

    def __init__(self, name: str, percent_free: int, block_sectors: int) -> None:
        self.name, self.percent_free, self.block_sectors = name, percent_free, block_sectors

    def shown(self, outputs: object) -> List[str]:
        return []  # it changes nothing

    def perform(self, context: Context) -> None:
        status = status_of(context.host, self.name)
        trouble = unhealthy(status)
        if trouble:
            raise CommandFailed("pool %s cannot be written: %s" % (self.name, trouble))
        require_space(self.name, status, self.block_sectors, self.percent_free, "writing in place")


def verified(data: parts.Part, metadata: parts.Part) -> superblock.Superblock:
    """The superblock of an inactive pool: checked, and its data device is long enough. Raises BadRecord."""
    found = parts.read_superblock(metadata)
    length, there = superblock.length_sectors(found) * SECTOR, parts.size_bytes(data)
    if length > there:
        raise BadRecord(
            "the pool's superblock counts %d bytes of data, %s has %d" % (length, data.path, there),
            "The data file was cut, or the two files do not belong together",
        )
    return found


def fingerprint(found: superblock.Superblock, data: parts.Part, metadata: parts.Part) -> str:
    """Changes whenever somebody wrote to the pool. The superblock's checksum changes with every commit; a write to
    blocks that were there already commits nothing, but sets the time of the data file."""
    times = [parts.modified(part) for part in (data, metadata)]
    return hashlib.sha256(repr((found.checksum, times)).encode()).hexdigest()[:16]


def damage(host: Host, found: superblock.Superblock, metadata: parts.Part) -> str:
    """What is wrong with the metadata of an inactive pool; empty when it is whole. The kernel would take damaged
    metadata and fail later. What lies in segments is looked at when a device over them is there."""
    if found.needs_check:
        return "the pool's metadata %s is marked needs_check: the kernel met damage in it" % metadata.path
    finished = None if metadata.segments else host.run(["thin_check", "-q", metadata.path], ok=(0, 1))
    if not finished or not finished.code:
        return ""
    said = " ".join((finished.err + finished.out).split())
    return "thin_check finds the pool's metadata %s damaged%s" % (metadata.path, ": " + said if said else "")


def damaged(reason: str) -> BadRecord:
    return BadRecord(
        reason,
        "`method: extract` reads a container without using the pool. To mend it, copy both pool files and repair the "
        "copy of the metadata with thin_repair",
    )


class RequireWhole(Action):
    """The same check for metadata that could not be read before a device over it was there."""

    def __init__(self, metadata: str) -> None:
        self.metadata = metadata

    def shown(self, outputs: object) -> List[str]:
        return ["thin_check -q %s" % self.metadata]

    def perform(self, context: Context) -> None:
        reason = damage(context.host, superblock.read(self.metadata), parts.Part(self.metadata))
        if reason:
            raise damaged(reason)


def assemble_plan(
    tree: str,
    owner: str,
    mark: str,
    halves: Tuple[parts.Part, parts.Part],
    found: superblock.Superblock,
    read_only: bool,
) -> Plan:
    """A pool under our name over (data, metadata). The length comes from the superblock: a longer table would make
    the kernel grow the pool for ever. ``owner`` is what the UUIDs name, ``mark`` the pool's fingerprint or empty."""
    plan, devices = Plan(), []
    for role, part in zip(("data", "metadata"), halves):
        name, uuid = _ours.device_name(tree, role), _ours.device_uuid(owner, role)
        attached, device = parts.attach_plan(part, name, uuid, role + "_loop", read_only)
        plan += attached
        devices.append(device)
    if halves[1].segments:
        plan.add(RequireWhole("/dev/mapper/" + _ours.device_name(tree, "metadata")))
    features = "2 skip_block_zeroing read_only" if read_only else "1 skip_block_zeroing"
    table: Argument = (
        "0 %d thin-pool " % superblock.length_sectors(found),
        *_flat(devices[1]),
        " ",
        *_flat(devices[0]),
        " %d 0 %s" % (found.block_sectors, features),
    )
    name, uuid = _ours.device_name(tree, "pool"), _ours.device_uuid(owner, "pool", mark)
    return plan.add(
        Run("dmsetup", "create", name, "--uuid", uuid, "--table", table),
        Run("dmsetup", "remove", "--retry", name),
    )


def _flat(argument: Argument) -> Tuple[Union[str, Output], ...]:
    return (argument,) if isinstance(argument, (str, Output)) else argument


def _fraction(word: str) -> Tuple[int, int]:
    used, _slash, total = word.partition("/")
    return int(used), int(total)
