# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./run bench starts: measures the figures that are promised and prints them as one table."""

import importlib
import sys

from figures import say, table

# In this order; the last four need virtual machines.
NAMES = (
    "payload",
    "container_info",
    "mixed_drivers",
    "bbolt",
    "fleet",
    "controller",
    "container_diff",
    "container_rootfs",
    "backup",
    "sixteen_guests",
)


def main(*names: str) -> int:
    unknown = set(names) - set(NAMES)
    if unknown:
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    found = []
    for name in names or NAMES:
        say(f"\n== {name}")
        found += importlib.import_module(name).figures()
    print("\n" + table(found))
    return 0 if all(one.ok for one in found) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
