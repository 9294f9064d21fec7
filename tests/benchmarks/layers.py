# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""container_rootfs on an overlay2 container of 127 layers, the most that Docker makes, against one of 5."""

from collections.abc import Iterator

import guest
from figures import Figure

ROUNDS = 9
ALLOWED = 2.0


def figures() -> Iterator[Figure]:
    with guest.booted():
        deep, flat = guest.medians("against_layers.py", ROUNDS)
    yield Figure("container_rootfs: open 127 layers", deep, flat, ALLOWED, "s")
