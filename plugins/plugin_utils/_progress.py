# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a job is, from what it tells of its containers (module_utils/_backup/progress.py): as one line, and the time
that is left. PRIVATE to the collection."""

from __future__ import annotations

import math
from typing import Any

from ansible_collections.drydock.rescue.plugins.module_utils import _text

SHOWN_AT_ONCE = 4  # containers


def line(parts: list[dict[str, Any]]) -> str:
    """One line for a host: how many are done, and how far those are that are worked on."""
    total, begun, working = _counted(parts)
    words = ["%d of %s done" % (begun - len(working), _text.printable(str(total)))]
    words += [_part(one) for one in sorted(working, key=lambda one: str(one["container"]))[:SHOWN_AT_ONCE]]
    if len(working) > SHOWN_AT_ONCE:
        words.append("and %d more" % (len(working) - SHOWN_AT_ONCE))
    return " | ".join(words)


def seconds_left(parts: list[dict[str, Any]]) -> float:
    """Until nothing is worked on, as far as that can be told."""
    total, begun, working = _counted(parts)
    if total != begun or not total:
        return math.inf
    return max(map(_left, working), default=0)


def _counted(parts: list[dict[str, Any]]) -> tuple[Any, int, list[dict[str, Any]]]:
    """How many containers there are, as the host says it; how many were begun; and those that are worked on."""
    total = next((one["containers"] for one in parts if "containers" in one), 0)
    begun = [one for one in parts if "container" in one]
    return total, len(begun), [one for one in begun if "status" not in one]


def _part(one: dict[str, Any]) -> str:
    name = _text.printable(str(one["container"]))
    try:
        done, total, seconds = _figures(one)
    except ValueError:
        return "%s begun" % name
    if done >= total:
        return "%s 100%%, being completed" % name
    said = "%s %d%%" % (name, 100 * done / total)
    if done <= 0 or seconds <= 0:
        return said
    rate = done / seconds
    return "%s, %s/s, %s left" % (said, _size(rate), _duration((total - done) / rate))


def _left(one: dict[str, Any]) -> float:
    """Seconds."""
    try:
        done, total, seconds = _figures(one)
    except ValueError:
        return math.inf
    return (total - done) * seconds / done if done > 0 else math.inf


def _figures(one: dict[str, Any]) -> tuple[float, float, float]:
    """How much is done of how much, after how many seconds. Raises ValueError."""
    try:
        done, total, seconds = (float(one[word]) for word in ("done", "total", "seconds"))
    except (KeyError, TypeError) as error:
        raise ValueError(one) from error
    if not all(map(math.isfinite, (done, total, seconds))):
        raise ValueError(one)
    return done, total, seconds


def _size(count: float) -> str:
    units = ["B", "kB", "MB", "GB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        del units[0]
    return "%.*f %s" % (0 if count >= 100 else 1, count, units[0])


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return "%d s" % whole
    minutes, rest = divmod(whole, 60)
    return "%d:%02d min" % (minutes, rest) if minutes < 60 else "%d:%02d h" % divmod(minutes, 60)
