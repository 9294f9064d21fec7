# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper import mappings
from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper.mappings import Range
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord

RECORDED = """<superblock uuid="" time="1" transaction="0" flags="0" version="2" data_block_size="128">
  <device dev_id="1" mapped_blocks="46" transaction="0" creation_time="0" snap_time="1">
    <range_mapping origin_begin="0" data_begin="0" length="10" time="0"/>
    <range_mapping origin_begin="10" data_begin="6400" length="3" time="1"/>
    <single_mapping origin_block="1000" data_block="6403" time="1"/>
    <range_mapping origin_begin="16000" data_begin="6404" length="32" time="1"/>
  </device>
  <device dev_id="2" mapped_blocks="0" transaction="0" creation_time="1" snap_time="1">
  </device>
</superblock>
"""
MAPPING = '<single_mapping origin_block="9" data_block="7" time="0"/>\n'


def of(device_id, text=RECORDED, blocks=7000):
    return mappings.of_device(text.splitlines(True), device_id, blocks)


def test_recorded_output():
    assert of(1) == [Range(0, 0, 10), Range(10, 6400, 3), Range(1000, 6403, 1), Range(16000, 6404, 32)]


def test_a_device_that_has_nothing():
    assert of(2) == []


def test_a_device_that_is_not_there():
    assert of(3) is None


def test_what_devices_share_may_be_printed_once():
    shared = """<superblock nr_data_blocks="100">
      <def name="d0">
        <range_mapping origin_begin="0" data_begin="50" length="4" time="0"/>
      </def>
      <device dev_id="7" mapped_blocks="5" transaction="0" creation_time="0" snap_time="0">
        <ref name="d0"/>
        <single_mapping origin_block="9" data_block="60" time="0"/>
      </device>
    </superblock>"""
    assert of(7, shared) == [Range(0, 50, 4), Range(9, 60, 1)]


def test_a_dump_that_was_cut():
    with pytest.raises(BadRecord) as failure:
        of(1, RECORDED[: RECORDED.index("<single")])
    assert "counts 46 mapped blocks, its mappings have 13" in failure.value.message


def test_blocks_that_the_pool_does_not_have():
    with pytest.raises(BadRecord) as failure:
        of(1, blocks=6435)
    assert "maps block 6435, the pool's data has 6435 blocks" in failure.value.message


@pytest.mark.parametrize("text", ["", "\0" * 100, "<device dev_id=", '<ref name="x"/>\n' * 5])
def test_no_dump(text):
    assert of(1, text) is None


def shares(*names):
    lines = ['<ref name="%s"/>\n' % name for name in names]
    return "".join(lines)


@pytest.mark.parametrize(
    "defined",
    [
        '<def name="0">\n%s%s</def>\n' % (MAPPING, shares("0")),  # itself
        '<def name="0">\n%s</def>\n<def name="1">\n%s</def>\n' % (shares("1"), shares("0")),
        '<def name="0">\n%s</def>\n' % MAPPING
        + "".join(
            '<def name="%d">\n%s</def>\n' % (one + 1, shares(one, one)) for one in range(60)
        ),  # 2^60 ranges
    ],
)
def test_shared_mappings_that_multiply_are_damage(defined):
    text = defined + '<device dev_id="7" mapped_blocks="1" transaction="0">\n%s</device>\n' % shares(
        "60", "0"
    )
    with pytest.raises(BadRecord) as failure:
        of(7, text)
    assert "twice" in failure.value.message


def test_what_is_shared_may_share_itself():
    text = '<def name="a">\n%s</def>\n<def name="b">\n%s</def>\n' % (MAPPING, shares("a"))
    text += '<device dev_id="7" mapped_blocks="1" transaction="0">\n%s</device>\n' % shares("b")
    assert of(7, text) == [Range(9, 7, 1)]
