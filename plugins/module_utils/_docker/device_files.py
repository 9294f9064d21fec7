# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the devicemapper driver wrote about its devices. PRIVATE to the collection.

`<data root>/devicemapper/metadata/<layer id>` is one JSON object a device (since 0.12):
``{"device_id": int, "size": bytes, "transaction_id": int, "initialized": bool, "deleted": bool}``. `size` is the
authority for the length of the device's table (size / 512 sectors). Beside them lie `base`, `deviceset-metadata`
and `transaction-metadata`. Docker 0.7 to 0.11 had all of them in the one file `devicemapper/devicemapper/json`, as
``{"Devices": {"<layer id>": {...}}}`` with base under the empty name; 0.12 wrote the files from it and renamed it
(`json.migrated`): that one counts no more. Format: daemon/graphdriver/devmapper/deviceset.go of moby.
"""

import contextlib
import functools
import os
import re
from typing import Any, Dict, List, NamedTuple, Tuple

from .._errors import BadRecord, NotFound, RescueError
from . import records

SECTOR = 512
HIGHEST_DEVICE_ID = 0xFFFFFF  # 24 bits: MAX_DEV_ID of dm-thin
# The kernel counts the bytes of a device in a signed 64-bit number (loff_t): one sector below 8 EiB is the most. A
# size above the pool's is normal: that is what thin means.
HIGHEST_SIZE = 2**63 - SECTOR
BASE = "base"  # the device that all images are snapshots of
_NAME = re.compile(r"[a-f0-9]{64}(-init)?|base")
_NOT_DEVICES = ("deviceset-metadata", "transaction-metadata")


class DeviceFile(NamedTuple):
    layer_id: str
    device_id: int
    size_bytes: int
    transaction_id: int
    deleted: bool


def home(data_root: str) -> str:
    return os.path.join(data_root, "devicemapper")


def pool_files(data_root: str) -> Tuple[str, str]:
    """Where loop-lvm keeps the data and the metadata of its pool."""
    directory = os.path.join(home(data_root), "devicemapper")
    return os.path.join(directory, "data"), os.path.join(directory, "metadata")


def read(data_root: str, layer_id: str) -> DeviceFile:
    """The device of one layer. Raises NotFound, or BadRecord for a file that is cut or cannot be right."""
    path = os.path.join(home(data_root), "metadata", layer_id)
    try:
        return _device(path, layer_id, records.read_json(path))
    except NotFound:
        path, devices = _one_file(data_root)
        if layer_id not in devices:
            raise
        return _device("%s, %s" % (path, layer_id), layer_id, devices[layer_id])


def has(data_root: str, layer_id: str) -> bool:
    """Whether a layer has a device, also where what is said of it is damaged."""
    try:
        read(data_root, layer_id)
    except RescueError as error:
        return not isinstance(error, NotFound)
    return True


def layer_ids(data_root: str) -> List[str]:
    """The layers that have a device, sorted."""
    found = set(_file_names(data_root))
    with contextlib.suppress(RescueError):
        found.update(name for name in _one_file(data_root)[1] if _NAME.fullmatch(name))
    return sorted(found)


def read_all(data_root: str) -> Tuple[List[DeviceFile], List[RescueError]]:
    """Every device that can be read, and an error for each that cannot."""
    found: List[DeviceFile] = []
    errors: List[RescueError] = []
    names = _file_names(data_root)
    for name in names:
        try:
            found.append(read(data_root, name))
        except RescueError as error:
            errors.append(error)
    try:
        path, devices = _one_file(data_root)
    except RescueError as error:
        return found, errors + [error]
    for name in sorted(set(devices).difference(names)):
        try:
            found.append(_device("%s, %s" % (path, name[:80]), name, devices[name]))
        except RescueError as error:
            errors.append(error)
    return found, errors


def _file_names(data_root: str) -> List[str]:
    names = records.names_in(os.path.join(home(data_root), "metadata"))
    return [name for name in names if name not in _NOT_DEVICES and not name.startswith(".")]


def _device(path: str, layer_id: str, record: Any) -> DeviceFile:
    hint = "Docker's record of this device is damaged; `device_id` opens a device without it"
    if not isinstance(record, dict):
        raise BadRecord("%s is %s, no device" % (path, repr(record)[:80]), hint)

    def integer(key: str, lowest: int, highest: int, unit: str) -> int:
        value = record.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise BadRecord(
                "%s: %s is %s, not a number from %d to %d%s"
                % (path, key, repr(value)[:80], lowest, highest, unit),
                hint,
            )
        return value

    device_id = integer("device_id", 0, HIGHEST_DEVICE_ID, "")
    size = integer("size", SECTOR, HIGHEST_SIZE, " bytes")
    if size % SECTOR:
        raise BadRecord("%s: size is %d bytes, not a multiple of %d" % (path, size, SECTOR), hint)
    transaction = integer("transaction_id", 0, 2**64 - 1, "")
    return DeviceFile(layer_id, device_id, size, transaction, records.flag_of(record, "deleted"))


def _one_file(data_root: str) -> Tuple[str, Dict[str, Any]]:
    """The one file of Docker 0.7 to 0.11, and what it says of each layer: nothing where there is none. Raises
    BadRecord."""
    path = os.path.join(home(data_root), "devicemapper", "json")
    try:
        facts = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return path, {}
    except OSError as error:
        raise BadRecord("%s cannot be read: %s" % (path, error.strerror))
    devices, trouble = _parsed(path, facts.st_mtime_ns, facts.st_size, facts.st_ino)
    if trouble:
        raise BadRecord(trouble)
    return path, devices


@functools.lru_cache(maxsize=2)
def _parsed(path: str, _changed: int, _size: int, _inode: int) -> Tuple[Dict[str, Any], str]:
    """The devices of the one file, or what is wrong with it. Remembered, for every container asks."""
    try:
        record = records.read_json(path)
    except RescueError as error:
        return {}, error.message
    devices = record.get("Devices", record.get("devices"))
    if not isinstance(devices, dict):
        return {}, "%s holds no devices" % path
    return {name or BASE: device for name, device in devices.items()}, ""


def file_system_of_base(data_root: str) -> str:
    """`xfs` or `ext4` as Docker recorded it for all its devices (since 1.10), else empty."""
    recorded = records.text_of(_optional(data_root, "deviceset-metadata"), "BaseDeviceFilesystem")
    return recorded if recorded in ("xfs", "ext4") else ""


def next_device_id(data_root: str) -> int:
    """The id that Docker gave last or will give next, as far as it saved it; it can be behind after a crash."""
    return records.integer_of(_optional(data_root, "deviceset-metadata"), "next_device_id")


def open_transaction_device_id(data_root: str) -> int:
    """The device of Docker's latest transaction: at its next start Docker may delete that id. -1 if none is known."""
    record = _optional(data_root, "transaction-metadata")
    return records.integer_of(record, "device_id") if "device_id" in record else -1


def claimed_ids(data_root: str, files: List[DeviceFile]) -> List[int]:
    """The ids that Docker has given: to these device files, and in its latest transaction."""
    return [one.device_id for one in files] + [open_transaction_device_id(data_root)]


def name_prefix(data_root: str) -> str:
    """`docker-MAJOR:MINOR-INODE` of the devicemapper directory, as this host's Docker computes it today. A root that
    was copied, or whose disk has another number now, had another one: a hint, never a proof."""
    facts = os.stat(home(data_root))
    major = (facts.st_dev >> 8) & 0xFFF
    minor = (facts.st_dev & 0xFF) | ((facts.st_dev >> 12) & 0xFFF00)
    return "docker-%d:%d-%d" % (major, minor, facts.st_ino)


def _optional(data_root: str, name: str) -> Dict[str, Any]:
    try:
        return records.read_json(os.path.join(home(data_root), "metadata", name))
    except (NotFound, BadRecord):
        return {}
