# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command with its output in a file; prints its seconds, its peak memory in KiB and its exit code.

A program of its own because it is small: the kernel counts what the parent had at the fork as memory of the child.
"""

import os
import sys
import time


def main(output: str, *command: str) -> None:
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, 1)
        os.execv(command[0], command)
    _pid, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - start
    print(seconds, usage.ru_maxrss, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(*sys.argv[1:])
