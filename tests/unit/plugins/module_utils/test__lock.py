# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _lock
from ansible_collections.drydock.rescue.plugins.module_utils._errors import Refused


def test_the_second_is_told_who_holds_it(host):
    host.proc = "/proc"
    first, second = (_lock.held(host, "web", "container web") for _time in range(2))
    with first, pytest.raises(Refused) as failure:
        contextlib.ExitStack().enter_context(second)
    assert "another run works on container web now: process %d (" % os.getpid() in failure.value.message


def test_another_subject_is_free(host):
    with _lock.held(host, "web", "web"), _lock.held(host, "db", "db"):
        pass


def test_it_is_free_again(host):
    for _time in range(2):
        with _lock.held(host, "web", "web"):
            pass


def test_it_goes_with_a_process_that_is_killed(host):
    code = (
        "import socket, sys, time; lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);"
        "lock.bind('\\0' + sys.argv[1]); print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, host.lock_prefix + "web"], stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(Refused), _lock.held(host, "web", "web"):
        pytest.fail("held twice")
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdout.close()
    with _lock.held(host, "web", "web"):
        pass


def test_a_long_name_is_cut_to_what_a_socket_takes(host):
    with _lock.held(host, "x" * 300, "x"):
        pass


def test_a_turn_waits_for_who_holds_it(host):
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with _lock.turn(host, "root", "the root"):
                os.write(write_end, b"held")
                time.sleep(0.3)
                os.write(write_end, b" gone")
        finally:
            os._exit(0)
    os.close(write_end)
    assert os.read(read_end, 4) == b"held"
    with _lock.turn(host, "root", "the root"):
        assert os.read(read_end, 5) == b" gone"
    os.waitpid(pid, 0)
    os.close(read_end)


def test_a_turn_does_not_wait_for_ever(host, monkeypatch):
    monkeypatch.setattr(_lock, "_LONGEST_TURN", 0.1)
    refused = pytest.raises(Refused, match="another run works on the root now")
    with _lock.held(host, "root", "the root"), refused, _lock.turn(host, "root", "the root"):
        pytest.fail("held twice")
