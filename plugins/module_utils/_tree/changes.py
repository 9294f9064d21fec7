# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In what two trees differ, as `docker diff` says it. PRIVATE to the collection.

The rules (ChangesDirs of moby's pkg/archive): a file is changed when its mode, owner, device number, size, time or
capability is another; of a directory neither size nor time counts, but it is changed when something in it is. What is
in a deleted directory is not listed, nor what was in one that is a file now. Times are alike, too, when one of them
has whole seconds only, as layers that came as a tar have them.

Branches that both trees end with are not walked: what only they have is the same in both.
"""

import contextlib
import operator
import os
import stat
from typing import Iterator, List, NamedTuple, Set, Tuple

from .inside import Parts, kind_of
from .union import Found, Places, Union, in_open, opened

_CAPABILITY = "security.capability"
_ALWAYS = operator.attrgetter("st_mode", "st_uid", "st_gid", "st_rdev")
_SECOND = 10**9
_Pair = Tuple[Parts, Places, Places]  # one directory of both trees


class Change(NamedTuple):
    path: str
    kind: str
    type: str
    size_bytes: int  # 0 of a directory


class Changes:
    """What became of one tree; call compare() once."""

    def __init__(self, after: Union, before: Union) -> None:
        self._after, self._before = after, before
        self.found: List[Change] = []
        self.totals = {kind: {"count": 0, "size_bytes": 0} for kind in ("added", "changed", "deleted")}
        self._directories: Set[str] = set()  # that are listed
        self._around: Set[str] = set()  # what is listed lies in them
        self._counted: Set[Tuple[int, int]] = set()

    def compare(self) -> None:
        waiting: List[_Pair] = [((), self._after.root(), self._before.root())]
        while waiting:  # not recursive: a container may nest deeper than Python does
            waiting.extend(self._directory(*waiting.pop()))
        for path in self._around - self._directories:
            self._add("changed", path, "directory", 0)
        self.found.sort()

    def _directory(self, parts: Parts, after: Places, before: Places) -> Iterator[_Pair]:
        """Compares what is in one directory; the directories in it that are to be compared."""
        same = _alike_at_the_end(after, before)
        own = (after[: len(after) - same], before[: len(before) - same])
        if not own[0] and not own[1]:
            return
        path = "".join("/" + part for part in parts)
        listed = len(self.found)
        with opened(after, before, *own) as (in_after, in_before, own_after, own_before):
            names: Set[str] = set()
            for _place, directory in own_after:
                names |= self._after.names(directory)
            for _place, directory in own_before:
                names |= self._before.names(directory)
            for name in names:
                new = self._after.look(in_after, name)
                old = self._before.look(in_before, name)
                if new is None:
                    if old is not None:
                        self._list("deleted", path, name, old)
                    continue
                if old is None:
                    self._list("added", path, name, new)
                elif _differ(name, new, old):
                    self._list("changed", path, name, new)
                if new.places:
                    yield parts + (name,), new.places, old.places if old else ()
        if len(self.found) > listed:
            self._mark_around(path)

    def _list(self, kind: str, directory: str, name: str, found: Found) -> None:
        facts, path = found.facts, directory + "/" + name
        type_ = kind_of(facts)
        if type_ == "directory":
            if kind != "deleted":
                self._directories.add(path)
            self._add(kind, path, type_, 0)
            return
        self._add(kind, path, type_, facts.st_size)
        if kind == "deleted" or facts.st_nlink == 1 or self._is_first(facts):
            self.totals[kind]["size_bytes"] += facts.st_size

    def _add(self, kind: str, path: str, type_: str, size: int) -> None:
        self.found.append(Change(path, kind, type_, size))
        self.totals[kind]["count"] += 1

    def _is_first(self, facts: os.stat_result) -> bool:
        """Whether no other name of this file was counted."""
        key = (facts.st_dev, facts.st_ino)
        if key in self._counted:
            return False
        self._counted.add(key)
        return True

    def _mark_around(self, path: str) -> None:
        while path and path not in self._around:
            self._around.add(path)
            path = path.rpartition("/")[0]


def _alike_at_the_end(after: Places, before: Places) -> int:
    count = 0
    for one, other in zip(reversed(after), reversed(before)):
        if one != other:
            break
        count += 1
    return count


def _differ(name: str, new: Found, old: Found) -> bool:
    one, other = new.facts, old.facts
    if _ALWAYS(one) != _ALWAYS(other):
        return True
    written = one.st_size != other.st_size or not _same_time(one.st_mtime_ns, other.st_mtime_ns)
    if written and not stat.S_ISDIR(one.st_mode):
        return True
    return _capability(new, name) != _capability(old, name)


def _same_time(one: int, other: int) -> bool:
    if one == other:
        return True
    whole = one % _SECOND == 0 or other % _SECOND == 0
    return whole and one // _SECOND == other // _SECOND


def _capability(found: Found, name: str) -> bytes:
    with contextlib.suppress(OSError):  # it has none, or the file system has no attributes
        return os.getxattr(in_open(found.directory, name), _CAPABILITY, follow_symlinks=False)
    return b""
