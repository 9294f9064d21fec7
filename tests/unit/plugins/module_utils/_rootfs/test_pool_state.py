# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import device_files
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord, NotFound, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import pool_state
from ansible_collections.drydock.rescue.tests.unit.support import metadata
from ansible_collections.drydock.rescue.tests.unit.support.host import device


@pytest.fixture
def stopped(host, docker):
    docker.loop_pool()
    docker.container("web", driver="devicemapper")
    host.devices()
    host.answer("thin_check -q " + device_files.pool_files(docker.path)[1])
    return docker


@pytest.fixture
def reached(host, docker):
    def reach(**params):
        given = dict(
            data_root=docker.path, data_device=None, metadata_device=None, read_only=True, state="active"
        )
        given.update(params)
        return pool_state.reach(host, given, True)

    return reach


def active(host, docker, read_only=True, *others):
    """The pool as the module makes it."""
    data, meta = device_files.pool_files(docker.path)
    host.loop(4, data, read_only)
    host.loop(5, meta, read_only)
    features = "2 skip_block_zeroing read_only" if read_only else "1 skip_block_zeroing"
    found = pool_state._target(host, docker.path, [None, None], True)
    uuid = "drydock-%s-pool" % found.owner
    table = "0 4194304 thin-pool 7:5 7:4 128 0 " + features
    host.devices(device(found.name, "254:0", table, uuid=uuid), *others)
    return found.name


def test_a_pool_of_a_stopped_docker(host, stopped, reached):
    result = reached()
    name = result["name"]
    assert result["device"] == "/dev/mapper/" + name
    assert result["actions"][-1].startswith("dmsetup create %s --uuid drydock-" % name)
    assert result["actions"][-1].endswith('128 0 2 skip_block_zeroing read_only"')
    assert len(result["actions"]) == 3


def test_one_that_can_be_written(stopped, reached):
    assert reached(read_only=False)["actions"][-1].endswith('128 0 1 skip_block_zeroing"')


def test_none_is_written_beside_a_docker(host, stopped, reached):
    host.process(7, ["dockerd", "--data-root", stopped.path])
    assert reached()["changed"]
    with pytest.raises(Refused) as failure:
        reached(read_only=False)
    assert "Docker runs (process 7)" in failure.value.message


def test_it_is_there_already(host, stopped, reached):
    name = active(host, stopped)
    assert reached() == dict(
        changed=False,
        name=name,
        device="/dev/mapper/" + name,
        actions=[],
        diff=dict.fromkeys(("before", "after"), name + " active, read-only\n"),
    )
    with pytest.raises(Refused):
        reached(read_only=False)


def test_taking_it_away(host, stopped, reached):
    name = active(host, stopped)
    assert reached(state="inactive")["actions"] == [
        "dmsetup remove --retry " + name,
        "losetup --detach /dev/loop5",
        "losetup --detach /dev/loop4",
    ]


def test_nothing_to_take_away(stopped, reached):
    assert reached(state="inactive")["changed"] is False


def test_one_in_which_a_device_is_open_stays(host, stopped, reached):
    active(host, stopped, True, device("drydock-look", "254:3", "0 8 thin 254:0 8"))
    with pytest.raises(Refused) as failure:
        reached(state="inactive")
    assert "in use by drydock-look" in failure.value.message


def test_the_pool_of_a_docker_that_runs_is_docker_s(host, stopped, reached):
    data, meta = device_files.pool_files(stopped.path)
    host.loop(0, data)
    host.loop(1, meta)
    name = device_files.name_prefix(stopped.path) + "-pool"
    host.devices(device(name, "254:0", "0 4194304 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing"))
    host.answer("dmsetup status --noflush " + name, "0 4194304 thin-pool 10 4144/51200 1592/32768 - rw")
    with pytest.raises(Refused) as failure:
        reached()
    assert "active as " + name in failure.value.message
    assert reached(state="inactive")["changed"] is False


@pytest.mark.parametrize("block", [b"\0" * 4096, b"x" * 4096], ids=["zeros", "another"])
def test_a_superblock_that_does_not_verify(stopped, reached, block):
    with open(device_files.pool_files(stopped.path)[1], "r+b") as stream:
        stream.write(block)
    with pytest.raises(BadRecord):
        reached()


def test_metadata_that_is_damaged(host, stopped, reached):
    host.answer("thin_check -q " + device_files.pool_files(stopped.path)[1], err="bad checksum", code=1)
    with pytest.raises(BadRecord) as failure:
        reached()
    assert "thin_repair" in failure.value.hint


def test_files_that_are_given(host, tmp_path, reached):
    host.devices()
    data, meta = tmp_path / "d", tmp_path / "m"
    with open(str(data), "wb") as stream:
        stream.truncate(32768 * 65536)
    with open(str(meta), "wb") as stream:
        stream.write(metadata.RECORDED)
        stream.truncate(metadata.METADATA_BYTES)
    host.answer("thin_check -q %s" % meta)
    given = dict(data_root=None, data_device=str(data), metadata_device=str(meta))
    assert reached(**given)["actions"][0] == "data_loop=$(losetup --find --show --read-only %s)" % data
    host.loop(3, str(data))
    with pytest.raises(Refused) as failure:
        reached(**given)
    assert "in use by /dev/loop3" in failure.value.message


def test_half_of_a_pool(reached):
    with pytest.raises(Refused):
        reached(data_device="/dev/sdb1")


def test_a_root_without_a_pool(host, docker, reached):
    docker.container("web", driver="devicemapper")
    host.devices()
    with pytest.raises(NotFound):
        reached()


def test_a_device_that_is_neither_file_nor_device(reached, tmp_path, host):
    host.devices()
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(Refused) as failure:
            reached(data_device=str(path), metadata_device=str(path))
        assert str(path) in failure.value.message
