# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree that branches (directories) show together, looked up name by name without a mount. PRIVATE to the
collection.

The rules are those of the kernel's overlay (fs/overlayfs/namei.c), of aufs(5) and of fuse-overlayfs(1). Nothing in a
branch is followed that could lead out of it.
"""

import contextlib
import itertools
import os
import stat
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from .inside import Inside, Parts

WHITEOUT, OWN, _OPAQUE = ".wh.", ".wh..wh.", ".wh..wh..opq"
_GONE = (FileNotFoundError, NotADirectoryError)  # a container may live, and take it away meanwhile


# How a branch says that something below it does not count.
class Marks(NamedTuple):
    devices: bool  # a character device 0:0 hides its own name
    names: bool  # `.wh.NAME` hides NAME, `.wh..wh..opq` all below its directory, and none of them is shown
    opaque: Tuple[str, ...]  # attributes of a directory that hides all below it
    redirect: str  # the attribute of a directory that has another name in the branches below


NONE = Marks(False, False, (), "")
OVERLAY = Marks(True, False, ("trusted.overlay.opaque",), "trusted.overlay.redirect")
OVERLAY_OF_USER = Marks(True, False, ("user.overlay.opaque",), "user.overlay.redirect")
AUFS = Marks(False, True, (), "")
FUSE_OVERLAYFS = Marks(
    True, True, ("user.fuseoverlayfs.opaque", "trusted.overlay.opaque", "user.overlay.opaque"), ""
)


# A directory of one branch.
class Place(NamedTuple):
    branch: Inside
    parts: Parts


Places = Tuple[Place, ...]  # one directory of the union, the top branch first
Opened = List[Tuple[Place, int]]  # those of them that are there, open


class Found(NamedTuple):
    facts: os.stat_result
    directory: int  # what it was found in, an open one
    places: Places  # of a directory


class Union:
    """Branches, the top one first, and how they hide what is below them."""

    def __init__(self, branches: Sequence[Inside], marks: Marks) -> None:
        self._branches, self._marks = list(branches), marks

    def root(self) -> Places:
        return tuple(Place(branch, ()) for branch in self._branches)

    def names(self, directory: int) -> Set[str]:
        """The names that an open directory of a branch says something about."""
        found = set(os.listdir(directory))
        if self._marks.names:
            hidden = {name for name in found if name.startswith(WHITEOUT)}
            found -= hidden
            found |= {name[len(WHITEOUT) :] for name in hidden if not name.startswith(OWN)}
        return found

    def look(self, directories: Opened, name: str) -> Optional[Found]:
        """What one name is in a directory of the union; None where nothing is, or all of it is hidden."""
        top: Optional[Tuple[os.stat_result, int]] = None
        merged: List[Place] = []
        for place, directory in directories:
            try:
                facts = os.stat(name, dir_fd=directory, follow_symlinks=False)
            except FileNotFoundError:
                if self._marks.names and _exists(directory, WHITEOUT + name):
                    break
                continue
            kind = stat.S_IFMT(facts.st_mode)
            if kind == stat.S_IFCHR and not facts.st_rdev and self._marks.devices:
                break
            if top is None:
                top = (facts, directory)
            if kind != stat.S_IFDIR:
                break
            merged.append(Place(place.branch, place.parts + (name,)))
            opaque, redirect = self._said_of(directory, name)
            if opaque:
                break
            if redirect.startswith("/"):
                merged += self._resolved(place.branch, redirect)
                break
            name = redirect or name
        return Found(top[0], top[1], tuple(merged)) if top else None

    def _said_of(self, directory: int, name: str) -> Tuple[bool, str]:
        """Whether a directory hides what is below it, and its name there if that is another."""
        marks = self._marks
        if marks.names and _exists(directory, "%s/%s" % (name, _OPAQUE)):
            return True, ""
        if not marks.opaque:
            return False, ""
        path = in_open(directory, name)
        attributes: List[str] = []
        with contextlib.suppress(OSError):  # a file system without any, or gone
            attributes = os.listxattr(path, follow_symlinks=False)
        with contextlib.suppress(OSError):
            for attribute in marks.opaque:
                if attribute in attributes and os.getxattr(path, attribute, follow_symlinks=False) == b"y":
                    return True, ""
            if marks.redirect in attributes:
                return False, _way(os.getxattr(path, marks.redirect, follow_symlinks=False))
        return False, ""

    def _resolved(self, branch: Inside, path: str) -> Places:
        """A directory of the union of the branches below one."""
        below = self._branches[self._branches.index(branch) + 1 :]
        places: Places = tuple(Place(one, ()) for one in below)
        for name in path[1:].split("/"):
            with opened(places) as (there,):
                found = self.look(there, name)
            places = found.places if found else ()
        return places


@contextlib.contextmanager
def opened(*directories: Places) -> Iterator[List[Opened]]:
    """Directories of unions, open; what is gone, or is a directory no more, is left out."""
    with contextlib.ExitStack() as stack:
        there: Dict[Place, int] = {}
        for place in itertools.chain(*directories):
            if place not in there:
                with contextlib.suppress(*_GONE):
                    there[place] = stack.enter_context(place.branch.directory(place.parts))
        yield [[(place, there[place]) for place in places if place in there] for places in directories]


def in_open(directory: int, name: str) -> str:
    """A path for what takes no open directory (xattr(7) has no such calls)."""
    return "/proc/self/fd/%d/%s" % (directory, name)


def _exists(directory: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError:
        return False
    return True


def _way(value: bytes) -> str:
    """A redirect, empty for one that the kernel would not take."""
    text = os.fsdecode(value)
    names = (text[1:] if text.startswith("/") else text).split("/")
    plain = all(name not in ("", ".", "..") for name in names)
    return text if plain and (len(names) == 1 or text.startswith("/")) else ""
