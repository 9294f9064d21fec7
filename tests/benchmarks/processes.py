# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures a whole process."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

STOPWATCH = Path(__file__).with_name("stopwatch.py")


class Cost(NamedTuple):
    seconds: float
    peak_mib: float


def measure(output: Path, *command: "str | Path") -> Cost:
    """The cost of a command whose output goes to a file. Raises when it fails."""
    words = [sys.executable, "-IS", STOPWATCH, output, *command]
    printed = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
    seconds, kib, code = printed.split()
    if int(code):
        raise RuntimeError(f"{command[0]} ended with code {code}: {output.read_text()[-2000:]}")
    return Cost(float(seconds), int(kib) / 1024)
