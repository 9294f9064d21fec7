# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of the plots: lengths of bars, and the path of a curve. Their text is HTML, which wraps and scales.
PRIVATE to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from . import fields, result_files, states, text

BARS = 15  # the rest of the fleet is in the curve
STEPS = 400  # of a curve, however many values it has


class Bar(NamedTuple):
    label: str
    parts: list[tuple[float, bool]]  # percent of the width, and whether it is over the limit
    said: str


class Plot(NamedTuple):
    title: str
    about: str
    bars: list[Bar]
    more: int
    curve: str  # SVG path in a square of 100, of all values, the greatest first
    limit: float | None  # percent of the width and height
    highest: str  # what 100 percent is
    limit_said: str


def of(document: states.Document) -> list[Plot]:
    return [plot for plot in (_pools(document), _ages(document), _durations(document)) if plot.bars]


def _pools(document: states.Document) -> Plot:
    limit = document["pool_limit"]
    found = []
    for host in document["hosts"]:
        for pool in host["pools"]:
            fill = [pool[part]["percent"] for part in ("data", "metadata")]
            if any(percent is not None for percent in fill):
                said = " + ".join("-" if percent is None else "%.1f %%" % percent for percent in fill)
                label = "%s %s" % (text.name(host["name"]), pool["name"])
                found.append(
                    (max(percent or 0 for percent in fill), label, [each or 0 for each in fill], said)
                )
    return _plot(
        "Fill of thin pools", "data above, metadata below", found, 100.0, limit, "100 %", "%.0f %%" % limit
    )


def _ages(document: states.Document) -> Plot:
    """Of each host that container whose last good backup is the oldest."""
    now = fields.moment(document["time"])
    found = []
    for host in document["hosts"]:
        ages = [
            (now - one["last_good"], one["name"])
            for one in host["containers"]
            if one["last_good"] is not None
        ]
        if ages:
            age, container = max(ages)
            label = "%s %s" % (text.name(host["name"]), container)
            found.append((max(0, age), label, [max(0, age)], text.duration(age)))
    about = "the oldest of each host; those that never had one are not here"
    limit = document["max_age"]
    # One host that was off for a year shall not make all others look the same.
    top = min(max([limit * 1.25, *(age for age, *_rest in found)]), limit * 5)
    return _plot(
        "Age of the last good backup", about, found, top, limit, text.duration(top), text.duration(limit)
    )


def _durations(document: states.Document) -> Plot:
    found = []
    for host in document["hosts"]:
        seconds = host["runs"].get(result_files.BACKUP, {}).get("seconds")
        if seconds is not None:
            found.append((seconds, text.name(host["name"]), [seconds], text.duration(seconds)))
    top = max([1.0, *(seconds for seconds, *_rest in found)])
    return _plot("Duration of the backup", "of each host", found, top, None, text.duration(top), "")


def _plot(
    title: str,
    about: str,
    found: list[tuple[Any, ...]],
    top: float,
    limit: float | None,
    highest: str,
    limit_said: str,
) -> Plot:
    found.sort(key=lambda one: (-one[0], one[1]))
    bars = [
        Bar(label, [(_share(value, top), limit is not None and value >= limit) for value in values], said)
        for _greatest, label, values, said in found[:BARS]
    ]
    curve = _curve([_share(one[0], top) for one in found]) if len(found) > BARS else ""
    at = None if limit is None else _share(limit, top)
    return Plot(title, about, bars, max(0, len(found) - BARS), curve, at, highest, limit_said)


def _share(value: float, top: float) -> float:
    return round(min(100.0, 100 * value / top), 1)


def _curve(shares: Sequence[float]) -> str:
    """Steps down from the left, closed along the bottom."""
    count = min(len(shares), STEPS)
    words = ["M0 100"]
    for step in range(count):
        # The greatest of those that share a step.
        share = shares[step * len(shares) // count]
        words.append("V%.1f H%.2f" % (100 - share, 100 * (step + 1) / count))
    return " ".join([*words, "V100 Z"])
