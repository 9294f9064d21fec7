# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin devices: opening one by its id, and a snapshot of ours of one. PRIVATE to the collection.

The order of a snapshot's steps is what makes a kill at any point harmless: the device under our name, whose UUID
says the thin id, is made first and without a table; then the snapshot; then the table is loaded. Closing goes the
same way back, so that at no time there is a snapshot of ours in an active pool that no device of ours names.
"""

import os
from typing import Collection, List, NamedTuple, Optional

from .. import _ours
from .._errors import BadRecord, CommandFailed, NotFound, Refused
from .._host import Host, quote
from .._plan import Action, Context, Plan, Run
from .._standby import Standby
from .._text import is_number
from . import dmsetup

SECTOR = 512
_NO_DATA = "No data available"  # ENODATA: what the kernel answers for an id that a pool does not have


class Snapshot(NamedTuple):
    pool: str
    origin_id: int
    snapshot_id: int


def snapshot_id_of(device: dmsetup.Device) -> Optional[int]:
    """The thin id that the UUID of a device of ours names, None for any other device."""
    mark = _ours.read_uuid(device.uuid)
    number, at, _pool = mark.extra.partition("@") if mark and mark.role == "thin" else ("", "", "")
    return int(number) if at and is_number(number) else None


def named_ids(devices: List[dmsetup.Device]) -> List[int]:
    """The thin ids that devices of ours name."""
    return [one for one in map(snapshot_id_of, devices) if one is not None]


def table(sectors: int, pool: str, device_id: int) -> str:
    return "0 %d thin /dev/mapper/%s %d" % (sectors, pool, device_id)


def open_plan(name: str, uuid: str, pool: str, device_id: int, size_bytes: int, read_only: bool) -> Plan:
    """A thin device under our name."""
    argv = ["dmsetup", "create", name, "--uuid", uuid]
    argv += ["--readonly"] if read_only else []
    argv += ["--table", table(size_bytes // SECTOR, pool, device_id)]
    return Plan().add(OpenThin(argv, pool, device_id), Run("dmsetup", "remove", "--retry", name))


def snapshot_plan(
    name: str, uuid: str, snapshot: Snapshot, active_origin: str, size_bytes: int, read_only: bool = True
) -> Plan:
    """A thin snapshot of ours, active under our name. ``active_origin`` is the name under which the
    origin is active now, empty if it is not."""
    plan = Plan()
    plan.add(
        Run("dmsetup", "create", name, "--uuid", uuid, "--notable"), Run("dmsetup", "remove", "--retry", name)
    )
    plan.add(CreateSnapshot(snapshot, active_origin), delete(snapshot.pool, snapshot.snapshot_id))
    loaded = table(size_bytes // SECTOR, snapshot.pool, snapshot.snapshot_id)
    flags = ["--readonly"] if read_only else []
    plan.add(Run("dmsetup", "load", name, *flags, "--table", loaded), Run("dmsetup", "clear", name))
    plan.add(Run("dmsetup", "resume", name), Run("dmsetup", "wipe_table", name))
    return plan


def delete(pool: str, device_id: int) -> Action:
    """Deletes a thin id of ours. An id outside of our window is a fault of this program, not of its input."""
    if not _ours.is_our_thin_id(device_id):
        raise ValueError("thin id %d is not ours" % device_id)
    return Run("dmsetup", "message", pool, "0", "delete %d" % device_id)


def close_snapshot_plan(device: dmsetup.Device, pool: str, snapshot_id: Optional[int]) -> Plan:
    """Takes a snapshot of ours away in the order that leaves nothing unnamed when it is interrupted."""
    name = device.name
    # A run that was killed may have loaded a table that never became active; it holds the thin id all the same.
    plan = Plan().add(Run("dmsetup", "wipe_table" if device.table else "clear", name))
    if snapshot_id is not None:
        plan.add(DeleteIfThere(pool, snapshot_id))
    return plan.add(Run("dmsetup", "remove", "--retry", name))


def active_under(found: List[dmsetup.Device], pool_number: str, device_id: int) -> List[dmsetup.Device]:
    """The devices, under whatever name, that have this thin id of this pool (major:minor) open as their table."""
    return [one for one in found if one.table.split()[2:5] == ["thin", pool_number, str(device_id)]]


def id_of(device: dmsetup.Device) -> int:
    """The thin id in the table of a thin device. Raises BadRecord."""
    words = device.table.split()[4:5]
    if not words or not is_number(words[0]):
        raise BadRecord("the table of %s cannot be read: %r" % (device.name, device.table))
    return int(words[0])


def free_id(taken: Collection[int], next_device_id: int) -> int:
    """A thin id of our window that nobody uses, from the top. Refuses where Docker's own numbering has come near."""
    if next_device_id >= _ours.LOWEST_THIN_ID:
        raise Refused(
            "Docker's next device id is %d: it has reached the ids that are kept for our snapshots (%d to %d)"
            % (next_device_id, _ours.LOWEST_THIN_ID, _ours.HIGHEST_THIN_ID),
            "Stop Docker and open the container with `method: assemble`",
        )
    for device_id in range(_ours.HIGHEST_THIN_ID, _ours.LOWEST_THIN_ID - 1, -1):
        if device_id not in taken:
            return device_id
    raise Refused("all 256 thin ids for our snapshots are in use", "Run drydock.rescue.cleanup on this host")


def no_such_device(pool: str, device_id: int) -> NotFound:
    return NotFound(
        "pool %s has no thin device %d" % (pool, device_id),
        "drydock.rescue.thin_pool_info lists what there is; give the right one as `device_id`",
    )


class OpenThin(Run):
    """dmsetup create of a thin device, with a clear word where the pool does not have it."""

    def __init__(self, argv: List[str], pool: str, device_id: int) -> None:
        super().__init__(*argv)
        self.pool, self.device_id = pool, device_id

    def perform(self, context: Context) -> None:
        try:
            super().perform(context)
        except CommandFailed as error:
            if _NO_DATA in error.message:
                raise no_such_device(self.pool, self.device_id)
            raise


class FitsMapping(Action):
    """Fails where a thin device of ours has a whole block behind the end that Docker's record gives it; the last block
    may reach over an end that is no multiple of it. It changes nothing."""

    def __init__(self, name: str, device_id: int, size_bytes: int, block_sectors: int) -> None:
        self.name, self.device_id, self.size_bytes = name, device_id, size_bytes
        self.block_sectors = block_sectors

    def shown(self, outputs: object) -> List[str]:
        return []

    def perform(self, context: Context) -> None:
        highest = dmsetup.status(context.host, self.name).split()[4:5]  # 0 LENGTH thin MAPPED HIGHEST
        if highest and is_number(highest[0]):
            require_mapped_inside(
                self.device_id, (int(highest[0]) + 1) * SECTOR, self.size_bytes, self.block_sectors * SECTOR
            )


def require_mapped_inside(device_id: int, mapped_end: int, size_bytes: int, block_bytes: int) -> None:
    """Raises BadRecord where the highest block of a device begins behind its end. All in bytes."""
    if mapped_end - block_bytes >= size_bytes:
        raise BadRecord(
            "thin device %d has data up to byte %d, Docker's record gives it only %d bytes"
            % (device_id, mapped_end, size_bytes),
            "Correct `size` in its record (devicemapper/metadata), best in a copy of the data root",
        )


class IdTaken(CommandFailed):
    """Another thin device has the id already; the next one may be free."""

    code = "id_taken"

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__("thin id %d of pool %s is taken" % (snapshot.snapshot_id, snapshot.pool))
        self.device_id = snapshot.snapshot_id


class CreateSnapshot(Action):
    """create_snap; around it, where the origin is active, suspend and resume (the kernel demands it, and it flushes
    the file system). Looked at again afterwards: an origin that became active in between gives a torn snapshot."""

    def __init__(self, snapshot: Snapshot, active_origin: str) -> None:
        self.snapshot = snapshot
        self.active_origin = active_origin  # as it was seen when the plan was made, then as it is

    def shown(self, outputs: object) -> List[str]:
        message = quote(self._message())
        if not self.active_origin:
            return [message]
        return [
            quote(["dmsetup", "suspend", self.active_origin]),
            message,
            quote(["dmsetup", "resume", self.active_origin]),
        ]

    def perform(self, context: Context) -> None:
        host = context.host
        self.active_origin = self._look_for_origin(host)
        self._create(host)
        if not self.active_origin:
            self.active_origin = self._look_for_origin(host)
            if self.active_origin:
                host.run(
                    ["dmsetup", "message", self.snapshot.pool, "0", "delete %d" % self.snapshot.snapshot_id]
                )
                self._create(host)

    def _create(self, host: Host) -> None:
        try:
            if self.active_origin:
                with ResumeWhateverHappens(host, self.active_origin):
                    host.run(["dmsetup", "suspend", self.active_origin])
                    host.run(self._message())
            else:
                host.run(self._message())
        except CommandFailed as error:
            if "File exists" in error.message:
                raise IdTaken(self.snapshot)
            if _NO_DATA in error.message:
                raise no_such_device(self.snapshot.pool, self.snapshot.origin_id)
            raise

    def _message(self) -> List[str]:
        body = "create_snap %d %d" % (self.snapshot.snapshot_id, self.snapshot.origin_id)
        return ["dmsetup", "message", self.snapshot.pool, "0", body]

    def _look_for_origin(self, host: Host) -> str:
        found = dmsetup.devices(host)
        pool = dmsetup.named(found, self.snapshot.pool)
        active = active_under(found, pool.number, self.snapshot.origin_id) if pool else []
        return active[0].name if active else ""


class DeleteIfThere(Action):
    """Deletes a snapshot of ours that may not have been made yet when the run that wanted it was killed."""

    def __init__(self, pool: str, device_id: int) -> None:
        self.delete = delete(pool, device_id)

    def shown(self, outputs: object) -> List[str]:
        return self.delete.shown({})

    def perform(self, context: Context) -> None:
        try:
            self.delete.perform(context)
        except CommandFailed as error:
            if _NO_DATA not in error.message:
                raise


class ResumeWhateverHappens:
    """Around a suspend: should we die, a helper resumes the device. Every process of a container hangs while its
    device is suspended."""

    def __init__(self, host: Host, device: str) -> None:
        self.host, self.device = host, device
        argv = [host.tool("dmsetup") or "dmsetup", "resume", "--noudevsync", device]
        self._standby = Standby(lambda: os.execv(argv[0], argv))

    def __enter__(self) -> "ResumeWhateverHappens":
        self._standby.__enter__()
        return self

    def __exit__(self, *_unused: object) -> None:
        self.host.run(["dmsetup", "resume", self.device], ok=range(256))
        device = dmsetup.named(dmsetup.devices(self.host), self.device)
        resumed = device is None or not device.suspended
        self._standby.dismiss(act_first=not resumed)
        if not resumed:
            raise CommandFailed(
                "%s is suspended and did not resume" % self.device,
                "Run `%s` at once" % quote(["dmsetup", "resume", self.device]),
            )
