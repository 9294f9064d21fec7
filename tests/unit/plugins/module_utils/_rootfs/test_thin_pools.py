# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import data_root, device_files
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import thin_pools
from ansible_collections.drydock.rescue.tests.unit.support.host import device

STATUS = "0 4194304 thin-pool 10 4144/51200 1592/32768 - rw discard_passdown queue_if_no_space - 1024"
TABLE = "0 4194304 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing"


@pytest.fixture
def find(host, docker, root):
    docker.loop_pool()

    def look(*devices):
        host.devices(*devices)
        for one in devices:
            host.answer("dmsetup status --noflush " + one.name, STATUS)
        return thin_pools.find(host, root())

    return look


def attach(host, docker):
    for number, path in enumerate(device_files.pool_files(docker.path)):
        host.loop(number, path)


def test_a_pool_is_known_by_its_files_under_whatever_name(host, docker, find):
    """The prefix changes with a new disk number or a copy of the directory."""
    attach(host, docker)
    found = find(device("docker-8:1-77-pool", "254:0", TABLE))
    assert found.name == "docker-8:1-77-pool"
    assert found.status.transaction_id == 10


def test_dockers_name_over_other_files_is_not_this_pool(host, docker, find):
    name = device_files.name_prefix(docker.path) + "-pool"
    assert find(device(name, "254:0", TABLE)).active is None


def test_a_pool_of_lvm_is_known_by_the_configuration(host, docker, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "daemon.json").write_text(
        '{"storage-opts": ["dm.thinpooldev=/dev/mapper/vg-docker--pool"]}'
    )
    docker.device_file("base", 1)
    host.devices(device("vg-docker--pool", "254:0", TABLE))
    host.answer("dmsetup status --noflush vg-docker--pool", STATUS)
    found = thin_pools.find(host, data_root.find(host, None))
    assert found.active.name == "vg-docker--pool"
    assert found.data_file == ""


def test_a_pool_of_ours_is_not_dockers(host, docker, find):
    attach(host, docker)
    uuid = "drydock-%s-pool-abc" % ("a" * 64)
    found = find(device("drydock-web-pool", "254:0", TABLE, uuid=uuid))
    assert found.active is None
    assert [one.name for one in found.our_pools] == ["drydock-web-pool"]
    assert found.foreign_loops == []


def test_loops_without_a_pool_are_foreign(host, docker, find):
    attach(host, docker)
    assert [one.path for one in find().foreign_loops] == ["/dev/loop0", "/dev/loop1"]
