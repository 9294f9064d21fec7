# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a report: in what state a host, a container and a finding can be. PRIVATE to the collection."""

from __future__ import annotations

from typing import Any

# Of a host and of a container, the worst first. All but the last two are trouble.
HOST_STATES = NOT_REPORTED, FAILED, WARNING, OK = ("not_reported", "failed", "warning", "ok")
WRONG = "wrong"  # of a finding; the other level is WARNING
GOOD = ("stored", "unchanged")
# What has no result in the newest run: of a run that failed as a whole, and of a container that only a survey saw.
MISSED, ABSENT = "missed", "absent"
STATUSES = (*GOOD, "partial", "failed")
FINDINGS = 20  # of a container, of a host

Document = dict[str, Any]
