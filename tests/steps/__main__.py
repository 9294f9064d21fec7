# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./run starts: one step, or all of them."""

import os
import signal
import sys

import bench
import browser
import fuzz
import lint
import molecule
import paths
import promtool
import pythons
import reference
import report
import sanity
import soak
import unit
import venvs

TEST = {
    "lint": lint.jobs,
    "unit": unit.jobs,
    "fuzz": fuzz.jobs,
    "browser": browser.jobs,
    "promtool": promtool.jobs,
    "sanity": sanity.jobs,
    "molecule": molecule.jobs,
}
STEPS = TEST | {"docs": reference.jobs, "soak": soak.jobs}
# The scenarios wait for each other themselves, for as long as there is no room for their guests: none of them waits for
# one that has no room either.
AT_ONCE = {"molecule": 100}


def main(command: str, *arguments: str) -> int:
    # A stopped run must not leave its processes behind: treat it like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if command == "exec":
        return replace_by(*arguments)
    if command == "bench":
        return bench.start(*arguments)
    if arguments and command not in ("fuzz", "molecule", "unit"):
        sys.exit(f"./run {command} takes no arguments")
    steps = list(TEST) if command == "test" else [command]
    outcomes = []
    for name in steps:
        outcomes += report.run_step(name, STEPS[name](*arguments), AT_ONCE.get(name, 2))
    return report.finish(outcomes)


def replace_by(program: str, *arguments: str) -> int:
    """Become a program of this repository, with Ansible and this collection at hand."""
    environment = venvs.environment(venvs.get("main", pythons.default()))
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(paths.collections_path())
    os.execve(paths.ROOT / program, [program, *arguments], environment)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
