# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the virtual machine: open a container of 1 TB, and one of 10 GB. Prints the seconds of each, a line for
each round."""

import os
import sys

import timed

SIZES = {"of-1T": 2**40, "of-10G": 10 * 2**30}


def main(rounds):
    for _round in range(rounds):
        seconds = []
        for container, size in SIZES.items():
            taken, result = timed.opened(container)
            seconds.append(taken)
            with open(result["device"], "rb") as device:
                if device.seek(0, os.SEEK_END) != size:
                    sys.exit("%s has another size than %d bytes" % (container, size))
            timed.closed(container)
        print("%.3f %.3f" % tuple(seconds))


if __name__ == "__main__":
    main(int(sys.argv[1]))
