# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time for each container of a host. PRIVATE to the collection.

The lock is the name of an abstract Unix socket (unix(7)): no file that could be left behind, and the kernel takes it
back with the process, by whatever death. It holds for one network namespace, which is the host.
"""

import contextlib
import errno
import os
import socket
import time
from typing import Iterator

from ._errors import Refused
from ._host import Host

_LONGEST_TURN = 3600.0  # seconds
_LOOKS_EVERY = 0.05
_NAME_LENGTH = 107  # bytes that sun_path has behind the leading zero


def held(host: Host, subject: str, shown: str) -> "contextlib.AbstractContextManager[None]":
    """Holds the lock of ``subject`` (an ID or a name); an error calls it ``shown``. Raises Refused that says who
    holds it already."""
    return _held(host, subject, shown, 0.0)


def turn(host: Host, subject: str, shown: str) -> "contextlib.AbstractContextManager[None]":
    """The same, but waits for who holds it, up to an hour."""
    return _held(host, subject, shown, _LONGEST_TURN)


@contextlib.contextmanager
def _held(host: Host, subject: str, shown: str, patience: float) -> Iterator[None]:
    name = (host.lock_prefix + subject)[:_NAME_LENGTH]
    give_up = time.monotonic() + patience
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as lock:
        while not _is_ours(lock, name):
            if time.monotonic() >= give_up:
                raise Refused(
                    "another run works on %s now: %s" % (shown, _holder(host, name)),
                    "Wait until it has ended",
                )
            time.sleep(_LOOKS_EVERY)
        yield


def _is_ours(lock: socket.socket, name: str) -> bool:
    try:
        lock.bind("\0" + name)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    return True


def _holder(host: Host, name: str) -> str:
    inode = _inode(host, name)
    link = "socket:[%s]" % inode
    for process in host.processes() if inode else []:
        directory = os.path.join(host.proc, str(process.pid), "fd")
        try:
            descriptors = [os.path.join(directory, one) for one in os.listdir(directory)]
            if any(os.readlink(one) == link for one in descriptors):
                seconds = time.time() - os.stat(os.path.dirname(directory)).st_mtime
                words = " ".join(process.argv)[:200]
                return "process %d (%s), for %d s" % (process.pid, words, seconds)
        except OSError:  # it ended, or closed a file, while we looked
            continue
    return "a process that could not be found"


def _inode(host: Host, name: str) -> str:
    """The last but one column of /proc/net/unix; an abstract name is shown behind an `@`."""
    try:
        with open(os.path.join(host.proc, "net/unix"), errors="surrogateescape") as stream:
            for line in stream:
                fields = line.rstrip("\n").split(None, 7)
                if len(fields) == 8 and fields[7] == "@" + name:
                    return fields[6]
    except OSError:
        pass
    return ""
