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
from ansible_collections.drydock.rescue.plugins.module_utils._host import Host  # noqa: E402
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import (  # noqa: E402
    closing,
    rootfs_state,
    thin_ids,
)

RESUMES_WITHIN = 1.0  # seconds, as promised
CASES = {
    "assemble": ("dead", "read_only", "assemble"),
    "assemble-scratch": ("dead", "scratch", "assemble"),
    "extract": ("dead", "read_only", "extract"),
    "extract-scratch": ("dead", "scratch", "extract"),
    "direct": ("dead", "in_place", "direct"),
    "snapshot": ("living", "read_only", "snapshot"),
    "snapshot-scratch": ("living", "scratch", "snapshot"),
    "snapshot-dead": ("dead", "read_only", "snapshot"),
    "suspended": ("living", "read_only", "snapshot"),
    "stop-docker": ("dead", "in_place", "direct"),
    "merge": ("dead", "read_only", "merge"),
    "merge-scratch": ("dead", "scratch", "merge"),
    "live": ("living", "read_only", "live"),
}


def parameters(case, state="mounted"):
    container, access, method = CASES[case]
    given = dict(container=container, access=access, method=method, state=state, scratch_size="64M")
    for name in ("data_root", "device_id", "data_device", "metadata_device", "path", "work_dir"):
        given[name] = None
    return dict(given, stop_docker=case == "stop-docker")


def child(work):
    """Runs ``work`` in a process of its own."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException as error:
        print("    %s: %s" % (type(error).__name__, error), flush=True)
    finally:
        os._exit(code)


def finished(work):
    _pid, status = os.waitpid(child(work), 0)
    return status == 0


def open_it(case):
    host = Host()
    if case == "suspended":  # the worst moment of all
        run = host.run

        def and_die(argv, *rest, **options):
            result = run(argv, *rest, **options)
            if argv[:2] == ["dmsetup", "suspend"]:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        host.run = and_die
    rootfs_state.reach(host, parameters(case), False)


def close_it(case):
    rootfs_state.reach(Host(), parameters(case, "unmounted"), False)


def clean_up(_case):
    closing.close_everything(Host(), False)


def again(case):
    case = "snapshot" if case == "suspended" else case
    rootfs_state.reach(Host(), parameters(case), False)
    close_it(case)


def suspended():
    shown = subprocess.run(
        ["dmsetup", "info", "-c", "--noheadings", "-o", "name,suspended"], capture_output=True, text=True
    ).stdout
    return [line for line in shown.splitlines() if line.endswith(":Suspended")]


def left():
    """Everything of ours that is on the host."""
    script = """
        dmsetup info -c --noheadings -o name | grep '^drydock'
        losetup --list --noheadings | grep drydock
        grep drydock /proc/self/mountinfo
        ls -d /run/drydock /run/systemd/system/*.d/drydock-* /var/tmp/drydock 2>/dev/null
        exit 0"""
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout


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
        recover = [again, close_it, clean_up][number // len(cases) % 3]
        after = chance.uniform(0, lasts[case])
        pid = child(lambda case=case: open_it(case))
        if case != "suspended":
            time.sleep(after)
            os.kill(pid, signal.SIGKILL)
        _pid, status = os.waitpid(pid, 0)
        killed_open += os.WIFSIGNALED(status)
        begin = time.time()
        while suspended():
            if time.time() - begin > RESUMES_WITHIN:
                sys.exit("%d %s: still suspended after a second: %s" % (number, case, suspended()))
        slowest = max(slowest, time.time() - begin)
        found = "nothing" if not left() else "something"
        print("%4d %-16s killed after %.2f s, left %s, %s" % (number, case, after, found, recover.__name__), flush=True)
        if not finished(lambda case=case, recover=recover: recover(case)):
            sys.exit("%d %s: %s failed" % (number, case, recover.__name__))
        if left():
            sys.exit("%d %s: after %s there is left:\n%s" % (number, case, recover.__name__, left()))
    pools = subprocess.run(["dmsetup", "ls", "--target", "thin-pool"], capture_output=True, text=True).stdout
    for pool in [line.split()[0] for line in pools.splitlines() if "No devices" not in line]:
        ids = thin_ids.existing(Host(), pool)
        if ids:
            sys.exit("thin ids of ours are left in %s: %s" % (pool, sorted(ids)))
    print("%d killed, %d of them before the end; a suspended device was back within %.2f s" % (times, killed_open, slowest))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
