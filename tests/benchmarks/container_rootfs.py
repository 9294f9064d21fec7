# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""container_rootfs in a virtual machine, from its first look to its end: against a shell script of the same commands,
and on what is large against what is small, which must not matter."""

from collections.abc import Iterator

import guest
from figures import Figure

ROUNDS = 9
# What runs in the guest, and by how much the first of its two may be slower.
PAIRS = (
    ("open and close, against a script", "against_script.py", 1.5),
    ("open 1 TB, against 10 GB", "against_size.py", 1.2),
    ("open 127 layers, against 5", "against_layers.py", 2.0),
)


def figures() -> Iterator[Figure]:
    with guest.booted("make-containers"):
        for name, script, allowed in PAIRS:
            ours, peer = guest.medians(script, ROUNDS)
            yield Figure(f"container_rootfs: {name}", ours, peer, allowed, "s")
