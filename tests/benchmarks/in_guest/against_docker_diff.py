# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the virtual machine: what a container changed, by the module and by `docker diff`. Prints the seconds of
each, a line for each round."""

import subprocess
import sys
import time

import timed

LETTERS = {"added": "A", "changed": "C", "deleted": "D"}


def main(rounds, container):
    for _round in range(rounds):
        ours, result = timed.run("container_diff_info", {"container": container})[:2]
        start = time.monotonic()
        said = subprocess.run(["docker", "diff", container], check=True, stdout=subprocess.PIPE).stdout
        theirs = time.monotonic() - start
        found = ["%s %s" % (LETTERS[one["kind"]], one["path"]) for one in result["changes"]]
        if sorted(found) != sorted(said.decode().splitlines()):
            sys.exit("docker diff says something else of %s" % container)
        print("%.3f %.3f" % (ours, theirs))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
