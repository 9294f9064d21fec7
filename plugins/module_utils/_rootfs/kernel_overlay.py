# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A merge of branches by the kernel's overlay. PRIVATE to the collection.

Options that matter to a reader (Documentation/filesystems/overlayfs.rst): with `index` on, the kernel refuses
branches that another mount has. A file that was only changed in owner or mode may be an empty one in its layer with
the attribute `trusted.overlay.metacopy`, and its content in a lower one: without `metacopy=on` it cannot be read. A
rootless Docker keeps overlay's attributes as `user.overlay.*`, which count only with `userxattr`, and that goes
together with neither.
"""

import contextlib
import itertools
import os
import stat
from typing import Iterator, List, Tuple

from .._host import Host
from .._plan import Mount, Plan, Unmount
from .._tree.union import OVERLAY, OVERLAY_OF_USER, Marks
from .branches import Branches, linked, links_directory
from .driver import SAFE_OPTIONS, Request
from .scratch import RemoveTree

METACOPY = "metacopy=on"
_USER_ATTRIBUTES = "userxattr"
_ATTRIBUTES = 16  # sectors
_LOOKED_AT = 2000  # directories


def options(host: Host, branches: List[str]) -> Tuple[str, ...]:
    """The options that these branches (directories) need for being read on this kernel."""
    has = os.path.join(host.sys, "module/overlay/parameters")
    found = ["index=off"] if os.path.exists(has + "/index") else []
    # Of a Docker of root's, they are what a process of a container made, to be misread.
    rootless = owner(os.path.dirname(branches[0])) != 0
    if rootless and any(_has_user_attributes(branch) for branch in branches[:2]):
        return tuple(found + [_USER_ATTRIBUTES])
    return tuple(found + ([METACOPY] if os.path.exists(has + "/metacopy") else []))


def marks(host: Host, branches: List[str]) -> Marks:
    """How these branches hide what is below them."""
    return OVERLAY_OF_USER if _USER_ATTRIBUTES in options(host, branches) else OVERLAY


def has_metacopies(branches: List[str]) -> bool:
    """Whether any file's content is in a branch below its own. Such a file takes no more than its attributes do."""
    return any(_is_metacopy(path) for branch in branches for path in _small_files(branch))


def plan(branches: Branches, extra: Tuple[str, ...], request: Request) -> Plan:
    steps, directory = Plan(), ""
    named = list(SAFE_OPTIONS) if branches.upper else ["ro", *SAFE_OPTIONS]
    if branches.need_links():
        directory = links_directory(os.path.dirname(request.path), request.name)
        steps, branches = linked(branches, directory)
    named += [*branches.options(), *extra]
    source = "drydock-" + request.container.id
    steps.add(Mount(source, request.path, "overlay", named, directory), Unmount(request.path))
    if directory:
        steps.add(RemoveTree(directory))
    return steps


def owner(directory: str) -> int:
    return os.stat(directory).st_uid


def _has_user_attributes(branch: str) -> bool:
    """Whether overlay's attributes are a user's. They are on directories into which something was copied up, and on
    those that hide what is below them: a container that changed anything has them near the top."""
    for directory, _names, _files in itertools.islice(os.walk(branch), _LOOKED_AT):
        try:
            attributes = os.listxattr(directory, follow_symlinks=False)
        except OSError:
            attributes = []
        if any(one.startswith("trusted.overlay.") for one in attributes):
            return False
        if any(one.startswith("user.overlay.") for one in attributes):
            return True
    return False


def _small_files(branch: str) -> Iterator[str]:
    for directory, _names, files in os.walk(branch):
        for name in files:
            path = os.path.join(directory, name)
            with contextlib.suppress(OSError):
                facts = os.lstat(path)
                if stat.S_ISREG(facts.st_mode) and facts.st_size and facts.st_blocks <= _ATTRIBUTES:
                    yield path


def _is_metacopy(path: str) -> bool:
    with contextlib.suppress(OSError):
        return "trusted.overlay.metacopy" in os.listxattr(path, follow_symlinks=False)
    return False
