# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""promtool takes the metrics, also those of hostile names, and knows no better names for them."""

import os
import subprocess

import pytest

from ansible_collections.drydock.rescue.plugins.plugin_utils._report import fleet, metrics
from ansible_collections.drydock.rescue.tests.unit.support.fleet import (
    HOUR,
    backed_up,
    backup,
    ident,
    pool,
    put,
    seen,
    survey,
)

NOW = 1795312800
NAMES = [
    "db",
    'a"b',
    "back\\slash",
    "line\nbreak",
    "{}",
    "\u202e\x1b[2J",
    "\ud800",
    "x" * 9000,
    "#",
    "",
    "a\x00b",
]


def check(text):
    return subprocess.run(
        [os.environ.get("PROMTOOL", "promtool"), "check", "metrics"],
        input=text.encode("utf-8"),
        capture_output=True,
        check=False,
    )


@pytest.fixture
def text(tmp_path):
    containers = [dict(backed_up("c%d" % number), container=name) for number, name in enumerate(NAMES)]
    containers.append(dict(backed_up("twice"), container="db"))
    put(tmp_path, 'we"b\\7', "backup", NOW - HOUR, backup(*containers, backed_up("x", "failed", ["y"])))
    pools = [pool(name) for name in NAMES]
    put(tmp_path, 'we"b\\7', "survey", NOW - HOUR, survey(*[seen(name, name) for name in NAMES], pools=pools))
    rehearsed = {"container": "db", "container_id": ident("c0"), "restored": True}
    put(tmp_path, 'we"b\\7', "verify_backups", NOW - HOUR, {"rehearsed": [rehearsed]})
    hosts = ['we"b\\7', "off\nline"]
    return metrics.exposition(
        fleet.document(fleet.Wanted(str(tmp_path), hosts, ["backup"], 26 * HOUR, 90.0, NOW), None, [])
    )


def test_it_finds_nothing_to_say(text):
    done = check(text)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
    # All that there can be is there.
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")} == set(metrics._HELP)


def test_a_sample_that_is_there_twice_is_none_of_ours(text):
    samples = [line.rpartition(" ")[0] for line in text.split("\n") if line and line[0] != "#"]
    assert len(samples) == len(set(samples))


def test_it_would_find_something(text):
    assert check(text.replace("# HELP drydock_hosts ", "# HELP other ")).returncode
    assert check(text + 'drydock_hosts{status="o\nk"} 1\n').returncode
