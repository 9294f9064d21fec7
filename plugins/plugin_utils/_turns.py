# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many hosts work with a repository at a time, counted over all runs that a user has on this controller. PRIVATE to
the collection.

Ansible's own `throttle` counts the hosts of one run, not those of slices side by side, and with the strategies `free`
and `host_pinned` it ends the run when a host is unreachable meanwhile.

A turn is a lock on an empty file, which the kernel takes away when its holder ends, however that is.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ansible import constants
from ansible.errors import AnsibleActionFail

LOOKS_EVERY = 1.0  # seconds


@contextmanager
def turn(location: str, at_a_time: int) -> Iterator[None]:
    """One of so many; 0 is no limit."""
    if at_a_time <= 0:
        yield
        return
    with _one_of(["%s-%d" % (_key(location), number) for number in range(at_a_time)]):
        yield


@contextmanager
def alone(location: str) -> Iterator[None]:
    """The only one that does what only one may do, whoever else has a turn."""
    with _one_of([_key(location)]):
        yield


@contextmanager
def _one_of(names: Sequence[str]) -> Iterator[None]:
    directory = os.path.join(constants.ANSIBLE_HOME, "drydock-rescue")
    try:
        os.makedirs(directory, 0o700, exist_ok=True)
        descriptor = _locked([os.path.join(directory, name) for name in names])
    except OSError as error:
        raise AnsibleActionFail(
            "hosts cannot take turns by files in %s: %s. Set ANSIBLE_HOME to a directory that you can write to"
            % (directory, error.strerror)
        ) from error
    try:
        yield
    finally:
        os.close(descriptor)


def _locked(paths: Sequence[str]) -> int:
    while True:
        for path in paths:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                os.close(descriptor)
        time.sleep(LOOKS_EVERY)


def _key(location: str) -> str:
    """A location may hold a password, and is no name of a file."""
    return hashlib.sha256(location.encode("utf-8", "surrogateescape")).hexdigest()[:32]
