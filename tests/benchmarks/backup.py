# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""container_backup and container_restore in a virtual machine, with each engine against what one would type."""

from collections.abc import Iterator

import guest
from figures import Figure

ROUNDS = 3
ALLOWED_MIB = 150


def figures() -> Iterator[Figure]:
    with guest.booted("make-to-back-up"):
        backup, export, tar, restore, untar, peak = guest.medians("against_tar.py", ROUNDS)
        restic = guest.medians("against_restic.py", ROUNDS, "large")
        fifty = guest.medians("against_restic.py", 1, "fifty", warm_up=0)
    yield Figure("container_backup: against docker export | zstd", backup, export, 1 / 2.5, "s")
    yield Figure("container_backup: against tar | zstd", backup, tar, 1.15, "s")
    yield Figure("container_restore: against zstd | tar", restore, untar, 1.1, "s")
    yield Figure("container_backup, container_restore: memory", peak, ALLOWED_MIB, 1.0, "MiB")
    names = ("container_backup with restic", "again", "after a change", "container_restore with restic")
    for name, ours, plain in zip(names, restic[::2], restic[1::2], strict=True):
        yield Figure(f"{name}: against restic", ours, plain, 1.1, "s")
    yield Figure("container_backup of 50: against 50 runs of restic", *fifty[:2], 1.05, "s")
    yield Figure("container_backup of 50: processes of restic", *fifty[2:], 1.05, "")
