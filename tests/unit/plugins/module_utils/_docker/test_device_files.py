# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import device_files
from ansible_collections.drydock.rescue.plugins.module_utils._docker.containers import Container
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord, NotFound
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

LAYER = ident("layer")

# As dockerd 20.10.24 writes it.
RECORDED = '{"device_id":8,"size":536870912,"transaction_id":8,"initialized":false,"deleted":false}'


def test_a_device_file(docker):
    docker.write(RECORDED, "devicemapper", "metadata", LAYER)
    assert device_files.read(docker.path, LAYER) == device_files.DeviceFile(LAYER, 8, 536870912, 8, False)


def test_before_1_9_nothing_was_ever_marked_deleted(docker):
    docker.write(RECORDED.replace(',"deleted":false', ""), "devicemapper", "metadata", LAYER)
    assert device_files.read(docker.path, LAYER).deleted is False


def test_a_deleted_device_is_still_there(docker):
    docker.device_file(LAYER, 8, deleted=True)
    assert device_files.read(docker.path, LAYER).deleted is True


@pytest.mark.parametrize("device_id", [-1, True, 0x1000000, 10**30, "8", 8.0, None, [8]])
def test_an_impossible_device_id(docker, device_id):
    path = docker.device_file(LAYER, device_id)
    with pytest.raises(BadRecord) as failure:
        device_files.read(docker.path, LAYER)
    assert "%s: device_id is %r, not a number from 0 to 16777215" % (path, device_id) in failure.value.message
    assert "`device_id`" in failure.value.hint


@pytest.mark.parametrize("device_id", [0, 0xFFFFFF])
def test_the_ids_at_both_ends(docker, device_id):
    docker.device_file(LAYER, device_id)
    assert device_files.read(docker.path, LAYER).device_id == device_id


@pytest.mark.parametrize("size", [0, -512, 511, 513, True, "536870912", 2**63 + 512, 1e9, None])
def test_an_impossible_size(docker, size):
    path = docker.device_file(LAYER, 8, size=size)
    with pytest.raises(BadRecord) as failure:
        device_files.read(docker.path, LAYER)
    assert path + ": size is " in failure.value.message


@pytest.mark.parametrize("transaction_id", [-1, 2**64, True, None, "8"])
def test_an_impossible_transaction(docker, transaction_id):
    docker.device_file(LAYER, 8, transaction_id=transaction_id)
    with pytest.raises(BadRecord):
        device_files.read(docker.path, LAYER)


@pytest.mark.parametrize("cut", range(0, len(RECORDED), 7))
def test_a_device_file_that_was_cut(docker, cut):
    docker.write(RECORDED[:cut], "devicemapper", "metadata", LAYER)
    with pytest.raises(BadRecord):
        device_files.read(docker.path, LAYER)


def test_a_missing_device_file(docker):
    with pytest.raises(NotFound):
        device_files.read(docker.path, LAYER)


def test_one_broken_file_hides_no_other(docker):
    docker.loop_pool()
    docker.device_file(LAYER, 8)
    docker.write("", "devicemapper", "metadata", ident("empty"))
    docker.write("{}", "devicemapper", "metadata", ".tmp123")
    found, errors = device_files.read_all(docker.path)
    assert sorted(one.device_id for one in found) == [1, 8]
    assert [ident("empty") in str(error) for error in errors] == [True]


def test_what_docker_says_of_all_its_devices(docker):
    docker.loop_pool()
    assert device_files.file_system_of_base(docker.path) == "xfs"
    assert device_files.next_device_id(docker.path) == 10
    assert device_files.open_transaction_device_id(docker.path) == 10


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_broken_records_of_the_set_say_nothing(docker, content):
    docker.write(content, "devicemapper", "metadata", "deviceset-metadata")
    docker.write(content, "devicemapper", "metadata", "transaction-metadata")
    assert device_files.file_system_of_base(docker.path) == ""
    assert device_files.next_device_id(docker.path) == 0
    assert device_files.open_transaction_device_id(docker.path) == -1


def test_the_prefix_of_names_as_docker_computes_it(docker, monkeypatch):
    """Recorded: docker-98:0-131103 of a directory with inode 131103 on the device 98:0."""
    facts = os.stat_result((0o40700, 131103, 98 << 8, 1, 0, 0, 0, 0, 0, 0))
    monkeypatch.setattr(device_files.os, "stat", lambda path: facts)
    assert device_files.name_prefix(docker.path) == "docker-98:0-131103"


def test_a_large_minor_number_in_the_prefix(docker, monkeypatch):
    facts = os.stat_result((0o40700, 7, os.makedev(253, 300), 1, 0, 0, 0, 0, 0, 0))
    monkeypatch.setattr(device_files.os, "stat", lambda path: facts)
    assert device_files.name_prefix(docker.path) == "docker-253:300-7"


@pytest.mark.parametrize("size", [512, 2**40, 2**63 - 512])
def test_sizes_that_device_mapper_takes(docker, size):
    """Far above the pool's own is normal: thin devices are promised more than there is."""
    docker.device_file(LAYER, 8, size=size)
    assert device_files.read(docker.path, LAYER).size_bytes == size


@pytest.mark.parametrize("size", [2**63, 2**64 - 512, 2**64, 10**30])
def test_a_size_that_no_kernel_can_count(docker, size):
    docker.device_file(LAYER, 8, size=size)
    with pytest.raises(BadRecord) as failure:
        device_files.read(docker.path, LAYER)
    assert "size is %d, not a number from 512 to %d bytes" % (size, 2**63 - 512) in failure.value.message
    assert "`device_id`" in failure.value.hint


def test_a_value_of_megabytes_does_not_fill_the_message(docker):
    docker.device_file(LAYER, "8" * 1000000)
    with pytest.raises(BadRecord) as failure:
        device_files.read(docker.path, LAYER)
    assert len(failure.value.message) < 500


def test_only_a_file_system_that_docker_makes_is_one(docker):
    docker.loop_pool()
    docker.write({"BaseDeviceFilesystem": "x; reboot"}, "devicemapper", "metadata", "deviceset-metadata")
    assert device_files.file_system_of_base(docker.path) == ""


# -- Docker 0.7 to 0.11 ------------------------------------------------------------------------------------


def test_every_field_of_the_one_file(docker):
    """As Docker 0.11 writes it: base under the empty name, its id 0, nothing of deleting."""
    device = '{"device_id":7,"size":10737418240,"transaction_id":8,"initialized":false}'
    base = '{"device_id":0,"size":10737418240,"transaction_id":1,"initialized":true}'
    docker.write(
        '{"Devices":{"":%s,"%s":%s}}' % (base, LAYER, device), "devicemapper", "devicemapper", "json"
    )
    expected = device_files.DeviceFile(LAYER, 7, 10737418240, 8, False)
    of_base = device_files.DeviceFile("base", 0, 10737418240, 1, False)
    assert device_files.read(docker.path, LAYER) == expected
    assert device_files.read(docker.path, "base") == of_base
    assert sorted(device_files.read_all(docker.path)[0]) == sorted([expected, of_base])
    assert device_files.layer_ids(docker.path) == sorted([LAYER, "base"])
    found = device_files.read_all(docker.path)[0]
    assert sorted(device_files.claimed_ids(docker.path, found)) == [-1, 0, 7]


def test_a_file_of_its_own_counts_before_the_one_file(docker):
    """0.12 stopped half-way through its migration."""
    docker.devices_in_one_file(layer=7, other=8)
    docker.device_file(LAYER, 9)
    assert device_files.read(docker.path, LAYER).device_id == 9
    found, errors = device_files.read_all(docker.path)
    assert (sorted(one.device_id for one in found), errors) == ([0, 8, 9], [])


def test_the_one_file_of_before_counts_no_more(docker):
    """What it has more than the files of today was deleted since."""
    path = docker.devices_in_one_file(layer=7)
    os.rename(path, path + ".migrated")
    with pytest.raises(NotFound):
        device_files.read(docker.path, LAYER)
    assert device_files.read_all(docker.path) == ([], [])
    assert device_files.layer_ids(docker.path) == []


def test_a_device_that_the_one_file_does_not_have(docker):
    docker.devices_in_one_file(other=7)
    with pytest.raises(NotFound) as failure:
        device_files.read(docker.path, LAYER)
    assert docker.join("devicemapper", "metadata", LAYER) in failure.value.message


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"Devices": []}', '{"Devices": null}', "\0" * 9])
def test_a_one_file_that_is_broken(docker, content):
    path = docker.write(content, "devicemapper", "devicemapper", "json")
    with pytest.raises(BadRecord) as failure:
        device_files.read(docker.path, LAYER)
    assert path in failure.value.message
    found, errors = device_files.read_all(docker.path)
    assert (found, [path in one.message for one in errors]) == ([], [True])
    assert device_files.layer_ids(docker.path) == []
    assert device_files.has(docker.path, LAYER)  # it may be: nothing says that it is not


@pytest.mark.parametrize("device", [None, [], 7, {}, {"device_id": -1}, {"device_id": 7, "size": 1}])
def test_one_broken_device_of_the_one_file_hides_no_other(docker, device):
    path = docker.devices_in_one_file(other=8)
    devices = {LAYER: device, ident("other"): {"device_id": 8, "size": 512, "transaction_id": 1}}
    docker.write({"Devices": devices}, "devicemapper", "devicemapper", "json")
    found, errors = device_files.read_all(docker.path)
    assert [one.device_id for one in found] == [8]
    assert [one.message.startswith("%s, %s" % (path, LAYER)) for one in errors] == [True]
    with pytest.raises(BadRecord):
        device_files.read(docker.path, LAYER)
    assert device_files.has(docker.path, LAYER)


def test_a_name_in_the_one_file_leads_nowhere(docker):
    """Its device counts as claimed; it is no layer, and no file is looked for by that name."""
    docker.device_file(LAYER, 5)
    names = ["../metadata/" + LAYER, "../../containers", "a\0b", "\ud800"]
    devices = {name: {"device_id": 8, "size": 512, "transaction_id": 1} for name in names}
    docker.write({"Devices": devices}, "devicemapper", "devicemapper", "json")
    found, errors = device_files.read_all(docker.path)
    assert (sorted(one.device_id for one in found), errors) == ([5, 8, 8, 8, 8], [])
    assert device_files.layer_ids(docker.path) == [LAYER]


def test_the_one_file_is_read_once_for_all_containers(docker, monkeypatch):
    docker.devices_in_one_file(layer=7, other=8)
    reads = []
    read_json = device_files.records.read_json
    monkeypatch.setattr(device_files.records, "read_json", lambda path: reads.append(path) or read_json(path))
    for _time in range(3):
        device_files.read(docker.path, LAYER)
        device_files.read(docker.path, ident("other"))
    assert [path.endswith("json") for path in reads].count(True) == 1


def test_a_root_without_devices_says_that_the_file_is_missing(docker):
    docker.write("x", "devicemapper")
    with pytest.raises((NotFound, BadRecord)):
        device_files.read(docker.path, LAYER)
    assert device_files.read_all(docker.path) == ([], [])


def test_a_deleted_device_of_a_container_that_layerdb_does_not_know_any_more(docker):
    """Docker deletes later what is busy: the container's directory and its device are still there."""
    docker.loop_pool()
    container_id = docker.container("web", driver="devicemapper")
    docker.device_file(ident("layer of web"), 8, deleted=True)
    shutil.rmtree(docker.join("image", "devicemapper", "layerdb", "mounts", container_id))
    container = Container(docker.path, container_id)
    assert (container.layer_id, [one.code for one in container.problems]) == ("", ["layer_unknown"])
    found = {one.device_id: one.deleted for one in device_files.read_all(docker.path)[0]}
    assert found == {1: False, 8: True}


def test_a_transaction_that_docker_will_roll_back_claims_its_device(docker):
    """It is in no device file: Docker deletes that id when it starts."""
    docker.loop_pool()
    docker.transaction(12, 11, ident("half made"))
    docker.write("", "devicemapper", "metadata", ident("empty"))
    docker.write('{"device_id":', "devicemapper", "metadata", ".tmp1234")
    found, errors = device_files.read_all(docker.path)
    assert sorted(device_files.claimed_ids(docker.path, found)) == [1, 11]
    assert len(errors) == 1
