# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import device_files
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
