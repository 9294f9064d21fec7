# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import signal
import time

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper import thin
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord, CommandFailed, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._plan import Context
from ansible_collections.drydock.rescue.tests.unit.support.host import device

POOL = device("pool", "254:0", "0 4194304 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing")
ORIGIN = device("docker-x", "254:1", "0 1048576 thin 254:0 10")
SNAPSHOT = thin.Snapshot("pool", 10, 0xFFFFFF)
CREATE = "dmsetup message pool 0 'create_snap 16777215 10'"
DELETE = "dmsetup message pool 0 'delete 16777215'"


def test_a_thin_device_by_its_id():
    assert thin.open_plan("drydock-web-thin", "UUID", "pool", 10, 536870912, True).shown() == [
        "dmsetup create drydock-web-thin --uuid UUID --readonly --table '0 1048576 thin /dev/mapper/pool 10'"
    ]
    assert "--readonly" not in thin.open_plan("n", "UUID", "pool", 10, 536870912, False).shown()[0]


def test_ids_are_taken_from_the_top():
    assert thin.free_id([], 10) == 0xFFFFFF
    assert thin.free_id([0xFFFFFF, 0xFFFFFD, 10, -1], 10) == 0xFFFFFE


def test_the_last_free_id_of_the_window():
    assert thin.free_id(range(0xFFFF01, 0x1000000), 10) == 0xFFFF00


def test_a_full_window_is_refused():
    with pytest.raises(Refused) as failure:
        thin.free_id(range(0xFFFF00, 0x1000000), 10)
    assert "all 256" in failure.value.message
    assert "cleanup" in failure.value.hint


def test_dockers_own_ids_never_reach_the_window():
    assert thin.free_id([], 0xFFFEFF) == 0xFFFFFF
    with pytest.raises(Refused) as failure:
        thin.free_id([], 0xFFFF00)
    assert "16776960" in failure.value.message
    assert "assemble" in failure.value.hint


@pytest.mark.parametrize("device_id", [0, 10, 0xFFFEFF, 0x1000000, -1])
def test_an_id_outside_of_our_window_is_never_deleted(device_id):
    with pytest.raises(ValueError):
        thin.delete("pool", device_id)
    with pytest.raises(ValueError):
        thin.DeleteIfThere("pool", device_id)


def plan(active_origin):
    return thin.snapshot_plan("drydock-web-thin", "UUID", SNAPSHOT, active_origin, 536870912)


def test_a_snapshot_of_an_inactive_device():
    assert plan("").shown() == [
        "dmsetup create drydock-web-thin --uuid UUID --notable",
        CREATE,
        "dmsetup load drydock-web-thin --readonly --table '0 1048576 thin /dev/mapper/pool 16777215'",
        "dmsetup resume drydock-web-thin",
    ]


def test_a_snapshot_of_an_active_device_suspends_it_for_the_one_message():
    assert plan("docker-x").shown()[1:4] == ["dmsetup suspend docker-x", CREATE, "dmsetup resume docker-x"]
    assert plan("docker-x").shown()[4:] == plan("").shown()[2:]


def test_the_way_back_never_leaves_a_snapshot_without_a_name():
    assert [line for step in reversed(plan("").steps) for line in step.undo.shown({})] == [
        "dmsetup wipe_table drydock-web-thin",
        "dmsetup clear drydock-web-thin",
        DELETE,
        "dmsetup remove --retry drydock-web-thin",
    ]
    snapshot = device("drydock-web-thin", "254:5", "0 8 thin 254:0 16777215")
    assert thin.close_snapshot_plan(snapshot, "pool", 0xFFFFFF).shown() == [
        "dmsetup wipe_table drydock-web-thin",
        DELETE,
        "dmsetup remove --retry drydock-web-thin",
    ]


def test_a_table_that_never_became_active_is_cleared():
    """A live table there is none to wipe then; the one that was only loaded holds the thin id."""
    killed = device("drydock-web-thin", "254:5", "")
    assert thin.close_snapshot_plan(killed, "pool", 0xFFFFFF).shown() == [
        "dmsetup clear drydock-web-thin",
        DELETE,
        "dmsetup remove --retry drydock-web-thin",
    ]


def test_a_thin_id_of_another_pool_is_another_device():
    other = device("other", "254:9", "0 8 thin 254:7 10")
    longer = device("longer", "254:8", "0 8 thin 254:0 100")
    assert thin.active_under([POOL, ORIGIN, other, longer], "254:0", 10) == [ORIGIN]


# -- making the snapshot -----------------------------------------------------------------------------------


@pytest.fixture
def watched(host, monkeypatch):
    """A host on which suspend and resume are seen; the helper that stands by is a program that does nothing."""
    host.tool = lambda name: "/bin/true"
    for command in (CREATE, DELETE, "dmsetup suspend docker-x", "dmsetup resume docker-x"):
        host.answer(command)
    return host


def changes(host):
    return [line for line in host.ran if "info" not in line and not line.endswith("table")]


def create(host, active_origin=""):
    thin.CreateSnapshot(SNAPSHOT, active_origin).perform(Context(host))


def test_without_an_active_origin_nothing_is_suspended(watched):
    watched.devices(POOL)
    create(watched)
    assert changes(watched) == [CREATE]


def test_an_active_origin_is_suspended_and_resumed(watched):
    watched.devices(POOL, ORIGIN)
    create(watched)
    assert changes(watched) == ["dmsetup suspend docker-x", CREATE, "dmsetup resume docker-x"]


def test_an_origin_that_became_active_before_is_noticed(watched):
    watched.devices(POOL, ORIGIN)
    create(watched, "")
    assert changes(watched)[0] == "dmsetup suspend docker-x"


def test_an_origin_that_became_active_meanwhile_gives_a_new_snapshot(watched):
    watched.devices(POOL)
    watched.answer(CREATE, does=lambda: watched.devices(POOL, ORIGIN))
    create(watched)
    assert changes(watched) == [
        CREATE,
        DELETE,
        "dmsetup suspend docker-x",
        CREATE,
        "dmsetup resume docker-x",
    ]


def test_a_snapshot_that_fails_leaves_nothing_suspended(watched):
    watched.devices(POOL, ORIGIN)
    watched.answer(CREATE, err="Operation not supported", code=1)
    with pytest.raises(CommandFailed):
        create(watched)
    assert changes(watched)[-1] == "dmsetup resume docker-x"


def test_a_device_that_stays_suspended_is_told(watched):
    watched.devices(POOL, ORIGIN._replace(suspended=True))
    with pytest.raises(CommandFailed) as failure:
        create(watched)
    assert failure.value.hint == "Run `dmsetup resume docker-x` at once"


def test_a_taken_id_is_told_apart(watched):
    watched.devices(POOL)
    watched.answer(CREATE, err="device-mapper: message ioctl on pool failed: File exists", code=1)
    with pytest.raises(thin.IdTaken) as failure:
        create(watched)
    assert failure.value.device_id == 0xFFFFFF


def test_a_snapshot_that_was_never_made_is_no_failure_of_deleting(watched):
    watched.answer(DELETE, err="message ioctl on pool failed: No data available", code=1)
    thin.DeleteIfThere("pool", 0xFFFFFF).perform(Context(watched))


def test_a_snapshot_that_is_in_use_is_a_failure_of_deleting(watched):
    watched.answer(DELETE, err="message ioctl on pool failed: Device or resource busy", code=1)
    with pytest.raises(CommandFailed):
        thin.DeleteIfThere("pool", 0xFFFFFF).perform(Context(watched))


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM, None])
def test_a_suspended_device_is_resumed_whatever_becomes_of_us(host, tmp_path, death):
    """A process of its own suspends and dies; the helper that it left behind runs `dmsetup resume`."""
    said = tmp_path / "said"
    fake = tmp_path / "dmsetup"
    fake.write_text('#!/bin/sh\necho "$@" > %s.new; mv %s.new %s\n' % (said, said, said))
    fake.chmod(0o755)
    host.tool = lambda name: str(fake)
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            thin.ResumeWhateverHappens(host, "docker-x").__enter__()
            if death:
                os.kill(os.getpid(), death)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    end = time.time() + 20
    while not said.exists() and time.time() < end:
        time.sleep(0.02)
    assert said.read_text() == "resume --noudevsync docker-x\n"


def test_the_helper_does_nothing_when_all_went_well(watched, tmp_path):
    said = tmp_path / "said"
    fake = tmp_path / "dmsetup"
    fake.write_text("#!/bin/sh\ntouch %s\n" % said)
    fake.chmod(0o755)
    watched.tool = lambda name: str(fake)
    watched.devices(POOL, ORIGIN)
    create(watched)  # waits for the helper
    assert not said.exists()


@pytest.mark.parametrize("word", ["x", "", "9" * 30])
def test_a_device_of_ours_whose_uuid_names_no_thin_id(word):
    uuid = "drydock-%s-thin-%s@254:0" % ("a" * 64, word)
    assert thin.named_ids([device("drydock-web-thin", "254:1", "", uuid=uuid)]) == []


@pytest.mark.parametrize("table", ["0 8 thin 254:0", "0 8 thin 254:0 x", "0 8 thin 254:0 \u00b2"])
def test_a_table_that_names_no_thin_id(table):
    with pytest.raises(BadRecord) as failure:
        thin.id_of(device("web", "254:1", table))
    assert "the table of web cannot be read" in failure.value.message
