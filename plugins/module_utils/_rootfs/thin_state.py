# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings one thin device of ours to the state that is asked for: what thin_device does. PRIVATE to the collection."""

import hashlib
from typing import Any, Dict, List, NamedTuple, Optional

from .. import _lock, _ours
from .._device_mapper import dmsetup, pool, thin
from .._docker import data_root, device_files
from .._docker.data_root import DataRoot
from .._errors import NotFound, Refused, RescueError
from .._host import Host
from .._plan import Plan, Run
from . import sizes, thin_ids, thin_pools

_TRIES = 8  # for a thin id that another run took first
_LONGEST_NAME = 127  # bytes that device-mapper takes


class Wanted(NamedTuple):
    name: str
    pool: dmsetup.Device
    device_id: Optional[int]
    origin_id: Optional[int]
    size_bytes: Optional[int]
    read_only: bool
    records: "Records"


# What Docker's files say of the pool; ``root`` is None where the pool is not that of a data root of this host.
class Records(NamedTuple):
    root: Optional[DataRoot]
    files: List[device_files.DeviceFile]
    unreadable: List[str]


def reach(host: Host, params: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
    """The result of thin_device. Raises RescueError."""
    host.require(("dmsetup",))
    name = params["name"]
    if not name.startswith(_ours.PREFIX) or len(name.encode()) > _LONGEST_NAME or "/" in name:
        raise Refused(
            "name %r is not a device-mapper name that begins with %s" % (name, _ours.PREFIX),
            "What is ours is known by its name alone",
        )
    devices = dmsetup.devices(host)
    pool_name = (
        params["pool"].rpartition("/")[2] if params["pool"].startswith("/dev/mapper/") else params["pool"]
    )
    pool_device = dmsetup.named(devices, pool_name)
    present = dmsetup.named(devices, name)
    if pool_device is None or dmsetup.target(pool_device) != "thin-pool":
        if params["state"] == "inactive" and present is None:
            return _result(name, None, False, False, [])
        raise NotFound(
            "%r is no active thin pool" % params["pool"],
            "Active are: %s" % (", ".join(_pools(devices)) or "none; thin_pool activates one"),
        )
    if present and (thin_id_of(present, pool_device) is None or not _ours.read_uuid(present.uuid)):
        raise Refused("%s is a device already, and not a thin device of ours in %s" % (name, pool_name))
    wanted = Wanted(
        name,
        pool_device,
        params["device_id"],
        params["snapshot_of"],
        sizes.size_bytes("size", params["size"], thin.SECTOR) if params["size"] else None,
        params["read_only"],
        _records(host, params["data_root"], pool_device),
    )
    work = {"active": _activate, "inactive": _deactivate, "absent": _delete}[params["state"]]
    if check_mode:
        return work(host, wanted, present, True)
    with _lock.held(host, name, name):
        return work(host, wanted, present, False)


def thin_id_of(device: dmsetup.Device, pool_device: dmsetup.Device) -> Optional[int]:
    """The thin id that a device has open in a pool, or that its UUID names while it has no table."""
    words = device.table.split()
    if words[2:4] == ["thin", pool_device.number]:
        return thin.id_of(device)
    return thin.snapshot_id_of(device) if not device.table else None


def _activate(
    host: Host, wanted: Wanted, present: Optional[dmsetup.Device], check_mode: bool
) -> Dict[str, Any]:
    if present and present.table:
        there = thin_id_of(present, wanted.pool)
        if wanted.device_id not in (None, there):
            raise Refused("%s is active with thin id %s" % (wanted.name, there), "Make it inactive first")
        return _result(wanted.name, there, False, True, [])
    if wanted.origin_id is None:
        plan = _open_plan(wanted)
        actions = plan.shown() if check_mode else plan.apply(host).actions
        return _result(wanted.name, wanted.device_id, True, True, actions)
    avoided: List[int] = []
    for attempt in range(_TRIES):
        snapshot = _snapshot(host, wanted, avoided)
        plan = _tidied(present) + _snapshot_plan(host, wanted, snapshot)
        if check_mode:
            return _result(wanted.name, snapshot.snapshot_id, True, True, plan.shown())
        try:
            actions = plan.apply(host).actions
        except thin.IdTaken as error:
            if wanted.device_id is not None or attempt == _TRIES - 1:
                raise
            avoided.append(error.device_id)
            continue
        return _result(wanted.name, snapshot.snapshot_id, True, True, actions)
    raise AssertionError  # the loop returns or raises


def _open_plan(wanted: Wanted) -> Plan:
    device_id = wanted.device_id
    if device_id is None:
        raise Refused("device_id or snapshot_of is needed to make %s active" % wanted.name)
    own_pool = _ours.read_uuid(wanted.pool.uuid) and "read_only" in wanted.pool.table.split()
    if not _ours.is_our_thin_id(device_id) and not (own_pool and wanted.read_only):
        raise Refused(
            "thin id %d is not ours: it is opened only read-only, in a read-only pool of ours" % device_id,
            "Give `snapshot_of: %d` for a snapshot of it, or open the pool with thin_pool" % device_id,
        )
    uuid = _ours.device_uuid(_owner(wanted.name), "thin")
    return thin.open_plan(
        wanted.name, uuid, wanted.pool.name, device_id, _size(wanted, device_id), wanted.read_only
    )


def _snapshot(host: Host, wanted: Wanted, avoided: List[int]) -> thin.Snapshot:
    status = pool.status_of(host, wanted.pool.name)
    pool.require_snapshots(wanted.pool.name, status, pool.parse_table(wanted.pool.table).block_sectors)
    claimed = _claimed(wanted)
    named = thin.named_ids(dmsetup.devices(host))
    if wanted.device_id is None:
        next_id = device_files.next_device_id(wanted.records.root.path) if wanted.records.root else 0
        chosen = thin.free_id(claimed + named + avoided, next_id)
    else:
        _require_ours(wanted, wanted.device_id)
        if wanted.device_id in named:
            raise thin.IdTaken(thin.Snapshot(wanted.pool.name, 0, wanted.device_id))
        chosen = wanted.device_id
    return thin.Snapshot(wanted.pool.name, wanted.origin_id or 0, chosen)


def _snapshot_plan(host: Host, wanted: Wanted, snapshot: thin.Snapshot) -> Plan:
    origin = thin.active_under(dmsetup.devices(host), wanted.pool.number, snapshot.origin_id)
    uuid = _ours.device_uuid(
        _owner(wanted.name), "thin", "%d@%s" % (snapshot.snapshot_id, wanted.pool.number)
    )
    size = _size(wanted, snapshot.origin_id)
    return thin.snapshot_plan(
        wanted.name, uuid, snapshot, origin[0].name if origin else "", size, wanted.read_only
    )


def _tidied(present: Optional[dmsetup.Device]) -> Plan:
    """A device without a table was left by a run that was killed before there was a snapshot."""
    return Plan().add(Run("dmsetup", "remove", "--retry", present.name)) if present else Plan()


def _deactivate(
    host: Host, wanted: Wanted, present: Optional[dmsetup.Device], check_mode: bool
) -> Dict[str, Any]:
    if present is None:
        return _result(wanted.name, wanted.device_id, False, False, [])
    plan = _tidied(present)
    actions = plan.shown() if check_mode else plan.apply(host).actions
    return _result(wanted.name, thin_id_of(present, wanted.pool), True, False, actions)


def _delete(
    host: Host, wanted: Wanted, present: Optional[dmsetup.Device], check_mode: bool
) -> Dict[str, Any]:
    device_id = wanted.device_id
    if present:
        there = thin_id_of(present, wanted.pool)
        if device_id not in (None, there):
            raise Refused("%s has thin id %s, not %s" % (wanted.name, there, device_id))
        device_id = there
    if device_id is None:
        return _result(wanted.name, None, False, False, [])
    _require_ours(wanted, device_id)
    if wanted.records.root is None:
        raise Refused(
            "no data root of Docker's is known for pool %s, and a device of its own might have thin id %d"
            % (wanted.pool.name, device_id),
            "Give its `data_root`",
        )
    others = [
        one.name
        for one in thin.active_under(dmsetup.devices(host), wanted.pool.number, device_id)
        if one.name != wanted.name
    ]
    if others:
        raise Refused(
            "thin id %d is active as %s" % (device_id, ", ".join(others)), "Make that inactive first"
        )
    if present:
        plan = thin.close_snapshot_plan(present, wanted.pool.name, device_id)
    elif device_id in thin_ids.existing(host, wanted.pool.name, [device_id]):
        plan = Plan().add(thin.delete(wanted.pool.name, device_id))
    else:
        return _result(wanted.name, device_id, False, False, [])
    actions = plan.shown() if check_mode else plan.apply(host).actions
    return _result(wanted.name, device_id, True, False, actions)


def _require_ours(wanted: Wanted, device_id: int) -> None:
    if not _ours.is_our_thin_id(device_id):
        raise Refused(
            "thin id %d is not ours: those are %d to %d"
            % (device_id, _ours.LOWEST_THIN_ID, _ours.HIGHEST_THIN_ID)
        )
    if wanted.records.unreadable:
        raise Refused(
            "a device file of Docker's cannot be read, and may name thin id %d: %s"
            % (device_id, wanted.records.unreadable[0])
        )
    if device_id in _claimed(wanted):
        raise Refused("thin id %d is named in Docker's records: it is Docker's" % device_id)


def _claimed(wanted: Wanted) -> List[int]:
    if wanted.records.root is None:
        return []
    return device_files.claimed_ids(wanted.records.root.path, wanted.records.files)


def _size(wanted: Wanted, device_id: int) -> int:
    recorded = [one.size_bytes for one in wanted.records.files if one.device_id == device_id]
    size = wanted.size_bytes or (recorded[0] if recorded else 0)
    if not size:
        raise Refused(
            "the size of thin device %d is in no record of Docker's" % device_id, "Give its `size` in bytes"
        )
    return size


def _records(host: Host, root_path: Optional[str], pool_device: dmsetup.Device) -> Records:
    try:
        root = data_root.find(host, root_path)
        found = thin_pools.find(host, root)
    except RescueError:
        if root_path:
            raise
        return Records(None, [], [])
    if not (found.active and found.active.name == pool_device.name) and pool_device.name not in [
        one.name for one in found.our_pools
    ]:
        return Records(None, [], [])
    files, errors = device_files.read_all(root.path)
    return Records(root, files, [str(error) for error in errors])


def _owner(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()


def _pools(devices: List[dmsetup.Device]) -> List[str]:
    return [one.name for one in devices if dmsetup.target(one) == "thin-pool"]


def _result(
    name: str, device_id: Optional[int], changed: bool, active: bool, actions: List[str]
) -> Dict[str, Any]:
    after = "active" if active else "inactive"
    before = after if not changed else "inactive" if active else "active"
    return {
        "changed": changed,
        "name": name,
        "device": "/dev/mapper/" + name if active else None,
        "device_id": device_id,
        "actions": actions,
        "diff": {"before": "%s %s\n" % (name, before), "after": "%s %s\n" % (name, after)},
    }
