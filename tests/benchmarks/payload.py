# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much source of ours travels with each module."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import ansiballz
from figures import Figure

ALLOWED_KB = 100


def figures() -> Iterator[Figure]:
    for module in ansiballz.modules():
        with tempfile.TemporaryDirectory() as directory:
            exploded = ansiballz.explode(module, Path(directory))
            utils = exploded / "ansible_collections/drydock/rescue/plugins/module_utils"
            size = sum(file.stat().st_size for file in utils.rglob("*.py"))
        yield Figure(f"payload of {module}", size / 1000, ALLOWED_KB, 1.0, "KB")
