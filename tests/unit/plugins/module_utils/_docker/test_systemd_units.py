# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker.systemd_units import Command, Units

UNIT = "docker.service"


def argv(unit=UNIT):
    return Units().command(unit).argv


def test_no_such_unit(write):
    assert Units().command(UNIT) == Command([], {}, True)
    assert Units().services() == []


def test_the_names_of_services(unit):
    for name in ("b.service", "a.service", "c.socket", "d@.service", "d@x.service"):
        unit(name)
    unit("a.service", place="etc-units")
    assert Units().services() == ["a.service", "b.service", "d@x.service"]


def test_which_units_are_enabled(unit, tmp_path):
    for directory in ("multi-user.target.wants", "x.target.requires", "docker.service.d"):
        os.makedirs(str(tmp_path / "etc/etc-units" / directory))
        os.symlink("/none", str(tmp_path / "etc/etc-units" / directory / (directory[:1] + ".service")))
    assert Units().wanted() == {"m.service", "x.service"}


def test_variables_from_the_unit_its_drop_ins_and_files(unit, write):
    """A file is stronger than Environment=, a later one stronger than an earlier; an empty setting starts anew."""
    first = write("first.env", "A=file\nB='one two'\n")
    second = write("second.env", "B=\"three 'four five'\"\n")
    unit(
        UNIT,
        "EnvironmentFile=%s" % first,
        "EnvironmentFile=-%s" % second,
        "EnvironmentFile=-/none/docker-network",
        "Environment=A=unit 'C=c c' D=gone",
        "ExecStart=/usr/bin/dockerd ${A} $B ${C} $D $E",
    )
    unit(UNIT + ".d/x.conf", "UnsetEnvironment=D", 'Environment="E=drop in"', place="etc-units")
    words = ["/usr/bin/dockerd", "file", "three", "four five", "c c", "drop", "in"]
    assert Units().command(UNIT) == Command(
        words, {"A": "file", "B": "three 'four five'", "C": "c c", "E": "drop in"}, True
    )
    unit(
        UNIT + ".d/y.conf",
        "Environment=",
        "EnvironmentFile=",
        "ExecStart=",
        "ExecStart=d $A $B",
        place="etc-units",
    )
    assert argv() == ["d"]


def test_the_unit_of_red_hat(unit, write):
    options = write("sysconfig/docker", "OPTIONS='--selinux-enabled --log-driver=journald'\n")
    driver = "--storage-driver devicemapper --storage-opt dm.fs=xfs"
    pool = "--storage-opt dm.thinpooldev=/dev/mapper/rhel-docker--pool"
    storage = write("sysconfig/docker-storage", 'DOCKER_STORAGE_OPTIONS="%s %s"\n' % (driver, pool))
    unit(
        UNIT,
        "EnvironmentFile=-/run/containers/registries.conf",
        "EnvironmentFile=-" + options,
        "EnvironmentFile=-" + storage,
        "Environment=GOTRACEBACK=crash",
        "ExecStart=/usr/bin/dockerd-current \\",
        "          --default-runtime=docker-runc \\",
        "          $OPTIONS \\",
        "          $DOCKER_STORAGE_OPTIONS \\",
        "          $DOCKER_NETWORK_OPTIONS \\",
        "          $REGISTRIES",
    )
    start = ["/usr/bin/dockerd-current", "--default-runtime=docker-runc"]
    selinux = ["--selinux-enabled", "--log-driver=journald"]
    assert argv() == start + selinux + driver.split() + pool.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-/usr/bin/dockerd $A", ["/usr/bin/dockerd", "x"]),
        ("@/usr/bin/dockerd docker-one $A", ["/usr/bin/dockerd", "x"]),
        (":/usr/bin/dockerd $A", ["/usr/bin/dockerd", "$A"]),
        ("!!/usr/bin/dockerd %n %S", ["/usr/bin/dockerd", UNIT, "/var/lib"]),
        ("/usr/bin/dockerd 'open", []),
        ("", []),
    ],
)
def test_forms_of_a_command_line(unit, line, expected):
    unit(UNIT, "Environment=A=x", "ExecStart=" + line)
    assert argv() == expected


def test_another_section_does_not_count(write):
    write("usr-units/" + UNIT, "[Service]\nExecStart=/a\n[X-Other]\nExecStart=/b\n")
    assert argv() == ["/a"]


def test_a_file_that_must_be_there_and_is_not(unit, write):
    unit(UNIT, "EnvironmentFile=/none", "ExecStart=/d")
    assert Units().command(UNIT).complete is False
    unit(UNIT, "PassEnvironment=A", "ExecStart=/d")
    assert Units().command(UNIT).complete is False


def test_a_pattern_of_files(unit, write, tmp_path):
    write("env.d/1.env", "A=1\nB=1\n")
    write("env.d/2.env", "B=2\n")
    unit(UNIT, "EnvironmentFile=%s/etc/env.d/*.env" % tmp_path, "ExecStart=/d $A $B")
    assert argv() == ["/d", "1", "2"]


@pytest.mark.parametrize("kind", ["directory", "fifo", "link to nothing"])
def test_an_environment_file_that_is_none(unit, tmp_path, kind):
    path = str(tmp_path / "env")
    make = {"directory": os.mkdir, "fifo": os.mkfifo, "link to nothing": lambda at: os.symlink("/none", at)}
    make[kind](path)
    unit(UNIT, "EnvironmentFile=" + path, "ExecStart=/d $A")
    assert Units().command(UNIT) == Command(["/d"], {}, False)


def test_an_instance_has_the_files_of_its_template(unit):
    unit("docker@.service", "ExecStart=/d -g /srv/%i $A")
    unit("docker@.service.d/x.conf", "Environment=A=1")
    unit("docker@a.service.d/x.conf", "Environment=A=2", place="etc-units")
    assert argv("docker@a.service") == ["/d", "-g", "/srv/a", "2"]
    unit("docker@b.service", "ExecStart=/own $A")
    assert argv("docker@b.service") == ["/own", "1"]


def test_drop_ins_of_an_alias_and_of_names_that_begin_alike(unit, tmp_path):
    unit("docker-latest.service", "ExecStart=/d $A $B $C")
    os.symlink("docker-latest.service", str(tmp_path / "etc/usr-units/docker.service"))
    unit("docker-.service.d/a.conf", "Environment=A=1")
    unit("docker-latest.service.d/b.conf", "Environment=B=2")
    unit("docker.service.d/c.conf", "Environment=C=3")
    unit("service.d/a.conf", "Environment=A=weak")
    assert argv("docker.service") == ["/d", "1", "2", "3"]
    assert argv("docker-latest.service") == ["/d", "1", "2"]
