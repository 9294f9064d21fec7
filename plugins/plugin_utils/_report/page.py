# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML page that loads nothing and runs nothing. PRIVATE to the collection."""

from __future__ import annotations

import os

import jinja2

from . import fields, plots, states, text


def html(document: states.Document) -> str:
    # Not Ansible's own templating: that escapes nothing.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(os.path.dirname(os.path.abspath(__file__))),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        size=text.size, duration=text.duration, time=text.time, name=text.name, number="{:,}".format
    )
    by_state = {
        state: [host for host in document["hosts"] if host["status"] == state] for state in states.HOST_STATES
    }
    return environment.get_template("page.html.j2").render(
        report=document, by_state=by_state, plots=plots.of(document), now=fields.moment(document["time"])
    )
