# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenarios: roles and modules on whole machines."""

import contextlib
import re
import threading
import time
from collections.abc import Iterator

import paths
import process
import pythons
import venvs
from report import Job, Outcome, say, skipped

SCENARIOS = paths.ROOT / "extensions/molecule"
GUESTS_AT_ONCE = 4  # of all scenarios together: two cores are no faster with more
# ./run test has not the time for these.
ONLY_SOAK = frozenset({"fleet", "guides", "schedule"})


class Room:
    """For guests; a scenario waits until its own fit in beside those of others. Who came first goes first, or one with
    many guests would wait for all those with one."""

    def __init__(self, size: int) -> None:
        self.free, self.changed = size, threading.Condition()
        self.waiting: list[int] = []  # threads

    @contextlib.contextmanager
    def of(self, guests: int) -> Iterator[None]:
        thread = threading.get_ident()
        with self.changed:
            self.waiting.append(thread)
            self.changed.wait_for(lambda: self.waiting[0] == thread and self.free >= guests)
            self.waiting.pop(0)
            self.free -= guests
            self.changed.notify_all()
        try:
            yield
        finally:
            with self.changed:
                self.free += guests
                self.changed.notify_all()


ROOM = Room(GUESTS_AT_ONCE)


def jobs(*names: str) -> list[Job]:
    if not SCENARIOS.exists():
        return [Job("scenarios", lambda: skipped("molecule scenarios: there are none yet"))]
    every = sorted({file.parent.name for file in SCENARIOS.glob("*/molecule.yml")} - ONLY_SOAK)
    names = names or tuple(sorted(every, key=guests, reverse=True))  # what takes longest comes first
    return [Job(name, lambda name=name: scenario(name)) for name in names]


def scenario(name: str, minutes: int = 30, **variables: str) -> Outcome:
    """Run it, with variables for it and for the lab; one of a name at a time, as its guests belong to the name."""
    environment = venvs.environment(venvs.get("main", pythons.default()))
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(paths.collections_path())
    environment.update(variables)
    log = paths.logs() / f"molecule-{name}.log"
    command = ["molecule", "test", "-s", name]
    limit = minutes * process.MINUTE
    with ROOM.of(min(guests(name), GUESTS_AT_ONCE)):
        say(f"     molecule {name} writes {log}")
        start = time.monotonic()
        outcome = Outcome.of(process.run(command, cwd=paths.ROOT, env=environment, log=log, timeout=limit))
        outcome.seconds = time.monotonic() - start
        return outcome


def guests(name: str) -> int:
    """How many a scenario has: one, when it does not name them."""
    named = re.search(r"^ *LAB_GUESTS: (.+)$", (SCENARIOS / name / "molecule.yml").read_text(), re.MULTILINE)
    return len(named[1].split()) if named else 1
