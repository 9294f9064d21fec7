# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a guest: kills the opening and the closing of `rich` with its volumes before one step after
the other, and cleans up.

usage: kill.py ROOT FIRST EVERY   ROOT is the data root; of the steps, the FIRST and EVERY so many after it are those
before which it is killed. Whatever is left on the host ends the program.
"""

import os
import signal
import sys

sys.path.insert(0, "/root/collection")
from rescues import Host, child, clean_up, finished, given, left

from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import rootfs_state

STEPS = ("mount", "own_peer_group", "bind_inside", "unmount_inside", "unmount")
MORE_THAN_ALL = 200


def reach(root, state, host):
    rootfs_state.reach(
        host, given(container="rich", data_root=root, state=state, volumes=True, path="/mnt/look"), False
    )


def dying(number):
    """A host on which we die before the step of that number."""
    host = Host()
    done = [0]

    def one(step):
        def perform(*rest):
            done[0] += 1
            if done[0] > number:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(*rest)

        return perform

    for name in STEPS:
        setattr(host, name, one(getattr(host, name)))
    return host


def mounts():
    with open("/proc/self/mountinfo") as stream:
        return sorted(line.split(" ", 2)[2] for line in stream)


def killed(work):
    _pid, status = os.waitpid(child(work), 0)
    if not os.WIFSIGNALED(status) and status:
        sys.exit("it failed before it was killed")
    return os.WIFSIGNALED(status)


def main(root, first, every):
    before = mounts()
    counts, unlabelled = {}, []
    for state in ("mounted", "unmounted"):
        for number in range(first, MORE_THAN_ALL, every):
            if state == "unmounted" and not finished(lambda: reach(root, "mounted", Host())):
                sys.exit("it cannot be opened")
            died = killed(lambda state=state, number=number: reach(root, state, dying(number)))
            found = mounts() != before
            if not finished(clean_up):
                sys.exit("%s, killed after %d steps: it cannot be cleaned up" % (state, number))
            # A directory that is made for `path` is known by the label that is mounted on it, and not before.
            if os.path.exists("/mnt/look"):
                os.rmdir("/mnt/look")
                unlabelled.append(state)
            if left() or mounts() != before or len(unlabelled) > 2:
                sys.exit("%s, killed after %d steps: there is left\n%s" % (state, number, left() or mounts()))
            if not died:
                break
            counts.setdefault(state, []).append(found)
        if not any(counts.get(state, [])):
            sys.exit("%s: none was killed in the middle" % state)
    print("killed and cleaned up:", {state: len(found) for state, found in counts.items()})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
