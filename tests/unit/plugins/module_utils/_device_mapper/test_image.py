# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper import image
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord, NotFound, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._plan import Context
from ansible_collections.drydock.rescue.tests.unit.support import metadata

BLOCK = 65536
SIZE = 10 * BLOCK - 512  # the last block reaches over the end
DUMP = """<superblock data_block_size="128">
  <device dev_id="8" mapped_blocks="%d" transaction="0">
%s  </device>
</superblock>
"""
RANGES = ((0, 5, 2), (4, 1, 1), (9, 7, 1))


def dump(ranges=RANGES, mapped=None):
    lines = [
        '    <range_mapping origin_begin="%d" data_begin="%d" length="%d" time="0"/>\n' % one
        for one in ranges
    ]
    return DUMP % (sum(one[2] for one in ranges) if mapped is None else mapped, "".join(lines))


@pytest.fixture
def pool(host, tmp_path):
    """A pool whose every data block is filled with its own number."""
    directory = tmp_path / "pool"
    directory.mkdir()
    (directory / "data").write_bytes(b"".join(bytes([number + 1]) * BLOCK for number in range(8)))
    with open(str(directory / "metadata"), "wb") as stream:
        stream.write(metadata.superblock(data_blocks=8, data_blocks_used=4))
        stream.truncate(metadata.METADATA_BYTES)
    return directory


@pytest.fixture
def extraction(host, pool, tmp_path):
    place = tmp_path / "place"
    place.mkdir()

    def make(text=None, code=0, repaired=None, device_id=8):
        source = image.Source(str(pool / "data"), str(pool / "metadata"), device_id, SIZE)
        action = image.ExtractImage(source, str(place))

        def writes(output):
            return lambda: output is not None and (place / "mappings").write_text(output)

        words = "--output %s/mappings %s/metadata" % (place, place)
        host.answer(
            "thin_dump --dev-id %d %s" % (device_id, words),
            err="bad checksum",
            code=code,
            does=writes(text or dump()),
        )
        host.answer("thin_dump --repair " + words, code=repaired is None, does=writes(repaired))
        return action

    make.place = place
    return make


def expected(ranges=RANGES):
    whole = bytearray(10 * BLOCK)
    for origin, data, length in ranges:
        for block in range(length):
            start = (origin + block) * BLOCK
            whole[start : start + BLOCK] = bytes([data + block + 1]) * BLOCK
    return bytes(whole[:SIZE])


def perform(host, action):
    context = Context(host)
    action.perform(context)
    return context


def test_the_image_is_the_thin_device_byte_for_byte(host, extraction):
    action = extraction()
    assert perform(host, action).warnings == []
    with open(action.path, "rb") as stream:
        assert stream.read() == expected()
    assert sorted(os.listdir(str(extraction.place))) == ["image", "progress"]
    assert os.stat(action.path).st_mode & 0o777 == 0o600


def test_blocks_that_the_device_does_not_have_take_no_room(host, extraction):
    action = extraction()
    perform(host, action)
    assert os.stat(action.path).st_blocks * 512 < SIZE // 2


def test_it_goes_on_where_a_killed_run_had_come_to(host, extraction, monkeypatch):
    monkeypatch.setattr(image, "_NOTE_EVERY", BLOCK)
    copy, copied = image._copy_range, []

    def die_at_third(source, at, target, to, count):
        copied.append((at, to, count))
        if len(copied) == 5:  # metadata is copied first
            raise KeyboardInterrupt
        copy(source, at, target, to, count)

    monkeypatch.setattr(image, "_copy_range", die_at_third)
    action = extraction()
    with pytest.raises(KeyboardInterrupt):
        perform(host, action)
    before = len(copied)
    perform(host, action)
    again = [one for one in copied[before:] if one[2] <= BLOCK and one[0] >= BLOCK]
    assert len(again) < 4, "it began anew"
    with open(action.path, "rb") as stream:
        assert stream.read() == expected()


def test_it_does_not_go_on_with_what_is_of_another_state(host, extraction):
    action = extraction()
    perform(host, action)
    other = [(0, 2, 3)]
    perform(host, extraction(dump(other)))
    with open(action.path, "rb") as stream:
        assert stream.read() == expected(other)


def test_damaged_metadata_is_read_as_far_as_it_goes_and_it_is_said(host, extraction):
    context = perform(host, extraction(code=1, repaired=dump([(0, 5, 2)])))
    assert "damaged" in context.warnings[0]
    assert "thin_dump --repair" in context.warnings[0]


def test_a_cut_dump_is_tried_to_be_repaired(host, extraction):
    assert perform(host, extraction(dump(mapped=9), repaired=dump())).warnings


def test_metadata_that_cannot_be_read_at_all(host, extraction):
    with pytest.raises(BadRecord) as failure:
        perform(host, extraction(code=1))
    assert "thin device 8 cannot be read" in failure.value.message


def test_blocks_behind_the_end_that_docker_recorded(host, extraction):
    with pytest.raises(BadRecord) as failure:
        perform(host, extraction(dump([(0, 5, 1), (10, 1, 1)])))
    assert "thin device 8 has data up to byte %d" % (11 * BLOCK) in failure.value.message
    assert "only %d bytes" % SIZE in failure.value.message


def test_a_device_that_the_pool_does_not_have(host, extraction):
    with pytest.raises(NotFound) as failure:
        perform(host, extraction(device_id=9))
    assert "the pool has no thin device 9" in failure.value.message


def test_a_superblock_that_does_not_verify(host, extraction, pool):
    with open(str(pool / "metadata"), "r+b") as stream:
        stream.write(b"x")
    with pytest.raises(BadRecord):
        perform(host, extraction())


def test_data_that_was_cut(host, extraction, pool):
    os.truncate(str(pool / "data"), 6 * BLOCK)
    with pytest.raises(BadRecord) as failure:
        perform(host, extraction())
    assert "the pool's data ends at byte %d" % (6 * BLOCK) in failure.value.message


def test_too_little_room_is_said_before_anything_is_copied(host, extraction, monkeypatch):
    class Facts:
        f_frsize, f_bavail = 1024 * 1024, 33  # the copy of the metadata fits, the image does not

    action = extraction(dump([(0, 0, 8)] * 40, 320))
    monkeypatch.setattr(image.os, "statvfs", lambda _path: Facts)
    with pytest.raises(Refused) as failure:
        perform(host, action)
    assert "bytes are missing" in failure.value.message
    assert not os.path.exists(action.path)
