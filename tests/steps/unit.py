# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit tests, on Python versions as far apart as this machine has them."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import paths
import process
import pythons
import sanity
import tree
import venvs
from report import Job, Outcome, skipped


def jobs(*arguments: str) -> list[Job]:
    if not any(path.name.startswith("test_") for path in tree.python_files("tests/unit")):
        if tree.python_files("plugins"):
            return []
        return [Job("pytest", lambda: skipped("unit tests: there are none yet"))]
    found = pythons.found()
    wanted = sorted({pythons.OLDEST, max(found)})
    return [job(version, found.get(version), arguments) for version in wanted] + [floor_core_job(arguments)]


def job(version: tuple[int, int], python: "pythons.Python | None", arguments: tuple[str, ...]) -> Job:
    name = f"Python {pythons.name(version)}"
    if python is None:
        return Job(name, lambda: skipped(f"unit tests on {name}: no interpreter found"))
    return Job(name, lambda: pytest(python, arguments))


def floor_core_job(arguments: tuple[str, ...]) -> Job:
    """What runs on the controller, with the oldest ansible-core: its templates trust text that the newer do not."""
    name = f"ansible-core {sanity.FLOOR_CORE}"
    python = pythons.best(*sanity.CORES[sanity.FLOOR_CORE])
    if python is None:
        return Job(name, lambda: skipped(f"unit tests with {name}: no interpreter found"))
    return Job(name, lambda: pytest(python, arguments, f"unit-{sanity.FLOOR_CORE}", ON_CONTROLLER))


def pytest(
    python: pythons.Python,
    arguments: tuple[str, ...],
    requirements: str = "unit",
    tests: tuple[str, ...] = ("tests/unit",),
) -> Outcome:
    venv = venvs.get(requirements, python)
    results = paths.logs() / f"{requirements}-{python}.xml"
    command = [venv / "bin/python", "-m", "pytest", "-q", "-rs", f"--junit-xml={results}"]
    command += [*tests, *arguments]
    with module_utils_of_ansible(python) as pythonpath:
        environment = {**venvs.environment(venv), "PYTHONPATH": pythonpath, "PYTHONDONTWRITEBYTECODE": "1"}
        result = process.run(command, cwd=paths.ROOT, env=environment, log=results.with_suffix(".log"))
    return count(python, result, results)


@contextlib.contextmanager
def module_utils_of_ansible(python: pythons.Python) -> Iterator[str]:
    """For a Python that only hosts have: a directory with the part of Ansible that modules find there."""
    controller = pythons.best(*sanity.CORES[sanity.FLOOR_CORE])
    if python.version >= CONTROLLER or controller is None:
        yield ""
        return
    core = venvs.get(f"sanity-{sanity.FLOOR_CORE}", controller)
    (ansible,) = core.glob("lib/python*/site-packages/ansible")
    with tempfile.TemporaryDirectory(prefix="drydock-rescue-") as directory:
        package = Path(directory, "ansible")
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "module_utils").symlink_to(ansible / "module_utils")
        yield directory


ON_CONTROLLER = ("tests/unit/plugins/action", "tests/unit/plugins/inventory", "tests/unit/roles")
# From here on the virtual environment holds an ansible-core.
CONTROLLER = (3, 10)


def count(python: pythons.Python, result: process.Result, results: Path) -> Outcome:
    if not results.exists():
        return Outcome(failed=1, output=result.output)
    suite = ElementTree.parse(results).getroot().find("testsuite").attrib
    ran, skips = int(suite["tests"]), int(suite["skipped"])
    failed = int(suite["failures"]) + int(suite["errors"])
    # Nothing collected, or a failure outside of the tests.
    failed = failed or int(result.code != 0 or ran == 0)
    outcome = Outcome(passed=max(ran - failed - skips, 0), failed=failed, output=result.output)
    if skips:
        outcome.not_checked[f"unit tests that Python {python} skipped"] = skips
    return outcome
