# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import device_files
from ansible_collections.drydock.rescue.plugins.module_utils._errors import NotFound
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import pool_facts
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident
from ansible_collections.drydock.rescue.tests.unit.support.host import device

LAYER = ident("layer of web")
TABLE = "0 4194304 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing"
STATUS = "0 4194304 thin-pool 10 4144/51200 1592/32768 - rw discard_passdown queue_if_no_space - 1024"


@pytest.fixture
def stopped(host, docker):
    docker.loop_pool()
    docker.container("web", driver="devicemapper")
    docker.device_file(LAYER, 10)
    host.devices()
    metadata_file = device_files.pool_files(docker.path)[1]
    host.thin_ls = "thin_ls --no-headers --format DEV,MAPPED_BLOCKS " + metadata_file
    host.answer(host.thin_ls, "  1  1000\n 10  1592\n")
    return docker


@pytest.fixture
def active(host, stopped):
    name = device_files.name_prefix(stopped.path) + "-pool"
    for number, path in enumerate(device_files.pool_files(stopped.path)):
        host.loop(number, path)
    thin = name.replace("-pool", "-" + LAYER)
    host.devices(device(name, "254:0", TABLE), device(thin, "254:1", "0 1048576 thin 254:0 10"))
    host.answer("dmsetup status --noflush " + name, STATUS)
    host.answer("dmsetup status --noflush --target thin", "%s: 0 1048576 thin 139392 1048575\n" % thin)
    return name


def test_a_pool_that_is_not_active(host, stopped):
    found = pool_facts.pool_facts(host, stopped.path)
    (pool,) = found["pools"]
    assert found["problems"] == []
    assert (pool["active"], pool["mode"], pool["transaction_id"], pool["needs_check"]) == (
        False,
        None,
        10,
        False,
    )
    assert pool["data"] == {"used_bytes": 1592 * 65536, "total_bytes": 2147483648, "percent": 4.9}
    assert pool["metadata"] == {"used_bytes": 33 * 4096, "total_bytes": 4194304, "percent": 3.2}
    assert [one["device_id"] for one in pool["thin_devices"]] == [1, 10]
    assert pool["thin_devices"][1] == {
        "device_id": 10,
        "mapped_bytes": 1592 * 65536,
        "active_names": [],
        "layer_id": LAYER,
    }
    assert pool["orphans"] == []


def test_devices_without_a_file_and_files_without_a_device(host, stopped):
    host.answer(host.thin_ls, "1 1000\n42 5\n")
    (pool,) = pool_facts.pool_facts(host, stopped.path)["pools"]
    assert pool["orphans"] == [
        {"device_id": 42, "layer_id": None, "reason": "no_file"},
        {"device_id": 10, "layer_id": LAYER, "reason": "no_device"},
    ]


def test_a_broken_pool_is_told_with_what_docker_recorded(host, stopped):
    with open(device_files.pool_files(stopped.path)[1], "r+b") as stream:
        stream.write(b"\0" * 4096)
    found = pool_facts.pool_facts(host, stopped.path)
    assert [one["code"] for one in found["problems"]] == ["pool_broken"]
    assert sorted(one["device_id"] for one in found["pools"][0]["thin_devices"]) == [1, 10]


def test_a_tool_that_is_missing_is_no_damage(host, stopped):
    host.missing_tools.add("thin_ls")
    found = pool_facts.pool_facts(host, stopped.path)
    assert [one["code"] for one in found["problems"]] == ["missing_tools"]
    assert found["pools"][0]["data"]["percent"] == 4.9


def test_the_metadata_of_files_that_are_in_use_is_not_read(host, stopped):
    host.loop(4, device_files.pool_files(stopped.path)[0])
    found = pool_facts.pool_facts(host, stopped.path)
    assert [one["code"] for one in found["problems"]] == ["pool_in_use"]
    assert host.thin_ls not in host.ran


def test_an_active_pool(host, stopped, active):
    found = pool_facts.pool_facts(host, stopped.path)
    (pool,) = found["pools"]
    assert (pool["name"], pool["active"], pool["owner"], pool["mode"]) == (active, True, "docker", "rw")
    assert (pool["data_device"], pool["metadata_device"], pool["backing"]) == (
        "/dev/loop0",
        "/dev/loop1",
        "loop",
    )
    assert pool["data_file"] == device_files.pool_files(stopped.path)[0]
    assert pool["thin_devices"][1]["mapped_bytes"] == 139392 * 512
    assert pool["thin_devices"][1]["active_names"] == [active.replace("-pool", "-" + LAYER)]


def test_looking_never_writes(host, stopped, active):
    pool_facts.pool_facts(host, stopped.path)
    assert not [
        line for line in host.ran if "message" in line or ("status" in line and "--noflush" not in line)
    ]
    assert not [line for line in host.ran if line.startswith("thin_")]


def test_a_pool_that_failed_has_no_numbers(host, stopped, active):
    host.answer("dmsetup status --noflush " + active, "0 4194304 thin-pool Fail")
    (pool,) = pool_facts.pool_facts(host, stopped.path)["pools"]
    assert (pool["mode"], pool["data"], pool["metadata"], pool["transaction_id"]) == (
        "fail",
        None,
        None,
        None,
    )


def test_every_pool_of_the_host_when_no_root_is_named(host):
    lvm = device("vg-pool-tpool", "254:3", TABLE.replace("7:", "254:"), uuid="LVM-abc-tpool")
    parts = [
        device("vg-pool_tdata", "254:0", "0 8 linear 7:9 0", uuid="LVM-x"),
        device("vg-pool_tmeta", "254:1", "0 8 linear 7:9 8", uuid="LVM-y"),
    ]
    host.devices(lvm, *parts)
    host.answer("dmsetup status --noflush vg-pool-tpool", STATUS)
    host.answer("dmsetup status --noflush --target thin", "")
    (pool,) = pool_facts.pool_facts(host, None)["pools"]
    assert (pool["owner"], pool["backing"]) == ("lvm", "lvm")
    assert pool["data_device"] == "/dev/mapper/vg-pool_tdata"


def test_a_named_root_without_a_pool(host, docker):
    docker.overlay_container("web")
    with pytest.raises(NotFound):
        pool_facts.pool_facts(host, docker.path)
