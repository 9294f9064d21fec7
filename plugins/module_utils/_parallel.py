# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work done by several processes. PRIVATE to the collection.

Threads would not help: what takes the time is Python itself, and a process has things that threads share (its
directory, its memory).
"""

import contextlib
import os
import pickle
import select
import signal
from typing import Any, Callable, Dict, List, Sequence, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AT_LEAST = 1000  # items that are worth a process
_AT_MOST = 4  # processes: who asks is a guest on the host


def in_parts(items: Sequence[Item], work: Callable[[Sequence[Item]], Result]) -> List[Result]:
    """What ``work`` makes of the items, part by part, in their order. A part whose process fails in any way is done
    again here, so that what ``work`` raises is raised as if there was one process."""
    count = max(1, min(len(os.sched_getaffinity(0)), _AT_MOST, len(items) // _AT_LEAST))
    size = -(-len(items) // count) or 1
    parts = [items[start : start + size] for start in range(0, len(items), size)] or [items]
    processes = [_Process(part, work) for part in parts[1:]]
    try:
        return [work(parts[0])] + [
            _result(process, part, work) for process, part in zip(processes, parts[1:])
        ]
    finally:
        for process in processes:
            process.end()


def _result(process: "_Process", part: Sequence[Item], work: Callable[[Sequence[Item]], Result]) -> Result:
    try:
        return process.result()
    except LostProcess:
        return work(part)


def each(
    items: Sequence[Item], work: Callable[[Item], Result], jobs: int, lost: Callable[[Item], Result]
) -> List[Result]:
    """What ``work`` makes of each item, in a process of its own, ``jobs`` of them at a time; what ``lost`` says of one
    whose process died. When this process is killed, those that work come to the end of their item."""
    results: Dict[int, Result] = {}
    running: Dict[int, int] = {}
    processes: Dict[int, _Process] = {}
    waiting = list(range(len(items)))
    while waiting or running:
        while waiting and len(running) < jobs:
            number = waiting.pop(0)
            processes[number] = _Process(items[number], work)
            running[processes[number].fileno()] = number
        for descriptor in select.select(list(running), [], [])[0]:
            number = running.pop(descriptor)
            process = processes.pop(number)
            try:
                results[number] = process.result()
            except LostProcess:
                results[number] = lost(items[number])
            finally:
                process.end()
    return [results[number] for number in range(len(items))]


class LostProcess(Exception):
    pass


class _Process:
    def __init__(self, part: Any, work: Callable[[Any], Any]) -> None:
        self._read_end, write_end = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:  # a limit of processes, or no memory
            self._pid = -1
        if self._pid == 0:
            self._do(write_end, part, work)
        os.close(write_end)

    def fileno(self) -> int:
        return self._read_end

    def result(self) -> Any:
        """Waits for it. Raises LostProcess."""
        try:
            with open(self._read_end, "rb", closefd=False) as said:
                return pickle.load(said)
        except (EOFError, pickle.UnpicklingError):  # it did not come to its end
            raise LostProcess

    def end(self) -> None:
        os.close(self._read_end)
        if self._pid > 0:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def _do(self, write_end: int, part: Any, work: Callable[[Any], Any]) -> None:
        """In the new process; never returns, and leaves nothing of the parent's (buffers, exits) to be done twice."""
        try:
            os.close(self._read_end)
            with open(write_end, "wb") as pipe:
                pickle.dump(work(part), pipe, pickle.HIGHEST_PROTOCOL)
        finally:
            os._exit(0)
