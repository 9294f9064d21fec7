# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a guest: kills what the modules do at random points, and looks at what is left.

usage: kill.py TIMES SEED CASE...   Each time one of the cases is opened and killed (SIGKILL) at a random moment; then
it is opened again and closed, or closed, or cleaned up, in turn. Whatever is left on the host ends the program.
"""

import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, "/root/collection")
from rescues import Host, child, clean_up, close_it, finished, ids_left, left, open_it

RESUMES_WITHIN = 1.0  # seconds, as promised


def dying(case):
    """Opens a case; `suspended` dies in the worst moment of all."""
    host = Host()
    run = host.run

    def run_and_die(argv, *rest, **options):
        result = run(argv, *rest, **options)
        if argv[:2] == ["dmsetup", "suspend"]:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    if case == "suspended":
        host.run = run_and_die
    open_it(case, host)


def again(case):
    case = "snapshot" if case == "suspended" else case
    open_it(case)
    close_it(case)


def cleanup(_case):
    clean_up()


def suspended():
    shown = subprocess.run(
        ["dmsetup", "info", "-c", "--noheadings", "-o", "name,suspended"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return [line for line in shown.splitlines() if line.endswith(":Suspended")]


def duration(case):
    begin = time.time()
    work = again if case != "suspended" else lambda _case: None
    if not finished(lambda: work(case)):
        sys.exit("%s does not even work without being killed" % case)
    return (time.time() - begin) * 0.7  # opening takes longer than closing


def main(times, seed, cases):
    chance = random.Random(seed)
    lasts = {case: duration(case) for case in cases}
    print("seed %d; opening takes %s" % (seed, {case: round(lasts[case], 1) for case in cases}), flush=True)
    killed_open, slowest = 0, 0.0
    for number in range(times):
        case = cases[number % len(cases)]
        recover = [again, close_it, cleanup][number // len(cases) % 3]
        after = chance.uniform(0, lasts[case])
        pid = child(lambda case=case: dying(case))
        if case != "suspended":
            time.sleep(after)
            os.kill(pid, signal.SIGKILL)
        _pid, status = os.waitpid(pid, 0)
        killed_open += os.WIFSIGNALED(status)
        begin, seen = time.time(), False
        while suspended():
            seen = True
            if time.time() - begin > RESUMES_WITHIN:
                sys.exit("%d %s: still suspended after a second: %s" % (number, case, suspended()))
        slowest = max(slowest, time.time() - begin if seen else 0)
        found = "nothing" if not left() else "something"
        print(
            "%4d %-16s killed after %.2f s, left %s, %s" % (number, case, after, found, recover.__name__),
            flush=True,
        )
        if not finished(lambda case=case, recover=recover: recover(case)):
            sys.exit("%d %s: %s failed" % (number, case, recover.__name__))
        if left():
            sys.exit("%d %s: after %s there is left:\n%s" % (number, case, recover.__name__, left()))
    if ids_left():
        sys.exit("thin ids of ours are left: %s" % ids_left())
    print(
        "%d killed, %d of them before the end; a suspended device was back within %.2f s"
        % (times, killed_open, slowest)
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
