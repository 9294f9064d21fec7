# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for the textfile collector of Prometheus' node_exporter. PRIVATE to the collection.

One sample that is there twice makes the collector refuse the whole file: names of containers are unique in a host, and
those of pools are made so here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import fields, states, text

_HELP = {
    "drydock_report_timestamp_seconds": "When the report was made.",
    "drydock_report_max_age_seconds": "How old a result may be.",
    "drydock_hosts": "Hosts of the inventory by their status.",
    "drydock_host_reported": "Whether the host has all results that were expected of it.",
    "drydock_host_failed": "Whether something is wrong with the host, of those that reported.",
    "drydock_host_last_result_timestamp_seconds": "When the newest run of this kind ended on the host.",
    "drydock_host_duration_seconds": "How long the newest run of this kind took on the host.",
    "drydock_backup_last_success_timestamp_seconds": "When the container was last found or stored whole.",
    "drydock_backup_failed": "Whether the container has no backup from the newest run.",
    "drydock_backup_partial": "Whether the newest run stored the container in part.",
    "drydock_backup_size_bytes": "The size of what was read of the container.",
    "drydock_backup_stored_bytes": "The size of what the newest run wrote for the container.",
    "drydock_backup_duration_seconds": "How long the newest run took for the container.",
    "drydock_restore_test_success": "Whether the newest rehearsal could restore the container.",
    "drydock_restore_test_timestamp_seconds": "When the newest rehearsal of the container was.",
    "drydock_thin_pool_data_used_ratio": "The part of the thin pool's data space that is in use.",
    "drydock_thin_pool_metadata_used_ratio": "The part of the thin pool's metadata space that is in use.",
    "drydock_thin_pool_needs_check": "Whether the thin pool's metadata is damaged.",
}
_REPORT, _MAX_AGE, _HOSTS, _REPORTED, _FAILED, _LAST, _TOOK = list(_HELP)[:7]
_SUCCESS, _BAD, _PARTIAL, _SIZE, _STORED, _SECONDS, _RESTORED, _REHEARSED = list(_HELP)[7:15]
_DATA, _METADATA, _CHECK = list(_HELP)[15:]

Sample = tuple[str, dict[str, str], Any]


def exposition(document: states.Document) -> str:
    """All samples of a metric together, as the format wants it; what is not known has none."""
    by_name: dict[str, list[str]] = {name: [] for name in _HELP}
    for name, labels, value in _samples(document):
        if value is not None:
            by_name[name].append("%s%s %s" % (name, _labels(labels), _number(value)))
    lines = []
    for name, samples in by_name.items():
        if samples:
            lines += ["# HELP %s %s" % (name, _HELP[name]), "# TYPE %s gauge" % name, *samples]
    return "\n".join(lines) + "\n"


def _samples(document: states.Document) -> Iterator[Sample]:
    yield _REPORT, {}, fields.moment(document["time"])
    yield _MAX_AGE, {}, document["max_age"]
    for state in states.HOST_STATES:
        yield _HOSTS, {"status": state}, document["totals"][state]
    for host in document["hosts"]:
        labels = {"host": text.name(host["name"])}
        yield _REPORTED, labels, host["status"] != states.NOT_REPORTED
        yield _FAILED, labels, host["status"] == states.FAILED
        for kind, run in host["runs"].items():
            yield _LAST, dict(labels, kind=kind), fields.moment(run["ended"])
            yield _TOOK, dict(labels, kind=kind), run["seconds"]
        for one in host["containers"]:
            yield from _of_container(one, dict(labels, container=one["name"]))
        seen: set[str] = set()
        for pool in host["pools"]:
            if pool["name"] not in seen:
                seen.add(pool["name"])
                yield from _of_pool(pool, dict(labels, pool=pool["name"]))


def _of_container(one: states.Document, labels: dict[str, str]) -> Iterator[Sample]:
    yield _SUCCESS, labels, one["last_good"]
    if one["status"] != states.ABSENT:
        yield _BAD, labels, one["status"] in ("failed", states.MISSED)
        yield _PARTIAL, labels, one["status"] == "partial"
    yield _SIZE, labels, one["bytes_read"]
    yield _STORED, labels, one["bytes_stored"]
    yield _SECONDS, labels, one["seconds"]
    if one["rehearsed"]:
        yield _RESTORED, labels, one["rehearsed"]["restored"]
        yield _REHEARSED, labels, one["rehearsed"]["time"]


def _of_pool(pool: states.Document, labels: dict[str, str]) -> Iterator[Sample]:
    for name, part in ((_DATA, "data"), (_METADATA, "metadata")):
        percent = pool[part]["percent"]
        yield name, labels, None if percent is None else round(percent / 100, 4)
    yield _CHECK, labels, pool["needs_check"]


def _labels(labels: dict[str, str]) -> str:
    pairs = ",".join('%s="%s"' % (key, _escaped(value)) for key, value in labels.items())
    return "{%s}" % pairs if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: Any) -> str:
    return repr(float(value)) if isinstance(value, float) else "%d" % value
