# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import pwd

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import daemon, rootless, settings


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
        ["/usr/bin/dockerd-latest", "-g", "/x"],
        ["/opt/bin/dockerd-20.10.24", "-g", "/x"],
        ["/usr/bin/docker-latest", "daemon", "-g", "/x"],
        ["/usr/bin/docker-1.9.1", "daemon", "-g", "/x"],
        ["/usr/bin/docker.io", "-d", "-g", "/x"],
        ["docker", "--daemon", "--graph=/x"],
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
        ["dockerd-rootless.sh"],
        ["dockerd-rootless-setuptool.sh", "install"],
        ["docker-compose", "up", "-d"],
        ["/usr/bin/docker-proxy", "-d"],
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


def test_a_docker_inside_a_container_is_not_the_hosts(host, tmp_path):
    host.process(7, ["dockerd", "--data-root", "/x"], root=tmp_path)
    assert daemon.running(host) == []


@pytest.mark.parametrize(
    ("cgroup", "uid", "counts"),
    [
        ("0::/system.slice/snap.docker.dockerd.service\n", 0, True),
        ("5:pids:/\n1:name=systemd:/system.slice/snap.docker.dockerd.service\n", 0, True),
        ("0::/system.slice/snap.docker.dockerd.service\n", 1000, False),
        ("0::/docker/x/system.slice/snap.docker.dockerd.service\n", 0, False),
        ("0::/system.slice/snap.docker.dockerd.service/docker/x\n", 0, False),
    ],
)
def test_the_daemon_of_a_snap_has_another_root_and_is_the_hosts(host, tmp_path, cgroup, uid, counts):
    host.process(7, ["dockerd", "--data-root", "/x"], cgroup=cgroup, root=tmp_path, uid=uid)
    assert [one.data_root for one in daemon.running(host)] == (["/x"] if counts else [])


def test_a_program_of_a_user_that_calls_itself_dockerd_is_not_believed(host, tmp_path):
    """Nor one that runs with root's rights only since its file says so: the real user counts."""
    (tmp_path / "evil").mkdir()
    host.process(7, ["dockerd", "--data-root", str(tmp_path / "evil")], uid=1000)
    assert daemon.believed(host) is None
    (found,) = daemon.running(host)
    assert (found.data_root, found.trusted, found.uid) == (str(tmp_path / "evil"), False, 1000)


def test_the_configuration_that_a_users_program_names_is_not_opened(host, tmp_path):
    (tmp_path / "theirs.json").write_text('{"data-root": "/evil"}')
    argv = ["dockerd", "--config-file", str(tmp_path / "theirs.json")]
    host.process(7, argv, uid=1000)
    assert [one.data_root for one in daemon.running(host)] == [settings.DEFAULT_DATA_ROOT]


def test_all_that_a_running_daemon_was_told(host, tmp_path):
    (tmp_path / "own.json").write_text('{"storage-opts": ["dm.fs=xfs"], "storage-driver": "vfs"}')
    host.process(
        7,
        ["dockerd", "--config-file", str(tmp_path / "own.json"), "--storage-opt", "dm.basesize=2G"],
        environment=["PATH=/bin", "DOCKER_DRIVER=devicemapper", "no variable"],
    )
    found = daemon.believed(host)
    assert found.storage_options == {"dm.fs": "xfs", "dm.basesize": "2G"}
    assert (found.storage_driver, found.source) == ("devicemapper", "process 7")
    assert found.data_root == settings.DEFAULT_DATA_ROOT


def test_the_root_of_a_daemon_that_remaps_users(host, tmp_path):
    (tmp_path / "etc").mkdir()
    for name in ("subuid", "subgid"):
        (tmp_path / "etc" / name).write_text("dockremap:165536:65536\n")
    (tmp_path / "root" / "165536.165536").mkdir(parents=True)
    host.process(7, ["dockerd", "-g", str(tmp_path / "root"), "--userns-remap=default"])
    assert daemon.running(host)[0].data_root == str(tmp_path / "root" / "165536.165536")


# -- rootless ----------------------------------------------------------------------------------------------

ROOTLESS = "ROOTLESSKIT_STATE_DIR=/run/user/1000/dockerd-rootless"


@pytest.fixture
def alice(monkeypatch, tmp_path):
    """The user 1000, with a home."""
    home = tmp_path / "home" / "alice"
    home.mkdir(parents=True)
    entry = pwd.struct_passwd(("alice", "x", 1000, 1000, "", str(home), "/bin/sh"))
    monkeypatch.setattr(rootless.pwd, "getpwuid", {1000: entry}.__getitem__)
    return home


def test_the_default_of_a_rootless_daemon(host, alice):
    host.process(7, ["dockerd"], uid=1000, environment=[ROOTLESS])
    (found,) = daemon.running(host)
    assert (found.data_root, found.trusted) == (str(alice / ".local/share/docker"), False)


def test_the_data_directory_of_its_user_counts(host, alice, tmp_path):
    host.process(7, ["dockerd"], uid=1000, environment=[ROOTLESS, "XDG_DATA_HOME=%s" % tmp_path])
    host.process(8, ["dockerd"], uid=1000, environment=[ROOTLESS, "XDG_DATA_HOME=relative"])
    host.process(9, ["dockerd"], uid=1001, environment=[ROOTLESS])
    roots = [one.data_root for one in daemon.running(host)]
    assert roots == [str(tmp_path / "docker"), settings.DEFAULT_DATA_ROOT, settings.DEFAULT_DATA_ROOT]


def test_its_daemon_json_lies_in_the_home_that_the_system_knows(host, alice, tmp_path):
    config = alice / ".config" / "docker" / "daemon.json"
    config.parent.mkdir(parents=True)
    config.write_text('{"data-root": "/srv/alice"}')
    host.process(7, ["dockerd"], uid=1000, environment=[ROOTLESS, "HOME=/nowhere"])
    assert daemon.running(host)[0].data_root == "/srv/alice"
    config.rename(tmp_path / "elsewhere.json")
    config.symlink_to(tmp_path / "elsewhere.json")  # a link could show any file to root
    assert daemon.running(host)[0].data_root == "/nowhere/.local/share/docker"


def test_a_rootless_daemon_is_never_believed(host, alice):
    host.process(7, ["dockerd"], uid=1000, environment=[ROOTLESS])
    assert daemon.believed(host) is None
