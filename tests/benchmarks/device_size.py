# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""container_rootfs on a thin device of 1 TB, against one of 10 GB: the size must not matter."""

from collections.abc import Iterator

import guest
from figures import Figure

ROUNDS = 9
ALLOWED = 1.2


def figures() -> Iterator[Figure]:
    with guest.booted():
        large, small = guest.medians("against_size.py", ROUNDS)
    yield Figure("container_rootfs: open 1 TB", large, small, ALLOWED, "s")
