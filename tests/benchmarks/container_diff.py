# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""container_diff_info in a virtual machine, against `docker diff` on the same containers of overlay2."""

from collections.abc import Iterator

import guest
from figures import Figure

ROUNDS = 7
ALLOWED = 1.5
# As make-many-files makes them.
CONTAINERS = {
    "added": "100,000 files that it made",
    "few": "100,000 files, a thousand of them written",
}


def figures() -> Iterator[Figure]:
    with guest.booted("make-many-files"):
        for name, what in CONTAINERS.items():
            ours, peer = guest.medians("against_docker_diff.py", ROUNDS, name)
            yield Figure(f"container_diff_info: {what}", ours, peer, ALLOWED, "s")
