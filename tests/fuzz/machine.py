# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine whose every file and tool says what a case makes it say, and the watch over each case."""

import collections
import contextlib
import functools
import os
import shutil
import signal
import sys

from ansible_collections.drydock.rescue.plugins.module_utils._errors import RescueError
from ansible_collections.drydock.rescue.plugins.module_utils._host import Finished
from ansible_collections.drydock.rescue.tests.unit.support.host import FakeHost

CPU_SECONDS, SECONDS = 5, 60  # of one case: a loop, and what waits for ever
CASES = collections.Counter()


class Hang(Exception):
    """A case took too long. Of no kind that a parser catches."""


def _ring(number, _frame):
    raise Hang("after %d s" % (CPU_SECONDS if number == signal.SIGPROF else SECONDS))


signal.signal(signal.SIGPROF, _ring)
signal.signal(signal.SIGALRM, _ring)


@contextlib.contextmanager
def case():
    """Around what one case asks of the parsers: it may end well or with a RescueError, whose text can be shown."""
    CASES[os.environ.get("PYTEST_CURRENT_TEST", "").split("::")[-1].split(" ")[0]] += 1
    _forget()
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    except RescueError as error:
        str(error).encode("utf-8", "surrogatepass")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _forget():
    """A module is started anew for each task, and then knows nothing of files that it read before."""
    for remembers in _remembering():
        remembers.cache_clear()


@functools.lru_cache(maxsize=1)
def _remembering():
    """The functions of the collection that remember results."""
    modules = [one for name, one in sys.modules.items() if ".rescue.plugins.module_utils." in name]
    return [value for one in modules for value in vars(one).values() if hasattr(value, "cache_clear")]


@contextlib.contextmanager
def replaced(path, content):
    """For a while a file has other bytes, is something else (a word of KINDS) or, for None, is missing."""
    aside = path + ".aside"
    there = os.path.lexists(path)
    if there:
        os.rename(path, aside)
    try:
        put(path, content)
        yield
    finally:
        _remove(path)
        if there:
            os.rename(aside, path)


KINDS = ("directory", "fifo", "link to itself", "link to nothing", "link to a directory", "unreadable name")


def put(path, content):
    if isinstance(content, bytes):
        with open(path, "wb") as stream:
            stream.write(content)
    elif content == "directory":
        os.mkdir(path)
    elif content == "fifo":
        os.mkfifo(path)
    elif content == "link to itself":
        os.symlink(os.path.basename(path), path)
    elif content == "link to nothing":
        os.symlink("x" * 255, path)
    elif content == "link to a directory":
        os.symlink("..", path)
    elif content == "unreadable name":
        os.symlink(b"\xff\x1b[2J", os.fsencode(path))


def _remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


class Machine(FakeHost):
    """Its tools print ``says``, by their first two words; a tool of which nothing is said prints nothing."""

    def __init__(self, directory):
        super().__init__(directory)
        self.says = {}
        with open(os.path.join(self.proc, "misc"), "w") as stream:
            stream.write(" 236 device-mapper\n")

    def run(self, argv, ok=(0,), stdin=-3):
        said = self.says.get(" ".join(argv[:2]), b"")
        return Finished(ok[0], said.decode("utf-8", "surrogateescape"), "")
