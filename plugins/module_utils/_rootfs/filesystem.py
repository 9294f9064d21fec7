# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts the file system of a device by what its superblock says. PRIVATE to the collection.

XFS: magic `XFSB` at 0, block size and number of blocks big-endian at 4 and 8 (fs/xfs/libxfs/xfs_format.h). ext4: magic
0xef53 at 0x438, little-endian blocks at 0x404 and 0x550, log of the block size at 0x418 (fs/ext4/ext4.h).
Recovery of the journal is never skipped: without it a tree can look whole and be empty.
"""

import os
import struct
from typing import Dict, List, NamedTuple, Sequence, Tuple

from .._errors import BadRecord
from .._plan import Action, Argument, Context, shell

_HEAD = 4096
_INCOMPAT_64BIT = 0x80


class FileSystem(NamedTuple):
    fs_type: str
    size_bytes: int


def recognised(head: bytes, device: str) -> FileSystem:
    """The file system in the first 4096 bytes of a device. Raises BadRecord where there is none that Docker makes."""
    if head[:4] == b"XFSB" and len(head) >= 16:
        block_size, blocks = struct.unpack_from(">IQ", head, 4)
        return FileSystem("xfs", block_size * blocks)
    if len(head) >= 0x554 and head[0x438:0x43A] == b"\x53\xef":
        blocks_low, log_size = (
            struct.unpack_from("<I", head, 0x404)[0],
            struct.unpack_from("<I", head, 0x418)[0],
        )
        incompatible, blocks_high = (
            struct.unpack_from("<I", head, 0x460)[0],
            struct.unpack_from("<I", head, 0x550)[0],
        )
        blocks = blocks_low + ((blocks_high << 32) if incompatible & _INCOMPAT_64BIT else 0)
        return FileSystem("ext4", blocks << (10 + min(log_size, 6)))
    raise BadRecord(
        "%s holds neither XFS nor ext4" % device,
        "The device id may be the wrong one, or the device is damaged: thin_pool_info shows what there is",
    )


class MountFileSystem(Action):
    """Mounts a block device; the type is read from it, ``expected`` is only for showing the plan before."""

    def __init__(self, device: Argument, target: str, options: Sequence[str], expected: str) -> None:
        self.device, self.target, self.options, self.fs_type = device, target, tuple(options), expected

    def shown(self, outputs: Dict[str, str]) -> List[str]:
        kind = ["-t", self.fs_type] if self.fs_type else []
        argv: List[Argument] = ["mount", *kind, "-o", ",".join(self._all_options()), self.device, self.target]
        return [shell(argv, outputs)]

    def perform(self, context: Context) -> None:
        device = context.resolve(self.device)
        head, size = _head_of(device)
        found = recognised(head, device)
        if found.size_bytes > size:
            raise BadRecord(
                "the file system on %s has %d bytes, the device only %d" % (device, found.size_bytes, size),
                "Correct `size` in Docker's record of it (devicemapper/metadata), best in a copy of the data root",
            )
        self.fs_type = found.fs_type
        context.host.mount(device, self.target, self.fs_type, self._all_options())

    def _all_options(self) -> Tuple[str, ...]:
        # Every thin device of a pool has the UUID of the base it was cloned from.
        return self.options + (("nouuid",) if self.fs_type == "xfs" else ())


def _head_of(device: str) -> Tuple[bytes, int]:
    with open(device, "rb") as stream:
        head = stream.read(_HEAD)
        size = stream.seek(0, os.SEEK_END)
    return head, size
