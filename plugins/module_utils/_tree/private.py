# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories for root alone: what is copied into them keeps its modes, set-user-ID programs too. PRIVATE to the
collection."""

import os


def make(directory: str) -> None:
    """Makes a directory and all above it that are missing, each with mode 0700. Raises OSError."""
    missing, directory = [], os.path.normpath(directory)
    while not os.path.isdir(directory):
        missing.append(directory)
        directory = os.path.dirname(directory)
    for one in reversed(missing):
        os.mkdir(one, 0o700)
