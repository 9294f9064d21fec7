# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import struct

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord
from ansible_collections.drydock.rescue.plugins.module_utils._plan import Context
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import filesystem


def xfs(blocks, block_size=4096):
    return (b"XFSB" + struct.pack(">IQ", block_size, blocks)).ljust(4096, b"\0")


def ext4(blocks, log_size=2, incompatible=0, high=0):
    head = bytearray(4096)
    struct.pack_into("<I", head, 0x404, blocks)
    struct.pack_into("<I", head, 0x418, log_size)
    head[0x438:0x43A] = b"\x53\xef"
    struct.pack_into("<I", head, 0x460, incompatible)
    struct.pack_into("<I", head, 0x550, high)
    return bytes(head)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (xfs(131072), ("xfs", 536870912)),
        (xfs(262144, 512), ("xfs", 134217728)),
        (ext4(131072), ("ext4", 536870912)),
        (ext4(524288, log_size=0), ("ext4", 536870912)),
        (ext4(1, incompatible=0x2C2, high=1), ("ext4", (2**32 + 1) * 4096)),
        (ext4(131072, incompatible=0x242, high=7), ("ext4", 536870912)),
    ],
)
def test_a_file_system_and_its_size(head, expected):
    assert filesystem.recognised(head, "/dev/x") == expected


@pytest.mark.parametrize(
    "head", [b"", b"\0" * 4096, b"XFSB", ext4(1)[:0x440], b"LABELONE".ljust(4096, b"\0")]
)
def test_neither_xfs_nor_ext4(head):
    with pytest.raises(BadRecord) as failure:
        filesystem.recognised(head, "/dev/x")
    assert "/dev/x holds neither XFS nor ext4" in failure.value.message


def mounting(host, tmp_path, head, size, expected=""):
    with open(str(tmp_path / "device"), "wb") as stream:
        stream.write(head)
        stream.truncate(size)
    step = filesystem.MountFileSystem(str(tmp_path / "device"), str(tmp_path), ("ro", "nodev"), expected)
    step.perform(Context(host))
    return step


@pytest.mark.parametrize(
    ("head", "fs_type", "options"),
    [(xfs(16), "xfs", ("ro", "nodev", "nouuid")), (ext4(16), "ext4", ("ro", "nodev"))],
)
@pytest.mark.parametrize("expected", ["", "xfs", "ext4"])
def test_the_device_decides_what_is_mounted(host, tmp_path, head, fs_type, options, expected):
    step = mounting(host, tmp_path, head, 65536, expected)
    assert host.mounted == [(str(tmp_path / "device"), str(tmp_path), fs_type, options)]
    assert "-t %s -o %s " % (fs_type, ",".join(options)) in step.shown({})[0]


def test_recovery_is_never_skipped(host, tmp_path):
    for head in (xfs(16), ext4(16)):
        mounting(host, tmp_path, head, 65536)
    assert not {"norecovery", "noload"} & {option for mount in host.mounted for option in mount[3]}


def test_a_device_that_is_too_short(host, tmp_path):
    with pytest.raises(BadRecord) as failure:
        mounting(host, tmp_path, xfs(17), 65536)
    assert "has 69632 bytes, the device only 65536" in failure.value.message
    assert host.mounted == []
