# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup of sixteen virtual machines at once, against what the processors explain: the processor time of a backup
of one alone, that of its machine and of the controller, sixteen times over all processors."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import ansiballz
from figures import Figure, say

LAB = [str(ansiballz.ROOT / "tests/lab/lab"), "--lab", "bench"]
GUESTS = [f"guest{number}" for number in range(16)]
MAKE = Path(__file__).with_name("in_guest") / "make-some-data"
ROUNDS = 3
ALLOWED = 1.25
PROCESSORS = len(os.sched_getaffinity(0))
TICKS = os.sysconf("SC_CLK_TCK")


def figures() -> Iterator[Figure]:
    say("     booting sixteen virtual machines and making containers in them")
    subprocess.run([*LAB, "down"], check=True)
    try:
        subprocess.run([*LAB, "up", *GUESTS], check=True)
        with ThreadPoolExecutor(PROCESSORS) as pool:
            list(pool.map(make_some_data, GUESTS))
        with tempfile.TemporaryDirectory() as name:
            inventory = Path(name) / "hosts.yml"
            inventory.write_bytes(
                subprocess.run([*LAB, "inventory"], stdout=subprocess.PIPE, check=True).stdout
            )
            backup(inventory, "all")  # to warm up
            used, seconds = zip(*(one_round(inventory) for _round in range(ROUNDS)), strict=True)
    finally:
        subprocess.run([*LAB, "down"], check=True)
    explained = len(GUESTS) * median(used) / PROCESSORS
    yield Figure(
        "backup of 16 guests: against what the CPUs explain", median(seconds), explained, ALLOWED, "s"
    )


def make_some_data(guest: str) -> None:
    subprocess.run([*LAB, "ssh", guest, "sh -s"], input=MAKE.read_bytes(), check=True)


def one_round(inventory: Path) -> tuple[float, float]:
    """The processor time of one guest alone, and the time that all took together."""
    before = processor_time(GUESTS[0])
    backup(inventory, GUESTS[0])
    used = processor_time(GUESTS[0]) - before
    start = time.monotonic()
    backup(inventory, "all")
    seconds = time.monotonic() - start
    say(f"     {used:.4g} {seconds:.4g}")
    return used, seconds


def backup(inventory: Path, hosts: str) -> None:
    """Into an empty repository, each time."""
    ansible(
        inventory,
        "ansible",
        hosts,
        "-m",
        "ansible.builtin.file",
        "-a",
        "path=/var/backups/drydock state=absent",
    )
    ansible(inventory, "ansible-playbook", "drydock.rescue.backup", "--limit", hosts)


def ansible(inventory: Path, program: str, *words: str) -> None:
    program = str(Path(sys.executable).with_name(program))
    command = [program, "-i", str(inventory), "--forks", str(len(GUESTS)), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout[-3000:])


def processor_time(guest: str) -> float:
    """Of its machine and of all that was run here, in seconds. A machine is a process, and a child of it for each
    program that runs there."""
    here = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = here.ru_utime + here.ru_stime
    used, parents, machines = {}, {}, set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text().split("\0")
            # Behind the name, which may hold blanks: ppid is the 2nd field, utime the 12th, stime and those of dead
            # children follow.
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except (OSError, UnicodeDecodeError):  # it ended while we looked
            continue
        used[process.name] = sum(map(int, fields[11:15])) / TICKS
        parents[process.name] = fields[1]
        if f"umid={guest}" in words and any("/labs/bench-" in word for word in words):
            machines.add(process.name)
    return found + sum(used[pid] for pid in used if pid in machines or parents[pid] in machines)
