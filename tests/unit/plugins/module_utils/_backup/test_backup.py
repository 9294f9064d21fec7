# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import contextlib
import json
import os
import pathlib
import signal
import socket
import types

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _lock
from ansible_collections.drydock.rescue.plugins.module_utils._backup import archive, backup
from ansible_collections.drydock.rescue.plugins.module_utils._backup.engine import Compression, Repository
from ansible_collections.drydock.rescue.plugins.module_utils._backup.keeping import Keep
from ansible_collections.drydock.rescue.plugins.module_utils._errors import NotFound, Refused
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident
from ansible_collections.drydock.rescue.tests.unit.support.host import tree_of


@pytest.fixture(autouse=True)
def reading(monkeypatch, docker):
    """The layer's directory itself is read. A test changes what it says of one that was read."""
    said = types.SimpleNamespace(
        finish=list, opens=lambda container: None, consistency="stopped", left_out=[]
    )

    @contextlib.contextmanager
    def directly(host, root, everyone, container, consistency, pause_limit):
        said.opens(container)
        path = docker.join("vfs", "dir", container.layer_id)
        yield types.SimpleNamespace(
            path=path,
            name=container.name,
            method="directory",
            consistency=said.consistency,
            warnings=[],
            finish=said.finish,
            left_out=said.left_out,
        )

    monkeypatch.setattr(backup, "reading", directly)
    return said


def statuses(result):
    return {one["container"]: one["status"] for one in result["results"]}


def only(result):
    (found,) = result["results"]
    return found


def volume(docker, name, destination, **keys):
    """A volume with a file, and the point that mounts it."""
    docker.write("data of " + name, "volumes", name, "_data", "file")
    point = {"Type": "volume", "Name": name, "Driver": "local", "Destination": destination, "RW": True}
    return {destination: dict(point, **keys)}


def bind(source, destination):
    point = {"Type": "bind", "Source": str(source), "Destination": destination, "RW": True}
    return {destination: point}


def test_stored_and_then_unchanged(back_up, layer):
    layer()
    layer("db")
    first = back_up()
    assert statuses(first) == {"web": "stored", "db": "stored"}
    assert first["changed"]
    assert first["totals"]["stored"] == 2
    again = back_up()
    assert statuses(again) == {"web": "unchanged", "db": "unchanged"}
    assert not again["changed"]
    assert [one["backup_id"] for one in again["results"]] == [one["backup_id"] for one in first["results"]]
    assert again["totals"]["bytes_stored"] == 0


def test_what_changed_is_stored_anew(back_up, layer, docker, tmp_path):
    directory = layer(MountPoints=volume(docker, "data", "/data"))
    back_up()
    (directory / "etc/conf").write_text("anew")
    assert only(back_up())["status"] == "stored"
    (tmp_path / "docker/volumes/data/_data/file").write_text("anew")
    assert only(back_up())["status"] == "stored"
    docker.container(
        "web", "vfs", RestartCount=1, Path="/bin/other", MountPoints=volume(docker, "data", "/data")
    )
    assert only(back_up())["status"] == "stored"


def test_check_mode_writes_nothing(back_up, layer, tmp_path):
    layer()
    result = back_up(check_mode=True)
    assert statuses(result) == {"web": "planned"}
    assert result["changed"]
    assert not (tmp_path / "repository").exists()


def test_one_that_fails_does_not_stop_the_others(back_up, layer, reading):
    def opens(container):
        if container.name == "bad":
            raise Refused("pool docker-pool has 1 of 10 blocks free, and a snapshot needs 5")

    for name in ("bad", "web"):
        layer(name)
    reading.opens = opens
    result = back_up()
    assert statuses(result) == {"web": "stored", "bad": "failed"}
    assert result["failed"]
    assert "a snapshot needs 5" in result["msg"]
    assert "failed" not in back_up(fail_on="all")
    assert "failed" not in back_up(fail_on="never", containers=["bad"])
    assert back_up(fail_on="all", containers=["bad"])["failed"]


def test_one_whose_process_is_killed(back_up, layer, reading):
    def opens(container):
        if container.name == "bad":
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("bad", "web"):
        layer(name)
    reading.opens = opens
    result = back_up(fail_on="never")
    assert statuses(result) == {"web": "stored", "bad": "failed"}
    lost = next(one for one in result["results"] if one["container"] == "bad")
    assert lost["warnings"] == ["the process that backed it up was killed"]


def test_a_partial_backup_is_made_anew(back_up, layer, reading):
    layer()
    reading.finish = lambda: ["the container was started while it was read"]
    first = back_up()
    assert only(first)["status"] == "partial"
    assert only(first)["warnings"] == ["the container was started while it was read"]
    assert first["warnings"] == ["stored in part: web"]
    reading.finish = list
    assert only(back_up())["status"] == "stored"


def test_without_its_record_it_is_a_part_only(back_up, layer, docker):
    """Nobody knows which volumes it had."""
    layer(MountPoints=volume(docker, "kept", "/data"))
    assert only(back_up())["status"] == "stored"
    docker.write("{", "containers", ident("web"), "config.v2.json")
    found = only(back_up())
    assert (found["id"], found["status"]) == (ident("web"), "partial")
    assert "config.v2.json" in found["warnings"][-1]


def test_without_how_it_was_made_it_is_a_part_only(back_up, layer, docker):
    layer()
    docker.write("{", "containers", ident("web"), "hostconfig.json")
    found = only(back_up())
    assert (found["container"], found["status"]) == ("web", "partial")
    assert "hostconfig.json" in found["warnings"][-1]


def test_what_cannot_be_trusted_is_not_kept(back_up, layer, reading, tmp_path):
    def finish():
        raise Refused("do not trust it")

    layer()
    reading.finish = finish
    assert only(back_up(fail_on="never"))["status"] == "failed"
    assert list((tmp_path / "repository").glob("*/web/*")) == []


def test_another_backup_of_the_same_container(back_up, layer, machine):
    layer()
    with _lock.held(machine, "backup-" + ident("web"), "it"):
        result = only(back_up(fail_on="never"))
    assert result["status"] == "failed"
    assert "another run works on" in result["warnings"][0]


@pytest.mark.parametrize(
    ("words", "excluded", "chosen"),
    [
        (None, [], {"web-1", "web-2", "db"}),
        (["web-*"], [], {"web-1", "web-2"}),
        (["web-1", "d?"], [], {"web-1", "db"}),
        (None, ["web-*"], {"db"}),
        ([ident("db")[:12]], [], {"db"}),
        (["nothing-*"], [], set()),
    ],
)
def test_which_containers(back_up, layer, words, excluded, chosen):
    for name in ("web-1", "web-2", "db"):
        layer(name)
    found = back_up(check_mode=True, containers=words, exclude_containers=excluded)
    assert set(statuses(found)) == chosen


def test_a_container_that_is_not_there(back_up, layer):
    layer()
    with pytest.raises(NotFound, match="no container 'db'"):
        back_up(containers=["db"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"jobs": 0}, "jobs 0"),
        ({"pause_limit": -1}, "pause_limit -1"),
        ({"exclude": ["var/cache"]}, "exclude 'var/cache'"),
        ({"exclude": ["/"]}, "exclude '/'"),
        ({"exclude": ["/var/../etc"]}, "exclude"),
        ({"keep": Keep(daily=-1)}, "keep: daily -1"),
        ({"compression": Compression("gzip", 10)}, "gzip has no level 10"),
        ({"compression": Compression("zstd", 0)}, "zstd has no level 0"),
    ],
)
def test_options_without_sense_touch_nothing(back_up, layer, tmp_path, options, said):
    layer()
    with pytest.raises(Refused, match=said):
        back_up(**options)
    assert not (tmp_path / "repository").exists()


def test_keep(back_up, layer, archives):
    directory = layer()
    for number in range(3):
        (directory / "etc/conf").write_text("%d" % number)
        last = only(back_up(keep=Keep(last=2)))
    there = archives.backups()
    assert len(there) == 2
    assert there[-1].backup_id == last["backup_id"]


# -- what is stored ------------------------------------------------------------------------------------------


def passport(stored_files):
    return json.loads(stored_files()["container.json"].read_text())


def parts(stored_files):
    return {one["name"]: one for one in json.loads(stored_files()["manifest.json"].read_text())["parts"]}


def left_out(stored_files):
    return {one["what"]: one["reason"] for one in passport(stored_files)["left_out"]}


def test_secrets_are_left_out_and_that_is_said(back_up, layer, stored_files):
    layer()
    back_up()
    text = stored_files()["container.json"].read_text()
    assert "=secret" not in text
    assert '"token"' not in text
    assert set(left_out(stored_files)) == {"Env", "Labels"}


def test_secrets_of_drivers(back_up, layer, docker, stored_files):
    layer()
    share = {"Name": "local", "Options": {"type": "cifs", "o": "password=secret"}}
    mounts = [
        {"Type": "volume", "Source": "share", "VolumeOptions": {"NoCopy": True, "DriverConfig": share}},
        {"Type": "bind", "Source": "/host"},
    ]
    config = {"Mounts": mounts, "LogConfig": {"Type": "splunk", "Config": {"splunk-token": "=secret"}}}
    docker.write(config, "containers", ident("web"), "hostconfig.json")
    back_up()
    assert "=secret" not in stored_files()["container.json"].read_text()
    kept = passport(stored_files)["host_config"]
    assert kept["Mounts"][0]["VolumeOptions"] == {
        "NoCopy": True,
        "DriverConfig": {"Name": "local", "Options": {}},
    }
    assert kept["Mounts"][1] == mounts[1]
    assert {"LogConfig.Config", "Mounts.VolumeOptions.DriverConfig.Options"} <= set(left_out(stored_files))


def test_secrets_on_request(back_up, layer, stored_files):
    layer()
    back_up(include_env=True)
    assert "MYSQL_ROOT_PASSWORD=secret" in passport(stored_files)["config"]["Env"]
    assert left_out(stored_files) == {}


def test_volumes_and_binds(back_up, layer, docker, stored_files, tmp_path):
    (tmp_path / "host").mkdir()
    (tmp_path / "my.cnf").write_text("cnf")
    points = volume(docker, "data", "/data")
    points.update(bind(tmp_path / "host", "/host"))
    points.update(bind(tmp_path / "my.cnf", "/etc/my.cnf"))
    layer(MountPoints=points)
    back_up(include_env=True)
    assert set(parts(stored_files)) == {"rootfs", "volumes/data"}
    assert left_out(stored_files) == {"/host": "`binds` is false", "/etc/my.cnf": "`binds` is false"}


def test_binds_of_directories_and_of_a_file(back_up, layer, docker, stored_files, tmp_path):
    (tmp_path / "host").mkdir()
    (tmp_path / "my.cnf").write_text("cnf")
    (tmp_path / "beside").write_text("not asked for")
    points = bind(tmp_path / "host", "/host")
    points.update(bind(tmp_path / "my.cnf", "/etc/my.cnf"))
    layer(MountPoints=points)
    back_up(binds=True)
    found = parts(stored_files)
    assert set(found) == {"rootfs", "volumes/host", "volumes/etc/my.cnf"}
    assert found["volumes/etc/my.cnf"]["counts"]["files"] == 1
    assert sum(found["volumes/etc/my.cnf"]["counts"].values()) == 1


def test_what_a_snapshot_does_not_hold_is_left_out_of_the_rootfs_alone(
    back_up, restore, layer, docker, stored_files, out, reading
):
    directory = layer(MountPoints=volume(docker, "data", "/data"))
    for name in ("data", "a [b]", "other"):
        (directory / name).mkdir()
    reading.left_out = ["/data", "/a [b]"]
    back_up(include_env=True)
    reason = "it is a subvolume of its own, which a snapshot does not hold"
    assert left_out(stored_files) == {"/data": reason, "/a [b]": reason}
    assert set(parts(stored_files)) == {"rootfs", "volumes/data"}
    restore()
    assert sorted(one.name for one in (out / "rootfs").iterdir()) == ["etc", "fifo", "other"]


def test_binds_that_would_hold_the_backup_or_docker(back_up, layer, docker, stored_files, tmp_path):
    os.makedirs(str(tmp_path / "repository/inside"))
    points = bind(tmp_path, "/all")
    points.update(bind("/", "/host"))
    points.update(bind(tmp_path / "repository", "/repository"))
    points.update(bind(tmp_path / "repository/inside", "/inside"))
    points.update(bind("/proc/sys", "/sysctl"))
    layer(MountPoints=points)
    back_up(binds=True, include_env=True)
    assert set(parts(stored_files)) == {"rootfs"}
    said = left_out(stored_files)
    assert "Docker's own data root" in said["/all"]
    assert "Docker's own data root" in said["/host"]
    assert "holds the repository" in said["/repository"]
    assert "lies in the repository" in said["/inside"]
    assert "is the kernel's" in said["/sysctl"]


def test_a_volume_in_a_volume_is_stored_once(back_up, layer, docker, stored_files):
    points = volume(docker, "outer", "/data")
    points.update(volume(docker, "inner", "/data/in"))
    docker.write("hidden", "volumes", "outer", "_data", "in", "hidden")
    layer(MountPoints=points)
    back_up()
    found = parts(stored_files)
    assert found["volumes/data"]["counts"]["files"] == 1
    assert found["volumes/data"]["exclude"] == ["/in"]
    assert found["volumes/data/in"]["counts"]["files"] == 1


@pytest.mark.parametrize(
    ("exclude", "stored"),
    [
        (["/data"], None),
        (["/d*"], None),
        (["/data/fi*"], 0),
        (["/*/file"], 0),
        (["/data/other", "/dat"], 1),
    ],
)
def test_exclude_in_a_volume(back_up, layer, docker, stored_files, exclude, stored):
    layer(MountPoints=volume(docker, "data", "/data"))
    back_up(exclude=exclude)
    found = parts(stored_files).get("volumes/data")
    assert (found["counts"]["files"] if found else None) == stored
    assert set(exclude) <= set(left_out(stored_files))


def test_sockets_are_counted_and_left_out(back_up, layer, stored_files, monkeypatch):
    directory = layer()
    monkeypatch.chdir(str(directory))  # a socket's path has a limit
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("etc/s")
    assert only(back_up())["status"] == "stored"
    assert parts(stored_files)["rootfs"]["counts"]["sockets"] == 1


# -- verify --------------------------------------------------------------------------------------------------


def flip(path, at=-1):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))


def test_a_backup_that_is_damaged_is_made_anew(back_up, layer, stored_files, archives):
    layer()
    assert only(back_up(verify="full"))["status"] == "stored"
    assert archives.backups()[0].verified
    flip(stored_files()["rootfs.tar.gz"])
    result = back_up(verify="full", fail_on="never")
    assert only(result)["status"] == "failed"
    assert "is damaged" in only(result)["warnings"][0]
    assert [one.status for one in archives.backups()] == ["damaged"]
    assert only(back_up(verify="full"))["status"] == "stored"
    assert [one.status for one in archives.backups()] == ["damaged", "stored"]


def test_verify_quick(back_up, layer, stored_files):
    layer()
    back_up()
    stored_files()["rootfs.tar.gz"].write_bytes(b"")
    assert only(back_up(fail_on="never"))["status"] == "unchanged"
    assert only(back_up(fail_on="never", verify="quick"))["status"] == "failed"


# -- faults --------------------------------------------------------------------------------------------------


def test_a_repository_that_is_full_in_the_middle(back_up, layer, monkeypatch, tmp_path):
    write = archive._files.write_whole

    def full(path, text):
        if "manifest" in path:
            raise OSError(28, "No space left on device")
        write(path, text)

    layer()
    back_up()
    before = tree_of(tmp_path / "repository")
    layer("db")
    monkeypatch.setattr(archive._files, "write_whole", full)
    result = back_up(fail_on="never", containers=["db"])
    assert only(result)["status"] == "failed"
    assert "No space left on device" in only(result)["warnings"][0]
    (tmp_path / "repository").joinpath(os.uname().nodename, "db").rmdir()
    assert tree_of(tmp_path / "repository") == before


def test_the_next_run_removes_what_a_kill_left(back_up, layer, tmp_path):
    layer()
    back_up()
    left = tmp_path / "repository" / os.uname().nodename / "web" / ".partial-20260101T000000Z-0123456789ab"
    left.mkdir()
    (left / "rootfs.tar.gz").write_bytes(b"half")
    directory = layer("other")
    assert statuses(back_up(containers=["other"])) == {"other": "stored"}
    assert left.exists(), "of another container: it may be written now"
    (directory.parent / ident("layer of web") / "more").touch()
    back_up(containers=["web"])
    assert not left.exists()


def test_no_backup_of_the_repository_into_itself(layer, back_up, machine, docker):
    directory = layer()
    result = back_up(repository=Repository("archive", str(directory / "inside")), fail_on="never")
    assert "lies in" in result["results"][0]["warnings"][0]


def test_what_changes_while_it_is_read_is_a_part_only(machine, layer, back_up, monkeypatch, docker, reading):
    """tar says it where a file changes under its hands, and not where it had not come to it yet."""
    directory = layer(MountPoints=volume(docker, "data", "/data"))
    start = machine.start

    def changing(path):
        done = []

        def changed(argv, *rest, **more):
            # Once, before tar: what changes beneath a tar that reads already is a matter of luck.
            if "--create" in argv and not done:
                done.append(path.write_text("x"))
            return start(argv, *rest, **more)

        monkeypatch.setattr(machine, "start", changed)
        return only(back_up())

    result = changing(pathlib.Path(docker.join("volumes", "data", "_data", "file")))
    assert result["status"] == "partial"
    assert result["warnings"] == ["volumes/data changed while it was read"]
    reading.consistency = "live"
    result = changing(directory / "etc/conf")
    assert result["warnings"] == ["rootfs changed while it was read"]
    result = changing(directory / "new")
    assert result["warnings"] == ["rootfs changed while it was read"]


def test_a_volume_that_is_removed_while_it_is_read(layer, back_up, docker, monkeypatch):
    layer(MountPoints=volume(docker, "data", "/data"))
    survey = backup.survey
    monkeypatch.setattr(backup, "survey", lambda host, path, *more: survey(host, path + "-gone", *more))
    result = only(back_up())
    assert result["status"] == "partial"
    assert result["warnings"] == ["volumes/data changed while it was read"]


@pytest.mark.parametrize("said", ["File shrank by 7 bytes; padding with zeros", "file changed as we read it"])
def test_what_tar_says_of_a_file(machine, layer, back_up, monkeypatch, tmp_path, said):
    tar = tmp_path / "tar"
    tar.write_text(
        '#!/bin/sh\n%s "$@" || exit\necho "tar: ./etc/conf: %s" >&2; exit 1\n' % (machine.tool("tar"), said)
    )
    tar.chmod(0o755)
    layer()
    monkeypatch.setattr(
        machine, "tool", lambda name: str(tar) if name == "tar" else type(machine).tool(machine, name)
    )
    result = only(back_up())
    assert result["status"] == "partial"
    assert result["warnings"] == ["rootfs: tar: ./etc/conf: " + said]
