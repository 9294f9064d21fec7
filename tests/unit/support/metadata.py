# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The superblock of a thin pool: a real one, and ones with faults."""

import base64
import struct
import zlib

# Written by thin_restore 0.9.0: transaction 10, 32768 blocks of 128 sectors of which 1592 are used, 1024 metadata
# blocks of which 33 are used.
RECORDED = zlib.decompress(
    base64.b64decode(
        "eNpboHBDgQEP2BU0hxFEMwExiMGFrqABQlmwQWgWqDArA50A1EJFKJcRSjPRyXp2KM2GFBwcyAExCkbBKBgFo2AUjIJRMApGwSgYBaNg"
        "FAwCAAAcqwT3"
    )
)
METADATA_BYTES = 4 * 1024 * 1024

_FIELDS = {
    "flags": ("<I", 4),
    "magic": ("<Q", 32),
    "version": ("<I", 40),
    "transaction_id": ("<Q", 48),
    "held_root": ("<Q", 56),
    "data_blocks": ("<Q", 64),
    "data_blocks_used": ("<Q", 72),
    "metadata_blocks_used": ("<Q", 200),
    "block_sectors": ("<I", 336),
    "metadata_block_sectors": ("<I", 340),
    "metadata_blocks": ("<Q", 344),
}


def superblock(**fields):
    """The recorded block with other values, and the checksum that belongs to them."""
    block = bytearray(RECORDED)
    for name, value in fields.items():
        form, offset = _FIELDS[name]
        struct.pack_into(form, block, offset, value)
    struct.pack_into("<I", block, 0, _checksum(block))
    return bytes(block)


def _checksum(block):
    crc = 0xFFFFFFFF
    for byte in block[4:]:
        crc ^= byte
        for _bit in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 * (crc & 1))
    return crc ^ 160774
