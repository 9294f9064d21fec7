# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two tasks of the controller take, write and refuse."""

import importlib
import json
import re
import types

import pytest
import yaml

from ansible_collections.drydock.rescue.plugins.plugin_utils._report import result_files
from ansible_collections.drydock.rescue.tests.unit.support.fleet import backed_up, backup
from ansible_collections.drydock.rescue.tests.unit.support.texts import HOSTILE

PLUGINS = "ansible_collections.drydock.rescue.plugins."
NAMES = ["report", "result_file"]


@pytest.fixture
def run(monkeypatch):
    """Runs the action plugin and returns its result."""

    def go(name, host="localhost", check_mode=False, **arguments):
        plugin = importlib.import_module(PLUGINS + "action." + name)
        monkeypatch.setattr(plugin.ActionBase, "run", lambda *_rest: {})
        action = plugin.ActionModule.__new__(plugin.ActionModule)
        action._task = types.SimpleNamespace(args=arguments, check_mode=check_mode)
        return action.run(task_vars={"inventory_hostname": host})

    return go


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_is_that_of_the_options(run, monkeypatch, name):
    plugin = importlib.import_module(PLUGINS + "action." + name)
    module = importlib.import_module(PLUGINS + "modules." + name)
    seen = []

    class Seen(Exception):
        pass

    def look(_self, spec):
        seen.append(spec)
        raise Seen

    monkeypatch.setattr(plugin.ActionModule, "validate_argument_spec", look)
    with pytest.raises(Seen):
        run(name)
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    for option in documented.values():
        del option["description"]
    assert documented == seen[0]


RESULT = {"kind": "backup", "started": "2026-11-22T01:00:00Z"}


def test_a_result_is_written_without_what_the_report_does_not_need(tmp_path, run):
    result = dict(backup(backed_up("db")), invocation={"module_args": {"password": "secret"}}, msg="x")
    done = run(
        "result_file", "web7", directory=str(tmp_path / "new"), error="broken", result=result, **RESULT
    )
    (path,) = (tmp_path / "new" / "web7").iterdir()
    assert done == {"changed": True, "path": str(path)}
    assert [one.stat().st_mode & 0o777 for one in (path, path.parent, path.parents[1])] == [
        0o600,
        0o700,
        0o700,
    ]
    written = json.loads(path.read_text())
    assert "secret" not in path.read_text()
    assert (written["host"], written["kind"], written["error"]) == ("web7", "backup", "broken")
    assert written["result"]["results"] == [backed_up("db")]


def test_nothing_is_written_in_check_mode(tmp_path, run):
    run("result_file", "web7", directory=str(tmp_path / "new"), check_mode=True, **RESULT)
    run_report(run, tmp_path, hosts=["web7"], check_mode=True)
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_the_oldest_results_of_a_kind_go(tmp_path, run, monkeypatch):
    monkeypatch.setattr(result_files, "KEPT", 2)
    (tmp_path / "web7").mkdir()
    names = ["2026010%dT000000Z-%s.json" % (day, kind) for day in (1, 2, 3) for kind in ("backup", "survey")]
    for name in [*names, "notes.txt"]:
        (tmp_path / "web7" / name).touch()
    path = run("result_file", "web7", directory=str(tmp_path), **RESULT)["path"]
    left = {one.name for one in (tmp_path / "web7").iterdir()}
    backups = {"20260103T000000Z-backup.json", path.rpartition("/")[2]}
    assert left == backups | {name for name in names if "survey" in name} | {"notes.txt"}


@pytest.mark.parametrize("host", ["../evil", "a/b", ".", "..", "", "\0"])
def test_a_host_whose_name_leads_elsewhere_is_refused(tmp_path, run, host):
    done = run("result_file", host, directory=str(tmp_path / "results"), **RESULT)
    assert done["failed"]
    assert "give it another one in the inventory" in done["msg"]
    assert not list(tmp_path.iterdir())


def run_report(run, tmp_path, **arguments):
    (tmp_path / "results").mkdir(exist_ok=True)
    return run(
        "report", **dict({"results": str(tmp_path / "results"), "dest": str(tmp_path / "out")}, **arguments)
    )


def test_the_task_fails_exactly_when_the_page_says_that_something_is_wrong(tmp_path, run):
    run("result_file", "a", directory=str(tmp_path / "results"), result=backup(backed_up("db")), **RESULT)
    done = run_report(run, tmp_path, hosts=["a"])
    assert not done["failed"]
    assert "<h1>All well" in (tmp_path / "out/report.html").read_text()
    done = run_report(run, tmp_path, hosts=["a", "b"], metrics=str(tmp_path / "drydock.prom"))
    assert done["failed"]
    assert "<h1>Trouble with 1 of 2 hosts" in (tmp_path / "out/report.html").read_text()
    assert done["limit"] == ["b"]
    assert done["changes"] == [
        {"host": "b", "container": "", "direction": "other", "text": "new in the inventory"}
    ]
    assert 'drydock_host_reported{host="b"} 0' in (tmp_path / "drydock.prom").read_text()


def test_before_any_host_has_reported_none_did(tmp_path, run):
    done = run("report", results=str(tmp_path / "no\x1b"), dest=str(tmp_path / "out"), hosts=["a", "b"])
    assert done["failed"]
    assert done["totals"]["not_reported"] == 2
    assert "There is no directory" in done["warnings"][0]
    assert "no\\x1b: no host has ever reported to it" in (tmp_path / "out/report.html").read_text()


def test_a_page_with_warnings_alone_is_no_failure(tmp_path, run):
    result = backup(backed_up("db", "partial", [HOSTILE]))
    run("result_file", "a", directory=str(tmp_path / "results"), result=result, **RESULT)
    done = run_report(run, tmp_path, hosts=["a"])
    assert not done["failed"]
    assert done["totals"]["warning"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"hosts": []}, "hosts is empty"),
        ({"max_age": "a day"}, "max_age is a day, and must be a number with s, m, h or d, as 26h"),
        ({"max_age": "0h"}, "max_age is 0h"),
        ({"since": "3 o'clock"}, "since is 3 o'clock, and must be a time in UTC as 2026-11-22T03:00:00Z"),
        ({"metrics": "/tmp/drydock.txt"}, r"metrics is /tmp/drydock.txt.*end with .prom"),
        ({"kinds": ["backups"]}, "kinds.*backups"),
        ({"pool_limit": "most"}, "pool_limit"),
        ({"pool_limit": "nan"}, "pool_limit is nan, and must be percent"),
    ],
)
def test_what_is_asked_for_wrongly_is_named(tmp_path, run, arguments, said):
    done = run_report(run, tmp_path, **dict({"hosts": ["a"]}, **arguments))
    assert done["failed"]
    assert re.search(said, done["msg"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"started": "now"}, "started is now"),
        ({"kind": "restore"}, "kind.*restore"),
        ({"result": 7}, "result"),
    ],
)
def test_a_result_that_is_none_is_refused(tmp_path, run, arguments, said):
    done = run("result_file", "a", **dict(RESULT, directory=str(tmp_path / "new"), **arguments))
    assert done["failed"]
    assert re.search(said, done["msg"])
    assert not list(tmp_path.iterdir())
