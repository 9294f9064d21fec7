# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of hosts and containers, from the files that their runs left."""

import json
import os

import pytest

from ansible_collections.drydock.rescue.plugins.plugin_utils._report import fleet, result_files
from ansible_collections.drydock.rescue.tests.unit.support.fleet import (
    HOUR,
    backed_up,
    backup,
    ident,
    pool,
    put,
    put_text,
    seen,
    survey,
    utc,
)
from ansible_collections.drydock.rescue.tests.unit.support.texts import HOSTILE, dangerous

NOW = 1795312800  # 2026-11-22T02:00:00Z


@pytest.fixture
def report(tmp_path):
    def make(*hosts, before=None, **more):
        wanted = fleet.Wanted(str(tmp_path), list(hosts), ["backup"], 26 * HOUR, 90.0, NOW)
        return fleet.document(wanted._replace(**more), before, [])

    return make


@pytest.fixture
def one(tmp_path, report):
    """What is said of the host web7."""

    def make(**more):
        (host,) = report("web7", **more)["hosts"]
        return host

    return make


def containers(host):
    return {container["name"]: container for container in host["containers"]}


def texts(findings, level):
    return [finding["text"] for finding in findings if finding["level"] == level]


def test_a_host_whose_containers_are_all_stored_is_ok(tmp_path, one):
    stored = backup(backed_up("db"), backed_up("web", "unchanged"))
    put(tmp_path, "web7", "backup", NOW - HOUR, stored, seconds=90)
    host = one()
    assert (host["status"], host["reason"], host["findings"]) == ("ok", "", [])
    assert host["runs"]["backup"] == {"ended": utc(NOW - HOUR), "seconds": 90, "error": "", "fresh": True}
    assert {container["last_good"] for container in host["containers"]} == {NOW - HOUR}
    assert containers(host)["db"]["bytes_read"] == 2 * 10**9


def test_three_hosts_of_which_one_is_off_and_one_has_a_broken_container(tmp_path, report):
    put(tmp_path, "a", "backup", NOW - HOUR, backup(backed_up("db")))
    broken = backup(backed_up("db"), backed_up("web", "failed", ["its configuration is broken"]))
    put(tmp_path, "b", "backup", NOW - HOUR, broken, error="1 of 2 containers could not be backed up: web")
    put(tmp_path, "c", "backup", NOW - 27 * HOUR, backup(backed_up("db")))
    found = report("a", "b", "c", "d")
    assert [host["status"] for host in found["hosts"]] == ["ok", "failed", "not_reported", "not_reported"]
    assert found["wrong"]
    assert found["limit"] == ["b", "c", "d"]
    assert found["totals"]["not_reported"] == 2
    assert found["totals"]["failing"] == 1
    b, c, d = found["hosts"][1:]
    assert texts(containers(b)["web"]["findings"], "wrong") == ["its configuration is broken"]
    assert "2026-11-20 23:00 UTC, 1 d 3 h ago" in c["reason"]
    assert containers(c)["db"]["late"]
    assert "no result at all" in d["reason"]


def test_what_is_older_than_the_run_is_no_report_however_new_it_is(tmp_path, report):
    for host, hours in (("a", 24), ("b", 1)):
        put(tmp_path, host, "backup", NOW - hours * HOUR, backup(backed_up("db")))
    assert report("a", "b")["limit"] == []
    found = report("a", "b", since=NOW - HOUR)
    assert found["limit"] == ["a"]
    assert not found["hosts"][0]["containers"][0]["late"]


def test_what_is_stored_in_part_is_a_warning_and_no_good_backup(tmp_path, one):
    put(tmp_path, "web7", "backup", NOW - 30 * HOUR, backup(backed_up("db")))
    partial = backed_up("db", "partial", ["rootfs changed while it was read"])
    put(tmp_path, "web7", "backup", NOW - HOUR, backup(partial))
    host = one()
    assert host["status"] == "warning"
    db = containers(host)["db"]
    assert (db["last_good"], db["late"]) == (NOW - 30 * HOUR, True)
    assert texts(db["findings"], "warning") == ["rootfs changed while it was read"]


def test_the_last_good_backup_is_found_in_older_results_and_then_in_the_report_before(tmp_path, one):
    failed = [backed_up(name, "failed", ["x"]) for name in ("db", "web", "new")]
    put(tmp_path, "web7", "backup", NOW - 50 * HOUR, backup(backed_up("db"), *failed[1:]))
    put(tmp_path, "web7", "backup", NOW - 30 * HOUR, backup(*failed))
    put(tmp_path, "web7", "backup", NOW - HOUR, backup(*failed), error="3 failed")
    known = {
        "id": ident("web"),
        "name": "web",
        "status": "stored",
        "level": "ok",
        "last_good": NOW - 400 * HOUR,
    }
    past = {"name": "web7", "status": "ok", "drivers": [], "containers": [known]}
    host = one(before={"time": utc(NOW - 24 * HOUR), "hosts": [past]})
    last = {name: container["last_good"] for name, container in containers(host).items()}
    assert last == {"db": NOW - 50 * HOUR, "web": NOW - 400 * HOUR, "new": None}
    assert all(container["late"] for container in host["containers"])


def test_a_run_that_failed_as_a_whole_names_the_containers_of_the_run_before(tmp_path, one):
    put(tmp_path, "web7", "backup", NOW - 25 * HOUR, backup(backed_up("db")))
    put(tmp_path, "web7", "backup", NOW - HOUR, {}, error="unable to open repository")
    host = one()
    assert host["status"] == "failed"
    assert host["reason"] == "backup failed: unable to open repository"
    assert (containers(host)["db"]["status"], containers(host)["db"]["last_good"]) == (
        "missed",
        NOW - 25 * HOUR,
    )


def test_a_host_without_docker_is_ok(tmp_path, one):
    put(tmp_path, "web7", "backup", NOW - HOUR, {"code": "no_data_root", "failed": True})
    host = one()
    assert (host["status"], host["reason"]) == ("ok", "no Docker here")


def test_a_container_that_only_the_survey_saw_is_pointed_out(tmp_path, one):
    put(tmp_path, "web7", "survey", NOW - HOUR, survey(seen("db"), seen("web")))
    put(tmp_path, "web7", "backup", NOW - HOUR, backup(backed_up("db")))
    host = one()
    assert host["status"] == "warning"
    assert texts(containers(host)["web"]["findings"], "warning") == ["is not among those that were backed up"]
    assert containers(host)["db"]["image"] == "shop/db:1.4"


def test_a_survey_alone_can_be_what_is_expected(tmp_path, report):
    put(tmp_path, "a", "survey", NOW - HOUR, survey(seen("db", "aufs"), seen("web", "overlay2")))
    put(tmp_path, "b", "survey", NOW - HOUR, survey(seen("db", "aufs", created="2016-01-02T03:04:05Z")))
    found = report("a", "b", "c", kinds=["survey"])
    assert [host["status"] for host in found["hosts"]] == ["ok", "ok", "not_reported"]
    assert not any(one["late"] for host in found["hosts"] for one in host["containers"])
    aufs = next(driver for driver in found["drivers"] if driver["driver"] == "aufs")
    assert aufs == {"driver": "aufs", "hosts": 2, "containers": 2, "oldest": "2016-01-02"}


@pytest.mark.parametrize(
    ("thin_pool", "said"),
    [
        (pool(data=95), "pool docker-8:1-131103-pool: its data is 95.0 % full"),
        (pool(metadata=90), "pool docker-8:1-131103-pool: its metadata is 90.0 % full"),
        (pool(needs_check=True), "pool docker-8:1-131103-pool: its metadata is damaged (needs_check)"),
        (pool(mode="out_of_data_space"), "pool docker-8:1-131103-pool is in mode out_of_data_space"),
    ],
)
def test_a_pool_that_is_full_or_damaged_is_wrong(tmp_path, one, thin_pool, said):
    put(tmp_path, "web7", "backup", NOW - HOUR, backup())
    put(tmp_path, "web7", "survey", NOW - HOUR, survey(pools=[thin_pool]))
    host = one()
    assert host["status"] == "failed"
    assert texts(host["findings"], "wrong") == [said]


@pytest.mark.parametrize(
    ("code", "level"), [("pool_broken", "wrong"), ("pool_in_use", "warning"), ("missing_tools", "warning")]
)
def test_a_pool_that_could_not_be_looked_at_need_not_be_damaged(tmp_path, one, code, level):
    put(tmp_path, "web7", "backup", NOW - HOUR, backup())
    problem = {"code": code, "subject": "p", "message": "no"}
    put(tmp_path, "web7", "survey", NOW - HOUR, survey(pools=[pool()], pool_problems=[problem]))
    assert texts(one()["findings"], level) == ["pool p: no"]


def test_a_pool_with_room_is_fine_and_what_is_unknown_too(tmp_path, one):
    put(tmp_path, "web7", "backup", NOW - HOUR, backup())
    pools = [pool(), dict(pool("other"), data=None, metadata=None, mode=None, needs_check=None)]
    put(tmp_path, "web7", "survey", NOW - HOUR, dict(survey(), pools=pools))
    host = one()
    assert host["status"] == "ok"
    assert [each["data"]["percent"] for each in host["pools"]] == [50.0, None]


def test_a_rehearsal_that_failed_counts_until_the_next(tmp_path, one):
    put(tmp_path, "web7", "backup", NOW - HOUR, backup(backed_up("db")))
    rehearsed = dict(container="db", container_id=ident("db"), restored=False, reason="sha256 differs")
    put(tmp_path, "web7", "verify_backups", NOW - 100 * HOUR, {"rehearsed": [rehearsed]}, error="Could not")
    host = one()
    assert host["status"] == "failed"
    assert texts(containers(host)["db"]["findings"], "wrong") == ["could not be restored: sha256 differs"]
    put(tmp_path, "web7", "verify_backups", NOW - 2 * HOUR, {"rehearsed": [dict(rehearsed, restored=True)]})
    assert one()["status"] == "ok"
    assert containers(one())["db"]["rehearsed"] == {"time": NOW - 2 * HOUR, "restored": True}


@pytest.mark.parametrize(("hours", "status"), [(2, "failed"), (100, "ok")])
def test_a_rescue_that_failed_counts_for_a_day(tmp_path, one, hours, status):
    put(tmp_path, "web7", "backup", NOW - HOUR, backup(backed_up("db")))
    put(tmp_path, "web7", "rescue", NOW - hours * HOUR, {"containers": []}, error="no room")
    assert one()["status"] == status


def test_containers_of_one_name_are_told_apart_by_their_ids(tmp_path, one):
    put(tmp_path, "web7", "backup", NOW - HOUR, backup(dict(backed_up("a"), container="db"), backed_up("db")))
    assert {container["name"] for container in one()["containers"]} == {ident("a"), ident("db")}


def test_results_of_hosts_that_are_not_in_the_inventory_are_named(tmp_path, report):
    put(tmp_path, "old", "backup", NOW - HOUR, backup())
    put(tmp_path, "web7", "backup", NOW - HOUR, backup())
    assert report("web7")["strangers"] == ["old"]


@pytest.mark.parametrize("name", ["../../etc", "a/b", ".hidden", "x" * 300, "nul\0", "\udc80\ud800"])
def test_a_host_whose_name_leads_elsewhere_has_no_result(tmp_path, report, name):
    (host,) = report(name)["hosts"]
    assert host["status"] == "not_reported"
    assert "give it another one in the inventory" in host["reason"]


NEWEST = "20261122T010000Z-backup.json"
WHOLE = {"format": 1, "kind": "backup", "host": "web7", "started": utc(NOW), "ended": utc(NOW - HOUR)}
WHOLE.update(error="", result=backup(backed_up("db")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not whole JSON"),
        (json.dumps(WHOLE)[:-1], "is not whole JSON"),
        ("[" * 100000, "is nested too deeply"),
        ("[]", "is no result file"),
        (json.dumps(dict(WHOLE, format=2)), "is no result file of format 1"),
        (json.dumps(dict(WHOLE, host="web8")), "of another host or kind"),
        (json.dumps(dict(WHOLE, kind="survey")), "of another host or kind"),
        (json.dumps(dict(WHOLE, ended=None)), "does not say when"),
        (json.dumps(dict(WHOLE, ended="yesterday")), "does not say when"),
        (json.dumps(dict(WHOLE, ended="2026-02-31T00:00:00Z")), "does not say when"),
        (json.dumps(dict(WHOLE, ended=utc(NOW + 7200))), "is of the future"),
        (" " * (result_files.LIMIT + 1), "has more than 32 MiB"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_finding_of_its_host_alone(tmp_path, report, text, said):
    put_text(tmp_path, "web7", NEWEST, text)
    put(tmp_path, "web8", "backup", NOW - HOUR, backup(backed_up("db")))
    bad, good = report("web7", "web8")["hosts"]
    assert bad["status"] == "failed"
    assert NEWEST in bad["reason"]
    assert said in bad["reason"]
    assert good["status"] == "ok"


def test_what_is_no_file_is_neither_read_nor_waited_for(tmp_path, report):
    (tmp_path / "secret").write_text(json.dumps(dict(WHOLE, host="a")))
    for host in ("a", "b", "c"):
        (tmp_path / host).mkdir()
    (tmp_path / "a" / NEWEST).symlink_to(tmp_path / "secret")
    os.mkfifo(str(tmp_path / "b" / NEWEST))
    (tmp_path / "c" / "99999999T999999Z-backup.json").write_text("no such time")
    assert [host["status"] for host in report("a", "b", "c")["hosts"]] == ["failed", "failed", "not_reported"]


ODD = [None, True, -1, 1e400, float("nan"), 10**400, "text", ["text"], [[]], {}, {"a": {"b": [1]}}]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("kind", result_files.KINDS)
def test_whatever_a_host_says_in_the_place_of_a_value_stops_nothing(tmp_path, one, kind, odd):
    good = {
        "backup": backup(backed_up("db", warnings=["x"])),
        "survey": survey(
            seen("db", problems=[{"code": "x", "message": "y"}]), pools=[pool()], pool_problems=[{}]
        ),
        "verify_backups": {"rehearsed": [{"container": "db", "container_id": ident("db"), "restored": True}]},
        "rescue": {"containers": [{"container": "db", "id": "x", "method": "merge"}]},
    }[kind]
    for result in everywhere(good, odd):
        put(tmp_path, "web7", kind, NOW - HOUR, result)
        host = one(kinds=[kind])
        assert host["status"] in ("ok", "warning", "failed")
        json.dumps(host, allow_nan=False)


def everywhere(value, odd):
    """The value with the odd one in each of its places in turn."""
    yield odd
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        for changed in everywhere(inner, odd):
            copy = dict(value) if isinstance(value, dict) else list(value)
            copy[key] = changed
            yield copy


def test_a_value_of_another_type_is_said_and_the_rest_is_shown(tmp_path, one):
    put(tmp_path, "web7", "backup", NOW - HOUR, backup(backed_up("db", bytes_read="many"), backed_up("web")))
    host = one()
    assert host["status"] == "failed"
    assert texts(host["findings"], "wrong") == [
        "a result that is not as it should be: backup.result.results[0].bytes_read is no number"
    ]
    assert len(host["containers"]) == 2


@pytest.mark.parametrize("status", ["", "planned", "fine", "stored\u202e"])
def test_a_status_that_nobody_knows_is_no_good_one(tmp_path, one, status):
    put(tmp_path, "web7", "backup", NOW - HOUR, backup(backed_up("db", status)))
    assert one()["status"] == "failed"
    assert containers(one())["db"]["last_good"] is None


def test_hostile_texts_are_made_visible_and_bounded(tmp_path, one):
    long = HOSTILE + "x" * 10**6
    one_of = dict(backed_up("db", "failed", [long] + ["x" * 5000] * 500), container=long)
    put(tmp_path, "web7", "backup", NOW - HOUR, backup(one_of), error=long)
    put(tmp_path, "web7", "survey", NOW - HOUR, survey(seen("db", long, image=long), pools=[pool(long)]))
    host = one()
    assert not dangerous(host)
    assert "\\x1b[2J" in host["containers"][0]["name"]
    assert len(json.dumps(host)) < 60000


def test_too_many_containers_are_cut_and_said(tmp_path, one, monkeypatch):
    monkeypatch.setattr(result_files, "CONTAINERS", 3)
    put(tmp_path, "web7", "backup", NOW - HOUR, backup(*[backed_up("c%d" % n) for n in range(5)]))
    host = one()
    assert host["status"] == "failed"
    assert "has 5 entries, only 3 are shown" in host["reason"]
