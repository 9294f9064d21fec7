# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the virtual machine: open and close a container, by the module and by a script of the same commands.
Prints the seconds of each, a line for each round."""

import subprocess
import sys
import time

import timed

CONTAINER = "of-10G"


def main(rounds):
    script = "set -e\n" + "\n".join(
        timed.opened(CONTAINER)[1]["actions"] + timed.closed(CONTAINER)[1]["actions"]
    )
    print(script, file=sys.stderr)
    for _round in range(rounds):
        ours = timed.opened(CONTAINER)[0] + timed.closed(CONTAINER)[0]
        start = time.monotonic()
        subprocess.run(["sh", "-c", script], check=True)
        print("%.3f %.3f" % (ours, time.monotonic() - start))


if __name__ == "__main__":
    main(int(sys.argv[1]))
