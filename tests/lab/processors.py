# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processor a guest of User Mode Linux stays on.

Its kernel and the program that runs on it are two processes, of which one waits while the other works: at each system
call and page fault they hand over twice. On two processors each time one has to be woken from its idle state, which
takes a virtual machine some 25 microseconds; on the same one it is a switch of 2. A program that makes many system
calls is ten times as fast then. With LAB_PROCESSORS=all in the environment a guest is left to the host's scheduler: its
system calls are as slow then as they were before.
"""

from __future__ import annotations

import contextlib
import os
import random
from collections import Counter
from collections.abc import Iterable


def least_used(kernels: Iterable[int]) -> int:
    """One that fewest of these processes are kept on; any of them where there are several."""
    kept: Counter[int] = Counter()
    for kernel in kernels:
        with contextlib.suppress(ProcessLookupError):
            allowed = os.sched_getaffinity(kernel)
            kept.update(allowed if len(allowed) == 1 else ())
    return min(os.sched_getaffinity(0), key=lambda one: (kept[one], random.random()))


def keep_on(process: int, processor: int) -> None:
    """With all that it starts from now on."""
    if os.environ.get("LAB_PROCESSORS") == "all":
        return
    with contextlib.suppress(ProcessLookupError):  # who waits for it sees that it is gone
        os.sched_setaffinity(process, {processor})
