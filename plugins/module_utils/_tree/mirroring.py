# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a tree what another one is, and writes only where they differ. PRIVATE to the collection.

What the other one does not have is deleted; what differs in anything (kind, owner, mode, times, size, attributes,
content) is deleted and copied anew. Nothing else may change either of them meanwhile. No link is followed.
"""

import contextlib
import os
import stat
import tempfile
from typing import IO, Iterator, List, Optional, Sequence, Tuple

from .._host import Host
from .copying import named_to_directory
from .surveying import attributes, patterns

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1024 * 1024


def mirror(host: Host, source: str, target: str, exclude: Sequence[str] = ()) -> List[str]:
    """Makes ``target`` what ``source`` is; what ``exclude`` matches (see surveying) is left as it is. Sockets are
    not copied. Returns warnings. Raises OSError and CommandFailed, and has done a part of it then."""
    mirrored = _Mirror(source, target, exclude)
    try:
        with tempfile.TemporaryFile() as names:
            mirrored.delete(names)
            names.flush()
            names.seek(0)
            warnings = named_to_directory(host, source, names.fileno(), target)
        mirrored.finish_directories()
        return warnings
    finally:
        mirrored.close()


class _Mirror:
    def __init__(self, source: str, target: str, exclude: Sequence[str]) -> None:
        self._exclude = patterns(exclude)
        self._source = os.open(source, _OPEN_DIRECTORY)
        self._target = os.open(target, _OPEN_DIRECTORY)

    def close(self) -> None:
        os.close(self._source)
        os.close(self._target)

    def delete(self, names: IO[bytes]) -> None:
        """Deletes in the target what is to go or to be copied anew, and writes the names of what is to be copied."""
        waiting: List[Tuple[bytes, bool]] = [(b".", True)]  # directories, and whether the target has them
        while waiting:
            path, is_there = waiting.pop()
            with self._open(path, is_there) as (source, target):
                wanted = self._names(path, source)
                there = set(self._names(path, target))
                for name in sorted(there.difference(wanted)):
                    _delete(target, name)
                for name in wanted:
                    below = path + b"/" + name
                    facts = os.lstat(name, dir_fd=source)
                    if stat.S_ISSOCK(facts.st_mode):
                        continue
                    if target is not None and name in there and self._same(source, target, name, facts):
                        if stat.S_ISDIR(facts.st_mode):
                            waiting.append((below, True))
                        continue
                    if name in there:
                        _delete(target, name)
                    names.write(below + b"\0")
                    if stat.S_ISDIR(facts.st_mode):
                        waiting.append((below, False))

    def finish_directories(self) -> None:
        """Gives the directories what their contents' coming and going took: times; and owner, mode, attributes."""
        waiting = [b"."]
        while waiting:
            path = waiting.pop()
            with self._open(path, True) as (source, target):
                if target is None:
                    raise AssertionError  # it was asked for
                for name in self._names(path, source):
                    if stat.S_ISDIR(os.lstat(name, dir_fd=source).st_mode):
                        waiting.append(path + b"/" + name)
                _copy_facts(source, target)

    def _names(self, path: bytes, directory: Optional[int]) -> List[bytes]:
        names = [os.fsencode(one) for one in os.listdir(directory)] if directory is not None else []
        exclude = self._exclude
        return [one for one in names if exclude is None or not exclude.fullmatch(path + b"/" + one)]

    @contextlib.contextmanager
    def _open(self, path: bytes, in_target: bool) -> "Iterator[Tuple[int, Optional[int]]]":
        source = os.open(path, _OPEN_DIRECTORY, dir_fd=self._source)
        try:
            target = os.open(path, _OPEN_DIRECTORY, dir_fd=self._target) if in_target else None
            try:
                yield source, target
            finally:
                if target is not None:
                    os.close(target)
        finally:
            os.close(source)

    def _same(self, source: int, target: int, name: bytes, facts: os.stat_result) -> bool:
        """Whether an entry of the target can stay; of a directory, whether it is one."""
        there = os.lstat(name, dir_fd=target)
        if stat.S_IFMT(facts.st_mode) != stat.S_IFMT(there.st_mode):
            return False
        if stat.S_ISDIR(facts.st_mode):
            return True
        if facts.st_nlink > 1 or there.st_nlink > 1:
            return False  # names of one file are copied together
        told = [
            (one.st_mode, one.st_uid, one.st_gid, one.st_mtime_ns, one.st_rdev, one.st_size)
            for one in (facts, there)
        ]
        if told[0] != told[1] or attributes(_path(source, name)) != attributes(_path(target, name)):
            return False
        if stat.S_ISLNK(facts.st_mode):
            return os.readlink(name, dir_fd=source) == os.readlink(name, dir_fd=target)
        return not stat.S_ISREG(facts.st_mode) or _same_content(source, target, name)


def _same_content(source: int, target: int, name: bytes) -> bool:
    with contextlib.ExitStack() as stack:
        one, other = [
            stack.enter_context(open(os.open(name, _OPEN_FILE, dir_fd=directory), "rb", 0))
            for directory in (source, target)
        ]
        while True:
            chunk = one.read(_CHUNK)
            if chunk != other.read(_CHUNK):
                return False
            if not chunk:
                return True


def _delete(directory: Optional[int], name: bytes) -> None:
    """With all below, from the bottom; not recursive: a container may nest deeper than Python does."""
    if not stat.S_ISDIR(os.lstat(name, dir_fd=directory).st_mode):
        os.unlink(name, dir_fd=directory)
        return
    waiting = [name]
    while waiting:
        path = waiting[-1]
        descriptor = os.open(path, _OPEN_DIRECTORY, dir_fd=directory)
        try:
            below = []
            for one in os.listdir(descriptor):
                inside = os.fsencode(one)
                if stat.S_ISDIR(os.lstat(inside, dir_fd=descriptor).st_mode):
                    below.append(path + b"/" + inside)
                else:
                    os.unlink(inside, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        if below:
            waiting += below
        else:
            os.rmdir(path, dir_fd=directory)
            waiting.pop()


def _copy_facts(source: int, target: int) -> None:
    facts, there = os.fstat(source), os.fstat(target)
    if attributes(_path(source)) != attributes(_path(target)):
        wanted = os.listxattr(source)
        for name in set(os.listxattr(target)).difference(wanted):
            os.removexattr(target, name)
        for name in wanted:
            os.setxattr(target, name, os.getxattr(source, name))
    if (facts.st_uid, facts.st_gid) != (there.st_uid, there.st_gid):
        os.fchown(target, facts.st_uid, facts.st_gid)
    if facts.st_mode != os.fstat(target).st_mode:
        os.fchmod(target, stat.S_IMODE(facts.st_mode))
    if facts.st_mtime_ns != there.st_mtime_ns:
        os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _path(directory: int, name: bytes = b".") -> bytes:
    return b"/proc/self/fd/%d/%s" % (directory, name)
