# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import settings
from ansible_collections.drydock.rescue.plugins.module_utils._docker.configuration import configured


def command_lines(*lines):
    return "[Service]\nType=notify\n" + "".join("ExecStart=%s\n" % line for line in lines)


def test_nothing_is_configured(host, tmp_path):
    assert configured(host) == settings.Settings(str(tmp_path / "docker"), "", {}, "the default")


def test_order_of_belief(host, write):
    write("daemon.json", '{"data-root": "/json", "storage-opts": ["dm.basesize=1G", "dm.fs=xfs"]}')
    assert configured(host).data_root == "/json"
    write("usr-units/docker.service", command_lines("/usr/bin/dockerd -g /unit --storage-opt dm.basesize=2G"))
    found = configured(host)
    assert (found.data_root, found.source) == ("/unit", "docker.service")
    assert found.storage_options == {"dm.basesize": "2G", "dm.fs": "xfs"}
    host.process(7, ["dockerd", "-g", "/process"])
    found = configured(host)
    assert (found.data_root, found.source) == ("/process", "process 7")


def test_a_unit_without_a_root_leaves_it_to_daemon_json(host, write):
    write("usr-units/docker.service", command_lines("/usr/bin/dockerd -H fd://"))
    write("daemon.json", '{"graph": "/json", "storage-driver": "devicemapper"}')
    found = configured(host)
    assert (found.data_root, found.storage_driver) == ("/json", "devicemapper")


@pytest.mark.parametrize("text", ["", "{", '{"data-root": 7}', "[]"])
def test_a_broken_daemon_json_says_nothing(host, write, text):
    write("daemon.json", text)
    assert configured(host).source == "the default"


def test_the_administrators_unit_replaces_the_packages(host, write):
    write("usr-units/docker.service", command_lines("/usr/bin/dockerd -g /package"))
    write("etc-units/docker.service", command_lines("/usr/bin/dockerd -g /administrator"))
    assert configured(host).data_root == "/administrator"


def test_a_masked_unit_says_nothing(host, write, tmp_path):
    write("usr-units/docker.service", command_lines("/usr/bin/dockerd -g /package"))
    os.makedirs(str(tmp_path / "etc" / "etc-units"))
    os.symlink("/dev/null", str(tmp_path / "etc" / "etc-units" / "docker.service"))
    assert configured(host).source == "the default"


def test_drop_ins_are_read_in_the_order_of_their_names(host, write):
    write("usr-units/docker.service", command_lines("/usr/bin/dockerd -g /package"))
    write("etc-units/docker.service.d/90-last.conf", command_lines("", "/usr/bin/dockerd -g /ninety"))
    write("usr-units/docker.service.d/10-first.conf", command_lines("", "/usr/bin/dockerd -g /ten"))
    assert configured(host).data_root == "/ninety"


def test_a_drop_in_of_the_same_name_replaces_the_weaker_one(host, write):
    write("usr-units/docker.service", command_lines("/usr/bin/dockerd -g /package"))
    write("usr-units/docker.service.d/root.conf", command_lines("", "/usr/bin/dockerd -g /weak"))
    write("etc-units/docker.service.d/root.conf", "[Service]\nRestart=no\n")
    assert configured(host).data_root == "/package"


def test_what_is_no_conf_file_is_no_drop_in(host, write):
    write("etc-units/docker.service.d/root.conf.bak", command_lines("", "/usr/bin/dockerd -g /bak"))
    assert configured(host).source == "the default"


def test_long_lines_quotes_and_prefixes_of_a_command_lines(host, write):
    text = "ExecStart = -/usr/bin/dockerd -H fd:// \\\n  --data-root='/a b' \\\n  --storage-driver overlay2\n"
    write("usr-units/docker.service", "[Service]\n" + text)
    found = configured(host)
    assert (found.data_root, found.storage_driver) == ("/a b", "overlay2")


def test_a_unit_that_no_shell_could_read(host, write):
    write("usr-units/docker.service", command_lines("/usr/bin/dockerd -g '/x"))
    assert configured(host).source == "the default"


def test_the_configuration_may_be_a_link(host, tmp_path, write):
    real = tmp_path / "real.json"
    real.write_text('{"data-root": "/srv/docker"}')
    os.makedirs(os.path.dirname(settings.DAEMON_JSON), exist_ok=True)
    os.symlink(str(real), settings.DAEMON_JSON)
    assert configured(host).data_root == "/srv/docker"


def test_a_daemon_that_root_did_not_start_chooses_nothing(host):
    host.process(7, ["dockerd", "--data-root", "/evil"], uid=1000)
    assert configured(host).source == "the default"


def test_a_running_daemon_is_all_there_is_to_know(host, write):
    """What was configured since it started is not what it uses."""
    write("daemon.json", '{"userns-remap": "default"}')
    write("usr-units/docker.service", command_lines("/usr/bin/dockerd -g /unit --storage-opt dm.fs=xfs"))
    host.process(7, ["dockerd", "-g", "/process", "--config-file=/none"])
    assert configured(host) == settings.Settings("/process", "", {}, "process 7")


def test_a_service_with_a_daemon_json_of_its_own_does_not_read_the_usual_one(host, write):
    own = write("own.json", '{"data-root": "/own"}')
    write("daemon.json", '{"data-root": "/json", "storage-driver": "vfs"}')
    write("usr-units/docker.service", command_lines("/usr/bin/dockerd --config-file " + own))
    found = configured(host)
    assert (found.data_root, found.storage_driver, found.source) == ("/own", "", own)


def test_a_root_for_remapped_users(host, write, docker):
    for name in ("subuid", "subgid"):
        write(name, "dockremap:100000:65536\n")
    os.makedirs(docker.join("100000.100000"))
    path = write("daemon.json", '{"userns-remap": "default"}')
    found = configured(host)
    assert (found.data_root, found.userns_remap) == (docker.join("100000.100000"), "default")
    assert (found.source, path) == ("the default", settings.DAEMON_JSON)


# -- init scripts ------------------------------------------------------------------------------------------


@pytest.fixture
def systemd_runs(host):
    os.makedirs(host.units_directory)


def test_debians_file_is_read_where_no_service_is(host, write):
    path = write("default/docker", 'export TMPDIR=/x\nDOCKER_OPTS="--dns 8.8.8.8 -g /mnt/docker -s aufs"\n')
    found = configured(host)
    assert (found.data_root, found.storage_driver, found.source) == ("/mnt/docker", "aufs", path)


def test_debians_file_is_ignored_where_systemd_runs_the_unit(host, write, systemd_runs):
    write("default/docker", 'DOCKER_OPTS="-g /mnt/docker"\n')
    write("usr-units/docker.service", command_lines("/usr/bin/dockerd -H fd://"))
    assert configured(host).source == "the default"


def test_and_read_where_the_unit_names_it(host, write, systemd_runs):
    path = write("default/docker", 'DOCKER_OPTS="-g /mnt/docker"\n')
    text = command_lines("/usr/bin/docker daemon -H fd:// $DOCKER_OPTS") + "EnvironmentFile=-%s\n" % path
    write("usr-units/docker.service", text)
    assert configured(host)[::3] == ("/mnt/docker", "docker.service")


def test_upstart_reads_it_though_the_package_brings_a_unit(host, write):
    write("default/docker", 'DOCKER_OPTS="-g /mnt/docker"\n')
    write("usr-units/docker.service", command_lines("/usr/bin/dockerd -g /unit"))
    assert configured(host).data_root == "/mnt/docker"


def test_red_hats_files(host, write):
    """EL 6 calls the variable of the first other_args; a later file can use what an earlier one says."""
    write("sysconfig/docker", 'BASE=/srv\nother_args="-g $BASE/docker"\n')
    options = "--storage-driver devicemapper --storage-opt dm.fs=xfs"
    text = (
        'DOCKER_STORAGE_OPTIONS="%s --storage-opt dm.thinpooldev=/dev/mapper/rhel-docker--pool"\n' % options
    )
    write("sysconfig/docker-storage", text)
    write("sysconfig/docker-network", "DOCKER_NETWORK_OPTIONS=--mtu=1400\n")
    found = configured(host)
    assert (found.data_root, found.storage_driver) == ("/srv/docker", "devicemapper")
    assert found.storage_options == {
        "dm.fs": "xfs",
        "dm.thinpooldev": "/dev/mapper/rhel-docker--pool",
    }


POOL = "DOCKER_STORAGE_OPTIONS='--storage-opt dm.thinpooldev=/dev/mapper/vg-docker--pool'\n"


@pytest.mark.parametrize("daemon_runs", [False, True])
def test_the_pool_of_the_docker_before_this_one(host, write, systemd_runs, docker, daemon_runs):
    """Docker was upgraded: the new service does not read the old one's file."""
    write("sysconfig/docker-storage", POOL)
    write("usr-units/docker.service", command_lines("/usr/bin/dockerd"))
    if daemon_runs:
        host.process(7, ["/usr/bin/dockerd"])
    assert configured(host).storage_options == {"dm.thinpooldev": "/dev/mapper/vg-docker--pool"}
    docker.loop_pool()  # a pool of its own: that file speaks of another time
    assert configured(host).storage_options == {}


def test_a_pool_that_is_configured_is_not_mixed_with_an_old_one(host, write, systemd_runs):
    write("sysconfig/docker-storage", POOL)
    write("usr-units/docker.service", command_lines("/usr/bin/dockerd --storage-opt dm.fs=ext4"))
    assert configured(host).storage_options == {"dm.fs": "ext4"}


@pytest.mark.parametrize("content", ["", "\0", "(((", "DOCKER_OPTS='", 'DOCKER_OPTS="-g', "=", "\ud800"])
def test_a_broken_file_says_nothing(host, write, content, tmp_path):
    for name in ("default/docker", "sysconfig/docker", "subuid", "passwd", "daemon.json"):
        path = write(name, "")
        with open(path, "wb") as stream:
            stream.write(content.encode("utf-8", "surrogatepass"))
    write("usr-units/docker.service", "[Service]\n")
    with open(str(tmp_path / "etc/usr-units/docker.service"), "ab") as stream:
        stream.write(b"ExecStart=" + content.encode("utf-8", "surrogatepass"))
    assert configured(host).source == "the default"
