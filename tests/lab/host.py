# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine that the lab runs on: what it must have, and how its tools are run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


class LabError(Exception):
    """Something that the user of the lab should read; shown without a traceback."""


def declared_packages(path: Path) -> list[str]:
    """The package names of a list with one package a line and ``#`` comments."""
    words = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [word for word in words if word]


def run(*argv: str | Path) -> str:
    """Run a tool and return its standard output; a failure says what the tool said."""
    words = [str(word) for word in argv]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise LabError(f"{' '.join(words)}: exit status {done.returncode}\n{said}")
    return done.stdout


def check() -> None:
    """Name everything that is missing, all at once."""
    if os.geteuid():
        raise LabError("the lab must run as root: it makes a network namespace and a root file system")
    if os.uname().machine != "x86_64":
        raise LabError("the lab runs on x86_64 only: User Mode Linux is not built for other machines")
    if not shutil.which("dpkg-query"):
        raise LabError("the lab runs on Debian and Ubuntu only: dpkg-query is missing")
    missing = [name for name in declared_packages(HERE / "packages.txt") if not _installed(name)]
    if missing:
        install = "apt-get install -y --no-install-recommends"
        raise LabError(f"packages are missing on this machine: {install} {' '.join(missing)}")


def _installed(package: str) -> bool:
    status = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    return status.stdout == "installed"
