# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the virtual machine: one container backed up by container_backup, by `docker export | zstd` and by
`tar | zstd` of the open tree, and restored by container_restore and by `zstd | tar`. Each begins with nothing of the
disk in memory, and ends when what it wrote is on the disk. The peers know what a careful operator types. Prints the
seconds of each and the peak memory of both modules in MiB, a line for each round."""

import os
import shutil
import subprocess
import sys
import time

import timed

CONTAINER, PLACE = "system", "/srv/bench"
REPOSITORY, ARCHIVE, TARGET = PLACE + "/repository", PLACE + "/archive.tar.zst", PLACE + "/restored"
ZSTD = "zstd -q -3 --threads=%d" % len(os.sched_getaffinity(0))
KEEP = "--numeric-owner --xattrs --xattrs-include='*' --acls --selinux"
EXPORT = f"docker export {CONTAINER} | {ZSTD} >{ARCHIVE} && sync {ARCHIVE}"
TAR = f"tar -c --sparse {KEEP} -C /run/drydock/{CONTAINER} . | {ZSTD} >{ARCHIVE} && sync {ARCHIVE}"
UNTAR = f"zstd -q -d -c {ARCHIVE} | tar -xp {KEEP} -C {TARGET} && sync -f {TARGET}"


def main(rounds):
    os.makedirs(PLACE)
    given = {"repository": {"location": REPOSITORY}}
    stored = dict(given, containers=[CONTAINER], compression={"method": "zstd", "level": 3})
    restored = dict(given, container=CONTAINER, path=TARGET)
    for _round in range(rounds):
        export = typed(EXPORT)
        timed.opened(CONTAINER)
        tar = typed(TAR)
        timed.closed(CONTAINER)
        empty(REPOSITORY)
        backup = module("container_backup", stored)
        empty(TARGET)
        os.mkdir(TARGET)
        untar = typed(UNTAR)
        empty(TARGET)
        restore = module("container_restore", restored)
        empty(TARGET)
        peak = max(backup.peak_kib, restore.peak_kib) / 1024
        print(
            "%.2f %.2f %.2f %.2f %.2f %.1f" % (backup.seconds, export, tar, restore.seconds, untar, peak),
            flush=True,
        )


def typed(script):
    cold()
    start = time.monotonic()
    subprocess.run(["bash", "-c", "set -euo pipefail; " + script], check=True)
    return time.monotonic() - start


def module(name, arguments):
    cold()
    return timed.run(name, arguments)


def cold():
    subprocess.run(["sync"], check=True)
    with open("/proc/sys/vm/drop_caches", "w") as switch:
        switch.write("3")


def empty(directory):
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
