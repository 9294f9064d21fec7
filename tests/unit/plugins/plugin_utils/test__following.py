# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of a job, and what becomes of it when the host does not answer."""

import subprocess
import types

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.drydock.rescue.plugins.plugin_utils import _following


class Host(_following.Following):
    """An action whose host says what the test says."""

    def __init__(self, replies, looks, **arguments):
        self._task = types.SimpleNamespace(args=arguments, async_val=0, check_mode=False)
        self._connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None))
        self.replies, self.looks, self.asked, self.taken = list(replies), list(looks), [], []

    def _execute_module(self, module_args=None, task_vars=None, wrap_async=False):
        self.asked.append(module_args)
        return dict(self.replies.pop(0))

    def _low_level_execute_command(self, command):
        if command.startswith("test -e"):
            self.taken.append(command)
        look = "" if command.startswith("test -e") else self.looks.pop(0)
        if look is None:
            raise AnsibleConnectionFailure("gone")
        return {"stdout": look, "rc": 0}

    def _remove_tmp_path(self, path):
        pass


@pytest.fixture
def said(monkeypatch):
    """What is displayed; time passes by sleeping alone."""
    lines, now = [], [1000.0]
    shown = types.SimpleNamespace(display=lines.append, warning=lambda text: lines.append("WARNING " + text))
    monkeypatch.setattr(_following, "Display", lambda: shown)
    monkeypatch.setattr(_following.ActionBase, "run", lambda *_rest: {})
    clock = types.SimpleNamespace(
        monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds)
    )
    monkeypatch.setattr(_following, "time", clock)
    return lines


JOB = {"changed": False, "job": {"directory": "/run/drydock-jobs/x", "mine": True}}
OTHERS = {"changed": False, "job": {"directory": "/run/drydock-jobs/x", "mine": False}}
DONE = {"changed": True, "earlier_run": "2026-11-21T03:00:00Z"}
WORKS = '{"containers": 1}\n{"container": "web"}\nworks\n'
RESULT = '{"containers": 1}\n{"changed": true, "earlier_run": "2026-11-21T03:00:00Z"}\nended\n'


def run(host):
    return host.run(task_vars={"inventory_hostname": "web7"})


def test_the_result_is_read_without_another_module(said):
    host = Host([JOB], [WORKS, RESULT])
    assert run(host) == {"changed": True}
    assert len(host.asked) == 1
    assert [command.split()[2] for command in host.taken] == ["/run/drydock-jobs/x/result"]


def test_a_result_that_cannot_be_read_the_module_takes(said):
    host = Host([JOB, DONE], [RESULT.replace("true", "tr")])
    assert run(host) == {"changed": True}
    assert not host.taken


def test_warnings_of_both_are_kept(said):
    host = Host([dict(JOB, warnings=["one"])], [RESULT.replace("true", 'true, "warnings": ["two"]')])
    assert run(host)["warnings"] == ["one", "two"]


def test_a_host_says_no_word_of_ansibles_own(said):
    words = 'true, "_ansible_no_log": true, "ansible_facts": {"a": 1}, "add_host": {"host_name": "x"}'
    assert run(Host([JOB], [RESULT.replace("true", words)])) == {"changed": True}


def test_the_next_look_is_when_it_should_have_ended(said, monkeypatch):
    waits = []
    monkeypatch.setattr(_following.time, "sleep", waits.append)
    soon = '{"containers": 1}\n{"container": "web", "done": 50, "total": 100, "seconds": %s}\nworks\n'
    looks = [soon % seconds for seconds in (3, 3, 3, 8, 0.1, "NaN")]
    run(Host([JOB], [*looks, RESULT]))
    assert waits == [1, 2, 3, 8, 1, 10]


def test_a_short_one_says_nothing(said):
    host = Host([{"changed": True}], [], container="web")
    assert run(host) == {"changed": True}
    assert host.asked == [{"container": "web", "background": True}]
    assert not said


def test_a_long_one_is_shown_every_ten_seconds_without_a_terminal(said, monkeypatch):
    monkeypatch.setattr(_following, "ON_TERMINAL", False)
    host = Host([JOB, DONE], [WORKS] * 5 + ["ended\n"])  # looks after 0, 1, 3, 8, 18 and 28 seconds
    assert run(host) == {"changed": True}
    assert said == ["web7: 0 of 1 done | web begun"] * 2


def test_a_worker_whose_ansible_was_killed_leaves_the_result(said, monkeypatch):
    parents = iter([7, 7, 1])
    monkeypatch.setattr(_following.os, "getppid", lambda: next(parents))
    host = Host([JOB], [WORKS, "ended\n"])
    with pytest.raises(AnsibleConnectionFailure, match="Ansible was killed"):
        run(host)
    assert len(host.asked) == 1


def test_a_long_one_is_shown_each_time_on_a_terminal(said, monkeypatch):
    monkeypatch.setattr(_following, "ON_TERMINAL", True)
    run(Host([JOB, DONE], [WORKS] * 5 + ["ended\n"]))
    assert len(said) == 5


@pytest.mark.parametrize("value", [False, "no"])
def test_nothing_is_shown_when_it_is_not_wanted(said, value):
    host = Host([JOB, DONE], [WORKS, "ended\n"], progress=value)
    assert run(host) == {"changed": True}
    assert not said


def test_nothing_is_shown_in_output_for_programs(said, monkeypatch):
    monkeypatch.setattr(_following.constants, "DEFAULT_STDOUT_CALLBACK", "ansible.posix.json")
    run(Host([JOB, DONE], [WORKS, "ended\n"]))
    assert not said


@pytest.mark.parametrize("replies", [[DONE], [OTHERS, DONE]])
def test_the_result_of_an_earlier_run_is_named(said, replies):
    host = Host(replies, ["ended\n"])
    assert run(host) == DONE
    assert said == [
        "WARNING web7: this is the result of an earlier run of the same task, begun at 2026-11-21T03:00:00Z"
    ]


def test_a_killed_process_is_a_failure(said):
    result = run(Host([JOB], [WORKS, "gone\n"]))
    assert result["failed"]
    assert "was killed" in result["msg"]


def test_a_connection_may_be_lost_for_a_while(said):
    assert run(Host([JOB, DONE], [None, None, "sudo: a password\n", None, WORKS, "ended\n"])) == {
        "changed": True
    }


def test_a_host_that_does_not_answer_is_unreachable(said):
    with pytest.raises(AnsibleConnectionFailure) as failure:
        run(Host([JOB], [None] * 5))
    assert "the work goes on there" in str(failure.value)


def test_after_a_week_it_is_left_alone(said):
    class Endless(Host):
        def _low_level_execute_command(self, command):
            return {"stdout": WORKS}

    with pytest.raises(AnsibleConnectionFailure) as failure:
        run(Endless([JOB], []))
    assert "taken a week" in str(failure.value)


@pytest.mark.parametrize(
    ("async_val", "check_mode", "arguments"),
    [(60, False, {}), (0, True, {}), (0, False, {"background": True})],
)
def test_the_module_alone(said, async_val, check_mode, arguments):
    host = Host([JOB], [], **arguments)
    host._task.async_val, host._task.check_mode = async_val, check_mode
    assert run(host) == JOB
    assert host.asked == [None]


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"process": "1", "a.json": '{"containers": 3}\n'}, "works"),
        ({"process": "999999999"}, "gone"),
        ({}, "gone"),
        ({"process": "999999999", "result": "{}"}, "ended"),
        ({"process": "1", "result": "{}"}, "ended"),
        (None, "gone"),
    ],
)
def test_the_look_at_a_host(tmp_path, files, word):
    directory = tmp_path / "it's a job"
    if files is not None:
        directory.mkdir()
        for name, text in files.items():
            (directory / name).write_text(text)
    host = Host([], [])
    host._low_level_execute_command = lambda command: {
        "stdout": subprocess.check_output(["sh", "-c", command], text=True)
    }
    lines, found = host._look(str(directory))
    assert found == word
    assert lines == [(files or {})[name].strip() for name in ("a.json", "result") if name in (files or {})]


@pytest.mark.parametrize("name", ["result", "process"])
def test_what_is_taken_is_a_result(tmp_path, name):
    directory = tmp_path / "it's a place" / "a job"
    directory.mkdir(parents=True)
    (directory / name).write_text("{}")
    host = Host([], [])
    host._low_level_execute_command = lambda command: subprocess.run(["sh", "-c", command], check=False)
    host._take(str(directory))
    assert directory.parent.exists() == (name == "process")
