# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import device_files
from ansible_collections.drydock.rescue.plugins.module_utils._errors import CommandFailed, NotFound, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import thin_state
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident
from ansible_collections.drydock.rescue.tests.unit.support.host import device

LAYER = ident("layer of web")
POOL_TABLE = "0 4194304 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing"
HEALTHY = "0 4194304 thin-pool 10 4144/51200 1592/32768 - rw discard_passdown queue_if_no_space - 1024"
NAME = "drydock-look"


@pytest.fixture
def pool(host, docker):
    """Docker's pool is active; device 8 has 512 MiB."""
    docker.loop_pool()
    docker.container("web", driver="devicemapper")
    docker.device_file(LAYER, 8)
    data, metadata = device_files.pool_files(docker.path)
    host.loop(0, data)
    host.loop(1, metadata)
    name = device_files.name_prefix(docker.path) + "-pool"
    host.answer("dmsetup status --noflush " + name, HEALTHY)

    def with_devices(*others):
        host.devices(device(name, "254:0", POOL_TABLE), *others)

    with_devices()
    with_devices.name, with_devices.docker = name, docker
    return with_devices


@pytest.fixture
def reached(host, pool):
    def reach(check_mode=True, **params):
        given = dict(
            data_root=pool.docker.path, pool=pool.name, name=NAME, device_id=None, snapshot_of=None, size=None
        )
        given.update(read_only=True, state="active")
        given.update(params)
        return thin_state.reach(host, given, check_mode)

    return reach


def refused(reached, **params):
    with pytest.raises(Refused) as failure:
        reached(**params)
    return str(failure.value)


def ours(table="0 1048576 thin 254:0 16777215", extra="-16777215@254:0"):
    return device(NAME, "254:5", table, uuid="drydock-" + thin_state._owner(NAME) + "-thin" + extra)


# -- active ------------------------------------------------------------------------------------------------


def test_a_snapshot(pool, reached):
    result = reached(snapshot_of=8, read_only=False)
    assert (result["changed"], result["device"], result["device_id"]) == (
        True,
        "/dev/mapper/" + NAME,
        0xFFFFFF,
    )
    assert result["actions"] == [
        "dmsetup create %s --uuid %s --notable" % (NAME, ours().uuid),
        "dmsetup message %s 0 'create_snap 16777215 8'" % pool.name,
        "dmsetup load %s --table '0 1048576 thin /dev/mapper/%s 16777215'" % (NAME, pool.name),
        "dmsetup resume " + NAME,
    ]


def test_the_origin_is_suspended_where_it_is_active(pool, reached):
    pool(device("docker-" + LAYER, "254:1", "0 1048576 thin 254:0 8", open_count=1))
    assert "dmsetup suspend docker-" + LAYER in reached(snapshot_of=8)["actions"]


def test_an_active_one_is_left_alone(host, pool, reached):
    pool(ours())
    result = reached(False, snapshot_of=8)
    assert (result["changed"], result["actions"], result["device_id"]) == (False, [], 0xFFFFFF)
    assert "is active with thin id 16777215" in refused(reached, snapshot_of=8, device_id=0xFFFFFE)


def test_the_size_is_docker_s_or_given(pool, reached):
    assert "no record of Docker's" in refused(reached, snapshot_of=9)
    assert "--table '0 2097152 thin" in reached(snapshot_of=9, size="1G")["actions"][2]


@pytest.mark.parametrize("size", ["0", "-1", "513", "1.5G", "x"])
def test_a_size_that_is_none(reached, size):
    assert "size %r is not a size" % size in refused(reached, snapshot_of=8, size=size)


def test_docker_s_own_id_is_not_opened_in_docker_s_pool(reached):
    said = refused(reached, device_id=8)
    assert "thin id 8 is not ours" in said
    assert "snapshot_of: 8" in said


@pytest.mark.parametrize(("features", "read_only"), [("2 skip_block_zeroing read_only", False), ("0", True)])
def test_docker_s_own_id_is_opened_read_only_in_a_read_only_pool_alone(
    host, pool, reached, features, read_only
):
    uuid = "drydock-%s-pool-aa" % ("a" * 64)
    host.devices(
        device("drydock-x-pool", "254:0", "0 4194304 thin-pool 7:1 7:0 128 0 " + features, uuid=uuid)
    )
    assert "is not ours" in refused(reached, pool="drydock-x-pool", device_id=8, read_only=read_only)


def test_docker_s_own_id_in_a_read_only_pool(host, pool, reached):
    uuid = "drydock-%s-pool-aa" % ("a" * 64)
    table = "0 4194304 thin-pool 7:1 7:0 128 0 2 skip_block_zeroing read_only"
    host.devices(device("drydock-x-pool", "254:0", table, uuid=uuid))
    assert reached(pool="/dev/mapper/drydock-x-pool", device_id=8)["actions"] == [
        "dmsetup create %s --uuid drydock-%s-thin --readonly --table" % (NAME, thin_state._owner(NAME))
        + " '0 1048576 thin /dev/mapper/drydock-x-pool 8'"
    ]


def test_a_pool_that_is_not_well_gets_no_snapshot(host, pool, reached):
    host.answer("dmsetup status --noflush " + pool.name, HEALTHY.replace(" rw ", " ro "))
    assert "its mode is ro" in refused(reached, snapshot_of=8)


def test_a_pool_without_room_gets_no_snapshot(host, pool, reached):
    host.answer("dmsetup status --noflush " + pool.name, HEALTHY.replace("1592/", "32000/"))
    assert "bytes are missing" in refused(reached, snapshot_of=8)


@pytest.mark.parametrize("name", ["look", "docker-pool", "drydock-a/b", "drydock-" + "x" * 130])
def test_a_name_that_is_not_ours(reached, name):
    assert "name %r" % name in refused(reached, name=name, snapshot_of=8)


def test_a_device_of_that_name_that_is_somebody_else_s(pool, reached):
    pool(device(NAME, "254:5", "0 8 linear 7:0 0"))
    assert "not a thin device of ours" in refused(reached, snapshot_of=8)


def test_a_pool_that_is_not_there(reached, pool):
    with pytest.raises(NotFound) as failure:
        reached(pool="nosuch", snapshot_of=8)
    assert "Active are: " + pool.name in str(failure.value)
    assert reached(pool="nosuch", state="inactive")["changed"] is False


# -- inactive and absent -----------------------------------------------------------------------------------


def test_closing_leaves_the_snapshot_in_the_pool(pool, reached):
    pool(ours())
    assert reached(state="inactive")["actions"] == ["dmsetup remove --retry " + NAME]
    pool()
    assert reached(state="inactive")["changed"] is False


def test_deleting_what_is_open(pool, reached):
    pool(ours())
    assert reached(state="absent")["actions"] == [
        "dmsetup wipe_table " + NAME,
        "dmsetup message %s 0 'delete 16777215'" % pool.name,
        "dmsetup remove --retry " + NAME,
    ]


@pytest.fixture
def probed(host, pool):
    def has(*ids):
        host.answer("dmsetup create drydock-probe --notable")
        host.answer("dmsetup remove --retry drydock-probe")
        for device_id in (0xFFFFFF, 0xFFFFFE):
            table = "'0 128 thin /dev/mapper/%s %d'" % (pool.name, device_id)
            host.answer("dmsetup load drydock-probe --readonly --table " + table, code=device_id not in ids)

    return has


def test_deleting_what_is_not_open(pool, reached, probed):
    probed(0xFFFFFF)
    assert reached(state="absent", device_id=0xFFFFFF)["actions"] == [
        "dmsetup message %s 0 'delete 16777215'" % pool.name
    ]
    probed()
    assert reached(state="absent", device_id=0xFFFFFF)["changed"] is False


@pytest.mark.parametrize("device_id", [0, 8, 0xFFFEFF])
def test_an_id_of_docker_s_is_never_deleted(reached, device_id):
    assert "thin id %d is not ours" % device_id in refused(reached, state="absent", device_id=device_id)


def test_an_id_that_a_device_file_names_is_never_deleted(pool, reached):
    pool.docker.device_file(ident("x"), 0xFFFFFF)
    pool(ours())
    assert "named in Docker's records" in refused(reached, state="absent")


def test_an_id_that_the_open_transaction_names_is_never_deleted(pool, reached):
    pool.docker.transaction(11, 0xFFFFFF, ident("x"))
    assert "named in Docker's records" in refused(reached, state="absent", device_id=0xFFFFFF)


def test_with_a_device_file_that_cannot_be_read_nothing_is_deleted(pool, reached):
    pool.docker.write("{", "devicemapper", "metadata", ident("x"))
    assert "may name thin id 16777215" in refused(reached, state="absent", device_id=0xFFFFFF)


def test_an_id_that_another_device_has_open_is_not_deleted(pool, reached):
    pool(device("drydock-other", "254:6", "0 8 thin 254:0 16777215", uuid="drydock-%s-thin" % ("b" * 64)))
    assert "active as drydock-other" in refused(reached, state="absent", device_id=0xFFFFFF)


def test_a_pool_whose_records_are_not_known(host, pool, reached):
    host.devices(device("other-pool", "254:0", POOL_TABLE.replace("7:0", "7:9")))
    assert "Give its `data_root`" in refused(reached, pool="other-pool", state="absent", device_id=0xFFFFFF)


def test_an_id_that_turned_out_to_be_taken(host, pool, reached):
    for device_id in (0xFFFFFF, 0xFFFFFE):
        uuid = ours(extra="-%d@254:0" % device_id).uuid
        host.answer("dmsetup create %s --uuid %s --notable" % (NAME, uuid))
    host.answer("dmsetup remove --retry " + NAME)
    taken = "dmsetup message %s 0 'create_snap 16777215 8'" % pool.name
    host.answer(taken, err="device-mapper: message ioctl failed: File exists", code=1)
    host.answer("dmsetup message %s 0 'create_snap 16777214 8'" % pool.name)
    host.answer(
        "dmsetup load %s --readonly --table '0 1048576 thin /dev/mapper/%s 16777214'" % (NAME, pool.name)
    )
    host.answer("dmsetup resume " + NAME)
    assert reached(False, snapshot_of=8)["device_id"] == 0xFFFFFE
    with pytest.raises(CommandFailed):
        reached(False, snapshot_of=8, device_id=0xFFFFFF)
