# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a survey of many hosts means for a migration. PRIVATE to the collection.

What hosts say is text that anybody may have written, and a host that is not what it should be may say anything: what
has another type than it should counts as not said.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from ansible_collections.drydock.rescue.plugins.module_utils._text import printable

# Storage drivers that a Docker of today has no more, and the last one that had them.
OLD_DRIVERS = {"devicemapper": "24.0", "aufs": "23.0", "overlay": "23.0"}
NO_DOCKER = "no_data_root"
# A data root that had devicemapper once, or one whose pool's devices nobody knows.
NO_POOL = "not_found"
_TIME = re.compile(r"(?!0001)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def of_host(info: Any, pools: Any) -> dict[str, Any]:
    """What the answers of container_info and thin_pool_info of one host come to."""
    info, pools = _mapping(info), _mapping(pools)
    containers = _mappings(info.get("containers"))
    drivers = Counter(_text(one.get("driver")) for one in containers)
    found = storage_drivers(info)
    ours = [one for one in _mappings(pools.get("pools")) if one.get("owner") == "docker"]
    return {
        "docker": "data_root" in info,
        "containers": len(containers),
        "alive": sum(one.get("alive") is True for one in containers),
        "old_drivers": {one: drivers[one] for one in OLD_DRIVERS if one in drivers or one in found},
        "data_percent": _fullest(ours, "data"),
        "metadata_percent": _fullest(ours, "metadata"),
        "docker_at_least": _text(info.get("docker_at_least")),
        "kernel": _text(info.get("kernel")),
        "last_change": max((time for one in containers for time in _times(one)), default=""),
        "problems": len(_list(info.get("problems"))) + len(_list(pools.get("problems"))),
    }


def storage_drivers(info: Any) -> list[str]:
    return [one for one in _list(_mapping(info).get("storage_drivers")) if isinstance(one, str)]


def error(info: Any, pools: Any) -> str:
    """Why the host could not be looked at, if it could not."""
    return _error(_mapping(info), (NO_DOCKER,)) or _error(_mapping(pools), (NO_POOL,))


def lines(hosts: dict[str, Any]) -> list[str]:
    """The planning page, for a terminal, of the results of the module survey: the sum, the hosts that are to be
    migrated, the fullest first, and those that failed."""
    known = {name: one for name, one in hosts.items() if isinstance(one, dict) and "old_drivers" in one}
    old = {name: one for name, one in known.items() if one["old_drivers"]}
    errors = errors_of(hosts)
    without = sum(not one["docker"] for name, one in known.items() if name not in errors)
    said = [
        "%s looked at, %d with an old storage driver" % (_count(len(hosts) - len(errors), "host"), len(old))
    ]
    for driver, last in OLD_DRIVERS.items():
        counts = [one["old_drivers"][driver] for one in old.values() if driver in one["old_drivers"]]
        if counts:
            said.append(
                "%s (in no Docker after %s): %s, %s"
                % (driver, last, _count(len(counts), "host"), _count(sum(counts), "container"))
            )
    if without:
        said.append("without a Docker: %s" % _count(without, "host"))
    said += [
        "%s: %s" % (printable(name), _line(old[name]))
        for name in sorted(old, key=lambda n: _order(n, old[n]))
    ]
    said += ["%s: failed: %s" % (printable(name), errors[name]) for name in sorted(errors)]
    return said


def errors_of(hosts: dict[str, Any]) -> dict[str, str]:
    """Why hosts failed; one without a result is one of them."""
    found = {name: _error(_mapping(one), ()) for name, one in hosts.items()}
    found.update({name: "it was not looked at" for name, one in hosts.items() if not one})
    return {name: one for name, one in found.items() if one}


def _line(one: dict[str, Any]) -> str:
    words = ["%s %s" % (name, _count(count, "container")) for name, count in one["old_drivers"].items()]
    words.append("%d of %s alive" % (one["alive"], _count(one["containers"], "container")))
    for what in ("data", "metadata"):
        if one[what + "_percent"] is not None:
            words.append("pool %s %.1f %%" % (what, one[what + "_percent"]))
    words.append(
        "Docker %s" % (one["docker_at_least"] + " or newer" if one["docker_at_least"] else "before 1.4")
    )
    words.append("kernel %s" % one["kernel"])
    words.append("last change %s" % (one["last_change"][:10] or "unknown"))
    if one["problems"]:
        words.append(_count(one["problems"], "problem"))
    return ", ".join(words)


def _order(name: str, one: dict[str, Any]) -> tuple[float, str]:
    return -max(one["data_percent"] or 0.0, one["metadata_percent"] or 0.0), name


def _error(result: dict[str, Any], harmless: tuple[str, ...]) -> str:
    if result.get("unreachable") or (result.get("failed") and result.get("code") not in harmless):
        return _text(result.get("msg")) or "it failed and did not say why"
    return ""


def _fullest(pools: list[dict[str, Any]], what: str) -> float | None:
    percents = [_mapping(one.get(what)).get("percent") for one in pools]
    return max((float(one) for one in percents if type(one) in (int, float)), default=None)


def _times(container: dict[str, Any]) -> list[str]:
    state = _mapping(container.get("state"))
    said = (container.get("created"), state.get("started_at"), state.get("finished_at"))
    return [one.group() + "Z" for one in map(_TIME.match, map(_text, said)) if one]


def _count(number: int, what: str) -> str:
    return "%d %s%s" % (number, what, "" if number == 1 else "s")


def _text(value: Any) -> str:
    return printable(value) if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [one for one in _list(value) if isinstance(one, dict)]
