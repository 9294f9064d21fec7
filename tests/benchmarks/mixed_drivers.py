# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""container_info on a data root in which every storage driver has its containers and ten are broken in ten ways,
against one of the same size with overlay2 alone."""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ansiballz
import container_info
import many_containers
import processes
from figures import Figure, alternated

CONTAINERS = 10000
ROUNDS = 9
ALLOWED = 1.5


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="drydock-bench-", dir=container_info.in_memory()) as name:
        directory = Path(name)
        pure = many_containers.write(directory / "pure", CONTAINERS)
        mixed, broken = many_containers.write_mixed(directory / "mixed", CONTAINERS)

        for root in (mixed, pure):
            module_of(root).write_bytes(ansiballz.build("container_info", {"data_root": str(root)}))

        def of_mixed() -> processes.Cost:
            cost, problems = listed(directory, mixed)
            if {problem["subject"] for problem in problems} != broken:
                raise RuntimeError("not exactly the broken containers are named")
            return cost

        def of_pure() -> processes.Cost:
            return listed(directory, pure)[0]

        (seconds, _mib), (pure_seconds, _pure_mib) = alternated(ROUNDS, of_mixed, of_pure)
    yield Figure("container_info: drivers mixed", seconds, pure_seconds, ALLOWED, "s")


def module_of(root: Path) -> Path:
    return root.with_suffix(".py")


def listed(directory: Path, root: Path) -> tuple[processes.Cost, list[dict]]:
    said = directory / "output"
    cost = processes.measure(said, sys.executable, module_of(root))
    found = json.loads(said.read_text())
    container_info.check(len(found["containers"]))
    return cost, found["problems"]
