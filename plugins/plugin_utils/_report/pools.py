# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a survey says of the thin pools of a host. PRIVATE to the collection."""

from __future__ import annotations

from . import fields
from .states import FINDINGS, WARNING, WRONG, Document

_MOST = 200
_BAD_MODES = ("ro", "out_of_data_space", "fail")
# Somebody works with it, or a tool is missing, which is why it could not be looked at.
_NO_HARM = ("pool_in_use", "missing_tools")


def of(there: fields.Fields, limit: float) -> tuple[list[Document], list[tuple[str, str]]]:
    """The pools, and findings: a level and a text each. ``limit`` in percent."""
    info = there if there.is_list("pools") else there.mapping("pools")
    found, findings = [], []
    for one in info.each("pools", _MOST):
        pool: Document = {"name": one.text("name"), "mode": one.text("mode")}
        for part in ("data", "metadata"):
            use = one.mapping(part)
            used, total = use.number("used_bytes"), use.number("total_bytes")
            percent = _percent(used, total)
            pool[part] = {"used_bytes": used, "total_bytes": total, "percent": percent}
            if percent is not None and percent >= limit:
                findings.append((WRONG, "pool %s: its %s is %.1f %% full" % (pool["name"], part, percent)))
        pool["needs_check"] = one.flag("needs_check")
        if pool["needs_check"]:
            findings.append((WRONG, "pool %s: its metadata is damaged (needs_check)" % pool["name"]))
        if pool["mode"] in _BAD_MODES:
            findings.append((WRONG, "pool %s is in mode %s" % (pool["name"], pool["mode"])))
        found.append(pool)
    for one in info.each("problems", FINDINGS) if info is not there else ():
        level = WARNING if one.text("code") in _NO_HARM else WRONG
        findings.append((level, "pool %s: %s" % (one.text("subject"), one.text("message", fields.MESSAGE))))
    return found, findings


def _percent(used: float | None, total: float | None) -> float | None:
    """Our own sum: a host's could be anything."""
    if used is None or not total:
        return None
    return min(100.0, round(100 * used / total, 1))
