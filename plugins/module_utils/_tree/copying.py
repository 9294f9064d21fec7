# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies out of a container's tree with tar(1): owners, modes, times, xattrs, ACLs, hard links and holes are kept.
PRIVATE to the collection.

What tar is told are names without links, found from the tree's open root; and it is shown the tree in a view where
the kernel follows no link, since a living container may put one in the place of a directory meanwhile. Sockets,
devices and fifos are neither opened nor made anew: they are left out and named. Only what differs is copied.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from typing import Dict, Iterable, Iterator, List, NamedTuple, Sequence, Set, Tuple

from .._errors import CommandFailed, Refused
from .._host import Host
from . import view
from .inside import Entry, Inside, Parts, shown

_COPIED = ("file", "directory", "link")
# What makes tar keep all that a file is; read by what else uses tar.
KEEP = ["--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls"]
# Nothing in the archive but what is in the tree: the same tree gives the same bytes.
PAX = ["--format=posix", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"]
# Version 0.0 alone puts no process ID into the archive.
SPARSE = ["--sparse", "--sparse-version=0.0"]
_TAR_CHANGED = 1  # "file changed as we read it": a living container
_CHUNK = 1024 * 1024


class Selection(NamedTuple):
    entries: List[Entry]
    left_out: List[Entry]


def select(tree: Inside, matches: Iterable[Entry]) -> Selection:
    """Everything below the matches, with the directories above them, and for a link that was named itself also what
    it leads to inside the tree."""
    wanted: Dict[Parts, Entry] = {}
    for match in matches:
        for start in [match] + (tree.leads_to(match) if match.kind == "link" else []):
            for depth in range(len(start.parts)):
                wanted.setdefault(start.parts[:depth], tree.entry(start.parts[:depth]))
            for entry in tree.walk(start):
                wanted[entry.parts] = entry
    entries = [wanted[parts] for parts in sorted(wanted) if parts]
    return Selection(
        [one for one in entries if one.kind in _COPIED], [one for one in entries if one.kind not in _COPIED]
    )


def missing(entries: List[Entry], dest: str) -> List[Entry]:
    """The entries that are not yet at ``dest``, or differ there in kind, size, time, owner, mode or link target.
    Raises Refused where a link stands in ``dest`` in the place of a directory: it could lead anywhere."""
    different: Set[Parts] = set()
    for entry in entries:
        try:
            there = os.lstat(os.path.join(dest, *entry.parts))
        except OSError:
            different.add(entry.parts)
            continue
        if entry.kind == "directory" and stat.S_ISLNK(there.st_mode):
            raise Refused(
                "%s is a link where a directory belongs" % os.path.join(dest, *entry.parts),
                "Give an empty `dest`",
            )
        if _differs(entry, there, os.path.join(dest, *entry.parts)):
            different.add(entry.parts)
    # Names of one file go together, else the copy would have two files.
    inodes = {
        (one.facts.st_dev, one.facts.st_ino)
        for one in entries
        if one.parts in different and one.kind == "file"
    }
    return [
        one
        for one in entries
        if one.parts in different
        or (one.facts.st_nlink > 1 and one.kind == "file" and (one.facts.st_dev, one.facts.st_ino) in inodes)
    ]


def to_directory(host: Host, root: str, entries: List[Entry], dest: str) -> List[str]:
    """Copies the entries below ``dest`` under their paths. Returns warnings (files that changed meanwhile)."""
    with _names(entries) as names:
        return named_to_directory(host, root, names, dest)


def named_to_directory(host: Host, root: str, names: int, dest: str) -> List[str]:
    """The same for names in an open file, each ended by a zero byte."""
    host.require(("tar",))
    extract = [
        "tar",
        "--extract",
        "--file=-",
        "--directory=" + dest,
        "--preserve-permissions",
        "--same-owner",
    ] + KEEP
    with _source(host, root) as (create, keep):
        return _warnings(host.pipe(create, extract, names, ok=(0, _TAR_CHANGED), keep=keep))


def to_archive(host: Host, root: str, entries: List[Entry], archive: int) -> List[str]:
    """Writes one tar into an open file. Returns warnings."""
    host.require(("tar",))
    with _names(entries) as names, _source(host, root) as (create, keep):
        return _warnings(host.run(create, ok=(0, _TAR_CHANGED), stdin=names, stdout=archive, keep=keep).err)


@contextlib.contextmanager
def _source(host: Host, root: str) -> Iterator[Tuple[List[str], Sequence[int]]]:
    """The tar that reads the tree to standard output, and the files that it needs open."""
    with view.opened(host, root) as tree:
        try:
            yield ["tar", "--create", "--file=-"] + _from(tree.place) + PAX + [*SPARSE] + KEEP, tree.keep
        except CommandFailed as error:
            error.message = error.message.replace(tree.place, root)
            if "symbolic links" in error.message:
                error.hint = (
                    "A link stands now where a directory was: the container lives. Copy again, or stop it"
                )
            raise


def sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def require_space(entries: List[Entry], directory: str) -> None:
    """Refuses before the first byte where the files would not fit."""
    inodes: Dict[Tuple[int, int], int] = {}
    for entry in entries:
        if entry.kind == "file":
            inodes[(entry.facts.st_dev, entry.facts.st_ino)] = entry.facts.st_blocks * 512
    needed, facts = sum(inodes.values()), os.statvfs(directory)
    free = facts.f_bavail * facts.f_frsize
    if needed > free:
        raise Refused(
            "the copy needs %d bytes, %s has %d free" % (needed, directory, free),
            "Give a `dest` with more room",
        )


def verify(tree: Inside, entries: List[Entry], dest: str) -> None:
    """Looks again after copying. Raises CommandFailed that names what is not there as it is in the tree."""
    now = []
    for one in entries:
        try:
            now.append(tree.entry(one.parts))
        except OSError:  # a living container removed it
            continue
    left = [one for one in missing(now, dest) if one.kind != "directory"]
    unchanged = [one for one in left if any(one.parts == old.parts and _same(one, old) for old in entries)]
    if unchanged:
        names = ", ".join(shown(one.parts) for one in unchanged[:10])
        raise CommandFailed("the copy at %s is not whole: %s" % (dest, names), "Copy it again")


def _same(one: Entry, other: Entry) -> bool:
    return (one.facts.st_size, one.facts.st_mtime) == (other.facts.st_size, other.facts.st_mtime)


def _differs(entry: Entry, there: os.stat_result, path: str) -> bool:
    here = entry.facts
    if here.st_mode != there.st_mode or (here.st_uid, here.st_gid) != (there.st_uid, there.st_gid):
        return True
    if entry.kind == "link":
        return os.readlink(path) != entry.target
    if entry.kind == "file" and here.st_size != there.st_size:
        return True
    return int(here.st_mtime) != int(there.st_mtime)


def _from(root: str) -> List[str]:
    return ["--directory=" + root, "--no-recursion", "--null", "--no-unquote", "--files-from=-"]


@contextlib.contextmanager
def _names(entries: List[Entry]) -> Iterator[int]:
    """An open file with the names, each ended by a zero byte."""
    with tempfile.TemporaryFile() as names:
        for entry in entries:
            names.write(os.fsencode("./" + "/".join(entry.parts)) + b"\0")
        names.flush()
        names.seek(0)
        yield names.fileno()


def _warnings(said: str) -> List[str]:
    changed = [line.strip() for line in said.splitlines() if "changed as we read it" in line]
    return ["files changed while they were copied: " + "; ".join(changed[:5])] if changed else []
