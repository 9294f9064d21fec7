# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import volumes
from ansible_collections.drydock.rescue.plugins.module_utils._docker.containers import Container
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

NAME = "f" * 64


def mounts(docker, **keys):
    return Container(docker.path, docker.container("web", **keys)).facts(False)["mounts"]


def point(**keys):
    return dict({"Destination": "/data", "RW": True, "Source": "", "Name": "", "Driver": ""}, **keys)


def test_a_named_volume(docker):
    source = docker.join("volumes", "db", "_data")
    record = {"/data": point(Source=source, Name="db", Driver="local", Type="volume")}
    assert mounts(docker, MountPoints=record) == [
        {
            "destination": "/data",
            "source": source,
            "recorded_source": source,
            "type": "volume",
            "name": "db",
            "driver": "local",
            "read_write": True,
        }
    ]


@pytest.mark.parametrize("driver", ["local", ""])
def test_an_anonymous_volume_is_found_by_its_name(docker, driver):
    (mount,) = mounts(docker, MountPoints={"/data": point(Name=NAME, Driver=driver, Type="volume")})
    assert mount["source"] == docker.join("volumes", NAME, "_data")
    assert mount["recorded_source"] == ""


def test_a_volume_of_a_plugin_is_not_looked_for_here(docker):
    (mount,) = mounts(docker, MountPoints={"/data": point(Name=NAME, Driver="nfs", Type="volume")})
    assert mount["source"] == ""


@pytest.mark.parametrize("name", ["../../etc", "a/b", "..", "."])
def test_a_volume_name_never_leads_out(docker, name):
    (mount,) = mounts(docker, MountPoints={"/data": point(Name=name, Driver="local")})
    assert mount["source"] == ""


def test_a_bind_without_a_type_as_before_1_13(docker):
    (mount,) = mounts(docker, MountPoints={"/data": point(Source="/srv/data", RW=False)})
    assert (mount["type"], mount["source"], mount["read_write"]) == ("bind", "/srv/data", False)


def test_a_tmpfs_stays_one(docker):
    (mount,) = mounts(docker, MountPoints={"/tmp": point(Type="tmpfs")})
    assert (mount["type"], mount["source"]) == ("tmpfs", "")


def test_volumes_before_1_7(docker):
    inside = docker.join("vfs", "dir", NAME)
    record = {"/data": inside, "/etc/conf": "/srv/conf"}
    found = mounts(docker, MountPoints=None, Volumes=record, VolumesRW={"/data": True, "/etc/conf": False})
    assert [(one["destination"], one["type"], one["source"], one["read_write"]) for one in found] == [
        ("/data", "volume", inside, True),
        ("/etc/conf", "bind", "/srv/conf", False),
    ]


def test_both_spellings_in_one_record_give_one_mount(docker):
    record = {"/data": point(Source="/new", Name="", Driver="")}
    (mount,) = mounts(docker, MountPoints=record, Volumes={"/data": "/old"}, VolumesRW={"/data": True})
    assert mount["source"] == "/new"


def test_records_of_another_type_are_passed_over(docker):
    assert mounts(docker, MountPoints={"/a": "x", "/b": None}, Volumes={"/c": 7}) == []


def test_a_root_that_was_moved(docker):
    """Paths below the recorded root are where the root is today; others stay."""
    log = "/var/lib/docker/containers/%s/x-json.log"
    container_id = docker.container("web")
    record = {
        "/data": point(Source="/var/lib/docker/volumes/db/_data", Name="db", Driver="local", Type="volume"),
        "/srv": point(Source="/var/lib/docker-other/x", Type="bind"),
    }
    docker.container("web", LogPath=log % container_id, MountPoints=record)
    facts = Container(docker.path, container_id).facts(False)
    assert [mount["source"] for mount in facts["mounts"]] == [
        docker.join("volumes", "db", "_data"),
        "/var/lib/docker-other/x",
    ]
    assert facts["log_path"] == docker.join("containers", container_id, "x-json.log")


def test_a_path_is_translated_only_at_a_whole_name():
    assert volumes.translated("/old", "/old", "/new") == "/new"
    assert volumes.translated("/old/x", "/old", "/new") == "/new/x"
    assert volumes.translated("/older/x", "/old", "/new") == "/older/x"


def test_a_path_that_climbs_is_not_moved_to_another_root():
    path = "/var/lib/docker/../../../etc/shadow"
    assert volumes.translated(path, "/var/lib/docker", "/mnt/old/docker") == path


def test_a_log_path_without_a_root_names_no_root(docker):
    """Else every path of the record would be taken for one below the data root."""
    container_id = docker.container("web", LogPath="/containers/%s/x.log" % ident("web"))
    assert Container(docker.path, container_id).recorded_root == docker.path
