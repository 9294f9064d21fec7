# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that goes on by itself when whoever asked for it is gone, and whose result a later call takes. PRIVATE to the
collection.

A job has a directory `/run/drydock-jobs/<key>`, for root alone. The key is a digest of what was asked for, so that the
same call finds it again. In it are `process` (the process ID), `*.json` (how far it is, one line each) and in the end
`result`. A job works as long as its lock is held. The controller reads these files by their names, and takes the result
too (plugin_utils/_following.py).
"""

import contextlib
import hashlib
import json
import os
import shutil
import time
from typing import Any, Callable, Dict, List, Optional

from . import _files, _lock, _utc
from ._errors import CommandFailed, Refused
from ._host import Host, quote

_SHORT = 2.0  # seconds that a caller waits for the result
_STARTS_WITHIN = 30.0
_LOOKS_EVERY = 0.02
_KEPT = 3600  # seconds: an older result is another night's, and the work is done anew
_TRIES = 100
_UNLOCKS_WITHIN = 1.0  # a job that has ended still holds its lock for a moment


def reach(host: Host, asked: Any, work: Callable[[Host], Dict[str, Any]]) -> Dict[str, Any]:
    """The result of ``work``, which raises nothing, in a process of its own, if it comes within two seconds; else
    ``job``, which says where to look, and the same call takes the result later. A job of the same words that works
    already, or has ended and nobody took its result, stands for this one: the result then says with ``earlier_run``
    when that began."""
    directory = os.path.join(host.jobs_directory, _key(asked))
    result = _take(directory)
    if result is not None:
        return result
    try:
        os.makedirs(host.jobs_directory, 0o700, exist_ok=True)
    except OSError:  # we are not root: it is the caller's own process that works
        return work(host)
    begin = time.monotonic()
    worker = None
    while worker is None:
        try:
            with _held(host, os.path.basename(directory)):
                result = _take(directory)  # it may have ended just now
                if result is not None:
                    return result
                worker = _start(host, directory, work)
        except Refused:
            if os.path.exists(directory) or time.monotonic() > begin + _UNLOCKS_WITHIN:
                break
            time.sleep(_LOOKS_EVERY)
    while time.monotonic() < begin + _STARTS_WITHIN:
        code = _end_of(worker) if worker else None
        result = _take(directory)
        if result is not None:
            if worker:
                del result["earlier_run"]
            return result
        if code == 0:
            raise CommandFailed(
                "another run of the same, begun at the same time, took the result", "Look there"
            )
        if code is not None:
            raise CommandFailed("the process that was to work ended with code %d" % code, "Run it again")
        if time.monotonic() > begin + _SHORT and os.path.exists(os.path.join(directory, "process")):
            return {"changed": False, "job": {"directory": directory, "mine": worker is not None}}
        time.sleep(_LOOKS_EVERY)
    raise CommandFailed("no job began in %d s" % _STARTS_WITHIN, "Run it again")


def tell(host: Host, name: str, facts: Dict[str, Any]) -> None:
    """Says how far a part of the job is, where this is one. Nothing fails because this cannot be said."""
    if host.job_directory:
        with contextlib.suppress(OSError):
            _files.write_whole(os.path.join(host.job_directory, name + ".json"), json.dumps(facts) + "\n")


def remove_ended(host: Host, check_mode: bool) -> List[str]:
    """Removes what jobs that do not work any more have left: results that nobody took, and what killed ones told.
    Returns the commands that do the same."""
    actions = []
    with contextlib.suppress(FileNotFoundError):
        for key in sorted(os.listdir(host.jobs_directory)):
            directory = os.path.join(host.jobs_directory, key)
            with contextlib.suppress(Refused), _held(host, key):
                actions.append(quote(["rm", "-r", directory]))
                if not check_mode:
                    shutil.rmtree(directory, ignore_errors=True)
        if not check_mode:
            with contextlib.suppress(OSError):  # some work on
                os.rmdir(host.jobs_directory)
    return actions


def _start(host: Host, directory: str, work: Callable[[Host], Dict[str, Any]]) -> int:
    """Starts the process that works, under the lock that we hold: it goes on to hold it when we let it go."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setsid()  # so that no end of the connection reaches it
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            _do(host, directory, work)
            code = 0
        finally:
            os._exit(code)
    return pid


def _do(host: Host, directory: str, work: Callable[[Host], Dict[str, Any]]) -> None:
    shutil.rmtree(directory, ignore_errors=True)  # of one that was killed, or whose result is too old
    _make(directory)
    began = _utc.stamp()
    _files.write_whole(os.path.join(directory, "process"), "%d\n" % os.getpid())
    host.job_directory = directory
    result = dict(work(host), earlier_run=began)
    _files.write_whole(os.path.join(directory, "result"), json.dumps(result))


def _make(directory: str) -> None:
    """Who takes the result of another job removes what is above, where that is empty then."""
    for _time in range(_TRIES):
        with contextlib.suppress(FileNotFoundError):
            os.makedirs(directory, 0o700)
            return
    os.makedirs(directory, 0o700)


def _take(directory: str) -> Optional[Dict[str, Any]]:
    """The result that is there; it is taken once."""
    taken = "%s.taken-%d" % (directory, os.getpid())
    try:
        if time.time() - os.stat(os.path.join(directory, "result")).st_mtime > _KEPT:
            return None
        os.rename(directory, taken)
    except OSError:  # there is none, or another call took it now
        return None
    try:
        with open(os.path.join(taken, "result")) as stream:
            found: Dict[str, Any] = json.load(stream)
        return found
    finally:
        shutil.rmtree(taken, ignore_errors=True)
        with contextlib.suppress(OSError):  # others are there
            os.rmdir(os.path.dirname(directory))


def _held(host: Host, key: str) -> Any:
    return _lock.held(host, "job-" + key, "the same")


def _end_of(worker: int) -> Optional[int]:
    pid, status = os.waitpid(worker, os.WNOHANG)
    if pid == 0:
        return None
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)


def _key(asked: Any) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:32]
