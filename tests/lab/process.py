# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that outlive the command which started them: found by what they are, not by a stored number."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path


def start(words: list[str], console: Path, **environment: str) -> int:
    """One that writes to its console and outlives us."""
    with console.open("ab") as output:
        started = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, **environment},
        )
    return started.pid


def command_line(pid: int) -> str:
    """The words of a process; empty for one that is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def find(word: str) -> list[int]:
    """The processes with this word in their command line, but none of another chroot."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if f" {word} " in command_line(pid) and _has_our_root(pid)]


def _has_our_root(pid: int) -> bool:
    try:
        return os.path.samefile(f"/proc/{pid}/root", "/")
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_alive(pid: int) -> bool:
    return bool(command_line(pid))


def children(pids: Iterable[int]) -> list[int]:
    """Of these processes, and none that is one of them."""
    parents = set(pids)
    everyone = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in everyone if pid not in parents and int(_status(pid, "PPid") or 0) in parents]


def halt(pids: Iterable[int]) -> None:
    """SIGSTOP to each, and wait until they stand still."""
    halted = list(pids)
    for pid in halted:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(_status(pid, "State")[:1] in ("T", "t", "Z", "") for pid in halted), seconds=10)


def _status(pid: int, field: str) -> str:
    """A field of /proc/PID/status; empty for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{field}:")), "")


def kill(pids: Iterable[int]) -> None:
    """SIGKILL to each, and wait until they are gone: what they held is free afterwards."""
    doomed = list(pids)
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, doomed)), seconds=10)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
