# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The thin pool of a data root, active or not. PRIVATE to the collection.

Docker's name for it holds the inode of a directory and changes with a copy or another disk number; so a pool is
known by what it lies on: its data device is a loop over the data root's own file, or the device that Docker was
configured with (`dm.thinpooldev`). The name is the last resort.
"""

import os
from typing import Dict, List, NamedTuple, Optional, Tuple

from .. import _ours
from .._device_mapper import dmsetup, loop, lvm, pool
from .._device_mapper import parts as halves
from .._device_mapper.parts import Part
from .._docker import device_files
from .._docker.data_root import DataRoot
from .._errors import Refused
from .._host import Host


class PoolOfRoot(NamedTuple):
    name: str  # as it is active, or as Docker would name it
    active: Optional[dmsetup.Device]
    status: Optional[pool.Status]  # of the active pool
    block_sectors: int  # of the active pool, else 0
    data_file: str  # of loop-lvm, empty where there is none
    metadata_file: str
    parts: Optional[Tuple[Part, Part]]  # data and metadata, where they are known
    foreign_loops: List[loop.Loop]  # loops over the files that are not in a device of ours
    holders: List[str]  # what else holds block devices that the pool lies on
    our_pools: List[dmsetup.Device]  # pools of ours over the same files
    devices: List[dmsetup.Device]  # every device of the host, as it was seen in the same look


def find(host: Host, root: DataRoot, given: Optional[Tuple[str, str]] = None) -> PoolOfRoot:
    """Looks once at the host and the data root. Nothing is changed. ``given`` are the data and the metadata device
    of a pool that is not active, where neither the files nor LVM say them."""
    devices, loops = dmsetup.devices(host), loop.loops(host)
    data_file, metadata_file = (os.path.realpath(path) for path in device_files.pool_files(root.path))
    has_files = os.path.isfile(data_file) and os.path.isfile(metadata_file)
    over_data = loop.over(loops, data_file) if has_files else []
    over_metadata = loop.over(loops, metadata_file) if has_files else []
    pools = [one for one in devices if dmsetup.target(one) == "thin-pool"]
    foreign = [one for one in pools if not _ours.read_uuid(one.uuid)]
    name = configured_name(root)
    active = _active(foreign, name, over_data if not name else [])
    parts = (Part(data_file), Part(metadata_file)) if has_files else None
    if name and not active:
        parts = _parts_of_name(host, name) or parts
    if given:
        parts = (halves.of_path(given[0]), halves.of_path(given[1]))
    # A root without its devicemapper directory has no pool; asking for its name would fail.
    if not name and os.path.isdir(device_files.home(root.path)):
        name = device_files.name_prefix(root.path) + "-pool"
        active = active or (dmsetup.named(foreign, name) if not has_files else None)
    ours = [one for one in pools if _ours.read_uuid(one.uuid) and _is_over(one, devices, over_data, parts)]
    in_ours = {number for one in ours for number in numbers_of(one)}
    return PoolOfRoot(
        active.name if active else name,
        active,
        pool.status_of(host, active.name) if active else None,
        pool.parse_table(active.table).block_sectors if active else 0,
        data_file if has_files else "",
        metadata_file if has_files else "",
        parts,
        [one for one in over_data + over_metadata if one.number not in in_ours],
        [one for part in parts or () for one in halves.holders(host, part, devices)],
        ours,
        devices,
    )


def require_free(found: PoolOfRoot) -> None:
    """Refuses an inactive pool whose files or devices somebody else holds."""
    if found.foreign_loops:
        shown = ", ".join("%s (%s)" % (one.path, one.backing_file) for one in found.foreign_loops)
        raise Refused(
            "the pool's files are attached without a pool: %s" % shown,
            "Docker may be starting. If it is not, detach them with `losetup --detach`",
        )
    if found.holders:
        raise Refused(
            "the pool's devices are held by %s" % ", ".join(found.holders), "`lsblk` shows what it is for"
        )


def parts_of_active(found: PoolOfRoot, loops: List[loop.Loop]) -> Tuple[str, str]:
    """What the data and the metadata of an active pool can be read from: the files of its loops, or its devices."""
    if found.active is None:
        raise ValueError("the pool is not active")
    files = {one.number: one.backing_file for one in loops}
    names = {one.number: "/dev/mapper/" + one.name for one in found.devices}
    metadata, data = (
        files.get(number) or names.get(number) or "/dev/block/" + number
        for number in numbers_of(found.active)
    )
    return data, metadata


def configured_name(root: DataRoot) -> str:
    """The pool that Docker was told to use, by `dm.thinpooldev` or `dm.directlvm_device`; empty for loop-lvm."""
    options: Dict[str, str] = root.settings.storage_options
    if os.path.realpath(root.settings.data_root) != root.path:
        return ""  # the configuration speaks of another data root
    named = options.get("dm.thinpooldev", "")
    if named:
        return named[len("/dev/mapper/") :] if named.startswith("/dev/mapper/") else os.path.basename(named)
    return "docker-thinpool" if options.get("dm.directlvm_device") else ""


def numbers_of(device: dmsetup.Device) -> List[str]:
    """The metadata and the data device of a pool, as major:minor."""
    table = pool.parse_table(device.table)
    return [table.metadata_number, table.data_number]


def _parts_of_name(host: Host, name: str) -> Optional[Tuple[Part, Part]]:
    found = lvm.parts_of(host, name)
    if found is None:
        return None
    return Part(name + "_tdata", found.data), Part(name + "_tmeta", found.metadata)


def _is_over(
    device: dmsetup.Device,
    devices: List[dmsetup.Device],
    loops: List[loop.Loop],
    parts: Optional[Tuple[Part, Part]],
) -> bool:
    """Whether a pool of ours lies on these loops, or on a device of ours over these parts."""
    number = pool.parse_table(device.table).data_number
    under = next((one for one in devices if one.number == number), None)
    return _lies_on(device, loops) or bool(under and parts and halves.maps(under, parts[0]))


def _active(pools: List[dmsetup.Device], name: str, over_data: List[loop.Loop]) -> Optional[dmsetup.Device]:
    for one in pools:
        if one.name == name or _lies_on(one, over_data):
            return one
    return None


def _lies_on(device: dmsetup.Device, loops: List[loop.Loop]) -> bool:
    return pool.parse_table(device.table).data_number in {one.number for one in loops}
