# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the controller: the guide, and then a night in which one host is off and another has a broken container. The
report must say exactly that. What is not as it should be ends the program.

usage: operator.py GUIDE INVENTORY DIRECTORY   The directory is made anew; the commands are run there.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_shared/files"))
import guide
from guide import expect, on, right, run

BACKUP = ["ansible-playbook", "drydock.rescue.backup", "-i", "hosts", "-e", "backup_results=./results"]
REPORT = ["ansible-playbook", "drydock.rescue.report", "-i", "hosts", "-e", "report_results=./results"]
REPORT += ["-e", "report_dest=./report"]
# Which layer it has.
MOUNT = "/var/lib/docker/image/overlay2/layerdb/mounts/$(docker inspect --format '{{.Id}}' web)/mount-id"
FAILED, UNREACHABLE = 2, 4  # of both, Ansible says the second


def main(path, inventory, directory):
    guide.start(inventory, directory)
    guide.follow(path)
    right(document()["totals"]["backed_up"] == 6, "the report of the guide")
    right(not Path("report/retry.txt").exists(), "a limit file without trouble")
    right(Path("metrics/drydock.prom").stat().st_size, "metrics")
    # What the guide had stored is as new as can be, and yet no result of this night.
    time.sleep(2)
    report = [*REPORT, "-e", "report_since=" + time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())]
    a_bad_night(report)
    the_morning_after(report)


def a_bad_night(report):
    on("web8", f'mv "{MOUNT}" /root/mount-id')
    lab("crash")
    run(BACKUP, code=UNREACHABLE)
    said = run(report, code=FAILED)
    expect(said, r"Trouble with 2 of 3 hosts: web8 failed .*; web9 did not report")
    found = document()
    right(
        [host["status"] for host in found["hosts"]] == ["ok", "failed", "not_reported"], str(found["hosts"])
    )
    statuses = sorted(one["status"] for one in found["hosts"][1]["containers"])
    right(statuses == ["failed", "unchanged"], f"web8 says {statuses}")
    # The last good backup of what failed is that of the guide, which the report before knew.
    right(all(one["last_good"] for one in found["hosts"][1]["containers"]), "the last good backup of web8")
    worse = {(one["host"], one["container"] != "") for one in found["changes"] if one["direction"] == "worse"}
    right(worse == {("web8", False), ("web8", True), ("web9", False)}, f"worse is {found['changes']}")
    right(Path("report/retry.txt").read_text() == "web8\nweb9\n", "the limit file")
    right("Trouble with 2 of 3 hosts" in Path("report/report.html").read_text(), "the page")


def the_morning_after(report):
    """What was wrong is put right, and only the two are done again."""
    lab("start")
    on("web8", f'mv /root/mount-id "{MOUNT}"')
    said = run([*BACKUP, "--limit", "@report/retry.txt"])
    right("web7" not in said, "a host that was done is done again")
    expect(run(report), r"All 3 hosts reported and none failed")
    right(all(one["direction"] != "worse" for one in document()["changes"]), "nothing is worse")


def document():
    return json.loads(Path("report/report.json").read_text())


def lab(what):
    subprocess.run([os.environ["LAB"], what, "web9"], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
