# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of all containers out of containerd's records, on the oldest Python that runs here: a process from its
start to its end, against what is promised. Each container runs, so that meta.db has the whole specification of each."""

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import container_info
import processes
from figures import Figure, medians

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
from support.containerd import ACTIVE, Containerd, chain
from support.docker_root import ident

CONTAINERS = 5000
IMAGES = 50
SPECIFICATION = 9800  # bytes, as Docker 26 writes it
ROUNDS = 9
SECONDS, MIB = 2.0, 100.0
READER = Path(__file__).with_name("read_containerd.py")


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="drydock-bench-", dir=container_info.in_memory()) as name:
        root = Path(name, "containerd")
        ids = write(root)
        listed, said = Path(name, "ids"), Path(name, "output")
        listed.write_text("".join(f"{one}\n" for one in ids))

        def run() -> processes.Cost:
            cost = processes.measure(said, os.environ["OLDEST_PYTHON"], "-BIS", READER, root, listed)
            if said.read_text().split() != [str(CONTAINERS), str(CONTAINERS * 4)]:
                raise RuntimeError(f"not all was read: {said.read_text()}")
            return cost

        seconds, mib = medians([run() for _round in range(ROUNDS)])
    yield Figure(f"bbolt: {CONTAINERS} containers", seconds, SECONDS, 1.0, "s")
    yield Figure("bbolt: peak memory", mib, MIB, 1.0, "MiB")


def write(root: Path) -> list[str]:
    """The ids of the containers, in no order."""
    chance = random.Random(1)
    containerd = Many(root)
    for image in range(IMAGES):
        containerd.snapshot(chain(f"base {image}"))
        containerd.snapshot(chain(f"app {image}"), chain(f"base {image}"))
    ids = [ident(f"container {number}") for number in range(CONTAINERS)]
    for one in ids:
        containerd.snapshot(one + "-init", chain(f"app {chance.randrange(IMAGES)}"))
        containerd.snapshot(one, one + "-init", ACTIVE)
    containerd.specifications = {
        one.encode(): {
            b"labels": {b"com.docker/engine.bundle.path": b"/var/run/docker/containerd/" + one.encode()},
            b"runtime": {b"name": b"io.containerd.runc.v2", b"options": b"x" * 60},
            b"spec": chance.randbytes(SPECIFICATION // 2) * 2,
        }
        for one in ids
    }
    containerd.write()
    return ids


class Many(Containerd):
    """Without the directories: nothing looks into them."""

    specifications: dict = {}

    def make(self, directory, names):
        pass

    def buckets(self, snapshots):
        leases = {
            key: {b"snapshots": {b"overlayfs": {key: b"", key + b"-init": b""}}}
            for key in self.specifications
        }
        return {**super().buckets(snapshots), b"containers": self.specifications, b"leases": leases}
