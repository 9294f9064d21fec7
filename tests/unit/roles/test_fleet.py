# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a fleet of which a part does not answer or fails. Run by ansible-playbook itself: hosts that are this
machine, and a rack of ports that nobody listens to."""

import json
import re
import sys

import pytest

from ansible_collections.drydock.rescue.tests.unit.support import controller

GOOD = ["good%d" % number for number in range(3)]
RACK = ["rack%d" % number for number in range(3)]


@pytest.fixture
def back_up(tmp_path):
    controller.link_collection(tmp_path)
    inventory = tmp_path / "hosts.json"
    variables = {"ansible_python_interpreter": sys.executable}

    def run(rack, **given):
        hosts = dict.fromkeys(RACK, rack)
        for name in GOOD:
            # What is asked for differs, since all are one machine and their jobs would be one.
            hosts[name] = {"ansible_connection": "local", "backup_data_root": str(tmp_path / name)}
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}))
        words = ["drydock.rescue.backup", "-i", str(inventory), "-e", json.dumps(given)]
        done = controller.run(tmp_path, "playbook", *words, ANSIBLE_FORKS="2")
        said = done.stdout.decode()
        assert done.returncode, said
        return said

    return run


def test_a_rack_that_does_not_answer_stops_nobody(back_up):
    """Also where hosts take turns: Ansible's own `throttle` ends such a run."""
    said = back_up({"ansible_host": "127.0.0.1", "ansible_port": 9}, drydock_throttle=1)
    for name in GOOD:
        assert re.search(r"^%s +: ok=\d+ .* unreachable=0 +failed=0 " % name, said, re.MULTILINE), said
    assert said.count("is not a directory") == len(GOOD), said
    (missed,) = re.findall(r'"msg": "Not backed up: (.*)"', said)
    assert sorted(missed.split(", ")) == RACK


def test_who_wants_gives_up_when_too_many_fail(back_up):
    failing = {"ansible_connection": "local", "backup_exclude": ["no absolute path"]}
    said = back_up(failing, drydock_serial=4, drydock_max_fail_percentage=20)
    assert len(re.findall(r"^\w+ +: ok=", said, re.MULTILINE)) == 4, said
