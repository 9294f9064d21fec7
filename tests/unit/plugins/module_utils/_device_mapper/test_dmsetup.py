# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper import dmsetup
from ansible_collections.drydock.rescue.plugins.module_utils._errors import CommandFailed
from ansible_collections.drydock.rescue.tests.unit.support.host import device

# As dockerd 20.10.24 left it.
POOL = device(
    "docker-98:0-131103-pool",
    "254:0",
    "0 4194304 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing",
    open_count=1,
)
THIN = device("docker-98:0-131103-68bdfbdb1b89", "254:1", "0 1048576 thin 254:0 10")


def test_without_device_mapper_nothing_is_run(host):
    assert dmsetup.devices(host) == []
    assert dmsetup.statuses(host, "thin") == {}
    assert host.ran == []


def test_a_kernel_with_other_misc_devices_has_no_device_mapper(host, tmp_path):
    with open(host.proc + "/misc", "w") as stream:
        stream.write(" 237 loop-control\n 236 not-device-mapper\n")
    assert not dmsetup.present(host)


def test_devices_with_their_tables(host):
    suspended = THIN._replace(name="x", suspended=True, number="254:2")
    host.devices(POOL, THIN, suspended)
    assert dmsetup.devices(host) == [POOL, THIN, suspended]


def test_no_devices(host):
    host.devices()
    assert dmsetup.devices(host) == []


def test_a_device_that_is_taken_away_meanwhile(host):
    gone = "device-mapper: table ioctl on x failed: No such device or address\nCommand failed.\n"
    host.devices(POOL)
    host.answer("dmsetup table", err=gone, code=1, does=lambda: host.devices(THIN))
    assert [one.table for one in dmsetup.devices(host)] == [""]
    host.answer("dmsetup table", err=gone, code=1)
    with pytest.raises(CommandFailed):
        dmsetup.devices(host)
    host.answer("dmsetup table", err="Permission denied", code=1, does=lambda: host.devices(THIN))
    with pytest.raises(CommandFailed):
        dmsetup.devices(host)


def test_a_device_without_a_table(host):
    host.devices(device("drydock-web-thin", "254:3", "", uuid="drydock-x"))
    (found,) = dmsetup.devices(host)
    assert (found.uuid, found.table, dmsetup.target(found)) == ("drydock-x", "", "")


def test_the_first_line_of_a_longer_table_counts(host):
    host.devices(POOL)
    host.answer("dmsetup table", "%s: 0 8 linear 7:0 0\n%s: 8 8 linear 7:1 0\n" % (POOL.name, POOL.name))
    assert dmsetup.devices(host)[0].table == "0 8 linear 7:0 0"


@pytest.mark.parametrize(("one", "expected"), [(POOL, "thin-pool"), (THIN, "thin")])
def test_the_target_of_a_device(one, expected):
    assert dmsetup.target(one) == expected


def test_a_device_by_its_name():
    assert dmsetup.named([POOL, THIN], THIN.name) is THIN
    assert dmsetup.named([POOL, THIN], "none") is None


def test_asking_for_a_status_never_commits_the_pool(host):
    host.devices(POOL, web="0 8 thin 1 2")
    host.answer("dmsetup status --noflush --target thin", "a: 0 8 thin 8 7\nb: 0 8 thin Fail\n")
    assert dmsetup.status(host, "web") == "0 8 thin 1 2"
    assert dmsetup.statuses(host, "thin") == {"a": "0 8 thin 8 7", "b": "0 8 thin Fail"}
    assert all("--noflush" in command for command in host.ran)


@pytest.mark.parametrize("count", ["\u00b2", "9" * 5000])
def test_an_open_count_that_is_no_number(host, count):
    host.devices(POOL, THIN._replace(open_count=count))
    assert dmsetup.devices(host) == [POOL]
