# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""container_info, as Ansible runs it, against docker-explorer: all containers of one large data root."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ansiballz
import many_containers
import processes
from figures import Figure, alternated

CONTAINERS = 10000
ROUNDS = 15
ALLOWED = 1.0
ROOM = 2 * 2**30  # bytes; the many small files take half of it


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="drydock-bench-", dir=in_memory()) as name:
        directory = Path(name)
        root = many_containers.write(directory, CONTAINERS)
        module, said = directory / "container_info.py", directory / "output"
        module.write_bytes(ansiballz.build("container_info", {"data_root": str(root)}))
        de = Path(os.environ["DOCKER_EXPLORER"], "bin")

        def ours() -> processes.Cost:
            cost = processes.measure(said, sys.executable, module)
            check(len(json.loads(said.read_text())["containers"]))
            return cost

        def peer() -> processes.Cost:
            cost = processes.measure(said, de / "python", de / "de.py", "-r", root, "list", "all_containers")
            check(len(json.loads(said.read_text())))
            return cost

        (seconds, mib), (peer_seconds, peer_mib) = alternated(ROUNDS, ours, peer)
    yield Figure("container_info: time", seconds, peer_seconds, ALLOWED, "s")
    # What was measured is the largest of the processes that share the work; they share memory, too.
    mib *= min(4, len(os.sched_getaffinity(0)))
    yield Figure("container_info: peak memory, at most", mib, peer_mib, ALLOWED, "MiB")


def in_memory() -> "str | None":
    """A directory where no disk has a part in what is measured, if there is room in one."""
    room = shutil.disk_usage("/dev/shm").free if os.path.isdir("/dev/shm") else 0
    return "/dev/shm" if room > ROOM else None


def check(listed: int) -> None:
    if listed != CONTAINERS:
        raise RuntimeError(f"{listed} of {CONTAINERS} containers were listed")
