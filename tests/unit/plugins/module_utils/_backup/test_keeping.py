# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._backup.engine import Backup
from ansible_collections.drydock.rescue.plugins.module_utils._backup.keeping import Keep, expired


def backups(*words):
    """`2026-11-21` or `2026-11-21T05`, a `!` behind it for one that is not whole."""
    found = []
    for number, word in enumerate(words):
        status = "partial" if word.endswith("!") else "stored"
        day, _t, hour = word.rstrip("!").partition("T")
        time = "%sT%s:00:00Z" % (day, hour or "03")
        found.append(Backup("id-%d" % number, "h", "web", "", "", time, "archive", status, "", 0, 0, None))
    return found


def kept(words, **keep):
    there = backups(*words)
    gone = {one.backup_id for one in expired(there, Keep(**keep))}
    return [word for word, one in zip(words, there) if one.backup_id not in gone]


WEEK = ["2026-11-1%d" % day for day in range(5, 10)]


def test_without_a_rule_nothing_goes():
    assert kept(WEEK) == WEEK
    assert kept(WEEK, last=0) == WEEK


@pytest.mark.parametrize(
    ("words", "rules", "left"),
    [
        (WEEK, {"last": 2}, WEEK[3:]),
        (
            ["2026-11-15T01", "2026-11-15T02", "2026-11-16T01"],
            {"daily": 2},
            ["2026-11-15T02", "2026-11-16T01"],
        ),
        (["2026-11-14", "2026-11-15", "2026-11-16"], {"weekly": 2}, ["2026-11-15", "2026-11-16"]),
        (["2025-12-29", "2026-01-01"], {"weekly": 5}, ["2026-01-01"]),
        (
            ["2026-09-30", "2026-10-01", "2026-10-31", "2026-11-01"],
            {"monthly": 2},
            ["2026-10-31", "2026-11-01"],
        ),
        (["2026-10-01", "2026-11-01", "2026-11-02"], {"last": 1, "monthly": 2}, ["2026-10-01", "2026-11-02"]),
        (["2026-11-01", "2026-11-02!", "2026-11-03!"], {"last": 1}, ["2026-11-01", "2026-11-03!"]),
    ],
)
def test_rules(words, rules, left):
    assert kept(words, **rules) == left
