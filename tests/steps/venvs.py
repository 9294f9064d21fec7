# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments, one for each requirements file and Python; a change of the file makes a new one."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import paths
import process
import pythons
from report import StepError, say


def get(requirements: str, python: pythons.Python) -> Path:
    """The virtual environment for tests/requirements/NAME.txt; it is made when it is not there."""
    file = paths.ROOT / "tests/requirements" / f"{requirements}.txt"
    key = hashlib.sha256(file.read_bytes() + str(python).encode() + bytes(python.path)).hexdigest()[:16]
    directory = paths.CACHE / "venvs" / key
    # Written last: what lacks it was interrupted and is made anew.
    complete = directory / "complete"
    with lock(directory.with_suffix(".lock")):
        if not complete.exists():
            say(f"     installing {file.relative_to(paths.ROOT)} for Python {python} in {directory}")
            shutil.rmtree(directory, ignore_errors=True)
            log = paths.logs() / f"venv-{requirements}-{python}.log"
            for command in recipe(directory, python, file):
                result = process.run(command, log=log, cwd=paths.ROOT)
                if result.code:
                    raise StepError(f"{file.name} could not be installed:\n{result.output}")
            complete.touch()
    return directory


def recipe(directory: Path, python: pythons.Python, file: Path) -> Iterator[list]:
    pip = [directory / "bin/python", "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    yield [python.path, "-m", "venv", directory]
    if python.version < (3, 7):
        # The pip of that time takes what is too new for this Python.
        yield [*pip, "pip==21.3.1"]
    yield [*pip, "-r", file]


def environment(venv: Path) -> dict[str, str]:
    """The variables that make a program run inside the virtual environment, without colours."""
    path = ":".join([f"{venv}/bin", *pythons.search_path()])
    return {**os.environ, "PATH": path, "VIRTUAL_ENV": str(venv), "NO_COLOR": "1"}


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a lock while two runs, or two steps of one, would do the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
