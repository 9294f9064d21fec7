# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import signal
import time

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _parallel
from ansible_collections.drydock.rescue.plugins.module_utils._errors import NotFound


@pytest.fixture(autouse=True)
def processors(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2})


def no_child_is_left():
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    return True


def joined(parts):
    return [item for part in parts for item in part]


@pytest.mark.parametrize("count", [0, 1, 999, 2000, 3001, 50000])
def test_the_items_stay_in_order(count):
    parts = _parallel.in_parts(range(count), list)
    assert joined(parts) == list(range(count))
    assert no_child_is_left()


def test_as_many_processes_as_are_worth_it():
    def workers(count):
        return _parallel.in_parts(range(count), lambda _part: os.getpid())

    assert workers(1999) == [os.getpid()]
    assert len(set(workers(2000))) == 2
    assert len(set(workers(100000))) == 3


def test_a_lost_process_is_made_up_for():
    here = os.getpid()

    def work(part):
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return list(part)

    assert joined(_parallel.in_parts(range(3000), work)) == list(range(3000))
    assert no_child_is_left()


def test_without_another_process(monkeypatch):
    def refuse():
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refuse)
    assert joined(_parallel.in_parts(range(3000), list)) == list(range(3000))


@pytest.mark.parametrize("bad", [0, 1500, 2999])
def test_what_one_part_raises_is_raised(bad):
    def work(part):
        if bad in part:
            raise NotFound("number %d" % bad)

    with pytest.raises(NotFound, match="number %d" % bad):
        _parallel.in_parts(range(3000), work)
    assert no_child_is_left()


# -- one item in each process --------------------------------------------------------------------------------


def test_each_item_has_a_process_of_its_own_and_its_place():
    found = _parallel.each(range(7), lambda item: (item, os.getpid()), 3, pytest.fail)
    assert [item for item, _pid in found] == list(range(7))
    assert len({pid for _item, pid in found} - {os.getpid()}) == 7
    assert no_child_is_left()


def test_no_more_jobs_than_wanted_at_a_time(tmp_path):
    def work(item):
        mine = tmp_path / str(item)
        mine.touch()
        there = len(list(tmp_path.iterdir()))
        time.sleep(0.05)
        mine.unlink()
        return there

    assert max(_parallel.each(range(6), work, 2, pytest.fail)) <= 2


def test_one_that_is_lost_does_not_stop_the_others():
    def work(item):
        if item == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    assert _parallel.each(range(4), work, 2, lambda item: "lost %d" % item) == [0, "lost 1", 2, 3]
    assert no_child_is_left()
