# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the virtual machine: one large container backed up by container_backup with the engine restic and by `restic
backup` of the open tree, first, again, and after a change, and restored by container_restore and by `restic restore`.
Each begins with nothing of the disk in memory, and ends when what it wrote is on the disk. Or fifty small ones by one
call and by fifty runs of restic. Prints the seconds of each, and how many processes of restic the fifty took, a line
for each round.

usage: against_restic.py ROUNDS large|fifty
"""

import os
import subprocess
import sys
import time

import timed
from against_tar import cold, empty, module, typed

LARGE, SMALL, PLACE = "system", ["small-%02d" % number for number in range(50)], "/srv/bench"
OURS, PLAIN, TARGET = PLACE + "/ours", PLACE + "/plain", PLACE + "/restored"
PASSWORD = "of-the-benchmark"
RUNS = "/root/restic.runs"
RESTIC = f"RESTIC_PASSWORD={PASSWORD} restic --quiet --repo {PLAIN}"
COUNTING = f'#!/bin/sh\necho run >>{RUNS}\nexec /usr/bin/restic "$@"\n'


def main(rounds, what):
    os.makedirs(PLACE, exist_ok=True)
    for number in range(rounds):
        for repository in (OURS, PLAIN):
            empty(repository)
            typed(f"RESTIC_PASSWORD={PASSWORD} restic --quiet --repo {repository} init")
        figures = fifty() if what == "fifty" else one_large(number)
        print(" ".join("%.2f" % figure for figure in figures), flush=True)


def one_large(number):
    return (*large(), *large(), *large_after_a_change(number), *restored())


def large_after_a_change(number):
    typed("dd if=/dev/urandom of=/root/change bs=1M count=1 status=none")
    typed(f"docker cp /root/change {LARGE}:/change-{number}")
    return large()


def large():
    ours = module("container_backup", wanted([LARGE])).seconds
    timed.opened(LARGE)
    plain = typed(f"{RESTIC} backup /run/drydock/{LARGE} && sync -f {PLAIN}")
    timed.closed(LARGE)
    return ours, plain


def restored():
    repository = wanted([])["repository"]
    empty(TARGET)
    ours = module("container_restore", {"repository": repository, "container": LARGE, "path": TARGET}).seconds
    empty(TARGET)
    plain = typed(
        f"{RESTIC} restore latest --path /run/drydock/{LARGE} --target {TARGET} && sync -f {TARGET}"
    )
    empty(TARGET)
    return ours, plain


def fifty():
    """By one call and by a run each: seconds, and processes of restic."""
    cold()
    with counted() as ours_ran:
        ours = timed.run("container_backup", wanted(SMALL)).seconds
    plain = 0.0
    cold()
    for name in SMALL:  # one at a time: what many trees hold in memory is not what is measured
        timed.opened(name)
        start = time.monotonic()
        subprocess.run(["sh", "-c", f"{RESTIC} backup /run/drydock/{name}"], check=True)
        plain += time.monotonic() - start
        timed.closed(name)
    return ours, plain, ours_ran(), len(SMALL)


def wanted(names):
    repository = {"engine": "restic", "location": OURS, "password": PASSWORD}
    return {"repository": repository, "containers": names}


class counted:
    """Counts what of restic is started."""

    def __enter__(self):
        open(RUNS, "w").close()
        with open("/usr/local/bin/restic", "w") as program:
            program.write(COUNTING)
        os.chmod("/usr/local/bin/restic", 0o755)
        return self.number

    def __exit__(self, *_unused):
        os.unlink("/usr/local/bin/restic")

    def number(self):
        with open(RUNS) as runs:
            return len(runs.readlines())


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
