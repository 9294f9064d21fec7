# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths, and files of our own. PRIVATE to the collection."""

import os


def is_in(path: str, directory: str) -> bool:
    """Whether a path is a directory or leads into it; links are not looked at."""
    return (path.rstrip("/") + "/").startswith(directory.rstrip("/") + "/")


def write_whole(path: str, text: str) -> None:
    """A file for its owner alone that is there whole or not at all, also after a power cut."""
    temporary = path + ".new"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(temporary, path)
