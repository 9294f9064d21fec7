# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the state of a fleet is, from its result files. PRIVATE to the collection.

What this returns is the document that report.json holds; page, metrics and limit file are made of it alone.
"""

from __future__ import annotations

import collections

from . import changes, fields, result_files
from .host_state import HostState, Wanted
from .states import FAILED, HOST_STATES, NOT_REPORTED, WRONG, Document

FORMAT = 1


def document(wanted: Wanted, before: Document | None, notes: list[str]) -> Document:
    """The state of all hosts, compared with the report before. ``notes`` are on the report itself. Raises OSError."""
    known = {one["name"]: one for one in before["hosts"]} if before else {}
    hosts = [HostState(wanted, name, known.get(name)).document() for name in sorted(set(wanted.hosts))]
    troubled = [one["name"] for one in hosts if one["status"] in (NOT_REPORTED, FAILED)]
    strangers = sorted(set(result_files.hosts(wanted.directory)).difference(wanted.hosts))
    return {
        "format": FORMAT,
        "time": fields.written(wanted.now),
        "max_age": wanted.max_age,
        "since": fields.written(wanted.since) if wanted.since else "",
        "kinds": wanted.kinds,
        "pool_limit": wanted.pool_limit,
        "wrong": bool(troubled),
        "totals": _totals(hosts),
        "drivers": _drivers(hosts),
        "limit": troubled,
        "notes": notes,
        "strangers": [fields.line(one) for one in strangers],
        "previous": before["time"] if before else None,
        "changes": changes.between(known, hosts) if before else [],
        "hosts": hosts,
    }


def _totals(hosts: list[Document]) -> Document:
    states = collections.Counter(one["status"] for one in hosts)
    containers = [container for host in hosts for container in host["containers"]]
    return {
        "hosts": len(hosts),
        **{state: states[state] for state in HOST_STATES},
        "containers": len(containers),
        "backed_up": sum(1 for one in containers if one["last_good"] is not None and not one["late"]),
        "partial": sum(1 for one in containers if one["status"] == "partial"),
        "failing": sum(1 for one in containers if one["level"] == WRONG),
        "bytes_read": sum(one["bytes_read"] or 0 for one in containers),
        "bytes_stored": sum(one["bytes_stored"] or 0 for one in containers),
    }


def _drivers(hosts: list[Document]) -> list[Document]:
    """What a migration is planned by."""
    found: dict[str, Document] = {}
    for host in hosts:
        counted = collections.Counter(one["driver"] for one in host["containers"] if one["driver"])
        for driver in sorted({*host["drivers"], *counted}):
            one = found.setdefault(driver, {"driver": driver, "hosts": 0, "containers": 0, "oldest": None})
            one["hosts"] += 1
            one["containers"] += counted[driver]
            created = [each["created"] for each in host["containers"] if each["driver"] == driver]
            oldest = min((each for each in [*created, one["oldest"] or ""] if each), default=None)
            one["oldest"] = oldest
    return sorted(found.values(), key=lambda one: (-one["hosts"], one["driver"]))
