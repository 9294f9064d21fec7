# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import daemon


def test_nothing_is_configured(host, tmp_path):
    assert daemon.configured(host) == daemon.Settings(str(tmp_path / "docker"), "", {}, "the default")


@pytest.mark.parametrize(
    "argv",
    [
        ["/usr/bin/dockerd", "--data-root=/x"],
        ["/usr/bin/dockerd", "--data-root", "/x"],
        ["dockerd", "-D", "-g", "/x", "-H", "fd://"],
        ["dockerd", "-g=/x"],
        ["dockerd", "-g/x"],
        ["dockerd", "--graph=/x"],
        ["/usr/bin/dockerd-current", "--graph", "/x"],
        ["dockerd-ce", "--data-root=/old", "--data-root=/x"],
        ["/usr/bin/docker", "daemon", "-g", "/x"],
        ["/usr/bin/docker-current", "daemon", "--graph=/x"],
        ["/usr/bin/docker", "-d", "-g", "/x"],
        ["docker", "-H", "fd://", "-d", "--graph=/x"],
    ],
)
def test_forms_of_a_daemons_command_line(host, argv):
    host.process(7, argv)
    assert daemon.running(host) == [daemon.RunningDaemon(7, argv, "/x", True)]


@pytest.mark.parametrize(
    "argv",
    [
        ["docker", "ps"],
        ["docker", "logs", "daemon"],
        ["docker", "run", "-d", "nginx"],
        ["docker", "exec", "-d", "web", "sh"],
        ["docker", "-H", "fd://", "run", "-d", "nginx"],
        ["docker", "compose", "up", "-d"],
        ["containerd", "--root", "/x"],
        ["/usr/bin/docker-containerd-shim", "-d"],
        ["vi", "dockerd"],
        ["dockerd.sh"],
    ],
)
def test_what_is_no_daemon(host, argv):
    host.process(7, argv)
    assert daemon.running(host) == []


def test_a_daemon_with_a_configuration_file_of_its_own(host, tmp_path):
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"data-root": "/from/file"}))
    host.process(7, ["dockerd", "--config-file", str(path)])
    host.process(8, ["dockerd", "--config-file=%s" % path])
    assert [one.data_root for one in daemon.running(host)] == ["/from/file", "/from/file"]


def test_the_root_of_a_running_daemon_is_resolved(host, tmp_path):
    os.symlink("/x", str(tmp_path / "link"))
    host.process(7, ["dockerd", "--data-root", str(tmp_path / "link")])
    assert daemon.running(host)[0].data_root == "/x"


def test_storage_options_of_a_command_line():
    found = daemon.from_arguments(
        ["dockerd", "--storage-opt", "dm.thinpooldev=/dev/mapper/vg-docker--pool", "-s", "devicemapper"]
        + ["--storage-opt=dm.basesize=20G", "--storage-opt"],
        "x",
    )
    assert found.storage_driver == "devicemapper"
    assert found.storage_options["dm.thinpooldev"] == "/dev/mapper/vg-docker--pool"
    assert found.storage_options["dm.basesize"] == "20G"


# -- which source is believed ----------------------------------------------------------------------------


@pytest.fixture
def write(tmp_path):
    def to(name, text):
        path = tmp_path / "etc" / name
        os.makedirs(str(path.parent), exist_ok=True)
        path.write_text(text)

    return to


def unit(*command_lines):
    return "[Service]\nType=notify\n" + "".join("ExecStart=%s\n" % line for line in command_lines)


def test_order_of_belief(host, write):
    write("daemon.json", '{"data-root": "/json", "storage-opts": ["dm.basesize=1G", "dm.fs=xfs"]}')
    assert daemon.configured(host).data_root == "/json"
    write("usr-units/docker.service", unit("/usr/bin/dockerd -g /unit --storage-opt dm.basesize=2G"))
    found = daemon.configured(host)
    assert (found.data_root, found.source) == ("/unit", "docker.service")
    assert found.storage_options == {"dm.basesize": "2G", "dm.fs": "xfs"}
    host.process(7, ["dockerd", "-g", "/process"])
    found = daemon.configured(host)
    assert (found.data_root, found.source) == ("/process", "process 7")


def test_a_unit_without_a_root_leaves_it_to_daemon_json(host, write):
    write("usr-units/docker.service", unit("/usr/bin/dockerd -H fd://"))
    write("daemon.json", '{"graph": "/json", "storage-driver": "devicemapper"}')
    found = daemon.configured(host)
    assert (found.data_root, found.storage_driver) == ("/json", "devicemapper")


@pytest.mark.parametrize("text", ["", "{", '{"data-root": 7}', "[]"])
def test_a_broken_daemon_json_says_nothing(host, write, text):
    write("daemon.json", text)
    assert daemon.configured(host).source == "the default"


def test_the_administrators_unit_replaces_the_packages(host, write):
    write("usr-units/docker.service", unit("/usr/bin/dockerd -g /package"))
    write("etc-units/docker.service", unit("/usr/bin/dockerd -g /administrator"))
    assert daemon.configured(host).data_root == "/administrator"


def test_a_masked_unit_says_nothing(host, write, tmp_path):
    write("usr-units/docker.service", unit("/usr/bin/dockerd -g /package"))
    os.makedirs(str(tmp_path / "etc" / "etc-units"))
    os.symlink("/dev/null", str(tmp_path / "etc" / "etc-units" / "docker.service"))
    assert daemon.configured(host).source == "the default"


def test_drop_ins_are_read_in_the_order_of_their_names(host, write):
    write("usr-units/docker.service", unit("/usr/bin/dockerd -g /package"))
    write("etc-units/docker.service.d/90-last.conf", unit("", "/usr/bin/dockerd -g /ninety"))
    write("usr-units/docker.service.d/10-first.conf", unit("", "/usr/bin/dockerd -g /ten"))
    assert daemon.configured(host).data_root == "/ninety"


def test_a_drop_in_of_the_same_name_replaces_the_weaker_one(host, write):
    write("usr-units/docker.service", unit("/usr/bin/dockerd -g /package"))
    write("usr-units/docker.service.d/root.conf", unit("", "/usr/bin/dockerd -g /weak"))
    write("etc-units/docker.service.d/root.conf", "[Service]\nRestart=no\n")
    assert daemon.configured(host).data_root == "/package"


def test_what_is_no_conf_file_is_no_drop_in(host, write):
    write("etc-units/docker.service.d/root.conf.bak", unit("", "/usr/bin/dockerd -g /bak"))
    assert daemon.configured(host).source == "the default"


def test_long_lines_quotes_and_prefixes_of_a_unit(host, write):
    text = "ExecStart = -/usr/bin/dockerd -H fd:// \\\n  --data-root='/a b' \\\n  --storage-driver overlay2\n"
    write("usr-units/docker.service", "[Service]\n" + text)
    found = daemon.configured(host)
    assert (found.data_root, found.storage_driver) == ("/a b", "overlay2")


def test_a_unit_that_no_shell_could_read(host, write):
    write("usr-units/docker.service", unit("/usr/bin/dockerd -g '/x"))
    assert daemon.configured(host).source == "the default"


def test_a_docker_inside_a_container_is_not_the_hosts(host, tmp_path):
    host.process(7, ["dockerd", "--data-root", "/x"], root=tmp_path)
    assert daemon.running(host) == []


def test_a_program_of_a_user_that_calls_itself_dockerd_is_not_believed(host, tmp_path):
    """Nor one that runs with root's rights only since its file says so: the real user counts."""
    (tmp_path / "evil").mkdir()
    host.process(7, ["dockerd", "--data-root", str(tmp_path / "evil")], uid=1000)
    assert daemon.configured(host).data_root == daemon.DEFAULT_DATA_ROOT
    assert [one.data_root for one in daemon.running(host)] == [str(tmp_path / "evil")]


def test_the_configuration_may_be_a_link(host, tmp_path, write):
    real = tmp_path / "real.json"
    real.write_text('{"data-root": "/srv/docker"}')
    os.makedirs(os.path.dirname(daemon.DAEMON_JSON), exist_ok=True)
    os.symlink(str(real), daemon.DAEMON_JSON)
    assert daemon.configured(host).data_root == "/srv/docker"


def test_the_configuration_that_a_users_program_names_is_not_opened(host, tmp_path):
    (tmp_path / "theirs.json").write_text('{"data-root": "/evil"}')
    argv = ["dockerd", "--config-file", str(tmp_path / "theirs.json")]
    host.process(7, argv, uid=1000)
    assert [one.data_root for one in daemon.running(host)] == [daemon.DEFAULT_DATA_ROOT]
