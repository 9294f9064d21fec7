# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report leaves behind: report.json, the page, the limit file and the metrics. PRIVATE to the collection."""

from __future__ import annotations

import json
import os
from typing import Any

from . import changes, fields, metrics, page, states, whole_files

JSON, PAGE, LIMIT = "report.json", "report.html", "retry.txt"
_NAMED = 5  # hosts in a message


def last(directory: str) -> tuple[states.Document | None, str]:
    """What the report before said, and why that is not known."""
    path = os.path.join(directory, JSON)
    try:
        return changes.read(whole_files.read(path, changes.LIMIT)), ""
    except FileNotFoundError:
        return None, ""
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return None, "the report before, %s, cannot be compared with: it %s" % (path, reason)


def write(document: states.Document, directory: str, metrics_file: str | None) -> None:
    """Raises OSError."""
    os.makedirs(directory, mode=0o750, exist_ok=True)
    # The names of hosts come one to a line; with a line break in it one would be two.
    hosts = [name for name in document["limit"] if name.isprintable()]
    limit = os.path.join(directory, LIMIT)
    if hosts:
        whole_files.write(limit, "".join(name + "\n" for name in hosts), 0o640)
    else:
        # Ansible takes an empty limit file for no limit at all.
        whole_files.remove(limit)
    whole_files.write(os.path.join(directory, PAGE), page.html(document), 0o640)
    if metrics_file:
        os.makedirs(os.path.dirname(os.path.abspath(metrics_file)), mode=0o755, exist_ok=True)
        # node_exporter is another user.
        whole_files.write(metrics_file, metrics.exposition(document), 0o644)
    # Last: what is compared with next time is what was shown.
    whole_files.write(os.path.join(directory, JSON), json.dumps(document) + "\n", 0o640)


def message(document: states.Document, directory: str) -> str:
    """The verdict in a line, the same as that of the page."""
    where = os.path.join(directory, PAGE)
    totals = document["totals"]
    if not document["wrong"]:
        return "All %d hosts reported and none failed: %s" % (totals["hosts"], where)
    said = [
        "%s %s" % (fields.line(one["name"]), _short(one))
        for one in document["hosts"]
        if one["status"] in (states.NOT_REPORTED, states.FAILED)
    ]
    more = len(said) - _NAMED
    return "Trouble with %d of %d hosts: %s%s. The report is %s" % (
        len(said),
        totals["hosts"],
        "; ".join(said[:_NAMED]),
        " and %d more" % more if more > 0 else "",
        where,
    )


def _short(host: dict[str, Any]) -> str:
    if host["status"] == states.NOT_REPORTED:
        return "did not report"
    return "failed (%s)" % fields.line(host["reason"], 150)
