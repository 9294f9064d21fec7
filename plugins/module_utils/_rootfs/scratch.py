# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of ours for what one container needs on disk while it is open. PRIVATE to the collection.

`<work dir>/.drydock-<name>`; the label of the tree says the work directory. After a reboot there is no label any more:
then those in the usual places are still known by their name.
"""

import os
import shutil
from typing import Dict, List

from .. import _ours
from .._host import Host, quote
from .._plan import Action, Context, MakeDirectory, Plan
from .driver import Found


def remove_plan(host: Host, found: Found) -> Plan:
    """Removes the directories of one container."""
    plan = Plan()
    for directory in directories(host, found):
        plan.add(RemoveTree(directory))
    return plan


def directories(host: Host, found: Found) -> List[str]:
    """Those that there are, of one container."""
    work_dirs = {tree.label.extra for tree in found.trees if tree.label.method != "bind" and tree.label.extra}
    work_dirs |= {host.run_directory, host.image_directory}
    named = [_ours.scratch_directory(one, found.name) for one in sorted(work_dirs)]
    return [one for one in named if os.path.isdir(one) and not os.path.islink(one)]


class MakeScratch(MakeDirectory):
    """A new directory; one that a power cut left in a work directory on disk is ours by its name, and goes."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.left = os.path.isdir(path) and not os.path.islink(path)

    def shown(self, outputs: Dict[str, str]) -> List[str]:
        return (RemoveTree(self.path).shown(outputs) if self.left else []) + super().shown(outputs)

    def perform(self, context: Context) -> None:
        if self.left:
            RemoveTree(self.path).perform(context)
        super().perform(context)


class RemoveTree(Action):
    """Removes a directory of ours with what is in it, without following links."""

    def __init__(self, path: str) -> None:
        self.path = path

    def shown(self, outputs: object) -> List[str]:
        return [quote(["rm", "-r", "--one-file-system", self.path])]

    def perform(self, context: Context) -> None:
        shutil.rmtree(self.path)
