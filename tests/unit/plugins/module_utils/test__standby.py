# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import signal
import time

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._standby import Standby


@pytest.fixture
def said(tmp_path):
    return tmp_path / "said"


def appears(path):
    end = time.time() + 20
    while not path.exists() and time.time() < end:
        time.sleep(0.01)
    return path.exists()


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM, None])
def test_it_acts_when_we_die(said, death):
    child = os.fork()
    if child == 0:
        try:
            Standby(said.touch).__enter__()
            if death:
                os.kill(os.getpid(), death)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert appears(said)


def test_it_does_nothing_when_all_went_well(said):
    with Standby(said.touch) as standby:
        assert not standby.acted()
    assert not said.exists()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_it_acts_at_the_limit(said):
    with Standby(said.touch, 0.05) as standby:
        assert appears(said)
        end = time.time() + 20
        while not standby.acted() and time.time() < end:
            time.sleep(0.01)
        assert standby.acted()
    assert standby.acted()


def test_it_acts_when_it_is_told_to(said):
    with Standby(said.touch) as standby:
        standby.dismiss(act_first=True)
        assert said.exists()


def test_it_holds_none_of_our_files(said, tmp_path):
    """A lock or a pipe of ours must not live on in it."""
    read_end, write_end = os.pipe()
    with Standby(said.touch):
        os.close(write_end)
        assert os.read(read_end, 1) == b""
    os.close(read_end)
