# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parsers, given what nobody would write: a bounded number of cases, the same ones each time, or many new ones."""

import random
import re
import sys

import paths
import process
import pythons
import unit
import venvs
from report import Job, Outcome

TESTS = paths.ROOT / "tests/fuzz"
CASES = 2_500  # of all properties together: what half a minute has room for


def jobs(*arguments: str) -> list[Job]:
    """One for each family of parsers. ``arguments`` is the number of cases, which are then new ones."""
    if len(arguments) > 1 or not all(word.isdecimal() for word in arguments):
        sys.exit("./run fuzz takes a number of cases")
    return soak(int(arguments[0])) if arguments else [job(file.name, CASES) for file in files()]


def soak(cases: int, minutes: int = 15) -> list[Job]:
    seed = random.randrange(2**32)
    return [job(file.name, cases, minutes, seed) for file in files()]


def files() -> list:
    return sorted(TESTS.glob("test_*.py"))


def properties(file) -> int:
    return len(re.findall(r"^@given\(", file.read_text(), re.MULTILINE))


def job(name: str, cases: int, minutes: int = 15, seed: "int | None" = None) -> Job:
    each = -(-cases // sum(map(properties, files())))
    share = each * properties(TESTS / name)
    return Job(f"{name[len('test_') : -len('.py')]}, {share} cases", lambda: run(name, each, minutes, seed))


def run(name: str, cases: int, minutes: int, seed: "int | None") -> Outcome:
    """Every property of a file, with so many cases each."""
    python = pythons.default()
    venv = venvs.get("fuzz", python)
    results = paths.logs() / f"fuzz-{name[:-3]}.xml"
    command = [venv / "bin/python", "-m", "pytest", "-q", f"--junit-xml={results}", "--tb=short"]
    command += [f"tests/fuzz/{name}"]
    environment = {
        **venvs.environment(venv),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DRYDOCK_FUZZ_CASES": str(cases),
    }
    if seed is not None:
        environment["DRYDOCK_FUZZ_SEED"] = str(seed)
        command.append(f"--hypothesis-seed={seed}")
    limit = minutes * process.MINUTE
    result = process.run(
        command, cwd=paths.ROOT, env=environment, log=results.with_suffix(".log"), timeout=limit
    )
    return unit.count(python, result, results)
