# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import contextlib
import json
import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _ansible, _jobs, _text
from ansible_collections.drydock.rescue.plugins.module_utils._errors import (
    CommandFailed,
    MissingTools,
    NotFound,
)
from ansible_collections.drydock.rescue.tests.unit.support.texts import HOSTILE, dangerous


class Ended(Exception):
    pass


class FakeModule:
    """What a module says to Ansible."""

    check_mode = True
    given = {"data_root": "/x"}
    _diff = False
    _name = "container_x"
    no_log_values = {"of-the-test"}

    def __init__(self, argument_spec, supports_check_mode, **options):
        assert supports_check_mode
        self.params = dict(FakeModule.given)
        self.warnings = []
        FakeModule.last = self

    def warn(self, text):
        self.warnings.append(text)

    def exit_json(self, **result):
        self.result, self.failed = result, False
        raise Ended

    def fail_json(self, **result):
        self.result, self.failed = result, True
        raise Ended


@pytest.fixture
def run(monkeypatch):
    def ran(work, diff=False, params=None, check_mode=True, **options):
        monkeypatch.setattr(_ansible, "AnsibleModule", FakeModule)
        monkeypatch.setattr(FakeModule, "check_mode", check_mode)
        monkeypatch.setattr(FakeModule, "given", params or {"data_root": "/x"})
        monkeypatch.setattr(FakeModule, "_diff", diff)
        with pytest.raises(Ended):
            _ansible.run({}, work, **options)
        return FakeModule.last

    return ran


def test_a_result_goes_out_and_warnings_are_said(run):
    module = run(lambda host, params, check_mode: dict(params, changed=check_mode, warnings=["take care"]))
    assert module.result == {"data_root": "/x", "changed": True}
    assert module.warnings == ["take care"]


@pytest.mark.parametrize("diff", [True, False])
def test_a_diff_only_when_it_is_wanted(run, diff):
    module = run(lambda *_unused: {"changed": True, "diff": {"before": "a", "after": "b"}}, diff)
    assert ("diff" in module.result) == diff


def failing(error, ran=(), undone=()):
    error.ran, error.undone = list(ran), list(undone)

    def work(host, params, check_mode):
        raise error

    return work


def test_a_failure_has_one_clear_message_and_a_code(run):
    module = run(failing(NotFound("no container 'x'", "This data root holds no container")))
    assert module.failed
    assert module.result == {
        "msg": "no container 'x'. This data root holds no container",
        "code": "not_found",
        "actions": [],
        "undone": [],
        "changed": False,
    }


def test_a_failure_that_was_undone_changed_nothing(run):
    module = run(failing(CommandFailed("no"), ["mkdir x"], ["rmdir x"]))
    assert (module.result["changed"], module.result["actions"], module.result["undone"]) == (
        False,
        ["mkdir x"],
        ["rmdir x"],
    )


def test_a_failure_that_was_not_undone_changed_something(run):
    assert run(failing(CommandFailed("no"), ["rm x"])).result["changed"] is True


def test_missing_tools_are_a_list(run):
    module = run(failing(MissingTools(["dmsetup", "tar"], ["dmsetup", "tar"])))
    assert module.result["missing_tools"] == ["dmsetup", "tar"]


def test_a_system_error_is_one_clear_failure_too(run):
    def work(host, params, check_mode):
        raise NotADirectoryError(20, "Not a directory", "/srv/file/dest")

    module = run(work)
    assert (module.failed, module.result["code"]) == (True, "command_failed")
    assert module.result["msg"] == "/srv/file/dest: Not a directory"


def test_nothing_that_goes_out_drives_a_terminal(run):
    error = CommandFailed("`tar` failed: " + HOSTILE, "Look at " + HOSTILE)
    failed = run(failing(error, ["rm '%s'" % HOSTILE], [HOSTILE]))
    assert dangerous([failed.result["msg"]]) == []
    assert "web\\x1b[2J\\x9b31m\\r\\nok: [host]" in failed.result["msg"]
    good = run(lambda *_unused: {"name": HOSTILE, "actions": [HOSTILE], "warnings": [HOSTILE]})
    assert dangerous(good.warnings) == []
    assert dangerous([failed.result, good.result], lines=True) == []


def test_a_name_cannot_forge_a_line_of_a_diff():
    assert _ansible.state_diff(["a\nb"], [])["before"] == "a\\nb\n"


def test_a_diff_of_lines():
    assert _ansible.state_diff(["a", "b"], []) == {"before": "a\nb\n", "after": ""}


class PrintingModule(FakeModule):
    """One that ends as Ansible's own does."""

    def exit_json(self, **result):
        print("\n" + json.dumps(dict(result, invocation="{")))
        raise SystemExit(0)


@pytest.mark.parametrize("count", [0, 1, 450])
def test_a_long_list_goes_out_with_the_rest(monkeypatch, capsys, count):
    monkeypatch.setattr(_ansible, "AnsibleModule", PrintingModule)
    listed = [_text.as_json({"id": number, "name": '\udcff"{'}) for number in range(count)]
    with pytest.raises(SystemExit):
        _ansible.run({}, lambda *_unused: {"long": listed, "rest": "\x1b"}, bulk="long")
    printed = capsys.readouterr().out
    assert printed.startswith("\n{")
    assert json.loads(printed) == {
        "long": [{"id": number, "name": '\\udcff"{'} for number in range(count)],
        "rest": "\\x1b",
        "invocation": "{",
    }


def test_work_in_the_background_fails_as_it_does_here(run, monkeypatch, tmp_path):
    monkeypatch.setattr(_ansible.Host, "jobs_directory", str(tmp_path / "jobs"))
    monkeypatch.setattr(_ansible.Host, "lock_prefix", "drydock-test-%s" % tmp_path)
    work = failing(NotFound("no container 'x'", "There is none"), ["a"], ["b"])
    here = run(work)
    monkeypatch.setattr(_jobs, "_SHORT", 20)
    there = run(work, params={"background": True}, check_mode=False, reach=_jobs.reach)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(-1, 0)
    assert dict(there.result, failed=True) == dict(here.result, failed=True)


def said_by_a_job(run, work):
    """What would be read of it by whoever does not go through the module again."""
    kept = []

    def reach(host, _asked, done):
        kept.append(done(host))
        return {}

    run(work, params={"background": True}, check_mode=False, reach=reach)
    return kept[0]


def test_what_the_work_in_the_background_raises_is_a_result(run):
    result = said_by_a_job(run, lambda *_rest: 1 // 0)
    assert result["failed"]
    assert "ZeroDivisionError" in result["exception"]


def test_what_is_said_in_the_background_moves_no_terminal_and_holds_no_secret(run):
    said = {"name": HOSTILE, "warnings": [HOSTILE, "a\nb"], "password": "is of-the-test"}
    there = said_by_a_job(run, lambda *_rest: dict(said))
    here = run(lambda *_rest: dict(said, password="is ********"))
    assert there == dict(here.result, warnings=here.warnings)
    assert not dangerous(json.dumps(there, ensure_ascii=False))


@pytest.mark.parametrize("other", [{"progress": True}, {}])
def test_the_same_words_are_the_same_job_whatever_is_shown(run, other):
    asked = []
    for shown in ({"progress": False}, other):
        params = dict(shown, background=True, container="web")
        run(
            None, params=params, check_mode=False, reach=lambda _host, words, _work: asked.append(words) or {}
        )
    assert asked[0] == asked[1]
    assert asked[0][1] == {"container": "web"}
