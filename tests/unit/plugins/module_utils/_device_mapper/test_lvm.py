# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper import lvm
from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper.lvm import Segment
from ansible_collections.drydock.rescue.plugins.module_utils._errors import Refused

LVS = (
    "lvs --readonly --all --segments --units s --nosuffix --noheadings --separator '|' "
    "--options lv_name,segtype,seg_start,seg_size,vg_extent_size,devices docker"
)
PVS = "pvs --readonly --units s --nosuffix --noheadings --separator '|' --options pv_name,pe_start"
# A pool that was extended: its data has two segments.
SHOWN = """  thinpool|thin-pool|0|1245184|8192|thinpool_tdata(0)
  [thinpool_tdata]|linear|0|1220608|8192|/dev/loop0(3)
  [thinpool_tdata]|linear|1220608|24576|8192|/dev/loop1(0)
  [thinpool_tmeta]|linear|0|24576|8192|/dev/loop0(152)
  [lvol0_pmspare]|linear|0|24576|8192|/dev/loop0(0)
"""


@pytest.fixture
def volumes(host):
    host.answer(LVS, SHOWN)
    host.answer(PVS, "  /dev/loop0|2048\n  /dev/loop1|4096\n")
    return host


def test_the_parts_of_a_pool(volumes):
    parts = lvm.parts_of(volumes, "docker-thinpool")
    assert parts.data == (
        Segment(0, 1220608, "/dev/loop0", 2048 + 3 * 8192),
        Segment(1220608, 24576, "/dev/loop1", 4096),
    )
    assert parts.metadata == (Segment(0, 24576, "/dev/loop0", 2048 + 152 * 8192),)
    assert lvm.table(parts.data).splitlines() == [
        "0 1220608 linear /dev/loop0 26624",
        "1220608 24576 linear /dev/loop1 4096",
    ]


@pytest.mark.parametrize("name", ["docker-other", "docker", "mypool", ""])
def test_what_is_no_pool_of_lvm(volumes, name):
    volumes.answer(LVS, code=5, err="Volume group not found") if name == "docker" else None
    assert lvm.parts_of(volumes, name) is None


def test_without_lvm(host):
    host.missing_tools.add("lvs")
    assert lvm.parts_of(host, "docker-thinpool") is None


def test_a_group_that_is_not_there(host):
    host.answer(LVS, err='Volume group "docker" not found', code=5)
    assert lvm.parts_of(host, "docker-thinpool") is None


def test_other_than_plain_pieces_are_refused(volumes):
    volumes.answer(LVS, SHOWN.replace("[thinpool_tmeta]|linear|0", "[thinpool_tmeta]|raid1|0"))
    with pytest.raises(Refused) as failure:
        lvm.parts_of(volumes, "docker-thinpool")
    assert "raid1" in failure.value.message


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("docker-thinpool", ("docker", "thinpool")),
        ("centos-docker--pool", ("centos", "docker-pool")),
        ("my--vg-a--b", ("my-vg", "a-b")),
        ("a-b-c", None),
        ("pool", None),
    ],
)
def test_names_of_lvm(name, pair):
    assert lvm.split_name(name) == pair


@pytest.mark.parametrize("number", ["\u00b2", "x", "9" * 5000, "-1"])
def test_numbers_that_are_none_are_refused(volumes, number):
    volumes.answer(LVS, SHOWN.replace("|24576|8192|/dev/loop0(152)", "|%s|8192|/dev/loop0(152)" % number))
    with pytest.raises(Refused) as failure:
        lvm.parts_of(volumes, "docker-thinpool")
    assert "LVM says what cannot be read of the volume thinpool_tmeta" in failure.value.message
    volumes.answer(PVS, "  /dev/loop0|%s\n" % number)
    with pytest.raises(Refused):
        lvm.parts_of(volumes, "docker-thinpool")
