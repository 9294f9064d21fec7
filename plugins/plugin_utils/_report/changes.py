# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed since the report before. PRIVATE to the collection."""

from __future__ import annotations

from typing import Any

from . import fields

WORSE, BETTER, OTHER = "worse", "better", "other"
_ORDER = (WORSE, BETTER, OTHER)
# How bad it is.
_HOSTS = {"ok": 0, "warning": 0, "failed": 1, "not_reported": 1}
_CONTAINERS = {"stored": 0, "unchanged": 0, "partial": 1, "absent": 1, "missed": 2, "failed": 2}
LIMIT = 10**9  # bytes of a report


def read(content: bytes) -> dict[str, Any]:
    """What is compared, of a report of ours. Raises ValueError with what is wrong."""
    document = fields.parsed(content)
    if not isinstance(document, dict) or document.get("format") != 1:
        raise ValueError("is no report of format 1")
    notes = fields.Notes()
    there = fields.Fields(document, "report", notes)
    hosts = []
    for host in there.each("hosts", 10**6):
        containers = [
            {
                "id": one.text("id"),
                "name": one.text("name"),
                "status": one.text("status"),
                "level": one.text("level"),
                "last_good": one.number("last_good"),
            }
            for one in host.each("containers", 10**5)
        ]
        hosts.append(
            {
                "name": host.exact("name"),
                "status": host.text("status"),
                "drivers": host.texts("drivers", 20),
                "containers": containers,
            }
        )
    time = there.moment("time")
    if notes.all() or time is None:
        raise ValueError("is damaged: %s" % "; ".join(notes.all() or ["it has no time"]))
    return {"time": fields.written(time), "hosts": hosts}


def between(before: dict[str, Any], hosts: list[dict[str, Any]]) -> list[dict[str, str]]:
    """One entry for each change, the worse first."""
    found: list[dict[str, str]] = []
    for host in hosts:
        old = before.get(host["name"])
        if old is None:
            found.append(_change(host["name"], "", OTHER, "new in the inventory"))
            continue
        if old["status"] != host["status"]:
            found.append(_of_host(old, host))
        if old["drivers"] and host["drivers"] and old["drivers"] != host["drivers"]:
            text = "storage driver %s, before %s" % (", ".join(host["drivers"]), ", ".join(old["drivers"]))
            found.append(_change(host["name"], "", OTHER, text))
        # Of a host that did not report nothing new is known.
        if host["status"] != "not_reported":
            found += _of_containers(host["name"], old["containers"], host["containers"])
    for name in sorted(set(before).difference(one["name"] for one in hosts)):
        found.append(_change(name, "", OTHER, "no longer in the inventory"))
    return sorted(found, key=lambda one: _ORDER.index(one["direction"]))


def _of_host(old: dict[str, Any], host: dict[str, Any]) -> dict[str, str]:
    was, now = _HOSTS.get(old["status"], 0), _HOSTS[host["status"]]
    text = "%s, before %s" % (_words(host["status"]), _words(old["status"]))
    return _change(host["name"], "", WORSE if now > was else BETTER if now < was else OTHER, text)


def _of_containers(host: str, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, str]]:
    found = []
    known = {one["id"]: one for one in old}
    for one in new:
        was = known.pop(one["id"], None)
        if was is None:
            found.append(_change(host, one["name"], OTHER, "new container, %s" % _words(one["status"])))
            continue
        bad, worst = _CONTAINERS.get(was["status"], 2), _CONTAINERS.get(one["status"], 2)
        if bad != worst:
            text = "%s, before %s" % (_words(one["status"]), _words(was["status"]))
            found.append(_change(host, one["name"], WORSE if worst > bad else BETTER, text))
        elif (was["level"] == "wrong") != (one["level"] == "wrong"):
            is_wrong = one["level"] == "wrong"
            text = "something is wrong with it" if is_wrong else "nothing is wrong with it any more"
            found.append(_change(host, one["name"], WORSE if is_wrong else BETTER, text))
    found += [_change(host, one["name"], OTHER, "is gone") for one in known.values()]
    return found


def _words(status: str) -> str:
    return {"not_reported": "did not report", "absent": "not backed up", "missed": "not backed up"}.get(
        status, status
    )


def _change(host: str, container: str, direction: str, text: str) -> dict[str, str]:
    return {"host": host, "container": container, "direction": direction, "text": text}
