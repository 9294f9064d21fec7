# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes longer than ./run test allows."""

import functools

import fuzz
import molecule
from report import Job

MINUTES = 150  # for each job
CASES = 1_000_000  # of fuzzing


def jobs() -> list[Job]:
    return [
        longer("killed", "a thousand times", DRYDOCK_SOAK="1"),
        longer("beside", "two hundred times", DRYDOCK_SOAK="1"),
        longer("drivers", "in every way", DRYDOCK_SOAK="1"),
        longer("backup-restic", "a hundred times", DRYDOCK_SOAK="1"),
        longer("disk-full", "on qemu", LAB_BACKEND="qemu"),
        longer("stopped-host", "on ext4 too", DRYDOCK_HOSTS="xfs ext4 bare"),
        longer("backup", "of two million files", DRYDOCK_SOAK="1"),
        *(longer(name, "once") for name in sorted(molecule.ONLY_SOAK)),
        *fuzz.soak(CASES, MINUTES),
    ]


def longer(scenario: str, what: str, **variables: str) -> Job:
    """A molecule scenario with other variables. Two jobs run at a time, so each scenario has only one."""
    return Job(f"{scenario} {what}", functools.partial(molecule.scenario, scenario, MINUTES, **variables))
