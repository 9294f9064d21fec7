# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the controller: the guide from its beginning to its end, and then what goes wrong. What is not as it should
be ends the program.

usage: operator.py GUIDE INVENTORY DIRECTORY   The directory is made anew; the commands are run there.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_shared/files"))
import guide
from guide import ansible, expect, on, right, run

BACKUP = ["ansible-playbook", "drydock.rescue.backup", "-i", "hosts"]
REHEARSE = ["ansible-playbook", "drydock.rescue.verify_backups", "-i", "hosts"]
JOBS = "test -e /run/drydock-jobs"


def main(path, inventory, directory):
    guide.start(inventory, directory)
    guide.follow(path, said=looked_at())
    for host in ("web7", "web8"):
        for root in ("backups", "first"):
            said = run(["find", "%s/%s" % (root, host), "-name", "rootfs.tar.*"])
            right(len(said.splitlines()) == 3, "what was fetched: " + said)
    repeated()
    shown()
    lost()
    hooks()
    damaged()


def looked_at():
    """Looks at what the first commands of the guide say."""
    seen = []

    def look(words, output):
        seen.append(words)
        if len(seen) == 1:
            right(output.count('"big, stored, ') == 2, output)
        elif len(seen) == 2:
            expect(output, r"fetched 3 backups to .*/backups/web7")
            shutil.copytree("backups", "first")

    return look


def repeated():
    """Nothing is done twice."""
    fetch = ["-e", '{"backup_fetch": true, "backup_fetch_to": "./backups"}']
    run([*BACKUP, *fetch])
    said = run([*BACKUP, *fetch])
    expect(said, r"fetched 0 backups")
    right(said.count(", unchanged, ") == 6, said)
    for host in ("web7", "web8"):
        expect(said, r"^%s .* changed=0 .* failed=0 " % host)


def shown():
    """How far it is, where it takes longer than two seconds."""
    on("all", "docker start big && docker wait big")
    said = run([*BACKUP, *at_a_second(10_000_000)])
    for host in ("web7", "web8"):
        expect(said, r"^%s: \d of 3 done \| (payroll-db|web|big) " % host)


def lost():
    """Ansible is killed in the middle; the next run takes the result."""
    on("all", "docker start big && docker wait big")
    slow = [*BACKUP, "-l", "web7", *at_a_second(5_000_000)]
    process = subprocess.Popen(slow, stdout=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + 120
    while ansible("web7", JOBS).returncode:
        right(time.monotonic() < end and process.poll() is None, "no job began")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = backups_of_big()
    said = run(slow)
    expect(said, r"the result of an earlier run of the same task, begun at ")
    expect(said, r'"big, stored, ')
    right(backups_of_big() - before in (0, 1), "it was backed up twice")
    said = run([*slow, "-e", "backup_progress=false"])
    right(not re.search(r"^web7: \d of ", said, re.MULTILINE), said)
    right(said.count(", unchanged, ") == 3, said)


def at_a_second(count):
    """So many bytes of the 60 MB of big."""
    return ["-e", '{"backup_repository": {"location": "/var/backups/drydock", "rate_limit": %d}}' % count]


def backups_of_big():
    said = ansible("web7", "ls -d /var/backups/drydock/web7/big/2*").stdout
    return len(re.findall(r"^/var", said, re.MULTILINE))


def hooks():
    """Nothing is backed up when what should come before fails, and what comes after is told."""
    with open("fails.yml", "w") as stream:
        stream.write("- name: Fail\n  ansible.builtin.fail:\n    msg: the dump failed\n")
    with open("shows.yml", "w") as stream:
        stream.write(
            "- name: Show\n  ansible.builtin.debug:\n    msg: 'after: {{ backup_error }} {{ backup_result }}'\n"
        )
    said = run([*BACKUP, "-e", "backup_before=fails.yml", "-e", "backup_after=shows.yml"], code=2)
    expect(said, r"after: the dump failed \{\}")


def damaged():
    """One byte of one archive of one host, and the manifests of another container there."""
    archives = "/var/backups/drydock/web7/web/*/rootfs.tar.*"
    byte = "for f in %s; do printf x | dd of=$f bs=1 seek=99 conv=notrunc; done" % archives
    manifests = "for f in /var/backups/drydock/web7/payroll-db/*/manifest.json; do truncate --size=9 $f; done"
    for damage in (byte, manifests):
        right(ansible("web7", damage).returncode == 0, "it could not be damaged")
    said = run([*REHEARSE, "-e", "verify_backups_sample=0"], code=2)
    expect(said, r"the backup at .*/payroll-db/.* cannot be read: ")
    expect(said, r"web: could not be restored: .*rootfs.* is damaged")
    expect(said, r"big: restored and proven, ")
    expect(said, r"^web7 .* failed=1 ")
    expect(said, r"^web8 .* failed=0 ")


if __name__ == "__main__":
    main(*sys.argv[1:])
