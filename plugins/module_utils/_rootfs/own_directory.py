# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of ours in places where others may write: what is there already must be root's alone. PRIVATE to the
collection."""

import contextlib
import os
import stat
from typing import List

from .._errors import CommandFailed
from .._plan import Action, Context, MakeDirectory


class MakeOwnDirectory(MakeDirectory):
    """/run/drydock and /var/tmp/drydock, which several containers may share."""

    def shown(self, outputs: object) -> List[str]:
        return ["mkdir -p -m 0700 %s" % self.path]

    def perform(self, context: Context) -> None:
        try:
            os.mkdir(self.path, 0o700)
        except FileExistsError:
            _require_own(self.path, 0o022)
            os.chmod(self.path, 0o700)  # nobody but root may enter: what is mounted below has its own modes


class RemoveOwnDirectory(Action):
    """Takes such a directory away when nothing is in it any more."""

    def __init__(self, path: str) -> None:
        self.path = path

    def shown(self, outputs: object) -> List[str]:
        return ["rmdir --ignore-fail-on-non-empty %s" % self.path]

    def perform(self, context: Context) -> None:
        with contextlib.suppress(OSError):
            os.rmdir(self.path)


class KeepDirectory(MakeDirectory):
    """A directory for one container. What a killed run left in it is used again, so nobody else may look into it."""

    def perform(self, context: Context) -> None:
        try:
            super().perform(context)
        except FileExistsError:
            _require_own(self.path, 0o077)


def _require_own(path: str, denied: int) -> None:
    facts = os.lstat(path)
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & denied:
        raise CommandFailed(
            "%s is not a directory of root's alone" % path,
            "It is not of this collection: look at it, and move it away",
        )
