# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a guest: opens containers beside a Docker at work, reads them and closes them. usage: rescue.py TIMES"""

import os
import subprocess
import sys

sys.path.insert(0, "/root/collection")
from rescues import close_it, ids_left, left, open_it

CASES = ["snapshot-dead", "snapshot", "snapshot-scratch"]


def settle():
    """Docker may be on its way down or up: what is then refused, or another method, is no fault."""
    subprocess.run("until docker version; do sleep 0.3; done", shell=True, capture_output=True, check=False)


def main(times):
    done = refused = 0
    while done < times:
        case = CASES[done % len(CASES)]
        settle()
        try:
            path = open_it(case)
        except Exception as error:
            # A Docker that is being restarted: said with its reason, nothing left, and the next try works.
            refused += 1
            print("    %s: %s" % (case, error), flush=True)
            if refused > times:
                sys.exit("refused more often than opened")
            continue
        with open(os.path.join(path, "file")) as stream:
            if stream.read() != "first\n":
                sys.exit("%s does not hold what was written" % path)
        if case == "snapshot-scratch":
            with open(os.path.join(path, "scratch"), "w") as stream:
                stream.write("x" * 100000)
        close_it(case)
        done += 1
    if left() or ids_left():
        sys.exit("there is left: %s %s" % (left(), ids_left()))
    print("%d opened and closed, %d refused" % (done, refused))


if __name__ == "__main__":
    main(int(sys.argv[1]))
