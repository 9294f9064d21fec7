# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import bbolt, containerd_store
from ansible_collections.drydock.rescue.plugins.module_utils._docker.containerd_store import Snapshot, Store
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord, NotFound
from ansible_collections.drydock.rescue.tests.unit.support import bbolt_file
from ansible_collections.drydock.rescue.tests.unit.support.bbolt_file import C1, C2, IMAGE, SECOND_IMAGE
from ansible_collections.drydock.rescue.tests.unit.support.containerd import Containerd, chain
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident


@pytest.fixture
def recorded(tmp_path):
    """A store with the files that a real containerd wrote."""
    for place, name in (
        ("io.containerd.metadata.v1.bolt", "meta.db"),
        ("io.containerd.snapshotter.v1.overlayfs", "metadata.db"),
    ):
        os.makedirs(str(tmp_path / place))
        (tmp_path / place / name).write_bytes(bbolt_file.recorded(name))
    return Store(str(tmp_path))


def numbers(store, key):
    return [int(os.path.basename(one.directory)) for one in store.kept("overlayfs", key)]


@pytest.fixture
def containerd(tmp_path):
    return Containerd(tmp_path / "containerd")


def test_a_container_of_a_real_containerd(recorded):
    assert recorded.snapshot("overlayfs", C1) == Snapshot("moby/5/" + C1, C1 + "-init")
    assert recorded.below("overlayfs", C1) == [C1, C1 + "-init", IMAGE]
    # As the real containerd had them mounted.
    assert numbers(recorded, C1) == [3, 2, 1]
    assert [one.active for one in recorded.kept("overlayfs", C1)] == [True, False, False]
    assert recorded.directory("overlayfs", C1) == (
        recorded.root + "/io.containerd.snapshotter.v1.overlayfs/snapshots/3"
    )


def test_an_image_that_was_made_of_a_container_lies_above_its_init_layer(recorded):
    assert recorded.below("overlayfs", C2) == [C2, C2 + "-init", SECOND_IMAGE, C1 + "-init", IMAGE]
    assert numbers(recorded, C2) == [7, 6, 5, 2, 1]


def test_keys_are_those_of_containers_and_images_alone(recorded):
    keys = recorded.keys("overlayfs")
    assert [key for key in keys if key.startswith("sha256:")] == [SECOND_IMAGE, IMAGE]
    assert len(keys) == 10


def test_whose_snapshots_they_are(recorded):
    assert recorded.namespace_with(frozenset(["none", C2])) == "moby"
    assert recorded.namespace_with(frozenset(["none"])) == ""
    assert (recorded.snapshotter_of(C1), recorded.snapshotter_of("none")) == ("overlayfs", "")


def test_a_snapshot_that_is_not_there(recorded):
    with pytest.raises(NotFound, match="has no snapshot none of overlayfs in the namespace moby"):
        recorded.snapshot("overlayfs", "none")
    with pytest.raises(NotFound):
        recorded.snapshot("native", C1)
    assert recorded.keys("native") == []


def test_a_large_number_of_a_directory(containerd):
    for number in range(300):
        containerd.snapshot("filler-%d" % number)
    containerd.snapshot(chain("base"))
    containerd.write()
    assert numbers(Store(containerd.path), chain("base")) == [301]


@pytest.mark.parametrize("value", [b"", b"\0", b"\x80", b"\1\1", b"\xff" * 10, b"\xff" * 20])
def test_a_number_that_is_none(containerd, value):
    containerd.snapshot(chain("base"))
    containerd.kept["moby/1/" + chain("base")][b"id"] = value
    containerd.write()
    with pytest.raises(BadRecord, match="does not say the directory"):
        Store(containerd.path).directory("overlayfs", chain("base"))


def test_a_snapshot_without_a_name(containerd):
    containerd.snapshot(chain("base"))
    del containerd.meta[chain("base")][b"name"]
    containerd.write()
    with pytest.raises(BadRecord, match="does not say the name"):
        Store(containerd.path).snapshot("overlayfs", chain("base"))


def test_a_snapshot_that_the_snapshotter_does_not_have(containerd):
    containerd.snapshot(chain("base"))
    containerd.kept.clear()
    containerd.write()
    with pytest.raises(NotFound, match=r"metadata\.db has no snapshot moby/1/sha256"):
        Store(containerd.path).directory("overlayfs", chain("base"))


def test_snapshots_in_a_circle(containerd):
    containerd.snapshot(chain("one"))
    containerd.snapshot(chain("two"), chain("one"))
    containerd.meta[chain("one")][b"parent"] = chain("two").encode()
    containerd.kept["moby/1/" + chain("one")][b"parent"] = ("moby/2/" + chain("two")).encode()
    containerd.write()
    store = Store(containerd.path)
    with pytest.raises(BadRecord, match="have no end"):
        store.below("overlayfs", chain("one"))
    with pytest.raises(BadRecord, match="have no end"):
        store.kept("overlayfs", chain("one"))


def test_each_file_is_read_once(containerd, monkeypatch):
    containerd.snapshot(ident("web"))
    containerd.snapshot(ident("db"))
    containerd.write()
    paths = []
    monkeypatch.setattr(
        containerd_store.bbolt,
        "read",
        lambda path, without, read=bbolt.read: paths.append(os.path.basename(path)) or read(path, without),
    )
    store = Store(containerd.path)
    for name in ("web", "db", "web"):
        store.kept("overlayfs", ident(name))
    assert paths == ["meta.db", "metadata.db"]


def test_a_damaged_file_is_read_once_too(containerd, monkeypatch):
    path = os.path.join(containerd.path, containerd_store.META)
    with open(path, "wb") as stream:
        stream.write(b"\0" * 4096)
    store = Store(containerd.path)
    for _time in range(2):
        with pytest.raises(BadRecord, match=r"meta\.db is not a file of bbolt"):
            store.snapshot("overlayfs", ident("web"))
        monkeypatch.setattr(containerd_store.bbolt, "read", None)
