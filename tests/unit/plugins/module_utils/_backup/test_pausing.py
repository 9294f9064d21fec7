# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cgroups are folders here: of version 2 the tests make the kernel's part, of version 1 the one file does it."""

import os
import signal
import time

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._backup import pausing
from ansible_collections.drydock.rescue.plugins.module_utils._errors import CommandFailed, Refused
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

ID = ident("web")
V1 = "7:freezer,cpu:%s\n0::/\n"
SCOPE = "/system.slice/docker-%s.scope" % ID


@pytest.fixture
def version_1(machine, tmp_path):
    """A container's freezer; returns its file."""
    top = tmp_path / "cgroup" / "freezer"
    control = top / "docker" / ID / "freezer.state"
    control.parent.mkdir(parents=True)
    control.write_text("THAWED\n")
    machine.sees_mount("30 22 0:30 / %s rw - cgroup cgroup rw,freezer,cpu" % top)
    machine.process(11, ["sleep"], V1 % ("/docker/%s/deeper/%s" % (ID, ident("inner"))))
    return control


@pytest.fixture
def version_2(machine, tmp_path):
    top = tmp_path / "unified"
    group = top.joinpath(*SCOPE.split("/"))
    group.mkdir(parents=True)
    (group / "cgroup.freeze").write_text("0\n")
    (group / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    machine.sees_mount("31 22 0:31 / %s rw - cgroup2 cgroup2 rw" % top)
    machine.process(11, ["sleep"], "0::%s/init.scope\n" % SCOPE)
    return group


def paused(machine, limit=60.0, pids=(11,)):
    return pausing.paused(machine, ID, pids, limit)


def word(path):
    return path.read_text().strip()


def test_only_its_own_cgroup_is_frozen(machine, version_1):
    before = sorted(version_1.parent.parent.parent.rglob("*"))
    with paused(machine) as pause:
        assert word(version_1) == "FROZEN"
        assert pause.end() == []
        assert word(version_1) == "THAWED"
    assert word(version_1) == "THAWED"
    assert sorted(version_1.parent.parent.parent.rglob("*")) == before


def test_version_2(machine, version_2, monkeypatch):
    monkeypatch.setattr(pausing.Freezer, "is_frozen", lambda self: word(version_2 / "cgroup.freeze") == "1")
    with paused(machine) as pause:
        assert word(version_2 / "cgroup.freeze") == "1"
        assert pause.end() == []
    assert word(version_2 / "cgroup.freeze") == "0"


def test_what_docker_paused_stays_paused(machine, version_2):
    (version_2 / "cgroup.freeze").write_text("1\n")
    (version_2 / "cgroup.events").write_text("populated 1\nfrozen 1\n")
    with paused(machine) as pause:
        assert pause.end() == []
    assert word(version_2 / "cgroup.freeze") == "1"
    with paused(machine) as pause:
        (version_2 / "cgroup.events").write_text("populated 1\nfrozen 0\n")
        assert "resumed while it was read" in pause.end()[0]


def test_what_does_not_freeze_is_thawed_again(machine, version_2, monkeypatch):
    monkeypatch.setattr(pausing, "_FREEZES_WITHIN", 0.05)
    with pytest.raises(CommandFailed, match="does not freeze"), paused(machine):
        pytest.fail("it was not frozen")
    assert word(version_2 / "cgroup.freeze") == "0"


def test_the_limit(machine, version_1):
    with paused(machine, 0.05) as pause:
        end = time.time() + 20
        while word(version_1) == "FROZEN" and time.time() < end:
            time.sleep(0.01)
        time.sleep(0.1)
        version_1.write_text("FROZEN")  # by Docker, meanwhile
        (warning,) = pause.end()
        assert "0.05 s (`pause_limit`)" in warning
    assert word(version_1) == "FROZEN"


def test_it_is_thawed_when_reading_fails(machine, version_1):
    with pytest.raises(ZeroDivisionError), paused(machine):
        raise ZeroDivisionError
    assert word(version_1) == "THAWED"


def test_it_is_thawed_when_we_are_killed(machine, version_1):
    child = os.fork()
    if child == 0:
        try:
            paused(machine).__enter__()
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    end = time.time() + 20
    while word(version_1) != "THAWED" and time.time() < end:
        time.sleep(0.01)
    assert word(version_1) == "THAWED"


def test_one_that_ends_meanwhile(machine, version_1):
    with paused(machine) as pause:
        version_1.unlink()
        assert pause.end() == ["the container ended while it was read"]


@pytest.mark.parametrize(
    "cgroup",
    ["/", "/user.slice", "/docker", "/docker/x%s" % ID[1:], "/../docker/%s" % ID, "/docker/a%s" % ID],
)
def test_no_other_cgroup_is_ever_frozen(machine, version_1, cgroup):
    machine.process(12, ["sleep"], V1 % cgroup)
    with pytest.raises(Refused, match="no cgroup of its own"), paused(machine, pids=(12,)):
        pytest.fail("something was frozen")
    assert word(version_1) == "THAWED"
