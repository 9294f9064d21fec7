# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The superblock of a thin pool's metadata, read and verified without the kernel. PRIVATE to the collection.

Block 0 of the metadata device, 4096 bytes, little-endian; struct thin_disk_superblock of the kernel's
drivers/md/dm-thin-metadata.c. The kernel formats a read-write pool on zeroed metadata without a word and grows a
pool whose table is too long, so nothing is created before this file has said yes.
"""

import os
import struct
from typing import List, NamedTuple

from .._errors import BadRecord
from . import raw

BLOCK = 4096  # bytes of a metadata block
SECTOR = 512
_MAGIC = 27022010
_CSUM_XOR = 160774
_NEEDS_CHECK = 1
_VERSIONS = (1, 2)
_SMALLEST_BLOCK, _LARGEST_BLOCK = 128, 2097152  # sectors: 64 KiB to 1 GiB, in steps of 64 KiB


class Superblock(NamedTuple):
    checksum: int
    needs_check: bool
    transaction_id: int
    held_root: int  # metadata block of the held metadata snapshot, 0 for none
    data_blocks: int
    data_blocks_used: int
    block_sectors: int
    metadata_blocks: int  # of 4096 bytes
    metadata_blocks_used: int


def length_sectors(superblock: Superblock) -> int:
    """The length of the pool's table."""
    return superblock.data_blocks * superblock.block_sectors


def read(path: str) -> Superblock:
    """Reads and verifies the superblock in a metadata file or device. Raises BadRecord that says what is wrong."""
    try:
        with raw.opened(path) as descriptor:
            block = os.pread(descriptor, BLOCK, 0)
            size = os.lseek(descriptor, 0, os.SEEK_END)
    except OSError as error:
        raise BadRecord("the pool's metadata %s cannot be read: %s" % (path, error.strerror))
    return parse(block, path, size)


def parse(block: bytes, path: str, size: int) -> Superblock:
    """The superblock in ``block``; ``path`` and its ``size`` in bytes are for the checks and the errors."""

    def bad(reason: str) -> BadRecord:
        return BadRecord(
            "%s holds no valid thin-pool superblock: %s" % (path, reason),
            "Nothing was opened. The metadata is damaged or this is another file; keep a copy of both pool files",
        )

    if len(block) < BLOCK:
        raise bad("it has %d bytes, a superblock has %d" % (len(block), BLOCK))
    if not block.strip(b"\0"):
        raise bad("its first block is all zeros")
    checksum, flags = struct.unpack_from("<II", block, 0)
    magic, version = struct.unpack_from("<QI", block, 32)
    transaction_id, held_root, data_blocks, data_used = struct.unpack_from("<QQQQ", block, 48)
    metadata_used = struct.unpack_from("<Q", block, 192 + 8)[0]
    block_sectors, metadata_block_sectors, metadata_blocks = struct.unpack_from("<IIQ", block, 336)
    if magic != _MAGIC:
        raise bad("its magic is %d, not %d" % (magic, _MAGIC))
    if checksum != checksum_of(block):
        raise bad("its checksum is %08x, its contents give %08x" % (checksum, checksum_of(block)))
    if version not in _VERSIONS:
        raise bad("its version is %d, known are 1 and 2" % version)
    if not _SMALLEST_BLOCK <= block_sectors <= _LARGEST_BLOCK or block_sectors % _SMALLEST_BLOCK:
        raise bad("its data block size is %d sectors" % block_sectors)
    if metadata_block_sectors * SECTOR != BLOCK:
        raise bad("its metadata block size is %d sectors, not %d" % (metadata_block_sectors, BLOCK // SECTOR))
    if not data_blocks or data_used > data_blocks:
        raise bad("it counts %d data blocks of which %d are used" % (data_blocks, data_used))
    if metadata_blocks * BLOCK > size:
        raise bad("it counts %d metadata blocks, the file has room for %d" % (metadata_blocks, size // BLOCK))
    return Superblock(
        checksum,
        bool(flags & _NEEDS_CHECK),
        transaction_id,
        held_root,
        data_blocks,
        data_used,
        block_sectors,
        metadata_blocks,
        metadata_used,
    )


def checksum_of(block: bytes) -> int:
    """CRC-32C of everything behind the checksum, without the final inversion, xor a constant of dm-thin."""
    crc = 0xFFFFFFFF
    for byte in block[4:BLOCK]:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ _CSUM_XOR


def _crc32c_table() -> List[int]:
    table = []
    for value in range(256):
        for _bit in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _crc32c_table()
