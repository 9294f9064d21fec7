# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds files inside a container's tree and never leaves it. PRIVATE to the collection.

Everything in the tree is hostile input. A path is walked one component at a time from an open directory, no link is
ever followed by the kernel, and a link is resolved here as the container would: an absolute one starts at the tree's
own root, and `..` does not climb above it. A directory that is replaced by a link meanwhile cannot be opened.
"""

import contextlib
import fnmatch
import os
import stat
from typing import Callable, Dict, Iterator, List, NamedTuple, Sequence, Tuple

from .._errors import NotFound, Refused
from .._text import printable

_MOST_LINKS = 40  # as the kernel's own limit
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "character_device",
    stat.S_IFBLK: "block_device",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}

Parts = Tuple[str, ...]  # a path inside the tree without links, `/` being the empty one


class Entry(NamedTuple):
    parts: Parts
    kind: str
    facts: os.stat_result
    target: str


class Inside:
    """One tree, held by its open root directory."""

    def __init__(self, root: str) -> None:
        self.root = root
        try:
            self._root = os.open(root, _OPEN_DIRECTORY)
        except OSError as error:
            raise NotFound("root %s cannot be opened as a directory: %s" % (root, error.strerror))

    def close(self) -> None:
        os.close(self._root)

    def find(self, patterns: Sequence[str]) -> Tuple[List[Entry], List[str]]:
        """What paths or globs (`*`, `?`, `[...]` in one component, `**` for any depth) name, each once and sorted, a
        last component that is a link as the link itself; and the patterns that name nothing."""
        found: Dict[Parts, Entry] = {}
        nothing = []
        for pattern in patterns:
            matches = list(self._match((), [part for part in pattern.split("/") if part not in ("", ".")]))
            for parts in matches:
                with contextlib.suppress(FileNotFoundError):  # gone meanwhile: the container may live
                    found[parts] = self.entry(parts)
            if not matches:
                nothing.append(pattern)
        return [found[parts] for parts in sorted(found)], nothing

    def entry(self, parts: Parts) -> Entry:
        if not parts:
            return Entry((), "directory", os.fstat(self._root), "")
        with self.directory(parts[:-1]) as descriptor:
            return _entry(descriptor, parts)

    def walk(self, entry: Entry, wanted: Callable[[Entry], bool] = lambda _entry: True) -> Iterator[Entry]:
        """The entry and all below it, a directory before its contents; what is not ``wanted``, and all below that, is
        left out. What vanishes meanwhile is passed over."""
        waiting = [entry]
        while waiting:  # not recursive: a container may nest deeper than Python does
            entry = waiting.pop()
            if not wanted(entry):
                continue
            yield entry
            if entry.kind == "directory":
                waiting.extend(reversed(self._children(entry)))

    def _children(self, entry: Entry) -> List[Entry]:
        children = []
        with contextlib.suppress(FileNotFoundError), self.directory(entry.parts) as descriptor:
            for name in sorted(os.listdir(descriptor)):
                with contextlib.suppress(FileNotFoundError):
                    children.append(_entry(descriptor, entry.parts + (name,)))
        return children

    def leads_to(self, entry: Entry) -> List[Entry]:
        """What a link leads to inside the tree; empty where it leads nowhere."""
        try:
            return [self.entry(self.resolve(entry.parts))]
        except (OSError, Refused):
            return []

    @contextlib.contextmanager
    def directory(self, parts: Parts) -> Iterator[int]:
        """A directory, opened component by component without following a link."""
        descriptor = os.dup(self._root)
        try:
            for name in parts:
                below = os.open(name, _OPEN_DIRECTORY, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    def _match(self, parts: Parts, pattern: List[str]) -> Iterator[Parts]:
        if not pattern:
            yield parts
            return
        word, rest = pattern[0], pattern[1:]
        if word == "..":
            yield from self._match(parts[:-1], rest)
            return
        if word == "**":
            for entry in self.walk(self.entry(parts)):
                if entry.kind == "directory":
                    yield from self._match(entry.parts, rest)
            return
        for name in self._names(parts, word):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                entry = self.entry(parts + (name,))
                if rest and entry.kind == "link":
                    with contextlib.suppress(Refused):
                        yield from self._match(self.resolve(entry.parts), rest)
                else:
                    yield from self._match(entry.parts, rest)

    def _names(self, parts: Parts, word: str) -> List[str]:
        """The names in a directory that one component of a pattern means; a plain one is not looked for in a list."""
        try:
            with self.directory(parts) as descriptor:
                if not any(mark in word for mark in "*?["):
                    os.stat(word, dir_fd=descriptor, follow_symlinks=False)
                    return [word]
                names = sorted(os.listdir(descriptor))
        except OSError:
            return []
        seen = [
            name for name in names if word.startswith(".") or not name.startswith(".")
        ]  # as a shell does it
        return [name for name in seen if fnmatch.fnmatchcase(name, word)]

    def resolve(self, parts: Parts) -> Parts:
        """A path with every link in it resolved inside the tree. Raises OSError, or Refused for a loop."""
        real: List[str] = []
        pending, links = list(reversed(parts)), 0
        while pending:
            name = pending.pop()
            if name in ("", "."):
                continue
            if name == "..":
                del real[-1:]
                continue
            entry = self.entry(tuple(real) + (name,))
            if entry.kind != "link":
                real.append(name)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise Refused("the links at /%s lead in a circle" % "/".join(parts))
            if entry.target.startswith("/"):
                real = []
            pending.extend(reversed(entry.target.split("/")))
        return tuple(real)


def shown(parts: Parts) -> str:
    """A path as the container sees it, control characters and undecodable bytes escaped."""
    return printable("/" + "/".join(parts))


def kind_of(facts: os.stat_result) -> str:
    return _KINDS.get(stat.S_IFMT(facts.st_mode), "other")


def outermost(entries: Sequence[Entry]) -> List[Entry]:
    """The entries that lie below no other one."""
    chosen = {entry.parts for entry in entries}
    return [one for one in entries if not any(one.parts[:depth] in chosen for depth in range(len(one.parts)))]


def _entry(directory: int, parts: Parts) -> Entry:
    facts = os.stat(parts[-1], dir_fd=directory, follow_symlinks=False)
    kind = kind_of(facts)
    return Entry(parts, kind, facts, os.readlink(parts[-1], dir_fd=directory) if kind == "link" else "")
