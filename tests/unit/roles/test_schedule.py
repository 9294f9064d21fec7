# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role schedule has systemd do, as systemd itself reads it. The role runs in check mode: nothing of this
machine is changed."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from ansible_collections.drydock.rescue.tests.unit.support import controller

ANALYZE = shutil.which("systemd-analyze")
pytestmark = pytest.mark.skipif(ANALYZE is None, reason="systemd is not installed")

# Everything that systemd, a shell or a template takes for its own.
NASTY = r"""%n %% $HOME $$ ${HOME} "it's" \x41 \\ ; #a {{'{{ x }}'}} `id` ü"""
READ = NASTY.replace("{{'{{ x }}'}}", "{{ x }}")


@pytest.fixture
def schedule(tmp_path):
    """Runs the playbook in check mode: what it said, and where its units are."""
    units = tmp_path / "units"
    units.mkdir()
    (tmp_path / "bin").mkdir()
    spy = tmp_path / "bin" / "systemd-analyze"
    spy.write_text('#!/bin/sh\ncp "$2" "$3" %s && exec %s "$@"\n' % (units, ANALYZE))
    spy.chmod(0o755)
    ansible = tmp_path / "ansible playbook"
    ansible.symlink_to("/bin/true")
    controller.link_collection(tmp_path)

    def run(fails=False, **variables):
        given = {"schedule_inventory": "/etc/hosts", "schedule_ansible_playbook": str(ansible)}
        given.update(ansible_python_interpreter=sys.executable, **variables)
        words = ["drydock.rescue.schedule", "-i", "localhost,", "-c", "local", "--check", "--diff"]
        words += ["-e", json.dumps(given)]
        done = controller.run(tmp_path, "playbook", *words, programs=tmp_path / "bin")
        said = done.stdout.decode()
        assert (done.returncode != 0) == fails, said
        return said, units

    return run


def read(units, name):
    """What systemd understood: its settings, and the words of its commands."""
    said = subprocess.run(
        [ANALYZE, "verify", *sorted(map(str, units.iterdir()))],
        env=dict(os.environ, SYSTEMD_LOG_LEVEL="debug", LC_ALL="C"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    ).stdout.decode()
    (unit,) = re.findall(r"-> Unit %s:\n(.*?)(?=-> Unit |\Z)" % re.escape(name), said, re.DOTALL)
    commands = [words(line) for line in re.findall(r"Command Line: (.*)", unit)]
    # Where $$ stays one $ and no variable is put in its place, only when it is started.
    return unit, [[word.replace("$$", "$") for word in one] for one in commands]


def words(line):
    """systemd shows a command quoted for a shell."""
    return subprocess.check_output(["sh", "-c", "printf '%s\\0' " + line]).decode().split("\0")[:-1]


def test_a_night(schedule):
    _said, units = schedule(schedule_group="vault", schedule_on_failure="tell@%n.service")
    unit, (begin, run, report) = read(units, "drydock-backup.service")
    assert run[:5] == ["/usr/bin/timeout", "--signal=INT", "--kill-after=60s", "20h", "/usr/bin/flock"]
    assert run[5] == "/run/drydock-rescue/vault.lock"
    assert run[6].endswith("/ansible playbook")
    assert run[7:] == [
        "drydock.rescue.backup",
        "--inventory=/etc/hosts",
        "--extra-vars=@/etc/drydock-rescue/backup.json",
    ]
    began = "/var/lib/drydock-rescue/backup/began.yml"
    assert report[1:] == ["drydock.rescue.report", run[8], "--extra-vars=@" + began, run[9]]
    # What the first command writes is what the report is given: the time, and no other type of YAML.
    assert begin[:2] == ["/bin/sh", "-c"]
    script = begin[2].replace("%%", "%").replace(began, str(units / "began"))
    subprocess.run([*begin[:2], script], check=True)
    (since,) = yaml.safe_load((units / "began").read_text()).values()
    (units / "began").unlink()
    assert re.fullmatch(r"20[0-9-]{8}T[0-9:]{8}Z", since)
    assert report[0] == run[6]
    for setting in ("Type: oneshot", "Nice: 10", "CPUWeight: 50", "OOMPolicy: continue", "User: root"):
        assert setting in unit
    text = (units / "drydock-backup.service").read_text()
    assert "\nOnFailure=tell@%n.service\n" in text
    assert re.search(r"^ExecStart=-/usr/bin/timeout .*\nExecStart=\"/", text, re.MULTILINE)
    assert "Persistent=true\nRandomizedDelaySec=30min\n" in (units / "drydock-backup.timer").read_text()


def test_words_reach_the_program_as_they_are(schedule):
    _said, units = schedule(
        schedule_name="n_1",
        schedule_inventory=["/etc/hosts", "/srv/" + NASTY],
        schedule_arguments=["--limit", NASTY, ";", ""],
        schedule_environment={"NASTY": NASTY},
    )
    unit, (_begin, run, report) = read(units, "drydock-n_1.service")
    assert run[-5:] == ["--extra-vars=@/etc/drydock-rescue/n_1.json", "--limit", READ, ";", ""]
    assert "--inventory=/srv/" + READ in run
    assert "--inventory=/srv/" + READ in report
    assert "Environment: NASTY=%s\n" % READ in unit


def test_passwords_are_in_the_file_alone(schedule):
    said, units = schedule(schedule_variables={"backup_repository": {"password": "geheim"}})
    assert "geheim" not in said
    assert not any("geheim" in one.read_text() for one in units.iterdir())


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"schedule_name": "../x"}, 'schedule_name \\"../x\\" is no part of a unit'),
        ({"schedule_name": "x\n"}, "is no part of a unit"),
        ({"schedule_inventory": ""}, "schedule_inventory is missing"),
        ({"schedule_on_calendar": "daily\nOnBootSec=1"}, "has a control character in it"),
        ({"schedule_arguments": ["a\x1bb"]}, "has a control character in it"),
        (
            {"schedule_on_calendar": "someday"},
            "systemd does not take this schedule, so nothing was changed: .*someday",
        ),
        (
            {"schedule_memory_max": "much"},
            "systemd does not take this schedule, so nothing was changed: .*much",
        ),
        ({"schedule_ansible_playbook": "/nowhere"}, "/nowhere is no program on the control node"),
    ],
)
def test_bad_input(schedule, variables, message):
    said, _units = schedule(fails=True, **variables)
    assert re.search(message if ".*" in message else re.escape(message), said), said
    assert "TASK [drydock.rescue.schedule : Write the variables]" not in said
