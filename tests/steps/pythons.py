# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python interpreters of this machine."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

OLDEST, NEWEST = (3, 6), (3, 14)


class Python(NamedTuple):
    version: tuple[int, int]
    path: Path

    def __str__(self) -> str:
        return name(self.version)


def name(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def default() -> Python:
    """The system's own, which runs this."""
    return Python(sys.version_info[:2], Path(sys.executable))


@functools.lru_cache
def found() -> dict[tuple[int, int], Python]:
    """Every version that works: the system's own first, then those on PATH, then those of pyenv."""
    pythons = {default().version: default()}
    for path in candidates():
        version = tuple(int(number) for number in path.name[len("python") :].split("."))
        if OLDEST <= version <= NEWEST and version not in pythons and works(path):
            pythons[version] = Python(version, path)
    return dict(sorted(pythons.items()))


def best(lowest: tuple[int, int], highest: tuple[int, int]) -> "Python | None":
    """The default one where it fits, else the newest that does."""
    if lowest <= default().version <= highest:
        return default()
    fitting = [python for version, python in found().items() if lowest <= version <= highest]
    return fitting[-1] if fitting else None


def candidates() -> list[Path]:
    directories = [Path(place) for place in search_path()]
    directories += sorted(pyenv().glob("versions/*/bin"))
    files = [file for directory in directories for file in sorted(directory.glob("python3.*"))]
    return [file for file in files if re.fullmatch(r"python3\.[0-9]+", file.name)]


def search_path() -> list[str]:
    """PATH without pyenv's shims: there is one for every version, but only those that are selected work."""
    return [place for place in os.environ["PATH"].split(":") if place and Path(place) != pyenv() / "shims"]


def pyenv() -> Path:
    return Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")


def works(path: Path) -> bool:
    """Whether it runs and can make a virtual environment."""
    try:
        check = subprocess.run(
            [path, "-c", "import ensurepip, venv"], capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return check.returncode == 0
