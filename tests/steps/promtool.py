# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of the report and the alert rules, as Prometheus itself sees them."""

import paths
import process
import pythons
import unit
import venvs
from report import Job, Outcome

PROMTOOL = paths.CACHE / "packages/prometheus/usr/bin/promtool"


def jobs() -> list[Job]:
    return [
        Job("alert rules", lambda: tool("check", "rules", "docs/prometheus-alerts.yml")),
        Job("when they fire", lambda: tool("test", "rules", "tests/promtool/alerts.yml")),
        Job("metrics", metrics),
    ]


def tool(*arguments: str) -> Outcome:
    log = paths.logs() / f"promtool-{arguments[0]}.log"
    return Outcome.of(process.run([PROMTOOL, *arguments], cwd=paths.ROOT, log=log))


def metrics() -> Outcome:
    python = pythons.default()
    venv = venvs.get("unit", python)
    results = paths.logs() / "promtool.xml"
    command = [venv / "bin/python", "-m", "pytest", "-q", f"--junit-xml={results}", "tests/promtool"]
    environment = {**venvs.environment(venv), "PYTHONDONTWRITEBYTECODE": "1", "PROMTOOL": str(PROMTOOL)}
    result = process.run(command, cwd=paths.ROOT, env=environment, log=results.with_suffix(".log"))
    return unit.count(python, result, results)
