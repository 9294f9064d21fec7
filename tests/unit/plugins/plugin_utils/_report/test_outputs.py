# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that a report leaves, and that page, message and limit file say the same."""

import html
import json
import re

import pytest

from ansible_collections.drydock.rescue.plugins.plugin_utils._report import (
    fields,
    fleet,
    metrics,
    outputs,
    page,
    text,
    whole_files,
)
from ansible_collections.drydock.rescue.tests.unit.support.fleet import (
    HOUR,
    backed_up,
    backup,
    pool,
    put,
    seen,
    survey,
)

NOW = 1795312800
EVIL = "</script><img src=x onerror=alert(1)>'\"{{ 7*7 }}{% raw %}\u202e\x1b[2J"


@pytest.fixture
def report(tmp_path):
    def make(*hosts):
        wanted = fleet.Wanted(str(tmp_path / "results"), list(hosts), ["backup"], 26 * HOUR, 90.0, NOW)
        (tmp_path / "results").mkdir(exist_ok=True)
        return fleet.document(wanted, None, [])

    return make


@pytest.fixture
def night(tmp_path):
    def run(host, *containers, **more):
        put(tmp_path / "results", host, "backup", NOW - HOUR, backup(*containers), **more)

    return run


def in_words(page_text):
    return re.sub(
        r"\s+", " ", html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page_text, flags=re.S))
    )


def test_all_well(tmp_path, report, night):
    night("a", backed_up("db"))
    document = report("a")
    outputs.write(document, str(tmp_path / "out"), None)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "report.json"]
    assert "All well: 1 host reported and none failed" in in_words((tmp_path / "out/report.html").read_text())
    assert outputs.message(document, "out").startswith("All 1 hosts reported and none failed")
    assert json.loads((tmp_path / "out/report.json").read_text()) == document


def test_trouble_and_after_it(tmp_path, report, night):
    night("a", backed_up("db", "failed", ["disk\nfull"]), error="1 of 1 failed")
    document = report("a", "b")
    outputs.write(document, str(tmp_path / "out"), str(tmp_path / "m" / "drydock.prom"))
    said = in_words((tmp_path / "out/report.html").read_text())
    assert "Trouble with 2 of 2 hosts" in said
    assert said.index("Did not report: 1") < said.index("Failed: 1")
    assert "disk\\nfull" in said
    message = outputs.message(document, "out")
    assert message.startswith(
        "Trouble with 2 of 2 hosts: a failed (backup failed: 1 of 1 failed); b did not report"
    )
    assert (tmp_path / "out/retry.txt").read_text() == "a\nb\n"
    modes = {name: (tmp_path / name).stat().st_mode & 0o777 for name in ("out/report.json", "m/drydock.prom")}
    assert modes == {"out/report.json": 0o640, "m/drydock.prom": 0o644}
    # Ansible takes an empty limit file for no limit at all.
    night("a", backed_up("db"))
    outputs.write(report("a"), str(tmp_path / "out"), None)
    assert not (tmp_path / "out/retry.txt").exists()


def test_a_host_with_a_line_break_in_its_name_is_no_two_hosts(tmp_path, report):
    outputs.write(report("a\nall", "b"), str(tmp_path / "out"), None)
    assert (tmp_path / "out/retry.txt").read_text() == "b\n"


def test_the_last_report_is_compared_with_and_a_damaged_one_is_named(tmp_path, report, night):
    night("a", backed_up("db"))
    assert outputs.last(str(tmp_path / "out")) == (None, "")
    outputs.write(report("a"), str(tmp_path / "out"), None)
    before, unknown = outputs.last(str(tmp_path / "out"))
    assert before["hosts"][0]["containers"][0]["last_good"] == NOW - HOUR
    assert not unknown
    (tmp_path / "out/report.json").write_text("{")
    before, unknown = outputs.last(str(tmp_path / "out"))
    assert before is None
    assert "is not whole JSON" in unknown


@pytest.mark.parametrize("count", [0, 1, 14, 15, 16, 150])
def test_hosts_and_containers_are_on_the_page_however_many_there_are(report, night, count):
    for number in range(count):
        night("host%03d" % number, backed_up("db"), backed_up("web", "partial", ["changed"]))
    said = in_words(page.html(report("off", *["host%03d" % number for number in range(count)])))
    assert all("host%03d" % number in said for number in range(count))
    assert said.count("changed") >= count
    assert ("All %d, the greatest first" % count in said) == (count > 15)


def test_no_text_of_a_host_is_markup_or_a_template(tmp_path, report, night):
    night("web7" + EVIL.replace("/", ""), backed_up(EVIL, "failed", [EVIL]), error=EVIL)
    host = "web7" + EVIL.replace("/", "")
    surveyed = survey(seen(EVIL, EVIL, image=EVIL), pools=[pool(EVIL)])
    put(tmp_path / "results", host, "survey", NOW - HOUR, surveyed)
    put(tmp_path / "results", EVIL.replace("/", ""), "survey", NOW - HOUR, surveyed)
    made = page.html(report(host))
    assert "<img" not in made
    assert "<script" not in made
    assert not set(made) & {"\u202e", "\x1b"}
    said = html.unescape(made)
    assert "{{ 7*7 }}{% raw %}\\u202e\\x1b[2J" in said
    tags = re.findall(r"<(/?[a-zA-Z!][^>\s]*)", made)
    assert "onerror" not in " ".join(tags)


def test_nothing_is_marked_as_safe_by_hand():
    path = page.os.path.join(page.os.path.dirname(page.__file__), "page.html.j2")
    with open(path) as stream:
        source = stream.read()
    assert "safe" not in re.findall(r"\|\s*(\w+)", source)
    assert "autoescape false" not in source


def test_metrics_of_a_host(tmp_path, report, night):
    night("web7", backed_up("db"), backed_up("web", "failed", ["x"]), seconds=75)
    put(tmp_path / "results", "web7", "survey", NOW - HOUR, survey(pools=[pool("p", data=87.5), pool("p")]))
    found = metrics.exposition(report("web7", "off")).splitlines()
    for line in (
        'drydock_hosts{status="not_reported"} 1',
        'drydock_host_reported{host="off"} 0',
        'drydock_host_reported{host="web7"} 1',
        'drydock_host_failed{host="web7"} 1',
        'drydock_host_duration_seconds{host="web7",kind="backup"} 75',
        'drydock_backup_last_success_timestamp_seconds{host="web7",container="db"} %d' % (NOW - HOUR),
        'drydock_backup_size_bytes{host="web7",container="db"} 2000000000',
        'drydock_backup_failed{host="web7",container="web"} 1',
        'drydock_thin_pool_data_used_ratio{host="web7",pool="p"} 0.875',
        "drydock_report_timestamp_seconds %d" % NOW,
    ):
        assert line in found
    assert not [
        line for line in found if line.startswith("drydock_backup_last_success") and "web" in line[60:]
    ]
    samples = [line.rpartition(" ")[0] for line in found if line[0] != "#"]
    assert len(samples) == len(set(samples))


def test_label_values_are_escaped(report, night):
    night("web7", dict(backed_up("db"), container='a"b\\c\nd'))
    assert 'container="a\\"b\\\\c\\\\nd"' in metrics.exposition(report("web7"))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (93600, "1 d 2 h"),
        (86400 * 400, "400 d"),
    ],
)
def test_durations(seconds, said):
    assert text.duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2 * 10**9, "2.0 GB"), (10**19, "10000 PB")],
)
def test_sizes(count, said):
    assert text.size(count) == said


@pytest.mark.parametrize(
    "value", ["x", "2026-11-22T02:00:00", "2026-13-22T02:00:00Z", "2026-11-22T02:00:00Z\n"]
)
def test_what_is_no_time(value):
    with pytest.raises(ValueError):
        fields.moment(value)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    whole_files.write(str(path), "old", 0o640)
    monkeypatch.setattr(whole_files.os, "fsync", lambda handle: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        whole_files.write(str(path), "new", 0o640)
    assert [one.read_text() for one in tmp_path.iterdir()] == ["old"]
