# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenarios: roles and modules on whole machines."""

import paths
import process
import pythons
import venvs
from report import Job, Outcome, say, skipped

SCENARIOS = paths.ROOT / "extensions/molecule"


def jobs(*names: str) -> list[Job]:
    if not SCENARIOS.exists():
        return [Job("scenarios", lambda: skipped("molecule scenarios: there are none yet"))]
    names = names or sorted(file.parent.name for file in SCENARIOS.glob("*/molecule.yml"))
    return [Job(name, lambda name=name: scenario(name)) for name in names]


def scenario(name: str, minutes: int = 20, **variables: str) -> Outcome:
    """Run it, with variables for it and for the lab; one of a name at a time, as its guests belong to the name."""
    environment = venvs.environment(venvs.get("main", pythons.default()))
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(paths.collections_path())
    environment.update(variables)
    log = paths.logs() / f"molecule-{name}.log"
    say(f"     molecule {name} writes {log}")
    command = ["molecule", "test", "-s", name]
    limit = minutes * process.MINUTE
    return Outcome.of(process.run(command, cwd=paths.ROOT, env=environment, log=log, timeout=limit))
