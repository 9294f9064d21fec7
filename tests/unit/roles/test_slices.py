# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet cut in slices that ansible-runner, and so AWX, runs side by side: they share a directory of results and a
repository's turns, and nothing is lost."""

import json
import os
import sys

import pytest

from ansible_collections.drydock.rescue.tests.unit.support import controller
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import DockerRoot

ansible_runner = pytest.importorskip("ansible_runner")
SLICES = 4
HOSTS = ["host%02d" % number for number in range(16)]
BROKEN = "host05"


@pytest.fixture
def fleet(tmp_path):
    """Hosts that are this machine, each with a data root of its own. One has a repository that cannot be."""
    controller.link_collection(tmp_path)
    hosts = {}
    for name in HOSTS:
        DockerRoot(tmp_path / name / "docker")
        location = str(tmp_path / name / "backups")
        hosts[name] = {
            "backup_data_root": str(tmp_path / name / "docker"),
            "backup_repository": {"location": "not absolute" if name == BROKEN else location},
        }
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    variables.update(backup_results=str(tmp_path / "results"), drydock_throttle=2)
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}))
    return inventory


def test_four_slices_write_one_directory_of_results(tmp_path, fleet):
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "PATH": "%s:%s" % (os.path.dirname(sys.executable), os.environ["PATH"]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for number in range(SLICES):
        (tmp_path / ("slice%d" % number)).mkdir()
    started = [
        ansible_runner.run_async(
            private_data_dir=str(tmp_path / ("slice%d" % number)),
            playbook="drydock.rescue.backup",
            inventory=str(fleet),
            limit=":".join(HOSTS[number::SLICES]),
            envvars=environment,
            quiet=True,
        )
        for number in range(SLICES)
    ]
    ended = []
    for thread, runner in started:
        thread.join()
        ended.append((runner.rc, runner.stdout.read()))
    broken = HOSTS.index(BROKEN) % SLICES
    assert [code for code, _said in ended] == [2 if number == broken else 0 for number in range(SLICES)], (
        ended
    )
    files = sorted((tmp_path / "results").rglob("*"))
    assert [one.name for one in files if one.is_dir()] == HOSTS
    results = [json.loads(one.read_text()) for one in files if one.is_file()]
    assert [one["host"] for one in results] == HOSTS
    assert {one["kind"] for one in results} == {"backup"}
    failed = {one["host"]: one["error"] for one in results if one["error"]}
    assert list(failed) == [BROKEN], failed
    assert "not an absolute path" in failed[BROKEN]
