# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test sanity with the ansible-cores that the collection promises to work with."""

import re

import ansible_test
import paths
import pythons
import tree
from report import Job, Outcome, skipped

# ansible-core, and the Python versions that can run it.
CORES = {
    "2.16": ((3, 10), (3, 12)),
    "2.19": ((3, 11), (3, 13)),
    "2.21": ((3, 12), (3, 14)),
}
# The one core that still knows the oldest Python on which modules run.
FLOOR_CORE = "2.16"


def jobs() -> list[Job]:
    checks = [core_job(core, *versions) for core, versions in CORES.items()]
    return [*checks, floor_job()]


def core_job(core: str, lowest: tuple[int, int], highest: tuple[int, int]) -> Job:
    python = pythons.best(lowest, highest)
    if python is None:
        between = f"{pythons.name(lowest)} to {pythons.name(highest)}"
        return Job(f"ansible-core {core}", lambda: skipped(f"ansible-core {core}: no Python {between} found"))
    arguments = ["--python", str(python)]
    return Job(f"ansible-core {core} on Python {python}", lambda: sanity(core, python, arguments))


def floor_job() -> Job:
    """What runs on hosts must compile and import there. Other tests do not depend on the host's Python."""
    python = pythons.best(*CORES[FLOOR_CORE])
    floor = pythons.name(pythons.OLDEST)
    if python is None or pythons.OLDEST not in pythons.found():
        reason = f"sanity on Python {floor}: no interpreter found, or no ansible-core {FLOOR_CORE}"
        return Job(f"Python {floor}", lambda: skipped(reason))
    arguments = ["--python", floor, "--test", "compile", "--test", "import"]
    return Job(f"compile and import on Python {floor}", lambda: sanity(FLOOR_CORE, python, arguments))


def sanity(core: str, python: pythons.Python, arguments: list[str]) -> Outcome:
    log = paths.logs() / f"sanity-{core}-{arguments[1]}.log"
    with tree.copy() as collection:
        command = ["sanity", "--local", "--color", "no", "--truncate", "0", *arguments]
        result = ansible_test.run(core, python, command, collection, log)
    return count(result.code, result.output)


def count(code: int, output: str) -> Outcome:
    """Count the tests that ansible-test names in its output."""
    ran = len(re.findall(r"^Running sanity test ", output, re.MULTILINE))
    failures = re.search(r"The ([0-9]+) sanity test\(s\) listed below \(out of [0-9]+\) failed", output)
    failed = int(failures.group(1)) if failures else int(code != 0 or ran == 0)
    text = re.sub(r"^(Running|Installing|Using cached) .*\n", "", output, flags=re.MULTILINE)
    return Outcome(passed=max(ran - failed, 0), failed=failed, output=text)
