# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's commands on this machine, with nothing of its own settings and with the collection that a test wants."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def link_collection(directory, collection=ROOT):
    """Lets the commands that are run for a directory find it."""
    above = directory / "collections" / "ansible_collections" / "drydock"
    above.mkdir(parents=True)
    (above / "rescue").symlink_to(collection)


def run(directory, command, *arguments, programs=None, cwd=None, stderr=subprocess.STDOUT, **environment):
    """``ansible``, ``playbook`` or another, with what lies in a directory. ``programs`` is where those lie that are
    found before the machine's."""
    given = {name: os.environ[name] for name in ("HOME", "PATH", "PYTHONPATH") if name in os.environ}
    given.update(
        ANSIBLE_COLLECTIONS_PATH=str(directory / "collections"),
        ANSIBLE_HOME=str(directory / "home"),
        ANSIBLE_LOCALHOST_WARNING="0",
        ANSIBLE_NOCOLOR="1",
        LC_ALL="C.UTF-8",
        PYTHONDONTWRITEBYTECODE="1",
    )
    if programs:
        given["PATH"] = "%s:%s" % (programs, given["PATH"])
    return subprocess.run(
        [sys.executable, "-m", "ansible", command, *arguments],
        cwd=cwd or directory,
        env=dict(given, **environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        check=False,
    )
