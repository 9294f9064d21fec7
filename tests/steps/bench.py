# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks: never part of `./run test`, because a busy machine makes them fail."""

import os
import sys

import paths
import pythons
import venvs


def start(*names: str) -> None:
    """Become the benchmarks. Both sides run on the same Python, and where there is but one, on the oldest."""
    environment = venvs.environment(venvs.get("main", pythons.default()))
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(paths.collections_path())
    environment["DOCKER_EXPLORER"] = str(venvs.get("bench", pythons.default()))
    environment["OLDEST_PYTHON"] = str(next(iter(pythons.found().values())).path)
    python = f"{environment['VIRTUAL_ENV']}/bin/python"
    sys.stdout.flush()
    os.execve(python, [python, "-B", str(paths.ROOT / "tests/benchmarks"), *names], environment)
