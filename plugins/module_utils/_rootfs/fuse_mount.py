# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A merge of branches by fuse-overlayfs(1), for layers that the kernel's overlay would show wrongly. PRIVATE to the
collection."""

import os
from typing import Tuple

from .._errors import Refused
from .._plan import Plan, Run, Unmount
from .branches import Branches, linked, links_directory
from .driver import SAFE_OPTIONS, Request

PROGRAM = "fuse-overlayfs"
FS_TYPE = "fuse.fuse-overlayfs"


def plan(branches: Branches, _kernel_options: Tuple[str, ...], request: Request) -> Plan:
    """The program stays while the tree is mounted, and so do the links to the branches; closing takes both away."""
    if branches.upper and ":" in os.path.realpath(branches.upper):
        # It looks up where a link leads, and takes that for a list.
        raise Refused(
            "fuse-overlayfs cannot write to %s: its path has a colon" % branches.upper,
            "Show the data root at another place (`mount --bind`), and give that as `data_root`",
        )
    steps = Plan()
    if branches.need_links():
        directory = links_directory(os.path.dirname(request.path), request.name)
        steps, short = linked(branches, directory)
        lower, upper, work = (
            [os.path.join(directory, one) for one in short.lower],
            short.upper and os.path.join(directory, short.upper),
            short.work and os.path.join(directory, short.work),
        )
        branches = Branches(lower, upper, work)
    options = ("rw" if branches.upper else "ro",) + SAFE_OPTIONS + tuple(branches.options())
    return steps.add(Run(PROGRAM, "-o", ",".join(options), request.path), Unmount(request.path))
