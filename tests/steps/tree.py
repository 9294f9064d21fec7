# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of this repository, with or without git."""

import contextlib
import fnmatch
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from paths import COLLECTION, ROOT


def files() -> list[Path]:
    """Every file that git would not ignore, relative to the root."""
    patterns = ignored_patterns()
    found = []
    for directory, subdirectories, names in os.walk(ROOT):
        here = Path(directory).relative_to(ROOT)
        subdirectories[:] = sorted(name for name in subdirectories if not ignored(here / name, patterns))
        links = [name for name in subdirectories if (ROOT / here / name).is_symlink()]
        found += [here / name for name in sorted(names) + links if not ignored(here / name, patterns)]
    return found


def python_files(directory: str) -> list[Path]:
    return [path for path in files() if path.suffix == ".py" and Path(directory) in path.parents]


def ignored_patterns() -> list[str]:
    lines = (ROOT / ".gitignore").read_text().splitlines()
    return [".git", *(line for line in lines if line and not line.startswith("#"))]


def ignored(path: Path, patterns: list[str]) -> bool:
    """The small part of git's rules that our .gitignore uses."""
    return any(
        path.as_posix() == pattern.strip("/") if "/" in pattern else fnmatch.fnmatch(path.name, pattern)
        for pattern in patterns
    )


@contextlib.contextmanager
def copy() -> Iterator[Path]:
    """A copy of the collection at a place where Ansible's tools accept it; they also write into it."""
    with tempfile.TemporaryDirectory(prefix="drydock-rescue-") as directory:
        collection = Path(directory) / COLLECTION
        for path in files():
            target = collection / path
            target.parent.mkdir(parents=True, exist_ok=True)
            # A file may vanish meanwhile: an editor's backup, say.
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(ROOT / path, target, follow_symlinks=False)
        yield collection
