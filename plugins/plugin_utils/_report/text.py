# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and names in words. PRIVATE to the collection."""

from __future__ import annotations

from . import fields

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def name(host: str) -> str:
    """That of a host, which our documents hold as it is."""
    return fields.line(host)


def size(count: float | None) -> str:
    if count is None:
        return ""
    units = list(_UNITS)
    while count >= 1000 and len(units) > 1:
        count /= 1000
        del units[0]
    return "%.*f %s" % (1 if count < 10 and units[0] != "B" else 0, count, units[0])


def duration(seconds: float | None) -> str:
    """In its two greatest units."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    for unit, length, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= length:
            rest = whole % length // part
            return "%d %s" % (whole // length, unit) + (" %d %s" % (rest, smaller) if rest else "")
    return "%d s" % whole


def time(written: str) -> str:
    """Of a time as our documents have it."""
    return "%s %s UTC" % (written[:10], written[11:16]) if written else ""
