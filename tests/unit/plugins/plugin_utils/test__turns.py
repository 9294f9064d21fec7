# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts, which are processes here as they are with Ansible, that take turns."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.drydock.rescue.plugins.plugin_utils import _turns

UNIT = Path(__file__).resolve().parents[2]

# Takes a turn, says so, and gives it back when its standard input ends.
TAKES_A_TURN = """
import sys
import conftest
conftest.offer_collection()
from ansible_collections.drydock.rescue.plugins.plugin_utils import _turns
_turns.LOOKS_EVERY = 0.01
with %s:
    print("mine", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def host(tmp_path):
    """Starts a process that takes a turn."""
    started = []

    def start(call, home=tmp_path):
        environment = dict(os.environ, ANSIBLE_HOME=str(home), PYTHONPATH=str(UNIT))
        process = subprocess.Popen(
            [sys.executable, "-c", TAKES_A_TURN % call],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        os.set_blocking(process.stdout.fileno(), False)
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


def working(*hosts, wait_for):
    """How many have their turn, when so many had the time to take it."""
    taken, end = set(), time.monotonic() + 20
    while len(taken) < wait_for and time.monotonic() < end:
        time.sleep(0.02)
        taken.update(number for number, one in enumerate(hosts) if one.stdout.read())
    time.sleep(0.3)  # for one too many
    taken.update(number for number, one in enumerate(hosts) if one.stdout.read())
    return taken


def test_so_many_at_a_time_and_the_next_when_one_ends_however_it_does(host):
    hosts = [host("_turns.turn('/r', 2)") for _number in range(4)]
    first = working(*hosts, wait_for=2)
    assert len(first) == 2
    waiting = set(range(4)) - first
    os.kill(hosts[first.pop()].pid, signal.SIGKILL)
    third = working(*[hosts[number] for number in sorted(waiting)], wait_for=1)
    assert len(third) == 1
    hosts[first.pop()].stdin.close()
    last = [hosts[number] for at, number in enumerate(sorted(waiting)) if at not in third]
    assert len(working(*last, wait_for=1)) == 1


def test_other_repositories_and_no_limit_do_not_wait(host):
    calls = ["_turns.turn('/r', 1)", "_turns.turn('/s', 1)", "_turns.turn('/r', 0)", "_turns.alone('/r')"]
    assert len(working(*[host(call) for call in calls], wait_for=4)) == 4


def test_where_nothing_can_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(_turns.constants, "ANSIBLE_HOME", str(tmp_path / "file"))
    turn = _turns.turn("/r", 1)
    with pytest.raises(AnsibleActionFail, match="Set ANSIBLE_HOME to a directory that you can write to"):
        turn.__enter__()


def test_a_location_with_a_password_is_in_no_name(monkeypatch, tmp_path):
    monkeypatch.setattr(_turns.constants, "ANSIBLE_HOME", str(tmp_path))
    with _turns.turn("rest:https://u:geheim@host/../x", 1):
        (name,) = os.listdir(str(tmp_path / "drydock-rescue"))
    assert "geheim" not in name
    assert "x" not in name


def test_alone_is_alone_whoever_else_has_a_turn(host):
    worker = host("_turns.turn('/r', 1)")
    assert working(worker, wait_for=1) == {0}
    makers = [host("_turns.alone('/r')") for _number in range(3)]
    assert len(working(*makers, wait_for=1)) == 1
