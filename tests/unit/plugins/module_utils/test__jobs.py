# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import contextlib
import json
import os
import signal
import time

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _jobs
from ansible_collections.drydock.rescue.plugins.module_utils._errors import CommandFailed


@pytest.fixture
def jobs(host, tmp_path, monkeypatch):
    host.proc = "/proc"
    monkeypatch.setattr(_jobs, "_SHORT", 0.2)
    yield host
    with contextlib.suppress(ChildProcessError):  # a module leaves its children to init
        while True:
            os.waitpid(-1, 0)


def count(path):
    return path.stat().st_size if path.exists() else 0


def work_for(tmp_path, seconds=0.0):
    """Work that waits until it may end, and says how often it was done."""

    def work(host):
        with open(str(tmp_path / "runs"), "a") as stream:
            stream.write("x")
        end = time.monotonic() + 20
        while seconds and not (tmp_path / "go").exists() and time.monotonic() < end:
            time.sleep(0.01)
        return {"changed": True, "by": os.getpid()}

    return work


def process_of(reply):
    with open(os.path.join(reply["job"]["directory"], "process")) as stream:
        return int(stream.read())


def kill(reply):
    os.kill(process_of(reply), signal.SIGKILL)
    os.waitpid(process_of(reply), 0)


def let_end(tmp_path, *replies):
    processes = [process_of(reply) for reply in replies]
    (tmp_path / "go").touch()
    for process in processes:
        os.waitpid(process, 0)


def test_short_work_gives_its_result_and_leaves_nothing(jobs, tmp_path, monkeypatch):
    monkeypatch.setattr(_jobs, "_SHORT", 20)
    result = _jobs.reach(jobs, ["a"], work_for(tmp_path))
    assert result["changed"]
    assert result["by"] != os.getpid()
    assert "earlier_run" not in result
    assert not os.path.exists(jobs.jobs_directory)


def test_long_work_goes_on_and_the_same_call_takes_its_result_once(jobs, tmp_path):
    work = work_for(tmp_path, 20)
    first = _jobs.reach(jobs, ["a"], work)
    assert first["job"]["mine"]
    assert os.stat(first["job"]["directory"]).st_mode & 0o777 == 0o700
    again = _jobs.reach(jobs, ["a"], work)
    assert again["job"] == dict(first["job"], mine=False)
    let_end(tmp_path, first)
    result = _jobs.reach(jobs, ["a"], work)
    assert result["changed"]
    assert result["earlier_run"].endswith("Z")
    assert count(tmp_path / "runs") == 1
    while "job" in _jobs.reach(jobs, ["a"], work):
        pass
    assert count(tmp_path / "runs") == 2


def test_a_job_that_ends_just_after_the_first_look_is_not_done_again(jobs, tmp_path, monkeypatch):
    first = _jobs.reach(jobs, ["a"], work_for(tmp_path, 20))
    take, looks = _jobs._take, []

    def late(directory):
        looks.append(directory)
        if len(looks) == 1:
            let_end(tmp_path, first)
            return None
        return take(directory)

    monkeypatch.setattr(_jobs, "_take", late)
    monkeypatch.setattr(_jobs, "_SHORT", 20)
    assert _jobs.reach(jobs, ["a"], work_for(tmp_path))["earlier_run"].endswith("Z")
    assert count(tmp_path / "runs") == 1
    assert not os.path.exists(jobs.jobs_directory)


def test_other_words_are_another_job(jobs, tmp_path):
    work = work_for(tmp_path, 20)
    replies = [_jobs.reach(jobs, [word], work) for word in ("a", "b")]
    assert all(reply["job"]["mine"] for reply in replies)
    let_end(tmp_path, *replies)
    assert count(tmp_path / "runs") == 2


def test_a_result_that_is_too_old_is_not_taken(jobs, tmp_path, monkeypatch):
    first = _jobs.reach(jobs, ["a"], work_for(tmp_path, 20))
    let_end(tmp_path, first)
    result = os.path.join(first["job"]["directory"], "result")
    os.utime(result, (time.time() - 4000, time.time() - 4000))
    monkeypatch.setattr(_jobs, "_SHORT", 20)
    assert "earlier_run" not in _jobs.reach(jobs, ["a"], work_for(tmp_path))
    assert count(tmp_path / "runs") == 2


def test_a_killed_job_is_begun_anew(jobs, tmp_path, monkeypatch):
    first = _jobs.reach(jobs, ["a"], work_for(tmp_path, 20))
    kill(first)
    monkeypatch.setattr(_jobs, "_SHORT", 20)
    (tmp_path / "go").touch()
    assert _jobs.reach(jobs, ["a"], work_for(tmp_path))["changed"]
    assert count(tmp_path / "runs") == 2


def test_another_job_may_take_the_directory_of_all_away_meanwhile(jobs, tmp_path, monkeypatch):
    """Found by sixteen jobs at a time: it had gone between the look for it and the making of what is in it."""
    make, gone = os.mkdir, []

    def mkdir(path, *mode):
        if os.path.dirname(path) == jobs.jobs_directory and not gone:
            gone.append(os.rmdir(jobs.jobs_directory))
        make(path, *mode)

    monkeypatch.setattr(os, "mkdir", mkdir)
    monkeypatch.setattr(_jobs, "_SHORT", 20)
    assert _jobs.reach(jobs, ["a"], work_for(tmp_path))["changed"]


def test_a_process_that_dies_at_once_is_a_failure(jobs):
    with pytest.raises(CommandFailed) as failure:
        _jobs.reach(jobs, ["a"], lambda _host: os.kill(os.getpid(), signal.SIGKILL))
    assert "ended with code -9" in failure.value.message


def test_a_result_that_another_run_took_is_a_failure_that_says_so(jobs, monkeypatch):
    monkeypatch.setattr(_jobs, "_take", lambda _directory: None)
    with pytest.raises(CommandFailed) as failure:
        _jobs.reach(jobs, ["a"], lambda _host: {})
    assert "another run of the same" in failure.value.message


def test_without_a_place_for_jobs_the_work_is_done_here(jobs, tmp_path):
    open(jobs.jobs_directory, "w").close()
    assert _jobs.reach(jobs, ["a"], work_for(tmp_path))["by"] == os.getpid()


def test_how_far_it_is_can_be_read_meanwhile(jobs, tmp_path):
    def work(host):
        _jobs.tell(host, "web", {"done": 5})
        return work_for(tmp_path, 20)(host)

    reply = _jobs.reach(jobs, ["a"], work)
    with open(os.path.join(reply["job"]["directory"], "web.json")) as stream:
        assert json.load(stream) == {"done": 5}
    let_end(tmp_path, reply)


def test_cleaning_up_removes_what_has_ended_and_nothing_else(jobs, tmp_path):
    working, killed = (_jobs.reach(jobs, [word], work_for(tmp_path, 20)) for word in "ab")
    kill(killed)
    remove = "rm -r " + killed["job"]["directory"]
    assert _jobs.remove_ended(jobs, True) == [remove]
    assert os.path.exists(killed["job"]["directory"])
    assert _jobs.remove_ended(jobs, False) == [remove]
    assert os.listdir(jobs.jobs_directory) == [os.path.basename(working["job"]["directory"])]
    let_end(tmp_path, working)
    assert _jobs.remove_ended(jobs, False) == ["rm -r " + working["job"]["directory"]]
    assert not os.path.exists(jobs.jobs_directory)
