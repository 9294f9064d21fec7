# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks for fleets on 100 and on 1,000 simulated hosts: what a host costs must not grow with their number."""

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import processes
import simulated_hosts
from figures import Figure, say

FEW, MANY = 100, 1000
FORKS = 10
ALLOWED_TIME = 1.15
ALLOWED_MEMORY = 1.0


class Fleet(NamedTuple):
    hosts: int
    survey: processes.Cost
    report: processes.Cost


def figures() -> Iterator[Figure]:
    few, many = measured(FEW), measured(MANY)
    for name in ("survey", "report"):
        ours, peer = getattr(many, name), getattr(few, name)
        yield Figure(
            f"{name}: time per host of {MANY}, against {FEW}",
            ours.seconds / MANY,
            peer.seconds / FEW,
            ALLOWED_TIME,
            "s",
        )
        yield Figure(
            f"{name}: peak memory with {MANY} hosts, against {MANY // FEW} times that with {FEW}",
            ours.peak_mib,
            peer.peak_mib * MANY / FEW,
            ALLOWED_MEMORY,
            "MiB",
        )


def measured(hosts: int) -> Fleet:
    with tempfile.TemporaryDirectory(prefix="drydock-fleet-") as name:
        directory = Path(name)
        inventory = simulated_hosts.write(directory, hosts)
        results, page = directory / "results", directory / "report"
        survey = playbook(directory, "survey", "-i", inventory, "-e", f"survey_results={results}")
        check(hosts, (directory / "survey.log").read_text(), results)
        variables = {"report_results": str(results), "report_dest": str(page), "report_kinds": ["survey"]}
        report = playbook(directory, "report", "-i", inventory, "-e", json.dumps(variables))
        reported = json.loads((page / "report.json").read_text())["hosts"]
        if len(reported) != hosts or (page / "retry.txt").exists():
            raise RuntimeError(f"{len(reported)} of {hosts} hosts are in the report, or some of them failed")
    for name, cost in (("survey", survey), ("report", report)):
        say(f"     {name} of {hosts} hosts: {cost.seconds:.0f} s, {cost.peak_mib:.0f} MiB at most")
    return Fleet(hosts, survey, report)


def playbook(directory: Path, name: str, *arguments: "str | Path") -> processes.Cost:
    """What a playbook of the collection costs; its output is in NAME.log."""
    os.environ.update(ANSIBLE_HOME=str(directory / "home"), ANSIBLE_NOCOLOR="1")
    program = Path(sys.executable).with_name("ansible-playbook")
    words = [program, f"drydock.rescue.{name}", "--forks", str(FORKS), *arguments]
    return processes.measure(directory / f"{name}.log", *words)


def check(hosts: int, said: str, results: Path) -> None:
    old = len(range(0, hosts, simulated_hosts.OLD_EVERY))
    if f'"{hosts} hosts looked at, {old} with an old storage driver"' not in said:
        raise RuntimeError(f"the survey did not look at every host: {said[-2000:]}")
    if len(re.findall(r"^sim\d+ .* failed=0 ", said, re.MULTILINE)) != hosts:
        raise RuntimeError("a host failed")
    written = len(list(results.glob("*/*-survey.json")))
    if written != hosts:
        raise RuntimeError(f"{written} of {hosts} hosts have a result file")
