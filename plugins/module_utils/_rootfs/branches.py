# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directories that a union file system is made of, and how their paths are made fit for its options. PRIVATE to
the collection."""

import contextlib
import os
from typing import List, NamedTuple, Tuple

from .._host import quote
from .._plan import Action, Context, MakeDirectory, Plan
from .scratch import RemoveTree

_PAGE = 4096  # mount(2) takes one page of options
_LIKE = ("mkdir", "chown", "chmod", "touch")
_OF_UNIONS = (".overlay.", ".fuseoverlayfs.", ".aufs.")  # in names of extended attributes
_SPECIAL = (":", ",", "\\")  # separators of the options


class Branches(NamedTuple):
    lower: List[str]  # the nearest first
    upper: str = ""  # empty: nothing can be written
    work: str = ""

    def options(self) -> List[str]:
        """As options of overlay and fuse-overlayfs."""
        options = ["lowerdir=" + ":".join(self.lower)]
        if self.upper:
            options += ["upperdir=" + self.upper, "workdir=" + self.work]
        return options

    def need_links(self) -> bool:
        paths = self.lower + [self.upper, self.work]
        too_long = sum(len(path) + 1 for path in paths) > _PAGE // 2
        return too_long or any(mark in path for path in paths for mark in _SPECIAL)


def links_directory(run_directory: str, name: str) -> str:
    return os.path.join(run_directory, ".l-" + name)


def linked(branches: Branches, directory: str) -> Tuple[Plan, Branches]:
    """Short links of ours to the branches, and the branches as names relative to the links' directory."""
    paths = branches.lower + ([branches.upper, branches.work] if branches.upper else [])
    names = [str(number) for number in range(len(paths))]
    short = Branches(names[: len(branches.lower)], *names[len(branches.lower) :])
    return Plan().add(LinkLayers(directory, paths), RemoveTree(directory)), short


class LinkLayers(Action):
    """The links. They are needed during the mount alone."""

    def __init__(self, directory: str, layers: List[str]) -> None:
        self.directory, self.layers = directory, layers

    def shown(self, outputs: object) -> List[str]:
        lines = [quote(["mkdir", "-m", "0700", self.directory])]
        return lines + [
            quote(["ln", "-s", path, os.path.join(self.directory, str(number))])
            for number, path in enumerate(self.layers)
        ]

    def perform(self, context: Context) -> None:
        os.mkdir(self.directory, 0o700)
        for number, path in enumerate(self.layers):
            os.symlink(path, os.path.join(self.directory, str(number)))


class MakeUpper(MakeDirectory):
    """An upper directory: what the root of the merged tree looks like, hence owner, mode, time and attributes of the
    top layer's; without those that unions keep for themselves."""

    def __init__(self, path: str, like: str) -> None:
        super().__init__(path)
        self.like = like

    def shown(self, outputs: object) -> List[str]:
        same = ["--reference=" + self.like, self.path]
        return [quote([tool] + ([self.path] if tool == "mkdir" else same)) for tool in _LIKE]

    def perform(self, context: Context) -> None:
        super().perform(context)
        facts = os.stat(self.like)
        os.chown(self.path, facts.st_uid, facts.st_gid)
        os.chmod(self.path, facts.st_mode & 0o7777)
        for name in os.listxattr(self.like):
            if not any(mark in name for mark in _OF_UNIONS):
                with contextlib.suppress(OSError):  # not every file system of a scratch takes every attribute
                    os.setxattr(self.path, name, os.getxattr(self.like, name))
        os.utime(self.path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
