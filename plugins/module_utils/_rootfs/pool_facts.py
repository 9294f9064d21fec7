# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What thin_pool_info tells of every thin pool. PRIVATE to the collection.

Nothing is written, not even a metadata snapshot: of an active pool only what its status, the tables and Docker's
files show; of an inactive one all, from its superblock and thin_ls on its metadata.
"""

import os
from typing import Any, Dict, List, Optional

from .._device_mapper import dmsetup, loop, pool, superblock, thin
from .._docker import data_root, device_files
from .._docker.data_root import DataRoot
from .._errors import MissingTools, NotFound, RescueError
from .._host import Host
from .._text import is_number, printable
from . import thin_pools

_SECTOR = 512


def pool_facts(host: Host, data_root_path: Optional[str]) -> Dict[str, Any]:
    """The result of thin_pool_info: the pool of a data root, or every pool of the host and that of its Docker.
    Raises NotFound or BadRecord where a data root was asked for by name and has none."""
    problems: List[Dict[str, str]] = []
    try:
        root: Optional[DataRoot] = data_root.find(host, data_root_path)
    except RescueError:
        if data_root_path:
            raise
        root = None
    of_root = thin_pools.find(host, root) if root and "devicemapper" in root.storage_drivers else None
    if data_root_path and (of_root is None or not (of_root.active or of_root.data_file)):
        raise NotFound(
            "the data root %s has no thin pool that is active or lies in its files" % data_root_path,
            "Such a pool has the two files %s and %s" % device_files.pool_files(data_root_path),
        )
    devices = of_root.devices if of_root else dmsetup.devices(host)
    found = []
    if of_root and root and not of_root.active and of_root.data_file:
        found.append(_inactive(host, root, of_root, problems))
    for device in devices:
        ours = bool(of_root and of_root.active and of_root.active.name == device.name)
        if dmsetup.target(device) == "thin-pool" and (ours or not data_root_path):
            found.append(_active(host, device, devices, root if ours else None, problems))
    return {"pools": found, "problems": problems}


def _active(
    host: Host,
    device: dmsetup.Device,
    devices: List[dmsetup.Device],
    root: Optional[DataRoot],
    problems: List[Any],
) -> Dict[str, Any]:
    table, status = pool.parse_table(device.table), pool.status_of(host, device.name)
    loops = {one.number: one for one in loop.loops(host)}
    names = {one.number: one.name for one in devices}
    data, metadata = loops.get(table.data_number), loops.get(table.metadata_number)
    files = _files(root, problems)
    mapped = {
        name: int(line.split()[3]) * _SECTOR
        for name, line in dmsetup.statuses(host, "thin").items()
        if line.split()[3:4] and is_number(line.split()[3])
    }
    thins: Dict[int, Dict[str, Any]] = {}
    for file in files:
        thins[file.device_id] = _thin(file.device_id, None, file.layer_id)
    for one in devices:
        words = one.table.split()
        if words[2:4] == ["thin", device.number]:
            device_id = thin.id_of(one)
            facts = thins.setdefault(device_id, _thin(device_id, None, None))
            facts["active_names"].append(one.name)
            facts["mapped_bytes"] = mapped.get(one.name)
    known = status.mode != "fail"
    return {
        "name": device.name,
        "active": True,
        "owner": _owner(device, root),
        "mode": status.mode,
        "needs_check": status.needs_check,
        "transaction_id": status.transaction_id,
        "block_sectors": table.block_sectors,
        "data": _use(status.data_used, status.data_total, table.block_sectors * _SECTOR) if known else None,
        "metadata": _use(status.metadata_used, status.metadata_total, superblock.BLOCK) if known else None,
        "data_device": _path(table.data_number, data, names),
        "metadata_device": _path(table.metadata_number, metadata, names),
        "data_file": data.backing_file if data else None,
        "metadata_file": metadata.backing_file if metadata else None,
        "backing": "loop" if data else "lvm" if _is_lvm(table.data_number, devices) else "device",
        "held_metadata_snapshot": status.held_root if known else None,
        "thin_devices": [thins[key] for key in sorted(thins)],
        "orphans": None,
    }


def _inactive(
    host: Host, root: DataRoot, found: thin_pools.PoolOfRoot, problems: List[Any]
) -> Dict[str, Any]:
    files = _files(root, problems)
    result: Dict[str, Any] = {
        "name": found.name,
        "active": False,
        "owner": "docker",
        "mode": None,
        "data_device": None,
        "metadata_device": None,
        "data_file": found.data_file,
        "metadata_file": found.metadata_file,
        "backing": "loop",
    }
    for key in (
        "needs_check",
        "transaction_id",
        "block_sectors",
        "data",
        "metadata",
        "held_metadata_snapshot",
        "orphans",
    ):
        result[key] = None
    result["thin_devices"] = [_thin(one.device_id, None, one.layer_id) for one in sorted(files, key=_by_id)]
    try:
        head = superblock.read(found.metadata_file)
        block = head.block_sectors * _SECTOR
        result.update(
            needs_check=head.needs_check,
            transaction_id=head.transaction_id,
            block_sectors=head.block_sectors,
            data=_use(head.data_blocks_used, head.data_blocks, block),
            metadata=_use(head.metadata_blocks_used, head.metadata_blocks, superblock.BLOCK),
            held_metadata_snapshot=bool(head.held_root),
        )
        if found.foreign_loops or any("read_only" not in one.table for one in found.our_pools):
            problems.append(
                _problem("pool_in_use", found.name, "its files are attached to loop devices: not listed")
            )
            return result
        mapped = _thin_ls(host, found.metadata_file, block)
    except MissingTools as error:  # which says nothing of the pool
        problems.append(_problem(error.code, found.name, str(error)))
        return result
    except RescueError as error:
        problems.append(_problem("pool_broken", found.name, str(error)))
        return result
    layers = {one.device_id: one.layer_id for one in files}
    result["thin_devices"] = [_thin(one, mapped[one], layers.get(one)) for one in sorted(mapped)]
    result["orphans"] = [
        {"device_id": one, "layer_id": None, "reason": "no_file"} for one in sorted(set(mapped) - set(layers))
    ] + [
        {"device_id": one, "layer_id": layers[one], "reason": "no_device"}
        for one in sorted(set(layers) - set(mapped))
    ]
    return result


def _by_id(file: device_files.DeviceFile) -> int:
    return file.device_id


def _thin_ls(host: Host, metadata_file: str, block_bytes: int) -> Dict[int, int]:
    """The mapped bytes of every thin device in the metadata of an inactive pool."""
    host.require(("thin_ls",))
    shown = host.run(["thin_ls", "--no-headers", "--format", "DEV,MAPPED_BLOCKS", metadata_file]).out
    found = {}
    for line in shown.splitlines():
        words = line.split()
        if len(words) == 2 and is_number(words[0]) and is_number(words[1]):
            found[int(words[0])] = int(words[1]) * block_bytes
    return found


def _files(root: Optional[DataRoot], problems: List[Any]) -> List[device_files.DeviceFile]:
    if root is None:
        return []
    files, errors = device_files.read_all(root.path)
    problems += [_problem("device_file_broken", root.path, str(error)) for error in errors]
    return files


def _thin(device_id: int, mapped: Optional[int], layer_id: Optional[str]) -> Dict[str, Any]:
    return {"device_id": device_id, "mapped_bytes": mapped, "active_names": [], "layer_id": layer_id}


def _problem(code: str, subject: str, message: str) -> Dict[str, str]:
    return {"code": code, "subject": subject, "message": printable(message)}


def _use(used: int, total: int, block: int) -> Dict[str, Any]:
    percent = round(100.0 * used / total, 1) if total else 0.0
    return {"used_bytes": used * block, "total_bytes": total * block, "percent": percent}


def _owner(device: dmsetup.Device, root: Optional[DataRoot]) -> str:
    if root or (device.name.startswith("docker-") and device.name.endswith("-pool")):
        return "docker"
    return "lvm" if device.uuid.startswith("LVM-") else "other"


def _is_lvm(number: str, devices: List[dmsetup.Device]) -> bool:
    return any(one.number == number and one.uuid.startswith("LVM-") for one in devices)


def _path(number: str, over: Optional[loop.Loop], names: Dict[str, str]) -> str:
    if over:
        return over.path
    if number in names:
        return "/dev/mapper/" + names[number]
    link = os.path.realpath("/dev/block/" + number)
    return link if link != "/dev/block/" + number else number
