# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the devicemapper driver wrote about its devices. PRIVATE to the collection.

`<data root>/devicemapper/metadata/<layer id>` is one JSON object a device (since 0.12):
``{"device_id": int, "size": bytes, "transaction_id": int, "initialized": bool, "deleted": bool}``. `size` is the
authority for the length of the device's table (size / 512 sectors). Beside them lie `base`, `deviceset-metadata`
and `transaction-metadata`. Format: daemon/graphdriver/devmapper/deviceset.go of moby.
"""

import os
from typing import Any, Dict, List, NamedTuple, Tuple

from .._errors import BadRecord, NotFound, RescueError
from . import records

SECTOR = 512
HIGHEST_DEVICE_ID = 0xFFFFFF  # 24 bits: MAX_DEV_ID of dm-thin
# The kernel counts the bytes of a device in a signed 64-bit number (loff_t): one sector below 8 EiB is the most. A
# size above the pool's is normal: that is what thin means.
HIGHEST_SIZE = 2**63 - SECTOR
BASE = "base"  # the device that all images are snapshots of
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
    record = records.read_json(path)
    hint = "Docker's record of this device is damaged; `device_id` opens a device without it"

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


def layer_ids(data_root: str) -> List[str]:
    """The layers that have a device file, sorted."""
    names = records.names_in(os.path.join(home(data_root), "metadata"))
    return [name for name in names if name not in _NOT_DEVICES and not name.startswith(".")]


def read_all(data_root: str) -> Tuple[List[DeviceFile], List[RescueError]]:
    """Every device file that can be read, and an error for each that cannot."""
    found: List[DeviceFile] = []
    errors: List[RescueError] = []
    for name in layer_ids(data_root):
        try:
            found.append(read(data_root, name))
        except RescueError as error:
            errors.append(error)
    return found, errors


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
