# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the virtual machine: open a container of 1 TB, and one of 10 GB. Prints the seconds of each, a line for
each round."""

import sys

import timed


def main(rounds):
    for _round in range(rounds):
        seconds = []
        for container in ("of-1T", "of-10G"):
            seconds.append(timed.opened(container)[0])
            timed.closed(container)
        print(*seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]))
