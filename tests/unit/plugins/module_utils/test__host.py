# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import tempfile

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _host
from ansible_collections.drydock.rescue.plugins.module_utils._errors import CommandFailed, MissingTools
from ansible_collections.drydock.rescue.tests.unit.support.host import ROOT_MOUNT


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A host on which only those programs are that a test writes."""
    monkeypatch.setattr(_host, "_PATH", str(tmp_path))

    def write(name, script):
        path = tmp_path / name
        path.write_text("#!/bin/sh\nPATH=/usr/bin:/bin\n" + script)
        path.chmod(0o755)

    return write


def test_a_tool_is_run_without_a_shell(tools):
    tools("say", 'printf "<%s>" "$@"')
    assert _host.Host().run(["say", "$(reboot)", "a b", ""]).out == "<$(reboot)><a b><>"


def test_a_tool_speaks_the_c_locale_and_sees_nothing_of_our_environment(tools, monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("SECRET", "x")
    tools("show", 'echo "$LC_ALL ${SECRET-none}"')
    assert _host.Host().run(["show"]).out == "C none\n"


def test_a_failed_tool_is_told_with_its_words(tools):
    tools("fail", "echo 'device busy' >&2; exit 3")
    with pytest.raises(CommandFailed) as failure:
        _host.Host().run(["fail", "a b"])
    assert failure.value.message == "`fail 'a b'` failed with code 3: device busy"


def test_a_code_that_is_expected_is_no_failure(tools):
    tools("fail", "exit 3")
    assert _host.Host().run(["fail"], ok=(0, 3)).code == 3


def test_bytes_that_are_no_text_come_through(tools):
    tools("say", r"printf '\377'")
    assert os.fsencode(_host.Host().run(["say"]).out) == b"\xff"


def test_missing_tools_are_named_all_at_once(tools):
    tools("tar", "")
    with pytest.raises(MissingTools) as failure:
        _host.Host().require(["thin_check", "tar", "dmsetup"])
    assert failure.value.tools == ["thin_check", "dmsetup"]
    assert "device-mapper-persistent-data" in failure.value.hint


def test_running_a_missing_tool_names_its_package(tools):
    with pytest.raises(MissingTools):
        _host.Host().run(["dmsetup", "table"])


def test_a_pipe_joins_two_tools(tools, tmp_path):
    tools("first", "cat; echo one >&2")
    tools("second", "cat > %s; echo two >&2" % (tmp_path / "got"))
    with tempfile.TemporaryFile() as stdin:
        stdin.write(b"data")
        stdin.seek(0)
        said = _host.Host().pipe(["first"], ["second"], stdin.fileno())
    assert (tmp_path / "got").read_text() == "data"
    assert sorted(said.split()) == ["one", "two"]


@pytest.mark.parametrize("bad", ["first", "second"])
def test_a_pipe_fails_when_either_tool_fails(tools, bad):
    for name in ("first", "second"):
        tools(name, "cat >/dev/null; exit 2" if name == bad else "cat >/dev/null")
    with open(os.devnull) as stdin, pytest.raises(CommandFailed) as failure:
        _host.Host().pipe(["first"], ["second"], stdin.fileno())
    assert "`%s` failed with code 2" % bad in failure.value.message


def test_kernel_threads_are_no_processes(host):
    host.process(2, [])
    host.process(10, ["/usr/bin/dockerd", "-H", "fd://"], cgroup="0::/system.slice/docker.service\n")
    (process,) = host.processes()
    assert (process.pid, process.argv) == (10, ["/usr/bin/dockerd", "-H", "fd://"])
    assert "docker.service" in process.cgroup


def test_every_mount_namespace_is_looked_at_once(host):
    host.process(10, ["a"], namespace="mnt:[7]", mountinfo=ROOT_MOUNT)
    host.process(11, ["b"], namespace="mnt:[7]", mountinfo=ROOT_MOUNT)
    host.process(12, ["c"])
    assert [pid for pid, _mounts in host.mounts_of_every_namespace()] == [os.getpid(), 10]


def test_a_process_that_went_away_has_no_mounts(host):
    assert host.mounts_of(4711) == []
