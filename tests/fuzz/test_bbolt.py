# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of bbolt: recorded ones and ones of every shape of page, with wrong bytes."""

import gc
import os
import struct

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.drydock.rescue.plugins.module_utils._docker import bbolt, containerd_store
from ansible_collections.drydock.rescue.tests.fuzz.machine import case, put
from ansible_collections.drydock.rescue.tests.fuzz.strategies import nearly
from ansible_collections.drydock.rescue.tests.unit.support import bbolt_file

PLACES_OF_FILES = (
    "io.containerd.metadata.v1.bolt/meta.db",
    "io.containerd.snapshotter.v1.overlayfs/metadata.db",
)
TREE = {
    b"many": {b"key %04d" % number: b"value" for number in range(300)},
    b"small": {b"a": b"1", b"inner": {b"deep": {b"x": b"y"}}},
    b"large": {b"value": b"x" * 20000},
}
RECORDED = [bbolt_file.recorded(name) for name in ("meta.db", "metadata.db")]
FILES = [bbolt_file.written(TREE), bbolt_file.written(TREE, order=">"), RECORDED[1]]
PLACES = st.integers(0, max(map(len, FILES)) - 1)
NUMBERS = st.one_of(st.integers(0, 255), st.sampled_from([0xFFFF, 0xFFFFFFFF, 2**63, 2**64 - 1]))
gc.freeze()  # of what is here now, nothing becomes garbage


@st.composite
def damaged(draw, *files):
    """Numbers of the format replaced: in headers of pages mostly, where the elements begin."""
    data = bytearray(draw(st.sampled_from(files)))
    for _change in range(draw(st.integers(1, 4))):
        place = draw(PLACES)
        if draw(st.booleans()):
            place = place // 4096 * 4096 + draw(st.integers(0, 79))
        form = draw(st.sampled_from(("<B", "<H", "<I", "<Q", ">I", ">Q")))
        size = struct.calcsize(form)
        struct.pack_into(form, data, min(place, len(data) - size), draw(NUMBERS) % 256**size)
    return bytes(data)


def everything(bucket):
    for key in bucket:
        inner = bucket.bucket(key)
        bucket.get(key)
        if inner:
            everything(inner)


@given(st.one_of(damaged(*FILES), damaged(*FILES), nearly(*FILES), st.binary(max_size=200)))
def test_files(tmp_path_factory, data):
    path = str(tmp_path_factory.getbasetemp() / "meta.db")
    put(path, data)
    with case():
        everything(bbolt.read(path).bucket())
    gc.collect()  # a copy takes room for all that its file says that it has


@st.composite
def other_names(draw, data):
    """A file that is whole, and says something else: the numbers, names and parents of what is in it."""
    for _change in range(draw(st.integers(1, 4))):
        word = draw(
            st.sampled_from((b"sha256:", b"moby", b"overlayfs", b"parent", b"name", b"id", b"kind", b"-init"))
        )
        places = data.count(word)
        before = data.split(word)
        number = draw(st.integers(1, max(1, places)))
        if places:
            other = draw(st.binary(min_size=len(word), max_size=len(word)))
            data = word.join(before[:number]) + other + word.join(before[number:])
    return data


META, METADATA = (st.one_of(st.just(one), damaged(one), other_names(one)) for one in RECORDED)


@given(META, METADATA)
def test_the_store_of_containerd(tmp_path_factory, meta, metadata):
    root = str(tmp_path_factory.getbasetemp() / "containerd")
    for place, content in ((PLACES_OF_FILES[0], meta), (PLACES_OF_FILES[1], metadata)):
        os.makedirs(os.path.join(root, os.path.dirname(place)), exist_ok=True)
        put(os.path.join(root, place), content)
    with case():
        containerd_store.Store(root).namespace_with(frozenset([bbolt_file.C1]))
    with case():
        store = containerd_store.Store(root)
        for key in [bbolt_file.C1, *store.keys("overlayfs")][:8]:
            store.snapshotter_of(key)
            store.below("overlayfs", key)
            store.directory("overlayfs", key)
    del store
    gc.collect()
