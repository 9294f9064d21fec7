# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the report in a real browser, without a screen."""

import shutil

import paths
import process
import pythons
import unit
import venvs
from report import Job, Outcome, skipped

# As in tests/browser/browser.py.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def jobs() -> list[Job]:
    return [Job("the page of the report", page)]


def page() -> Outcome:
    if not any(map(shutil.which, NAMES)):
        return skipped("the page of the report in a browser: there is none for this system")
    python = pythons.default()
    venv = venvs.get("unit", python)
    results = paths.logs() / "browser.xml"
    command = [venv / "bin/python", "-m", "pytest", "-q", f"--junit-xml={results}", "tests/browser"]
    environment = {**venvs.environment(venv), "PYTHONDONTWRITEBYTECODE": "1"}
    log = results.with_suffix(".log")
    result = process.run(command, cwd=paths.ROOT, env=environment, log=log)
    return unit.count(python, result, results)
