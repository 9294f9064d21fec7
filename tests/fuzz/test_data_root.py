# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Docker left in a data root, of every storage driver and layout: one or two files at a time are wrong."""

import contextlib
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.drydock.rescue.plugins.module_utils import _text
from ansible_collections.drydock.rescue.plugins.module_utils._docker import (
    containers,
    device_files,
    layers,
    records,
    volumes,
)
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import container_facts
from ansible_collections.drydock.rescue.tests.fuzz.machine import KINDS, case, replaced
from ansible_collections.drydock.rescue.tests.fuzz.strategies import (
    LARGE,
    bytes_like,
    json_like,
    objects_like,
)
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import DockerRoot, ident

MOUNTS = {
    "/data": {
        "Name": "db",
        "Driver": "local",
        "Type": "volume",
        "Source": "",
        "Destination": "/data",
        "RW": True,
    },
    "/conf": {"Type": "bind", "Source": "/etc", "Destination": "/conf", "RW": False},
    "/part": {"Name": "db", "Type": "volume", "Spec": {"VolumeOptions": {"Subpath": "a/b"}}},
}


@pytest.fixture(scope="module")
def full(etc, tmp_path_factory):
    """A data root with a container of nearly every driver, and its files of records."""
    root = DockerRoot(tmp_path_factory.mktemp("full") / "docker")
    root.overlay_container("web", "top", "base", MountPoints=MOUNTS)
    root.first_overlay_container("first", "base")
    root.aufs_container("aufs", "top", "base")
    root.whole_container("vfs", "vfs", "vfs", "dir")
    root.whole_container("btrfs", "btrfs", "btrfs", "subvolumes")
    root.loop_pool()
    root.container("thin", driver="devicemapper")
    root.device_file(ident("layer of thin"), 7)
    root.devices_in_one_file(before=8)
    root.old_container(
        "old", Image=root.graph_image("graph top", "graph base"), Volumes={"/x": root.join("vfs/dir/x")}
    )
    root.write(
        {"MountType": "nfs", "MountDevice": ":/x", "MountOpts": "addr=h"}, "volumes", "db", "opts.json"
    )
    os.makedirs(root.join("volumes/db/_data"))
    found = [os.path.join(place, name) for place, _directories, names in os.walk(root.path) for name in names]
    root.files = sorted(path for path in found if os.path.isfile(path) and os.path.getsize(path) < 65536)
    return root


@given(st.data())
def test_everything_that_container_info_reads(host, full, data):
    with contextlib.ExitStack() as stack:
        for path in data.draw(st.lists(st.sampled_from(full.files), min_size=1, max_size=2, unique=True)):
            with open(path, "rb") as stream:
                there = stream.read()
            contents = [bytes_like(there, most=LARGE), st.sampled_from(KINDS), st.none()]
            if there.startswith(b"{"):
                contents[:0] = [json_like(json.loads(there), most=LARGE)] * 4
            stack.enter_context(replaced(path, data.draw(st.one_of(contents))))
        with case():
            result = container_facts.container_facts(host, full.path, None, True, True, True)
            shown = [json.loads(one) for one in result["containers"]]
            assert len(shown) == 7  # a broken one is listed all the same
            json.dumps(_text.data(result["orphans"])).encode()


@given(st.data())
def test_the_record_of_a_container(full, data):
    name = data.draw(st.sampled_from(("config.v2.json", "config.json")))
    record = full.record(
        "web", "overlay2", MountPoints=MOUNTS, Volumes={"/x": "/srv/x"}, VolumesRW={"/x": True}
    )
    path = full.join("containers", ident("web"), name)
    with replaced(path, data.draw(json_like(record))):
        ours = data.draw(st.booleans())
        with case():
            found = containers.Container(full.path, ident("web"))
            look = volumes.Volumes(full.path, ours, {"/mnt"})
            json.loads(_text.as_json(found.facts(True, look), ["config"]))
            containers.select([found], ["web", ident("web")[:12]], True)
            found.image_layer_ids()


@given(st.data())
def test_mounts(full, data):
    record = {
        "MountPoints": data.draw(objects_like(MOUNTS)),
        "Volumes": data.draw(objects_like({"/x": "/srv/x"})),
    }
    options = {"MountType": "bind", "MountDevice": "/srv", "MountOpts": "bind"}
    with replaced(full.join("volumes/db/opts.json"), data.draw(json_like(options))):
        recorded_root = data.draw(st.sampled_from((full.path, "/var/lib/docker", "")))
        with case():
            _text.data(volumes.Volumes(full.path, data.draw(st.booleans()), set()).of(recorded_root, record))


DEVICE = {"device_id": 7, "size": 10737418240, "transaction_id": 8, "initialized": False, "deleted": False}
METADATA = {"next_device_id": 10, "BaseDeviceUUID": "8b", "BaseDeviceFilesystem": "xfs"}
TRANSACTION = {"open_transaction_id": 10, "device_hash": ident("x"), "device_id": 10}
FILES = {
    "metadata/" + ident("layer of thin"): DEVICE,
    "metadata/deviceset-metadata": METADATA,
    "metadata/transaction-metadata": TRANSACTION,
    "devicemapper/json": {"Devices": {"": DEVICE, ident("before"): DEVICE}},
}


@given(st.fixed_dictionaries({name: json_like(sample) for name, sample in FILES.items()}))
def test_device_files(full, contents):
    with contextlib.ExitStack() as stack:
        for name, content in contents.items():
            stack.enter_context(replaced(full.join("devicemapper", name), content))
        with case():
            files, errors = device_files.read_all(full.path)
            device_files.claimed_ids(full.path, files)
            device_files.layer_ids(full.path)
            device_files.next_device_id(full.path)
            device_files.file_system_of_base(full.path)
            for error in errors:
                str(error)


IDS = (ident("x").encode(), b"sha256:" + ident("x").encode(), ident("x").encode() + b"-init")
NAMES = ("mount-id", "init-id", "parent")


@given(st.fixed_dictionaries({name: bytes_like(*IDS) for name in (*NAMES, "cache-id", "below")}))
def test_layerdb(full, contents):
    mounts = full.join("image/overlay2/layerdb/mounts", ident("web"))
    chain = full.join(
        "image/overlay2/layerdb/sha256", sorted(os.listdir(full.join("image/overlay2/layerdb/sha256")))[0]
    )
    with contextlib.ExitStack() as stack:
        for name in NAMES:
            stack.enter_context(replaced(os.path.join(mounts, name), contents[name]))
        stack.enter_context(replaced(os.path.join(chain, "cache-id"), contents["cache-id"]))
        stack.enter_context(replaced(os.path.join(chain, "parent"), contents["below"]))
        with case():
            layers.claims(full.path, "overlay2")
            mount = layers.layer_mount(full.path, "overlay2", ident("web"))
            layers.image_layer_ids(full.path, "overlay2", mount.parent)


@given(st.data())
def test_images_before_layerdb(full, data):
    image = ident("graph top")
    record = {"id": image, "parent": ident("graph base"), "parent_id": "sha256:" + ident("graph base")}
    with replaced(full.join("graph", image, "json"), data.draw(json_like(record))), case():
        layers.graph_layer_ids(full.path, image)


@given(st.data())
def test_files_of_records(full, data):
    path = full.join("x")
    content = data.draw(st.one_of(bytes_like(b'{"a": 1}', b"x\n"), st.sampled_from(KINDS)))
    with replaced(path, content):
        for follow in (False, True):
            with case():
                records.read_text(path, follow)
            with case():
                records.read_json(path, follow)
