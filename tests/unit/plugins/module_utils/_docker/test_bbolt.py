# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import random
import struct

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import bbolt
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord, NotFound, RescueError
from ansible_collections.drydock.rescue.tests.unit.support import bbolt_file

MANY = {b"key %04d" % number: b"value %d" % number for number in range(2000)}
TREE = {
    b"many": MANY,
    b"small": {b"a": b"1", b"b": b""},
    b"large": {b"value": b"x" * 200000, b"with": {b"inner": {b"deep": b"yes"}}},
    b"none": {},
}


def opened(data):
    return bbolt.Database(data, "/x/meta.db")


def everything(bucket):
    found = {}
    for key in bucket:
        value, inner = bucket.get(key), bucket.bucket(key)
        found[key] = everything(inner) if inner else value
    return found


def damaged(data):
    with pytest.raises(BadRecord) as raised:
        everything(opened(data).bucket())
    assert "/x/meta.db" in raised.value.message
    return raised.value.message


def page_of(data, flags, count_above=0, page_size=4096):
    """Where the first page with these flags and so many elements is."""
    for start in range(2 * page_size, len(data), page_size):
        _number, found, count, _overflow = struct.unpack_from("<QHHI", data, start)
        if found == flags and count > count_above:
            return start
    raise AssertionError


def changed(data, start, form, *values):
    copy = bytearray(data)
    struct.pack_into(form, copy, start, *values)
    return bytes(copy)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("page_size", [4096, 16384, 65536])
def test_what_was_written_is_read(page_size, order):
    assert everything(opened(bbolt_file.written(TREE, page_size, order)).bucket()) == TREE


def test_a_real_file_of_containerd_with_branches_and_pages_that_were_freed():
    snapshots = opened(bbolt_file.recorded("meta.db")).bucket(b"v1", b"moby", b"snapshots", b"overlayfs")
    names = [key.decode() for key in snapshots]
    containers = [bbolt_file.C1, bbolt_file.C2, bbolt_file.C4, bbolt_file.EARLY]
    assert names == sorted(
        containers
        + [one + "-init" for one in containers]
        + [bbolt_file.IMAGE, bbolt_file.SECOND_IMAGE]
        + ["filler-%d" % number for number in range(0, 150, 3)]
    )
    mine = snapshots.bucket(bbolt_file.C1.encode())
    assert mine.get(b"name") == b"moby/5/" + bbolt_file.C1.encode()
    assert mine.get(b"parent") == bbolt_file.C1.encode() + b"-init"
    assert mine.get(b"name of nothing") is None


def test_a_value_and_a_bucket_are_not_taken_for_each_other():
    root = opened(bbolt_file.written(TREE)).bucket()
    assert root.get(b"small") is None
    assert root.bucket(b"small").bucket(b"a") is None
    assert opened(bbolt_file.written(TREE)).bucket(b"small", b"none", b"more") is None
    assert opened(bbolt_file.written(TREE)).bucket(b"large", b"with", b"inner").get(b"deep") == b"yes"


@pytest.mark.parametrize("key", [b"", b"a", b"key 0000x", b"key 1999x", b"z"])
def test_a_key_that_is_not_there(key):
    assert opened(bbolt_file.written(TREE)).bucket(b"many").get(key) is None


def test_one_key_is_found_without_the_pages_beside_it():
    data = bbolt_file.written({b"many": MANY})
    leaf = page_of(data, 2, 5)  # that with the first keys
    broken = opened(changed(data, leaf, "<Q", 99)).bucket(b"many")
    assert broken.get(b"key 1500") == b"value 1500"
    with pytest.raises(BadRecord, match="calls itself 99"):
        broken.get(b"key 0001")


def test_the_newer_of_the_first_two_pages_counts():
    older = bbolt_file.written({b"old": {}}, transaction=5)
    data = bytearray(bbolt_file.written({b"a": {}, b"b": {}}, transaction=8))
    # As after one more transaction: its tree on a page of its own, and page 1 says so.
    pages = len(data) // 4096
    root = bytearray(older[3 * 4096 : 4 * 4096])
    struct.pack_into("<Q", root, 0, pages)
    data += root
    data[4096 + 16 : 4096 + 80] = bbolt_file.meta(4096, pages, pages + 1, 9)
    assert list(opened(bytes(data)).bucket()) == [b"old"]
    data[4096 + 30] ^= 1
    assert list(opened(bytes(data)).bucket()) == [b"a", b"b"]


@pytest.mark.parametrize("page_size", [4096, 8192, 65536])
def test_the_first_page_may_be_damaged(page_size):
    data = bbolt_file.written(TREE, page_size)
    assert everything(opened(b"\0" * page_size + data[page_size:]).bucket()) == TREE


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\0" * 200000,
        b"{}",
        bbolt_file.meta(4096, 3, 4, 1),
        b"\0" * 16 + bbolt_file.meta(4096, 3, 4, 1, magic=0xED0CDAEE),
        b"\0" * 16 + bbolt_file.meta(4096, 3, 4, 1, version=3),
        b"\0" * 16 + bbolt_file.meta(1000, 3, 4, 1),
        b"\0" * 16 + bbolt_file.meta(4096, 3, 4, 1)[:-1] + b"\1",
    ],
)
def test_a_file_of_another_kind(text):
    with pytest.raises(BadRecord, match="is not a file of bbolt"):
        opened(text)


@pytest.mark.parametrize("root", [0, 1, 4, 2**40])
def test_a_root_that_cannot_be_one(root):
    head = b"\0" * 16 + bbolt_file.meta(4096, root, 10, 1)
    assert "page %d" % root in damaged(head.ljust(4 * 4096, b"\0"))


def test_a_file_that_was_cut():
    data = bbolt_file.written(TREE)
    for size in range(3 * 4096, len(data), 4096):
        assert "page" in damaged(data[:size])


def test_a_page_that_was_written_again_for_another_tree():
    data = bbolt_file.written({b"many": MANY})
    branch = page_of(data, 1, 2)
    first, second = (struct.unpack_from("<Q", data, branch + 16 + 16 * n + 8)[0] for n in (0, 1))
    copy = bytearray(data)
    copy[first * 4096 + 8 : (first + 1) * 4096] = data[second * 4096 + 8 : (second + 1) * 4096]
    assert "does not hold the keys" in damaged(bytes(copy))


def test_a_page_that_is_below_itself():
    data = bbolt_file.written({b"many": MANY})
    branch = page_of(data, 1, 2)
    assert "two places" in damaged(changed(data, branch + 24, "<Q", branch // 4096))


def test_two_buckets_cannot_have_the_same_pages():
    big = {b"key %d" % number: b"x" * 50 for number in range(40)}
    data = bbolt_file.written({b"one": big, b"two": big})
    root = len(data) // 4096 - 1
    second = struct.unpack_from("<II", data, root * 4096 + 32 + 4)[0] + root * 4096 + 32 + 3
    assert "two places" in damaged(changed(data, second, "<Q", 3))


@pytest.mark.parametrize(
    "form, value, offset",
    [
        ("<H", 4, 8),  # flags
        ("<H", 3, 8),
        ("<H", 60000, 10),  # count
        ("<I", 2**31, 12),  # overflow
        ("<I", 2**32 - 1, 20),  # position of the first key
        ("<I", 0, 20),
        ("<I", 2**32 - 1, 24),  # its size
        ("<I", 2**32 - 1, 28),  # the size of its value
    ],
)
def test_a_page_that_cannot_be_right(form, value, offset):
    data = bbolt_file.written({b"many": MANY})
    assert "page" in damaged(changed(data, page_of(data, 2, 5) + offset, form, value))


def test_keys_that_are_not_sorted():
    data = bbolt_file.written({b"many": MANY})
    first = data.index(b"key 0001")
    assert "not in order" in damaged(data[:first] + b"key 0009" + data[first + 8 :])


def test_a_bucket_in_a_small_bucket():
    data = bbolt_file.written({b"small": {b"a": b"1"}})
    start = data.index(b"small") + 5
    assert "holds others in itself" in damaged(changed(data, start + 32, "<I", 1))


def test_a_bucket_that_is_cut():
    data = bbolt_file.written({b"small": {b"a": b"1"}})
    root = page_of(data, 2)
    assert "is cut" in damaged(changed(data, root + 28, "<I", 7))
    assert "is cut" in damaged(changed(data, root + 28, "<I", 20))


def test_a_tree_without_end():
    """Branches of one key each, one below the other."""
    count = 60
    data = bytearray((count + 3) * 4096)
    data[16:80] = bbolt_file.meta(4096, 3, count + 3, 1)
    for number in range(3, count + 3):
        struct.pack_into("<QHHIIIQ", data, number * 4096, number, 1, 1, 0, 16, 1, number + 1)
        data[number * 4096 + 32] = ord("k")
    with pytest.raises(BadRecord, match="deeper than"):
        opened(bytes(data)).bucket().get(b"k")
    with pytest.raises(BadRecord, match="deeper than"):
        list(opened(bytes(data)).bucket())


@pytest.mark.parametrize("name", ["meta.db", "metadata.db"])
def test_damage_anywhere_ends_with_a_result_or_a_bad_record(name):
    chance = random.Random(5)
    whole = bbolt_file.recorded(name)
    outcomes = set()
    for _round in range(300):
        data = bytearray(whole)
        for _byte in range(chance.randint(1, 200)):
            data[chance.randrange(len(data))] = chance.choice([0, 1, 255, chance.randrange(256)])
        try:
            everything(
                opened(bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])).bucket()
            )
            outcomes.add("read")
        except RescueError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_a_file_is_read(tmp_path):
    path = tmp_path / "meta.db"
    path.write_bytes(bbolt_file.written(TREE) + b"\0" * 100000)
    assert everything(bbolt.read(str(path)).bucket()) == TREE


def test_no_file_and_a_link_in_its_place(tmp_path):
    (tmp_path / "meta.db").write_bytes(bbolt_file.written(TREE))
    os.symlink("meta.db", str(tmp_path / "link"))
    with pytest.raises(NotFound):
        bbolt.read(str(tmp_path / "none"))
    with pytest.raises(BadRecord, match="is a link"):
        bbolt.read(str(tmp_path / "link"))


def test_a_file_that_says_it_is_huge(tmp_path):
    path = tmp_path / "meta.db"
    path.write_bytes(b"\0" * 16 + bbolt_file.meta(4096, 3, 2**40, 1))
    with pytest.raises(BadRecord, match="more than"):
        bbolt.read(str(path))


class Writer:
    """Commits a transaction while the file is read, the first ``times`` times: what was read before is of the old one,
    and what is read then of the new one."""

    def __init__(self, path, times):
        self.path, self.times, self.transaction = path, times, 10
        self.pread = os.pread

    def __call__(self, descriptor, size, offset):
        if self.times and offset > 20 * 4096:
            self.times -= 1
            self.transaction += 2
            self.path.write_bytes(
                bbolt_file.written({b"many": MANY, b"new": {}}, transaction=self.transaction)
            )
        return self.pread(descriptor, size, offset)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(bbolt.time, "sleep", lambda seconds: None)


def test_a_copy_that_was_torn_is_made_again(tmp_path, monkeypatch, quick):
    path = tmp_path / "meta.db"
    path.write_bytes(bbolt_file.written({b"many": MANY}, transaction=9))
    monkeypatch.setattr(bbolt.os, "pread", Writer(path, 3))
    assert everything(bbolt.read(str(path)).bucket()) == {b"many": MANY, b"new": {}}


def test_a_file_that_never_rests(tmp_path, monkeypatch, quick):
    path = tmp_path / "meta.db"
    path.write_bytes(bbolt_file.written({b"many": MANY}, transaction=9))
    monkeypatch.setattr(bbolt.os, "pread", Writer(path, -1))
    with pytest.raises(BadRecord, match="changed each of the 20 times"):
        bbolt.read(str(path))


def test_what_is_not_needed_is_not_copied(tmp_path, monkeypatch):
    path = tmp_path / "meta.db"
    path.write_bytes(bbolt_file.written({b"v1": {b"large": {b"x": b"x" * 10**6}, b"many": MANY}}))
    lengths = []
    pread = os.pread
    monkeypatch.setattr(
        bbolt.os, "pread", lambda *words: lengths.append(words[1] * bool(words[2])) or pread(*words)
    )
    found = bbolt.read(str(path), [b"large"])
    assert everything(found.bucket(b"v1", b"many")) == MANY
    assert sum(lengths) < 200000
    with pytest.raises(BadRecord):
        found.bucket(b"v1", b"large")


def test_damage_in_one_bucket_leaves_the_others(tmp_path):
    data = bbolt_file.written({b"a": MANY, b"b": {b"key %d" % number: b"x" * 50 for number in range(99)}})
    path = tmp_path / "meta.db"
    path.write_bytes(changed(data, page_of(data, 2, 5), "<Q", 99))
    found = bbolt.read(str(path))
    assert len(list(found.keys(b"b"))) == 99
    with pytest.raises(BadRecord, match="calls itself 99"):
        list(found.keys(b"a"))
