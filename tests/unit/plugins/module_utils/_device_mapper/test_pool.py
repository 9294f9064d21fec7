# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper import lvm, pool, superblock
from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper.parts import Part
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord, CommandFailed, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._plan import Context
from ansible_collections.drydock.rescue.tests.unit.support import metadata

# dockerd 20.10.24 on Linux 6.1.
RECORDED = "0 4194304 thin-pool 10 4144/51200 1592/32768 - rw discard_passdown queue_if_no_space - 1024"
METADATA = Part("/pool/metadata")
HEALTHY = pool.Status("rw", False, 10, 4144, 51200, 1592, 32768, False)


def test_a_recorded_status():
    assert pool.parse_status(RECORDED) == HEALTHY


@pytest.mark.parametrize("words", [12, 11, 10, 9, 8, 7, 6])
def test_older_kernels_end_the_line_earlier(words):
    assert pool.parse_status(" ".join(RECORDED.split()[:words])) == HEALTHY


@pytest.mark.parametrize(
    ("line", "mode", "needs_check"),
    [
        (RECORDED.replace(" rw ", " ro "), "ro", False),
        (RECORDED.replace(" rw ", " out_of_data_space "), "out_of_data_space", False),
        (RECORDED.replace("queue_if_no_space -", "queue_if_no_space needs_check"), "rw", True),
        (RECORDED.replace(" rw ", " ro ").replace("space -", "space needs_check"), "ro", True),
        (RECORDED.replace(" rw ", " a_new_mode "), "fail", False),
        ("0 4194304 thin-pool Fail", "fail", True),
        ("0 4194304 thin-pool Error", "fail", False),
    ],
)
def test_a_pool_that_is_not_well(line, mode, needs_check):
    status = pool.parse_status(line)
    assert (status.mode, status.needs_check) == (mode, needs_check)
    assert pool.unhealthy(status)


def test_a_healthy_pool():
    assert pool.unhealthy(HEALTHY) == ""


def test_a_held_metadata_snapshot():
    assert pool.parse_status(RECORDED.replace(" - rw", " 77 rw")).held_root is True


@pytest.mark.parametrize(
    "line",
    ["", "0 8 thin-pool", "0 8 thin-pool x 1/2 3/4", "0 8 thin-pool 1 12 3/4", "0 8 thin-pool 1 1/2 3/"],
)
def test_a_status_that_cannot_be_read(line):
    with pytest.raises(BadRecord):
        pool.parse_status(line)


def test_a_table():
    assert pool.parse_table("0 4194304 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing") == pool.Table(
        "7:1", "7:0", 128
    )
    with pytest.raises(BadRecord):
        pool.parse_table("0 4194304 thin-pool 7:1")


# -- room --------------------------------------------------------------------------------------------------


def test_enough_room():
    pool.require_space("p", HEALTHY, 128, 15, "a snapshot")


def test_too_little_data_says_how_many_bytes_are_missing():
    status = HEALTHY._replace(data_total=1000, data_used=900)
    with pytest.raises(Refused) as failure:
        pool.require_space("p", status, 128, 15, "a snapshot")
    assert failure.value.message == (
        "pool p has 6553600 bytes of data free, a snapshot needs 9830400 (15 %): 3276800 bytes are missing"
    )


def test_too_little_metadata_says_how_many_bytes_are_missing():
    status = HEALTHY._replace(metadata_total=1000, metadata_used=999)
    with pytest.raises(Refused) as failure:
        pool.require_space("p", status, 128, 15, "a snapshot")
    assert "4096 bytes of metadata free" in failure.value.message
    assert "%d bytes are missing" % (149 * 4096) in failure.value.message


def test_exactly_enough_is_enough():
    pool.require_space("p", HEALTHY._replace(data_total=1000, data_used=850), 128, 15, "x")
    with pytest.raises(Refused):
        pool.require_space("p", HEALTHY._replace(data_total=1000, data_used=851), 128, 15, "x")


FOUND = superblock.parse(metadata.RECORDED, "x", metadata.METADATA_BYTES)


# -- an inactive pool --------------------------------------------------------------------------------------


def verified(tmp_path, block, data_bytes=32768 * 65536):
    path, data = tmp_path / "metadata", tmp_path / "data"
    with open(str(path), "wb") as stream:
        stream.write(block)
        stream.truncate(metadata.METADATA_BYTES)
    with open(str(data), "wb") as stream:
        stream.truncate(data_bytes)
    return pool.verified(Part(str(data)), Part(str(path)))


def test_a_superblock_that_verifies(tmp_path):
    assert verified(tmp_path, metadata.RECORDED).transaction_id == 10
    assert verified(tmp_path, metadata.RECORDED, 100 * 2**30).data_blocks == 32768


def test_a_data_file_that_was_cut_is_refused(tmp_path):
    with pytest.raises(BadRecord) as failure:
        verified(tmp_path, metadata.RECORDED, 32768 * 65536 - 1)
    assert "counts 2147483648 bytes of data, %s has 2147483647" % (tmp_path / "data") in failure.value.message


def test_metadata_that_is_whole(host):
    host.answer("thin_check -q /pool/metadata")
    assert pool.damage(host, FOUND, METADATA) == ""


def test_metadata_that_needs_a_check(host):
    said = pool.damage(host, FOUND._replace(needs_check=True), METADATA)
    assert "/pool/metadata is marked needs_check" in said


def test_metadata_that_thin_check_finds_damaged(host):
    host.answer("thin_check -q /pool/metadata", err="bad checksum, block 6\n", code=1)
    said = pool.damage(host, FOUND, METADATA)
    assert "damaged: bad checksum, block 6" in said
    error = pool.damaged(said)
    assert "method: extract" in error.hint
    assert "thin_repair" in error.hint


# -- putting one together ----------------------------------------------------------------------------------

OWNER = "d" * 64
FILES = (Part("/pool/data"), Part("/pool/meta data"))
LINEAR = (
    Part("vg-pool_tdata", (lvm.Segment(0, 8, "/dev/sdb", 2048), lvm.Segment(8, 4, "/dev/sdc", 4096))),
    Part("vg-pool_tmeta", (lvm.Segment(0, 2, "/dev/sdb", 2056),)),
)


def assembled(read_only, halves=FILES):
    return pool.assemble_plan("web", OWNER, "mark" if read_only else "", halves, FOUND, read_only)


def test_a_read_only_pool():
    assert assembled(True).shown() == [
        "data_loop=$(losetup --find --show --read-only /pool/data)",
        "metadata_loop=$(losetup --find --show --read-only '/pool/meta data')",
        "dmsetup create drydock-web-pool --uuid drydock-%s-pool-mark --table" % OWNER
        + ' "0 4194304 thin-pool $metadata_loop $data_loop 128 0 2 skip_block_zeroing read_only"',
    ]


def test_a_writable_pool():
    assert assembled(False).shown() == [
        "data_loop=$(losetup --find --show /pool/data)",
        "metadata_loop=$(losetup --find --show '/pool/meta data')",
        "dmsetup create drydock-web-pool --uuid drydock-%s-pool --table" % OWNER
        + ' "0 4194304 thin-pool $metadata_loop $data_loop 128 0 1 skip_block_zeroing"',
    ]


def test_a_pool_over_segments_of_block_devices():
    """Of LVM: mapped by devices of ours, and its metadata is checked before the kernel gets it."""
    assert assembled(True, LINEAR).shown() == [
        "printf '%%s\\n' '0 8 linear /dev/sdb 2048' '8 4 linear /dev/sdc 4096' | "
        "dmsetup create drydock-web-data --uuid drydock-%s-data --readonly" % OWNER,
        "printf '%%s\\n' '0 2 linear /dev/sdb 2056' | "
        "dmsetup create drydock-web-metadata --uuid drydock-%s-metadata --readonly" % OWNER,
        "thin_check -q /dev/mapper/drydock-web-metadata",
        "dmsetup create drydock-web-pool --uuid drydock-%s-pool-mark --table '0 4194304 thin-pool"
        % OWNER
        + " /dev/mapper/drydock-web-metadata /dev/mapper/drydock-web-data 128 0"
        " 2 skip_block_zeroing read_only'",
    ]


def test_each_step_has_one_that_takes_it_back():
    outputs = {"data_loop": "/dev/loop0", "metadata_loop": "/dev/loop1"}
    assert [step.undo.shown(outputs) for step in assembled(True).steps] == [
        ["losetup --detach /dev/loop0"],
        ["losetup --detach /dev/loop1"],
        ["dmsetup remove --retry drydock-web-pool"],
    ]


@pytest.mark.parametrize(
    "line", [RECORDED.replace(" rw ", " ro "), RECORDED.replace("space -", "space needs_check")]
)
def test_a_new_pool_that_is_not_well_is_not_used(host, line):
    host.answer("dmsetup status --noflush p", line)
    with pytest.raises(CommandFailed):
        pool.AwaitHealthy("p", 2, 128).perform(Context(host))


def test_a_new_pool_without_room_is_not_used(host):
    host.answer("dmsetup status --noflush p", RECORDED.replace("1592/", "32767/"))
    with pytest.raises(Refused):
        pool.AwaitHealthy("p", 2, 128).perform(Context(host))


def test_a_new_pool_that_is_well(host):
    host.answer("dmsetup status --noflush p", RECORDED)
    pool.AwaitHealthy("p", 2, 128).perform(Context(host))
