# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the controller: the commands of docs/fleets.md, and then nights on the control node, whose clock is moved.
What is not as it should be ends the program.

usage: operator.py CHECKOUT INVENTORY DIRECTORY   The directory is made anew; the commands are run there.
"""

import json
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_shared/files"))
import guide
from guide import expect, on, right, run

WORD = r"""%n %% $HOME ${HOME} "it's" \x41 \\ ; #a `id`"""
REPORT = "/var/lib/drydock-rescue/%s/report/"


def main(checkout, inventory, directory):
    guide.start(inventory, directory)
    guide.follow(checkout + "/docs/fleets.md", before, said)
    the_timer_fires()
    a_missed_night_is_caught_up_with()
    runs_of_one_schedule_do_not_overlap()
    runs_of_one_group_do_not_overlap()
    a_failure_is_told()
    for name in ("night", "other", "bad"):
        schedule(schedule_name=name, schedule_state="absent")


def before(title):
    if title == "The rest, again":
        shutil.rmtree("results/web8")


def said(words, output):
    if "list-timers" in words:
        expect(output, r"drydock-backup\.timer")
        expect(output, r"drydock-rehearsal\.timer")
    elif "journalctl" in words:
        expect(output, r"PLAY RECAP")


def schedule(seconds=2, **variables):
    """A schedule of the night, which takes so long."""
    given = {
        "schedule_hosts": "control",
        "schedule_name": "night",
        "schedule_inventory": "/etc/ansible/hosts",
        "schedule_randomized_delay": "0",
        "schedule_variables": {"backup_before": "/root/before.yml", "seconds": seconds},
        **variables,
    }
    return run(["ansible-playbook", "drydock.rescue.schedule", "-e", json.dumps(given)])


def forget():
    on("control", "rm -f /root/marks /root/told")


def marks(count):
    """When so many runs have come to their end, the marks of all."""
    end = time.monotonic() + 240
    found = ""
    while found.count("end") < count and time.monotonic() < end:
        time.sleep(2)
        found = on("control", "cat /root/marks 2>/dev/null || true")
    right(found.count("end") >= count, f"no {count} runs in time: {found}")
    idle("night")
    found = on("control", "cat /root/marks")
    return [line for line in found.splitlines() if line in ("begin", "end")]


def idle(name):
    """Waits until a run, which is `activating` all the time, has come to its end: the report follows the marks."""
    state = f"systemctl show --property=ActiveState --value drydock-{name}.service"
    on("control", f'while [ "$({state})" = activating ]; do sleep 1; done')


def ended(name, how="success"):
    found = on("control", f"systemctl show --property=Result drydock-{name}.service")
    right(
        f"Result={how}" in found,
        on("control", f"journalctl --no-pager --lines 100 --unit drydock-{name}.service"),
    )


def the_timer_fires():
    # No night lies between this day, when the timer is made, and the next.
    on("control", "date --set '2031-03-09 12:00:00'")
    schedule(schedule_arguments=["-e", json.dumps({"word": WORD})])
    expect(schedule(schedule_arguments=["-e", json.dumps({"word": WORD})]), r"control +: ok=\d+ +changed=0 ")
    forget()
    on("control", "date --set '2031-03-10 01:59:50'")
    right(marks(1) == ["begin", "end"], "the timer fired more than once")
    ended("night")
    right(WORD in on("control", "cat /root/word"), "the word did not arrive as it was")
    on("control", "test -s %sreport.html && test ! -s %sretry.txt" % (2 * (REPORT % "night",)))
    on("control", 'test "$(stat --format=%a /etc/drydock-rescue/night.json)" = 600')


def a_missed_night_is_caught_up_with():
    forget()
    on("control", "systemctl stop drydock-night.timer")
    on("control", "date --set '2031-03-12 12:00:00' && sleep 5 && test ! -e /root/marks")
    on("control", "systemctl start drydock-night.timer")
    right(marks(1) == ["begin", "end"], "what was missed ran more than once")
    ended("night")


def runs_of_one_schedule_do_not_overlap():
    schedule(seconds=20)
    forget()
    on("control", "systemctl start --no-block drydock-night.service")
    on("control", "until grep -s begin /root/marks; do sleep 1; done")
    # By hand, and by the timer.
    on("control", "systemctl start --no-block drydock-night.service")
    on("control", "date --set '2031-03-13 01:59:58' && sleep 6")
    found = marks(1)
    right(found == ["begin", "end"] * (len(found) // 2), f"runs overlap: {found}")


def runs_of_one_group_do_not_overlap():
    for name in ("night", "other"):
        schedule(seconds=10, schedule_name=name, schedule_group="vault")
    forget()
    on("control", "systemctl start --no-block drydock-night.service drydock-other.service")
    found = marks(2)
    right(found == ["begin", "end"] * 2, f"runs of a group overlap: {found}")
    idle("other")
    ended("other")


def a_failure_is_told():
    schedule(
        schedule_name="bad",
        schedule_inventory="/etc/ansible/with-one-off",
        schedule_on_failure="tell@%n.service",
    )
    forget()
    on("control", "! systemctl start drydock-bad.service")
    on("control", "until grep -s -x drydock-bad.service /root/told; do sleep 1; done")
    right(
        "off" in on("control", "cat %sretry.txt" % (REPORT % "bad")), "the limit file does not name the host"
    )
    # Also when nobody was reached.
    on("control", "sed -i /^control/d /etc/ansible/with-one-off && rm -r " + REPORT % "bad")
    on("control", "! systemctl start drydock-bad.service && test -s %sreport.html" % (REPORT % "bad"))


if __name__ == "__main__":
    main(*sys.argv[1:])
