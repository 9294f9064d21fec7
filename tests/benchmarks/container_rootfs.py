# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""container_rootfs, from its first look to its end, against a shell script of the same commands."""

from collections.abc import Iterator

import guest
from figures import Figure

ROUNDS = 9
ALLOWED = 1.5


def figures() -> Iterator[Figure]:
    with guest.booted():
        ours, script = guest.medians("against_script.py", ROUNDS)
    yield Figure("container_rootfs: open and close", ours, script, ALLOWED, "s")
