# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the controller: a good night of sixteen hosts, a bad one, and the morning after. The reports must say exactly
what was. What is not as it should be ends the program.

usage: operator.py INVENTORY DIRECTORY   The directory is made anew; the commands are run there.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_shared/files"))
import guide
from guide import expect, on, right, run

FORKS = ["--forks", "16"]
BACKUP = [
    "ansible-playbook",
    "drydock.rescue.backup",
    "-i",
    "hosts",
    *FORKS,
    "-e",
    "backup_results=./results",
]
REPORT = ["ansible-playbook", "drydock.rescue.report", "-i", "hosts", "-e", "report_results=./results"]
REPORT += ["-e", "report_dest=./report"]
FAILED, UNREACHABLE = 2, 4  # of both, Ansible says the second

OFF = ("h03", "h08", "h13")
BROKEN = ("h02", "h09")
LOSES_POWER = "h06"
# Which layer a container has.
MOUNT = (
    "/var/lib/docker/image/overlay2/layerdb/mounts/$(docker inspect --format '{{.Id}}' payroll-db)/mount-id"
)


def main(inventory, directory):
    guide.start(inventory, directory)
    a_good_night()
    a_bad_night()
    the_morning_after()


def a_good_night():
    run(BACKUP)
    expect(run(REPORT), r"All 16 hosts reported and none failed")
    right(document()["totals"]["backed_up"] == 32, "the containers of the good night")


def a_bad_night():
    time.sleep(2)
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for host in OFF:
        lab("crash", host)
    for host in BROKEN:
        on(host, f'mv "{MOUNT}" /root/mount-id')
    # What takes long enough to be hit.
    on(
        LOSES_POWER,
        "head --bytes=300M /dev/urandom >/root/more && docker cp /root/more payroll-db:/more && sync",
    )
    cut = threading.Thread(target=cut_power_in_the_middle)
    cut.start()
    run(BACKUP, code=UNREACHABLE)
    cut.join()
    said = run([*REPORT, "-e", f"report_since={since}"], code=FAILED)
    expect(said, r"Trouble with 6 of 16 hosts")
    for host in document()["hosts"]:
        expected = {"failed"} if host["name"] in BROKEN else {"ok"}
        if host["name"] in OFF:
            expected = {"not_reported"}
        elif host["name"] == LOSES_POWER:
            expected = {"not_reported", "failed"}
        right(host["status"] in expected, f"{host['name']} is {host['status']}: {host}")
    retry = Path("report/retry.txt").read_text().split()
    right(sorted(retry) == sorted((*OFF, *BROKEN, LOSES_POWER)), f"the limit file: {retry}")


def cut_power_in_the_middle():
    """When half of the archive is written."""
    half = "until [ $(du -sm /var/backups/drydock | cut -f1) -gt 150 ]; do sleep 0.1; done"
    on(LOSES_POWER, half)
    lab("crash", LOSES_POWER)


def the_morning_after():
    """What was wrong is put right, and only those hosts are done again."""
    for host in (*OFF, LOSES_POWER):
        lab("start", host)
    for host in BROKEN:
        on(host, f'mv /root/mount-id "{MOUNT}"')
    said = run([*BACKUP, "--limit", "@report/retry.txt"])
    right("h01" not in said, "a host that was done is done again")
    expect(run(REPORT), r"All 16 hosts reported and none failed")
    totals = document()["totals"]
    right(totals["backed_up"] == 32, f"the containers of the morning: {totals}")


def document():
    return json.loads(Path("report/report.json").read_text())


def lab(what, host):
    subprocess.run([os.environ["LAB"], what, host], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
