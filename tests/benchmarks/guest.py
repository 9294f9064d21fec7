# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine with containers on devicemapper and modules of the collection."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ansiballz
import figures
from figures import say

LAB = [str(ansiballz.ROOT / "tests/lab/lab"), "--lab", "bench"]
IN_GUEST = Path(__file__).with_name("in_guest")
NAME = "guest"
MODULES = ("container_rootfs", "container_diff_info", "container_backup", "container_restore")


@contextlib.contextmanager
def booted(make: str) -> Iterator[None]:
    """``make`` is the script in in_guest that makes its containers."""
    say("     booting a virtual machine and making containers in it")
    subprocess.run([*LAB, "down"], check=True)
    try:
        subprocess.run([*LAB, "up", NAME], check=True)
        ssh("sh -s", (IN_GUEST / make).read_bytes())
        with tempfile.TemporaryDirectory() as directory:
            ansiballz.lay_out(Path(directory), *MODULES)
            words = ["tar", "-c", "-C", directory, "ansible", "ansible_collections"]
            words += ["-C", IN_GUEST, *(file.name for file in IN_GUEST.glob("*.py"))]
            words += ["-C", ansiballz.ROOT / "tests/unit", "support"]
            packed = subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout
        ssh("mkdir -p /root/bench && tar -x -C /root/bench", packed)
        yield
    finally:
        subprocess.run([*LAB, "down"], check=True)


def medians(script: str, rounds: int, *arguments: str, warm_up: int = 1) -> list[float]:
    """The medians of what a program in the guest printed; its first rounds only warm up."""
    command = f"python3 /root/bench/{script} {rounds + warm_up} {' '.join(arguments)}"
    printed = ssh(command).decode().splitlines()[warm_up:]
    for number, line in enumerate(printed):
        say(f"     round {number + 1} of {rounds}: {line}")
    return figures.medians([float(word) for word in line.split()] for line in printed)


def ssh(command: str, given: bytes = b"") -> bytes:
    words = [*LAB, "ssh", NAME, command]
    return subprocess.run(words, input=given, stdout=subprocess.PIPE, check=True).stdout
