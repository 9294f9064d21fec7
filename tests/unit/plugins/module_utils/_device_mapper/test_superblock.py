# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import struct

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper import superblock
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord
from ansible_collections.drydock.rescue.tests.unit.support import metadata


def parse(block, size=metadata.METADATA_BYTES):
    return superblock.parse(block, "/pool/metadata", size)


def test_a_real_superblock():
    assert parse(metadata.RECORDED) == superblock.Superblock(
        checksum=0x20D820A0,
        needs_check=False,
        transaction_id=10,
        held_root=0,
        data_blocks=32768,
        data_blocks_used=1592,
        block_sectors=128,
        metadata_blocks=1024,
        metadata_blocks_used=33,
    )


def test_the_length_of_the_pool_comes_from_the_superblock():
    assert superblock.length_sectors(parse(metadata.RECORDED)) == 4194304


def test_flags_and_a_held_snapshot_are_seen():
    found = parse(metadata.superblock(flags=1, held_root=77))
    assert (found.needs_check, found.held_root) == (True, 77)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"magic": 27022011}, "its magic is 27022011, not 27022010"),
        ({"version": 3}, "its version is 3"),
        ({"version": 0}, "its version is 0"),
        ({"block_sectors": 0}, "data block size is 0 sectors"),
        ({"block_sectors": 64}, "data block size is 64 sectors"),
        ({"block_sectors": 129}, "data block size is 129 sectors"),
        ({"block_sectors": 2097280}, "data block size is 2097280 sectors"),
        ({"metadata_block_sectors": 16}, "metadata block size is 16 sectors, not 8"),
        ({"data_blocks": 0}, "it counts 0 data blocks"),
        ({"data_blocks_used": 32769}, "counts 32768 data blocks of which 32769 are used"),
        ({"metadata_blocks": 1025}, "counts 1025 metadata blocks, the file has room for 1024"),
    ],
)
def test_values_that_cannot_be_right(fields, said):
    with pytest.raises(BadRecord) as failure:
        parse(metadata.superblock(**fields))
    assert "/pool/metadata holds no valid thin-pool superblock: " in failure.value.message
    assert said in failure.value.message
    assert "Nothing was opened" in failure.value.hint


@pytest.mark.parametrize(
    "fields",
    [{"version": 1}, {"block_sectors": 2097152}, {"data_blocks_used": 32768}, {"metadata_blocks": 1}],
)
def test_values_at_the_edge_are_good(fields):
    parse(metadata.superblock(**fields))


@pytest.mark.parametrize("offset", [4, 48, 320, 2000, 4095])
def test_a_single_changed_bit_is_noticed(offset):
    block = bytearray(metadata.RECORDED)
    block[offset] ^= 0x10
    with pytest.raises(BadRecord) as failure:
        parse(bytes(block))
    assert "its checksum is 20d820a0, its contents give " in failure.value.message


def test_a_wrong_checksum():
    block = struct.pack("<I", 1) + metadata.RECORDED[4:]
    with pytest.raises(BadRecord) as failure:
        parse(block)
    assert "its checksum is 00000001, its contents give 20d820a0" in failure.value.message


def test_zeroed_metadata():
    with pytest.raises(BadRecord) as failure:
        parse(b"\0" * 4096)
    assert "first block is all zeros" in failure.value.message


@pytest.mark.parametrize("length", [0, 1, 4095])
def test_a_short_file(tmp_path, length):
    path = tmp_path / "metadata"
    path.write_bytes(metadata.RECORDED[:length])
    with pytest.raises(BadRecord) as failure:
        superblock.read(str(path))
    assert "it has %d bytes, a superblock has 4096" % length in failure.value.message


def test_a_missing_file(tmp_path):
    with pytest.raises(BadRecord) as failure:
        superblock.read(str(tmp_path / "none"))
    assert "No such file" in failure.value.message
