# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks a whole tree over: counts, and two digests that tell whether it is the same tree again. PRIVATE to the
collection.

No content is read. ``listing`` covers what a copy has in common with the tree: names, kinds, modes, owners, sizes,
times of the last change, targets of links, device numbers, names of one file, extended attributes (so ACLs,
capabilities and SELinux labels). ``state`` covers the times of change of the inodes (ctime) too, which nobody can set:
the same ``state`` is the same tree, untouched.
"""

import contextlib
import errno
import hashlib
import os
import re
import stat
from typing import Dict, Iterator, List, NamedTuple, Optional, Pattern, Sequence, Tuple

from .._errors import NotFound
from .._host import Host
from .._text import few, printable
from . import view

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_KINDS = {
    stat.S_IFREG: "files",
    stat.S_IFDIR: "directories",
    stat.S_IFLNK: "links",
    stat.S_IFCHR: "devices",
    stat.S_IFBLK: "devices",
    stat.S_IFIFO: "fifos",
    stat.S_IFSOCK: "sockets",
}
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # removed, or replaced by a link, while we looked
_NO_ATTRIBUTES = (errno.ENOTSUP, errno.ENODATA)


class Survey(NamedTuple):
    counts: Dict[str, int]  # by kind; names of one file count each
    bytes: int  # of the contents, holes counted, each file once
    listing: str
    state: str
    warnings: List[str]


def survey(host: Host, root: str, exclude: Sequence[str] = (), only: str = "") -> Survey:
    """Looks at every entry below ``root`` but sockets, which no copy can have (they are counted), and what ``exclude``
    matches: absolute paths of the tree, with `*` and `?` that stand for a part of one name. Or at ``only`` one file in
    it. Raises NotFound."""
    with contextlib.ExitStack() as stack:
        try:
            tree = stack.enter_context(view.opened(host, root))
        except OSError as error:
            raise NotFound("%s cannot be opened as a directory: %s" % (root, error.strerror))
        stack.enter_context(_here_again())
        return _Surveyor(tree.descriptor, patterns(exclude)).survey(os.fsencode(only))


@contextlib.contextmanager
def _here_again() -> Iterator[None]:
    """What is looked at is the working directory, for a bare name is what the kernel finds soonest. Afterwards it is
    the one of before."""
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield
    finally:
        os.fchdir(here)
        os.close(here)


class _Surveyor:
    def __init__(self, root: int, exclude: Optional[Pattern[bytes]]) -> None:
        self._root, self._exclude = root, exclude
        self._listing, self._state = hashlib.sha256(), hashlib.sha256()
        self._first_names: Dict[Tuple[int, int], bytes] = {}
        self._unread: List[str] = []
        self.counts = dict.fromkeys(_KINDS.values(), 0)
        self.bytes = 0

    def survey(self, only: bytes) -> Survey:
        os.fchdir(self._root)
        if only:
            self._one(only)
        else:
            self._add(b".", os.fstat(self._root), b".")
        waiting = [] if only else [b"."]
        while waiting:  # not recursive: a container may nest deeper than Python does
            waiting.extend(reversed(list(self._directory(waiting.pop()))))
        warnings = []
        if self._unread:
            warnings.append("could not be looked at: %s" % few(self._unread, "; "))
        return Survey(self.counts, self.bytes, self._listing.hexdigest(), self._state.hexdigest(), warnings)

    def _one(self, name: bytes) -> None:
        try:
            self._add(b".", os.lstat(name), name)  # its copy may be named otherwise
        except OSError as error:
            raise NotFound("%s cannot be looked at: %s" % (os.fsdecode(name), error.strerror))

    def _directory(self, path: bytes) -> Iterator[bytes]:
        """Looks at all in a directory; the directories in it."""
        try:
            self._enter(path)
        except OSError as error:
            self._failed(path, error)
            return
        for name in sorted(os.listdir(b".")):
            inside = path + b"/" + name
            if self._exclude and self._exclude.fullmatch(inside):
                continue
            try:
                facts = os.lstat(name)
                self._add(inside, facts, name)
            except OSError as error:
                self._failed(inside, error)
                continue
            if stat.S_ISDIR(facts.st_mode):
                yield inside

    def _enter(self, path: bytes) -> None:
        directory = os.open(path, _OPEN_DIRECTORY, dir_fd=self._root)
        try:
            os.fchdir(directory)
        finally:
            os.close(directory)

    def _add(self, path: bytes, facts: os.stat_result, name: bytes) -> None:
        """``name`` in the working directory."""
        kind = _KINDS[stat.S_IFMT(facts.st_mode)]
        size, more = 0, b""
        if kind == "files":
            size = facts.st_size
            first = path
            if facts.st_nlink > 1:  # as many names as are seen: overlay counts some that are not there
                first = self._first_names.setdefault((facts.st_dev, facts.st_ino), path)
            if first == path:
                self.bytes += size
            else:
                more = first
        elif kind == "links":
            more = os.readlink(name)
        elif kind == "devices":
            more = b"%d" % facts.st_rdev
        self.counts[kind] += 1
        if kind == "sockets":
            return
        line = b"%s\0%o %d %d %d %d\0%s\0%s\n" % (
            path,
            facts.st_mode,
            facts.st_uid,
            facts.st_gid,
            size,
            facts.st_mtime_ns,
            more,
            attributes(name),
        )
        self._listing.update(line)
        self._state.update(b"%d %s" % (facts.st_ctime_ns, line))

    def _failed(self, path: bytes, error: OSError) -> None:
        if error.errno not in _GONE:
            self._unread.append("%s (%s)" % (printable(os.fsdecode(path[1:])), error.strerror))
        self._state.update(b"%s\0?\n" % path)


def attributes(path: bytes) -> bytes:
    """The extended attributes of a file, as one text; links are not followed."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
        if not names:
            return b""
        values = ((os.fsencode(one), os.getxattr(path, one, follow_symlinks=False)) for one in sorted(names))
        return b"\0".join(b"%s=%d:%s" % (name, len(value), value) for name, value in values)
    except OSError as error:
        if error.errno not in _NO_ATTRIBUTES:
            raise
        return b""


def patterns(exclude: Sequence[str]) -> Optional[Pattern[bytes]]:
    """One expression for all that is left out, for paths that begin with `./`."""
    any_of = [
        "/".join(["\\."] + [in_one_name(word) for word in pattern.split("/") if word not in ("", ".")])
        for pattern in exclude
    ]
    return re.compile(os.fsencode("|".join(any_of)), re.DOTALL) if any_of else None


def in_one_name(word: str) -> str:
    """One name of a pattern, as a regular expression."""
    return re.escape(word).replace("\\*", "[^/]*").replace("\\?", "[^/]")
