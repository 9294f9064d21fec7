# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reader is told to have changed since yesterday."""

import json

import pytest

from ansible_collections.drydock.rescue.plugins.plugin_utils._report import changes, fleet
from ansible_collections.drydock.rescue.tests.unit.support.fleet import (
    HOUR,
    backed_up,
    backup,
    put,
    seen,
    survey,
)

NOW = 1795312800
DAY = 24 * HOUR


@pytest.fixture
def evening(tmp_path):
    """The report of a day, on the hosts of that day, compared with that of the day before."""
    past = []

    def make(day, *hosts):
        wanted = fleet.Wanted(str(tmp_path), list(hosts), ["backup"], 26 * HOUR, 90.0, NOW + day * DAY)
        before = changes.read(json.dumps(past[-1]).encode()) if past else None
        past.append(fleet.document(wanted, before, []))
        return [(one["direction"], one["host"], one["container"], one["text"]) for one in past[-1]["changes"]]

    return make


@pytest.fixture
def night(tmp_path):
    def run(day, host, *containers, **more):
        put(tmp_path, host, "backup", NOW + day * DAY - HOUR, backup(*containers), **more)

    return run


def test_nothing(evening, night):
    night(0, "a", backed_up("db"))
    assert evening(0, "a") == []
    night(1, "a", backed_up("db", "unchanged"))
    assert evening(1, "a") == []


def test_a_host_that_fails_and_recovers(evening, night):
    night(0, "a", backed_up("db"))
    evening(0, "a")
    night(1, "a", backed_up("db", "failed", ["x"]), error="x")
    assert evening(1, "a") == [
        ("worse", "a", "", "failed, before ok"),
        ("worse", "a", "db", "failed, before stored"),
    ]
    night(2, "a", backed_up("db"))
    assert [one[0] for one in evening(2, "a")] == ["better", "better"]


def test_a_host_that_is_off_says_nothing_of_its_containers(evening, night):
    night(0, "a", backed_up("db"))
    evening(0, "a")
    assert evening(2, "a") == [("worse", "a", "", "did not report, before ok")]


def test_what_came_and_went_and_the_worse_first(evening, night, tmp_path):
    night(0, "a", backed_up("db"), backed_up("old"))
    night(0, "gone", backed_up("db"))
    put(tmp_path, "a", "survey", NOW - HOUR, dict(survey(seen("db", "aufs")), driver=["aufs"]))
    evening(0, "a", "gone")
    night(1, "a", backed_up("db", "partial", ["x"]), backed_up("new"))
    put(tmp_path, "a", "survey", NOW + DAY - HOUR, survey(seen("db", "overlay2"), seen("new")))
    assert evening(1, "a", "b") == [
        ("worse", "a", "db", "partial, before stored"),
        ("other", "a", "", "warning, before ok"),
        ("other", "a", "", "storage driver overlay2, before aufs"),
        ("other", "a", "new", "new container, stored"),
        ("other", "a", "old", "is gone"),
        ("other", "b", "", "new in the inventory"),
        ("other", "gone", "", "no longer in the inventory"),
    ]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"format": 1}', b'{"format": 1, "time": "2026-11-22T02:00:00Z", "hosts": [7]}'],
)
def test_a_damaged_report_is_not_compared_with(content):
    with pytest.raises(ValueError, match="is "):
        changes.read(content)
