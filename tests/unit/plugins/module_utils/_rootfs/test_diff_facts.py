# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container of each storage driver changed, from the directories that Docker left."""

import json
import os
import stat

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _ours
from ansible_collections.drydock.rescue.plugins.module_utils._docker import bare_layer, device_files
from ansible_collections.drydock.rescue.plugins.module_utils._errors import (
    CommandFailed,
    NotFound,
    Refused,
)
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import closing, drivers, opening
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.diff_facts import diff_facts
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident
from ansible_collections.drydock.rescue.tests.unit.support.host import device, tree_of

WEB, LAYER = ident("web"), ident("layer of web")
INIT = LAYER + "-init"


@pytest.fixture
def diff(host, docker):
    """As `docker diff` prints it."""

    def make(word="web"):
        changes = diff_facts(host, docker.path, word)["changes"]
        return ["%s %s" % (one["kind"][0].upper(), one["path"]) for one in map(json.loads, changes)]

    return make


def whiteout(docker, *names):
    os.mknod(docker.join(*names), stat.S_IFCHR, 0)


@pytest.mark.parametrize("driver", ["overlay2", "fuse-overlayfs"])
def test_layers_in_diff(docker, diff, driver):
    docker.overlay_container("web", "app", "base", driver=driver)
    docker.write("x", driver, ident("base"), "diff", "etc", "passwd")
    docker.write("x", driver, ident("app"), "diff", "app")
    docker.write("", driver, INIT, "diff", "etc", "hosts")
    docker.write("xyz", driver, LAYER, "diff", "etc", "passwd")
    docker.write("x", driver, LAYER, "diff", "new")
    whiteout(docker, driver, LAYER, "diff", "etc", "hosts")
    whiteout(docker, driver, LAYER, "diff", "app")
    assert diff() == ["D /app", "C /etc", "D /etc/hosts", "C /etc/passwd", "A /new"]


def test_the_result(host, docker):
    docker.overlay_container("web", "base")
    docker.write("xyz", "overlay2", LAYER, "diff", "new")
    result = diff_facts(host, None, WEB[:10])
    assert [json.loads(one) for one in result.pop("changes")] == [
        {"path": "/new", "kind": "added", "type": "file", "size_bytes": 3},
    ]
    assert result == {
        "container": WEB,
        "driver": "overlay2",
        "totals": {
            "added": {"count": 1, "size_bytes": 3},
            "changed": {"count": 0, "size_bytes": 0},
            "deleted": {"count": 0, "size_bytes": 0},
        },
        "warnings": [],
    }


def test_nothing_is_written(docker, diff):
    docker.overlay_container("web", "base")
    docker.write("x", "overlay2", LAYER, "diff", "new")
    before = tree_of(docker.path)
    diff()
    assert tree_of(docker.path) == before


def test_a_hidden_directory_of_a_users_docker(docker, diff):
    """Who owns the layers decides whose attributes count; of root's Docker a user's are a container's own."""
    docker.overlay_container("web", "base")
    docker.write("x", "overlay2", ident("base"), "diff", "d", "old")
    docker.write("x", "overlay2", LAYER, "diff", "d", "new")
    os.setxattr(docker.join("overlay2", LAYER, "diff", "d"), "user.overlay.opaque", b"y")
    theirs = os.stat(docker.join("overlay2", LAYER)).st_uid != 0
    assert diff() == ["C /d", "A /d/new"] + (["D /d/old"] if theirs else [])
    if not theirs:
        os.chown(docker.join("overlay2", LAYER), 1000, 1000)
        assert diff() == ["C /d", "A /d/new", "D /d/old"]


def test_the_first_overlay(docker, diff):
    docker.first_overlay_container("web", "base")
    docker.write("x", "overlay", ident("base"), "root", "etc", "passwd")
    for layer in (INIT, LAYER):
        os.utime(docker.write("", "overlay", layer, "upper", "etc", "hosts"), ns=(0, 10**18))
    docker.write("", "overlay", INIT, "upper", "etc", "hostname")
    whiteout(docker, "overlay", LAYER, "upper", "etc", "passwd")
    assert diff() == ["C /etc", "D /etc/hostname", "D /etc/passwd"]


def test_aufs(docker, diff):
    docker.aufs_container("web", "base")
    docker.write("x", "aufs", "diff", ident("base"), "etc", "passwd")
    docker.write("", "aufs", "diff", LAYER, "etc", ".wh.passwd")
    docker.write("", "aufs", "diff", LAYER, ".wh..wh.aufs")
    docker.write("", "aufs", "diff", LAYER, "new")
    assert diff() == ["C /etc", "D /etc/passwd", "A /new"]


@pytest.mark.parametrize("driver, home", [("vfs", ("vfs", "dir")), ("btrfs", ("btrfs", "subvolumes"))])
def test_whole_trees(docker, diff, driver, home):
    docker.whole_container("web", driver, *home)
    docker.write("x", *(home + (INIT, "etc", "passwd")))
    docker.write("xy", *(home + (LAYER, "etc", "passwd")))
    docker.write("x", *(home + (LAYER, "etc", ".wh.x")))
    assert diff() == ["C /etc", "A /etc/.wh.x", "C /etc/passwd"]


@pytest.mark.parametrize("driver, home", [("vfs", ("vfs", "dir")), ("overlay", ("overlay",))])
def test_what_it_began_with_is_gone(docker, diff, driver, home):
    if driver == "vfs":
        docker.whole_container("web", driver, *home)
    else:
        docker.first_overlay_container("web", "base")
    gone = docker.join(*(home + (INIT,)))
    os.rename(gone, gone + ".lost")
    with pytest.raises(NotFound) as failure:
        diff()
    assert gone in failure.value.message


def test_the_record_of_what_it_began_with_is_gone(docker, diff):
    docker.whole_container("web", "vfs", "vfs", "dir")
    os.unlink(docker.join("image", "vfs", "layerdb", "mounts", WEB, "init-id"))
    with pytest.raises(NotFound) as failure:
        diff()
    assert failure.value.message.startswith(
        "the layer that container %s began with is not known: " % WEB[:12]
    )


def test_zfs_is_refused_with_the_command(host, docker, diff):
    docker.container("web", driver="zfs")
    host.sees_mount("60 22 0:50 / %s rw - zfs tank/docker rw" % docker.path)
    with pytest.raises(Refused) as failure:
        diff()
    assert "`zfs get origin tank/docker/%s`" % LAYER in failure.value.hint


def test_an_unknown_container(docker, diff):
    docker.overlay_container("web", "base")
    with pytest.raises(NotFound):
        diff("db")


# -- devicemapper ------------------------------------------------------------------------------------------


@pytest.fixture
def thin(host, docker):
    """Docker was stopped: the pool's files, and nothing in the kernel."""
    docker.loop_pool()
    docker.container("web", driver="devicemapper")
    docker.device_file(LAYER, 8)
    docker.device_file(INIT, 7)
    host.devices()
    host.answer("thin_check -q " + device_files.pool_files(docker.path)[1])
    return docker


@pytest.fixture
def trees(host):
    """What the devices hold, and the paths at which they are opened and closed."""
    names = {"container": "web", "init": bare_layer.name_of(INIT)}
    for name in names.values():
        os.makedirs(os.path.join(host.run_directory, name, "etc"))
    paths = {which: os.path.join(host.run_directory, name) for which, name in names.items()}
    for number, path in enumerate(paths.values()):
        with open(path + "/new%d" % number, "w"):
            pass
    return paths


@pytest.fixture
def opener(monkeypatch, trees):
    """The opener, with devices that the tests have not; says what it was asked for."""
    said = []

    def open_rootfs(host, wanted, check_mode):
        path = trees["init" if wanted.layer else "container"]
        said.append(("open", wanted.container or wanted.layer, wanted.access, wanted.method))
        return opening.Opened(True, None, path, wanted.method, wanted.access, None, [], ["slow disk"], [])

    monkeypatch.setattr(opening, "open_rootfs", open_rootfs)
    monkeypatch.setattr(closing, "close_rootfs", lambda host, word, *_more: said.append(("close", word)))
    return said


def opened(host, path, container_id, access="read_only"):
    """What container_rootfs leaves in the list of mounts."""
    label = _ours.Label(container_id, os.path.basename(path), "assemble", access, "")
    host.sees_mount("50 22 0:9 / %s ro - tmpfs %s ro" % (path, _ours.label_source(label)))
    host.sees_mount("51 50 0:10 / %s ro - xfs /dev/mapper/x ro" % path)


def init_id(docker):
    return bare_layer.BareLayer(docker.path, "devicemapper", INIT, False).id


def test_devices_are_opened_for_the_moment(host, thin, diff, trees, opener):
    assert diff() == ["A /new0", "D /new1"]
    assert opener == [
        ("open", WEB, "read_only", "assemble"),
        ("open", INIT, "read_only", "assemble"),
        ("close", trees["init"]),
        ("close", trees["container"]),
    ]
    assert diff_facts(host, thin.path, "web")["warnings"] == ["slow disk", "slow disk"]


def test_a_damaged_pool_is_read_by_extracting(host, thin, diff, opener):
    host.answer("thin_check -q " + device_files.pool_files(thin.path)[1], err="bad checksum", code=1)
    diff()
    assert {one[3] for one in opener if one[0] == "open"} == {"extract"}


def test_what_was_opened_is_closed_when_the_other_cannot_be(thin, diff, trees, opener, monkeypatch):
    open_rootfs = opening.open_rootfs

    def only_the_first(host, wanted, check_mode):
        if wanted.layer:
            raise CommandFailed("no room")
        return open_rootfs(host, wanted, check_mode)

    monkeypatch.setattr(opening, "open_rootfs", only_the_first)
    with pytest.raises(CommandFailed):
        diff()
    assert opener[-1] == ("close", trees["container"])


def test_trees_that_are_open_are_used_and_stay(host, thin, diff, trees):
    opened(host, trees["container"], WEB)
    opened(host, trees["init"], init_id(thin))
    assert diff() == ["A /new0", "D /new1"]


def test_an_open_tree_that_is_not_to_be_trusted(host, thin, diff, trees, monkeypatch):
    opened(host, trees["container"], WEB)
    opened(host, trees["init"], init_id(thin))
    monkeypatch.setattr(drivers, "distrust", lambda _host, there: "the pool was written meanwhile")
    with pytest.raises(CommandFailed) as failure:
        diff()
    assert "do not trust" in failure.value.message


def test_a_tree_that_shows_other_files_is_refused(host, thin, diff, trees, opener):
    opened(host, trees["container"], WEB, access="scratch")
    with pytest.raises(Refused) as failure:
        diff()
    assert "with access scratch" in failure.value.message
    assert opener == []


def test_a_tree_with_volumes_in_it_is_refused(host, thin, diff, trees, opener):
    opened(host, trees["container"], WEB)
    host.sees_mount("52 51 0:11 / %s/etc ro - xfs /dev/vdb ro" % trees["container"])
    with pytest.raises(Refused) as failure:
        diff()
    assert "with volumes in it" in failure.value.message


def test_an_active_pool_is_not_touched(host, thin, diff, opener):
    data, meta = device_files.pool_files(thin.path)
    host.loop(0, data)
    host.loop(1, meta)
    name = device_files.name_prefix(thin.path) + "-pool"
    host.devices(device(name, "254:0", "0 4194304 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing"))
    healthy = "0 4194304 thin-pool 10 4144/51200 1592/32768 - rw discard_passdown queue_if_no_space - 1024"
    host.answer("dmsetup status --noflush " + name, healthy)
    with pytest.raises(Refused) as failure:
        diff()
    assert "`docker diff`" in failure.value.hint
    assert opener == []
    assert not [one for one in host.ran if "message" in one or "create" in one]


def test_a_lost_device_is_told_before_anything_is_opened(thin, diff, opener):
    os.unlink(thin.join("devicemapper", "metadata", INIT))
    with pytest.raises(NotFound) as failure:
        diff()
    assert INIT in failure.value.message
    assert opener == []
