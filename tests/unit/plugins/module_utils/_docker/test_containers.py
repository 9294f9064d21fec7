# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _text
from ansible_collections.drydock.rescue.plugins.module_utils._docker import containers
from ansible_collections.drydock.rescue.plugins.module_utils._docker.containers import Container
from ansible_collections.drydock.rescue.plugins.module_utils._docker.volumes import Volumes
from ansible_collections.drydock.rescue.plugins.module_utils._errors import Ambiguous, BadRecord, NotFound
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import NEVER, ident
from ansible_collections.drydock.rescue.tests.unit.support.texts import HOSTILE, dangerous

VOLUMES = Volumes("/none", True, ())


def test_all_facts_of_a_container(docker):
    container_id = docker.container("payroll-db")
    layer = ident("layer of payroll-db")
    assert Container(docker.path, container_id).facts(False, VOLUMES) == {
        "id": container_id,
        "name": "payroll-db",
        "image": "mysql:5.7",
        "image_id": "sha256:" + ident("image of payroll-db"),
        "created": "2023-05-04T10:11:12.131415161Z",
        "driver": "overlay2",
        "layout": "layerdb",
        "layer_id": layer,
        "init_layer_id": layer + "-init",
        "parent": "",
        "state": {
            "status": "exited",
            "running": False,
            "exit_code": 137,
            "error": "",
            "oom_killed": False,
            "pid": 0,
            "started_at": "2023-05-04T10:11:13Z",
            "finished_at": "2023-06-01T00:00:00Z",
        },
        "config": {
            "cmd": ["mysqld"],
            "entrypoint": ["docker-entrypoint.sh"],
            "working_dir": "/srv",
            "user": "999:999",
            "exposed_ports": ["3306/tcp", "33060/tcp"],
        },
        "mounts": [],
        "log_path": docker.join("containers", container_id, container_id + "-json.log"),
    }


def test_environment_and_labels_only_on_request(docker):
    container = Container(docker.path, docker.container("web"))
    assert "secret" not in repr(container.facts(False, VOLUMES))
    config = container.facts(True, VOLUMES)["config"]
    assert "MYSQL_ROOT_PASSWORD=secret" in config["env"]
    assert config["labels"] == {"token": "secret"}


@pytest.mark.parametrize(("value", "expected"), [(None, None), ([], []), ("/run.sh", ["/run.sh"])])
def test_no_command_is_not_an_empty_one(docker, value, expected):
    config = Container(docker.path, docker.container("web", Config={"Cmd": value})).config(False)
    assert config["cmd"] == expected


STARTED = {"StartedAt": "2023-05-04T10:11:13Z"}


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({}, ""),
        (dict(STARTED, Running=True), "running"),
        (dict(STARTED, Running=True, Paused=True, Restarting=True), "paused"),
        (dict(STARTED, Running=True, Restarting=True), "restarting"),
        (dict(STARTED, RemovalInProgress=True, Dead=True), "removing"),
        (dict(STARTED, Dead=True), "dead"),
        ({"StartedAt": NEVER}, "created"),
        ({"ExitCode": 0}, "created"),
        (dict(STARTED, ExitCode=0), "exited"),
        (dict(STARTED, Running="yes"), "exited"),
    ],
)
def test_status_words(docker, state, status):
    assert Container(docker.path, docker.container("web", State=state)).state()["status"] == status


# -- layouts ---------------------------------------------------------------------------------------------


def test_a_container_before_1_10(docker):
    docker.write({"id": "x"}, "graph", "x", "json")
    container = Container(docker.path, docker.old_container("web"))
    facts = container.facts(False, VOLUMES)
    assert (facts["layout"], facts["layer_id"], facts["init_layer_id"]) == (
        "graph",
        ident("web"),
        ident("web") + "-init",
    )
    assert facts["parent"] == ident("image of web")
    assert container.problems == []


def test_a_container_that_docker_did_not_migrate(docker):
    docker.container("other", driver="devicemapper")
    container = Container(docker.path, docker.old_container("web"))
    assert (container.layout, container.layer_id) == ("graph", ident("web"))
    assert [one.code for one in container.problems] == ["not_migrated"]
    assert container.problems[0].subject == ident("web")


def test_after_a_migration_the_new_record_counts(docker):
    docker.old_container("web", Name="/old-name")
    docker.container("web", driver="devicemapper", layer=ident("web"))
    container = Container(docker.path, ident("web"))
    assert (container.name, container.layout, container.layer_id) == ("web", "layerdb", ident("web"))


def test_no_driver_in_the_record_meant_aufs(docker):
    assert Container(docker.path, docker.container("web", driver="")).driver == "aufs"


def test_a_container_that_was_migrated_by_half(docker):
    """The new record is written before the mount; Docker lists such a container and cannot start it."""
    docker.graph_image("b", "a")
    docker.old_container("web", driver="aufs", Image=ident("b"), Name="/old-name")
    docker.container("web", driver="aufs")
    shutil.rmtree(docker.join("image", "aufs", "layerdb", "mounts", ident("web")))
    container = Container(docker.path, ident("web"))
    assert (container.name, container.layout, container.layer_id) == ("web", "graph", ident("web"))
    assert (container.init_layer_id, container.parent) == (ident("web") + "-init", ident("b"))
    assert [one.code for one in container.problems] == ["not_migrated"]
    assert container.image_layer_ids() == [ident("b"), ident("a")]


def test_a_container_that_was_migrated(docker):
    """Its layer, and those of its image, have their old ids."""
    docker.graph_image("b", "a")
    docker.old_container("web", driver="aufs", Image=ident("b"), State={"ExitCode": 1})
    docker.container("web", driver="aufs", State={"ExitCode": 2})
    docker.layer_mount(ident("web"), "aufs", ident("web"), docker.image("aufs", ident("b"), ident("a")))
    container = Container(docker.path, ident("web"))
    assert (container.layout, container.layer_id, container.init_layer_id) == (
        "layerdb",
        ident("web"),
        ident("web") + "-init",
    )
    assert container.parent.startswith("sha256:")
    assert (container.state()["exit_code"], container.problems) == (2, [])
    assert container.image_layer_ids() == [ident("b"), ident("a")]


# -- the layers of the image -----------------------------------------------------------------------------------


def test_the_layers_of_the_image_before_1_10(docker):
    container = Container(docker.path, docker.old_container("web", Image=docker.graph_image("b", "a")))
    assert container.image_layer_ids() == [ident("b"), ident("a")]


def test_a_container_from_scratch_has_none(docker):
    assert Container(docker.path, docker.container("web")).image_layer_ids() == []


def test_a_lost_image_is_never_taken_for_none(docker):
    docker.write("", "image", "overlay2", "layerdb", "mounts", docker.container("cut"), "parent")
    docker.old_container("old", Image="")
    broken = docker.old_container("broken")
    docker.write("", "containers", broken, "config.json")
    lost = docker.container("lost")
    shutil.rmtree(docker.join("image", "overlay2", "layerdb", "mounts", lost))
    for container in containers.read_all(docker.path):
        with pytest.raises(BadRecord) as failure:
            container.image_layer_ids()
        assert "the image of container %s is not known" % container.id[:12] in failure.value.message


# -- every field of the oldest records -------------------------------------------------------------------------

# As Docker 0.7 writes it: no LogPath, no MountPoints, no Dead; `Ghost` is long gone.
DOCKER_0_7 = {
    "ID": ident("web"),
    "Created": "2013-12-01T10:11:12.131415161Z",
    "Path": "/bin/sh",
    "Args": ["-c", "sleep 9"],
    "Config": {
        "Hostname": "web",
        "User": "",
        "Env": None,
        "Cmd": ["/bin/sh", "-c", "sleep 9"],
        "Image": "base",
    },
    "State": {
        "Running": True,
        "Pid": 4711,
        "ExitCode": 0,
        "StartedAt": "2013-12-01T10:11:13Z",
        "FinishedAt": NEVER,
        "Ghost": False,
    },
    "Image": ident("a"),
    "NetworkSettings": {"IPAddress": ""},
    "SysInitPath": "/usr/lib/docker/dockerinit",
    "ResolvConfPath": "/etc/resolv.conf",
    "HostnamePath": "/var/lib/docker/containers/%s/hostname" % ident("web"),
    "HostsPath": "/var/lib/docker/containers/%s/hosts" % ident("web"),
    "Name": "/web",
    "Driver": "devicemapper",
    "Volumes": {"/data": "/var/lib/docker/vfs/dir/" + ident("volume")},
    "VolumesRW": {"/data": True},
}


@pytest.mark.parametrize(
    "source, root",
    [
        ("/srv/docker/volumes/db/_data", "/srv/docker"),
        ("/srv/docker/volumes/other/_data", None),
        ("/volumes/db/_data", None),
        ("srv/docker/volumes/db/_data", None),
        ("", None),
    ],
)
def test_the_data_root_of_one_that_never_ran_is_known_by_its_volumes(docker, source, root):
    point = {"Type": "volume", "Name": "db", "Driver": "local", "Source": source}
    record = {"ID": ident("web"), "MountPoints": {"/broken": None, "/data": point}}
    docker.write(record, "containers", ident("web"), "config.v2.json")
    assert Container(docker.path, ident("web")).recorded_root == (root or docker.path)


def test_all_facts_of_a_container_of_docker_0_7(docker):
    docker.write(DOCKER_0_7, "containers", ident("web"), "config.json")
    container = Container(docker.path, ident("web"))
    os.makedirs(docker.join("vfs", "dir", ident("volume")))
    facts = container.facts(True, Volumes(docker.path, True, ()))
    assert container.problems == []
    assert container.recorded_root == "/var/lib/docker"
    volume = docker.join("vfs", "dir", ident("volume"))
    assert [one["source"] for one in facts.pop("mounts")] == [volume]
    assert facts == {
        "id": ident("web"),
        "name": "web",
        "image": "base",
        "image_id": ident("a"),
        "created": "2013-12-01T10:11:12.131415161Z",
        "driver": "devicemapper",
        "layout": "graph",
        "layer_id": ident("web"),
        "init_layer_id": ident("web") + "-init",
        "parent": ident("a"),
        "state": {
            "status": "running",
            "running": True,
            "exit_code": 0,
            "error": "",
            "oom_killed": False,
            "pid": 4711,
            "started_at": "2013-12-01T10:11:13Z",
            "finished_at": NEVER,
        },
        "log_path": "",
        "config": {
            "cmd": ["/bin/sh", "-c", "sleep 9"],
            "entrypoint": None,
            "working_dir": "",
            "user": "",
            "exposed_ports": [],
            "env": [],
            "labels": {},
        },
    }


def test_the_record_of_a_29_with_the_store_of_containerd(docker):
    """No layerdb knows it. What the record says is told, and that the layer is not known."""
    image = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:" + ident("m")}
    record = docker.record("web", "overlayfs", ImageManifest=image, ImagePlatform={"os": "linux"})
    docker.write(record, "containers", ident("web"), "config.v2.json")
    container = Container(docker.path, ident("web"))
    assert (container.name, container.driver, container.layer_id) == ("web", "overlayfs", "")
    assert [one.code for one in container.problems] == ["layer_unknown"]


# -- broken records --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "\0" * 100, '{"ID":'])
def test_a_broken_record_leaves_driver_and_layer_from_layerdb(docker, content):
    container_id = docker.container("web", driver="devicemapper")
    docker.write(content, "containers", container_id, "config.v2.json")
    container = Container(docker.path, container_id)
    assert (container.driver, container.layer_id) == ("devicemapper", ident("layer of web"))
    assert container.name == ""
    assert [one.code for one in container.problems] == ["config_broken"]


def test_a_broken_record_that_two_drivers_claim(docker):
    container_id = docker.container("web", driver="devicemapper")
    docker.layer_mount(container_id, "overlay2", ident("x"))
    docker.write("", "containers", container_id, "config.v2.json")
    container = Container(docker.path, container_id)
    assert container.driver == ""
    assert [one.code for one in container.problems] == ["config_broken", "driver_unknown"]


def test_a_broken_container_hides_no_other(docker):
    docker.container("good")
    os.makedirs(docker.join("containers", ident("empty directory")))
    docker.write("{", "containers", ident("cut"), "config.v2.json")
    docker.write("x", "containers", "a file that is no container")
    found = {one.id: one.name for one in containers.read_all(docker.path)}
    assert found == {ident("good"): "good", ident("empty directory"): "", ident("cut"): ""}


@pytest.mark.parametrize("content", ["", "\0" * 100, '{"ID":'])
def test_a_broken_new_record_leaves_what_the_migration_left(docker, content):
    docker.old_container("web", driver="devicemapper", Name="/as-it-was")
    docker.container("web", driver="devicemapper", layer=ident("web"))
    docker.write(content, "containers", ident("web"), "config.v2.json")
    container = Container(docker.path, ident("web"))
    assert (container.name, container.driver, container.layer_id) == (
        "as-it-was",
        "devicemapper",
        ident("web"),
    )
    assert container.layout == "layerdb"
    (problem,) = container.problems
    assert problem.code == "config_broken"
    assert "from before Docker 1.10" in problem.message


def test_both_records_are_broken(docker):
    docker.old_container("web", driver="devicemapper")
    docker.container("web", driver="devicemapper", layer=ident("web"))
    for name in ("config.json", "config.v2.json"):
        docker.write("{", "containers", ident("web"), name)
    container = Container(docker.path, ident("web"))
    assert (container.name, container.driver, container.layer_id) == ("", "devicemapper", ident("web"))
    assert [one.code for one in container.problems] == ["config_broken"]


@pytest.mark.parametrize("in_one_file", [False, True])
def test_a_broken_record_before_1_10_leaves_driver_and_layer(docker, in_one_file):
    """Docker up to 1.11 rewrote it in place: a full disk leaves it empty."""
    container_id = docker.old_container("web")
    if in_one_file:
        docker.devices_in_one_file(web=7)
    else:
        docker.device_file(container_id, 7)
    docker.write("", "containers", container_id, "config.json")
    container = Container(docker.path, container_id)
    assert (container.driver, container.layout, container.layer_id) == ("devicemapper", "graph", container_id)
    assert [one.code for one in container.problems] == ["config_broken"]
    docker.write("x", "vfs", "dir", container_id, "x")
    container = Container(docker.path, container_id)
    assert (container.driver, container.layer_id) == ("", container_id)
    assert [one.code for one in container.problems] == ["config_broken", "driver_unknown"]


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "is empty"), ("../../etc", "holds '../../etc'"), ("A" * 64, "holds"), ("a" * 63, "holds")],
)
def test_a_mount_id_that_cannot_be_right(docker, content, said):
    container_id = docker.container("web")
    path = docker.write(content, "image", "overlay2", "layerdb", "mounts", container_id, "mount-id")
    container = Container(docker.path, container_id)
    assert container.layer_id == ""
    assert [one.code for one in container.problems] == ["layer_unknown"]
    assert path in container.problems[0].message
    assert said in container.problems[0].message


def test_an_empty_parent_is_told_and_the_rest_used(docker):
    container_id = docker.container("web")
    docker.write("", "image", "overlay2", "layerdb", "mounts", container_id, "parent")
    container = Container(docker.path, container_id)
    assert container.layer_id == ident("layer of web")
    assert [one.code for one in container.problems] == ["layer_incomplete"]


def test_a_container_that_layerdb_does_not_know(docker):
    container_id = docker.container("web", driver="devicemapper")
    docker.write(docker.record("web", "overlay2"), "containers", container_id, "config.v2.json")
    container = Container(docker.path, container_id)
    assert [one.code for one in container.problems] == ["layer_unknown"]


# -- selection -------------------------------------------------------------------------------------------


def chosen(docker, *words, **options):
    found, missing = containers.select(
        containers.read_all(docker.path), words, options.get("missing_ok", False)
    )
    return [one.name for one in found], missing


@pytest.fixture
def three(docker):
    for name in ("web", "db", "cache"):
        docker.container(name)
    return docker


@pytest.mark.parametrize("word", ["web", "/web", ident("web"), ident("web")[:12], ident("web")[:2]])
def test_a_container_by_name_id_or_prefix(three, word):
    assert chosen(three, word) == (["web"], [])
    assert containers.find(three.path, word).name == "web"


def test_the_order_is_that_of_the_words_and_each_comes_once(three):
    assert chosen(three, "db", "web", ident("db")[:8]) == (["db", "web"], [])


def test_a_name_goes_before_a_prefix(three):
    three.container(ident("web")[:6])
    assert chosen(three, ident("web")[:6]) == ([ident("web")[:6]], [])


def test_a_part_of_a_name_is_no_name(three):
    with pytest.raises(NotFound):
        chosen(three, "we")


@pytest.mark.parametrize("missing_ok", [False, True])
def test_an_ambiguous_prefix_lists_the_candidates(docker, missing_ok):
    for number in range(17):
        docker.container("c%d" % number)
    first = sorted(ident("c%d" % number)[0] for number in range(17))
    word = next(one for one in first if first.count(one) > 1)
    with pytest.raises(Ambiguous) as failure:
        chosen(docker, word, missing_ok=missing_ok)
    candidates = [n for n in range(17) if ident("c%d" % n).startswith(word)]
    assert "'%s' is ambiguous" % word in failure.value.message
    for number in candidates:
        assert "c%d (%s)" % (number, ident("c%d" % number)[:12]) in failure.value.message
    assert failure.value.hint == "Give the full id of the one that is meant"


def test_an_ambiguous_name_is_refused(three):
    three.container("other", Name="/web")
    with pytest.raises(Ambiguous) as failure:
        chosen(three, "web")
    assert ident("web")[:12] in failure.value.message
    assert ident("other")[:12] in failure.value.message


def test_one_name_on_two_drivers_is_told_with_the_drivers(docker):
    """Docker was upgraded; what the old driver has is invisible to the new one, and its names are free."""
    docker.container("old", driver="devicemapper", Name="/web")
    docker.container("new", driver="overlay2", Name="/web")
    docker.container("nameless", driver="vfs")
    with pytest.raises(Ambiguous) as failure:
        chosen(docker, "web")
    for name, driver in (("old", "devicemapper"), ("new", "overlay2")):
        assert "web (%s on %s)" % (ident(name)[:12], driver) in failure.value.message
    for name, driver in (("old", "devicemapper"), ("new", "overlay2")):
        found = containers.find(docker.path, ident(name)[:12])
        assert (found.driver, found.layer_id) == (driver, ident("layer of " + name))


def test_an_unknown_name_lists_what_there_is(three):
    with pytest.raises(NotFound) as failure:
        chosen(three, "web", "wbe", "dbb")
    assert failure.value.message == "no container 'wbe', 'dbb'"
    for name in ("web", "db", "cache"):
        assert "%s (%s)" % (name, ident(name)[:12]) in failure.value.hint


def test_a_long_list_is_cut(docker):
    for number in range(25):
        docker.container("c%d" % number)
    with pytest.raises(NotFound) as failure:
        chosen(docker, "none")
    assert failure.value.hint.endswith(" and 5 more")


def test_an_empty_root_says_so(docker):
    with pytest.raises(NotFound) as failure:
        chosen(docker, "web")
    assert failure.value.hint == "This data root holds no container"


def test_missing_ones_can_be_ignored(three):
    assert chosen(three, "none", "web", "nobody", missing_ok=True) == (["web"], ["none", "nobody"])


def test_names_cannot_drive_the_terminal(docker):
    docker.container("bad", Name="/\x1b[2Jx\ny\u202e")
    with pytest.raises(NotFound) as failure:
        chosen(docker, "\x1b[31m")
    assert str(failure.value).isprintable()
    assert r"\x1b[2Jx\ny\u202e" in failure.value.hint


def test_no_fact_can_drive_the_terminal_or_forge_a_line(docker):
    keys = dict.fromkeys(("Name", "Driver", "Image", "Created", "LogPath"), HOSTILE)
    mount = {"Name": HOSTILE, "Source": "/" + HOSTILE, "Driver": HOSTILE, "Type": HOSTILE}
    config = {"Image": HOSTILE, "Cmd": ["a\nb"], "ExposedPorts": {HOSTILE: {}}}
    docker.container("bad", MountPoints={HOSTILE: mount}, State={"Error": HOSTILE}, Config=config, **keys)
    container = Container(docker.path, ident("bad"))
    facts = container.facts(False, VOLUMES)
    assert facts["config"]["cmd"] == ["a\nb"]
    facts = json.loads(_text.as_json(facts, ["config"]))
    assert facts.pop("config")["cmd"] == ["a\nb"]
    assert facts["name"].startswith("web\\x1b[2J")
    assert dangerous([facts, [one._asdict() for one in container.problems]]) == []


def test_a_container_is_found_by_its_name_as_it_is_shown(docker):
    docker.container("bad", Name="/a\nb")
    (shown,) = [_text.name(one.name) for one in containers.read_all(docker.path)]
    assert shown == "a\\nb"
    assert containers.find(docker.path, shown).id == containers.find(docker.path, "a\nb").id == ident("bad")


def test_a_container_without_a_name_is_listed_by_its_id(docker):
    docker.write("", "containers", ident("x"), "config.v2.json")
    with pytest.raises(NotFound) as failure:
        chosen(docker, "none")
    assert "no name (%s)" % ident("x")[:12] in failure.value.hint


def test_a_name_that_only_looks_like_an_id_is_no_container(docker):
    docker.container("web")
    os.makedirs(docker.join("containers", ident("x") + "\n"))
    assert [one.id for one in containers.read_all(docker.path)] == [ident("web")]


def test_directories_where_files_belong_hide_no_container(docker):
    docker.container("good")
    os.makedirs(docker.join("containers", ident("bad"), "config.v2.json"))
    found = {one.id: [problem.code for problem in one.problems] for one in containers.read_all(docker.path)}
    assert found[ident("good")] == []
    assert found[ident("bad")][0] == "config_broken"


@pytest.mark.parametrize("driver", ["../../../etc", "overlay2/../x", ".", "a\0b", "\ud800", "x" * 65, "O"])
def test_a_driver_never_leads_out_of_the_data_root(docker, driver):
    """The driver's name is a part of paths."""
    container_id = docker.container("web", driver="overlay2")
    docker.write(docker.record("web", driver), "containers", container_id, "config.v2.json")
    container = Container(docker.path, container_id)
    assert (container.driver, container.layer_id) == ("overlay2", ident("layer of web"))
    assert "as its storage driver" in container.problems[0].message


def test_labels_are_texts_whatever_a_record_holds(docker):
    deep = json.loads("[" * 700 + "]" * 700)
    docker.container("web", Config={"Labels": {"a": "b", "c": deep, "d": 7}})
    config = containers.find(docker.path, "web").config(True)
    assert config["labels"] == {"a": "b"}
