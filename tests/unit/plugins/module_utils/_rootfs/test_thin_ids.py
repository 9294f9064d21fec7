# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin ids of ours that a reboot left in an active pool."""

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _ours
from ansible_collections.drydock.rescue.plugins.module_utils._docker import device_files
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import thin_ids
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident
from ansible_collections.drydock.rescue.tests.unit.support.host import device

STATUS = "0 4194304 thin-pool 10 4144/51200 1592/32768 - rw discard_passdown queue_if_no_space - 1024"
TABLE = "0 4194304 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing"
WINDOW = range(_ours.LOWEST_THIN_ID, _ours.HIGHEST_THIN_ID + 1)


@pytest.fixture
def pool(host, docker):
    """An active pool that has these ids of our window."""
    docker.loop_pool()
    docker.container("web", driver="devicemapper")
    for number, path in enumerate(device_files.pool_files(docker.path)):
        host.loop(number, path)
    name = device_files.name_prefix(docker.path) + "-pool"
    host.answer("dmsetup status --noflush " + name, STATUS)
    host.answer("dmsetup create drydock-probe --notable")
    host.answer("dmsetup remove --retry drydock-probe")

    def having(*ids, **options):
        host.devices(device(name, "254:0", TABLE), *options.get("active", ()))
        for one in WINDOW:
            load = "dmsetup load drydock-probe --readonly --table '0 128 thin /dev/mapper/%s %d'" % (
                name,
                one,
            )
            host.answer(load, code=0 if one in ids else 1)
            host.answer("dmsetup message %s 0 'delete %d'" % (name, one))
        return name

    return having


def deleted(host):
    return [int(line.split()[-1].strip("'")) for line in host.ran if " 'delete " in line]


def test_what_nobody_names_is_deleted(host, pool):
    pool(0xFFFFFF, 0xFFFF00)
    thin_ids.leftover_plans(host, False)
    assert deleted(host) == [0xFFFF00, 0xFFFFFF]
    assert "dmsetup remove --retry drydock-probe" in host.ran


def test_check_mode_deletes_nothing(host, pool):
    name = pool(0xFFFFFF)
    (plan,) = thin_ids.leftover_plans(host, True)
    assert plan.shown() == ["dmsetup message %s 0 'delete 16777215'" % name]
    assert deleted(host) == []


def test_what_docker_or_a_device_names_stays(host, docker, pool):
    docker.device_file(ident("x"), 0xFFFFFF)
    docker.transaction(11, 0xFFFFFE, ident("y"))
    active = device("somebodys", "254:4", "0 8 thin 254:0 %d" % 0xFFFFFD)
    pool(0xFFFFFF, 0xFFFFFE, 0xFFFFFD, 0xFFFFFC, active=[active])
    thin_ids.leftover_plans(host, False)
    assert deleted(host) == [0xFFFFFC]


def test_nothing_is_deleted_while_a_device_file_cannot_be_read(host, docker, pool):
    docker.write("", "devicemapper", "metadata", ident("broken"))
    pool(0xFFFFFF)
    assert thin_ids.leftover_plans(host, False) == []
    assert deleted(host) == []


def test_nothing_is_deleted_in_a_pool_that_is_not_well(host, pool):
    name = pool(0xFFFFFF)
    host.answer("dmsetup status --noflush " + name, STATUS.replace(" rw ", " ro "))
    assert thin_ids.leftover_plans(host, False) == []


def test_a_host_without_docker(host):
    assert thin_ids.leftover_plans(host, False) == []


def test_a_probe_that_a_killed_run_left_is_no_hindrance(host, pool):
    name = pool(0xFFFFFF, active=[device("drydock-probe", "254:9", "")])
    host.answer("dmsetup create drydock-probe --notable", err="Device or resource busy", code=1)

    def gone():
        host.answer("dmsetup create drydock-probe --notable")

    host.answer("dmsetup remove --retry drydock-probe", does=gone)
    assert [plan.shown() for plan in thin_ids.leftover_plans(host, False)] == [
        ["dmsetup message %s 0 'delete 16777215'" % name]
    ]
