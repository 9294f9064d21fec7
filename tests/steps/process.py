# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a tool: its output in a file, its life bounded, its children taken along."""

import os
import re
import signal
import subprocess
import threading
from pathlib import Path
from typing import NamedTuple

MINUTE = 60


class Result(NamedTuple):
    code: int
    output: str


def run(argv, *, log: Path, cwd: Path, env=None, timeout=15 * MINUTE) -> Result:
    """Run a command without a terminal; when it takes too long, end it and all that it started."""
    if _stopped.is_set():
        raise InterruptedError("the run is being stopped")
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(word) for word in argv],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        _running.add(process)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            end(process)
            code = process.wait()
            output.write(f"\nended after {timeout} s without a result\n")
        finally:
            _running.discard(process)
    # Some tools colour their words whatever they are told.
    return Result(code, re.sub(r"\x1b\[[0-9;]*m", "", log.read_text(errors="replace")))


def end(process: subprocess.Popen) -> None:
    for number, patience in ((signal.SIGTERM, 30), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def end_all() -> None:
    """End what runs; nothing is started any more."""
    _stopped.set()
    for process in list(_running):
        end(process)


_running: set[subprocess.Popen] = set()
_stopped = threading.Event()
