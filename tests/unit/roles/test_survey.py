# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook survey, run by ansible-playbook itself with hosts that are data roots on this machine."""

import json
import sys

import pytest

from ansible_collections.drydock.rescue.tests.unit.support import controller
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import DockerRoot, ident

HOSTILE = "{{ lookup('pipe', 'touch pwned') }}\x1b[2J"


@pytest.fixture
def survey(tmp_path):
    """Runs the playbook for these hosts and their variables; its exit status and what it said."""
    controller.link_collection(tmp_path)

    def run(hosts, *arguments):
        own = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        listed = {name: dict(own, **variables) for name, variables in hosts.items()}
        (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": listed}}))
        done = controller.run(tmp_path, "playbook", "drydock.rescue.survey", "-i", "hosts.json", *arguments)
        return done.returncode, done.stdout.decode()

    return run


def test_a_fleet_with_every_kind_of_host(tmp_path, survey):
    old = DockerRoot(tmp_path / "old")
    old.loop_pool()
    old.container("db", driver="devicemapper", Name="/" + HOSTILE)
    old.device_file(ident("layer of db"), 8)
    DockerRoot(tmp_path / "new").overlay_container("web")
    unreachable = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    code, said = survey(
        {
            "old": {"survey_data_root": str(tmp_path / "old")},
            "new": {"survey_data_root": str(tmp_path / "new")},
            "bare": {"survey_data_root": str(tmp_path / "nothing")},
            "strange": {"survey_data_root": str(tmp_path)},
            "off": unreachable,
        },
        "-e",
        "survey_results=results",
    )
    assert code in (2, 4, 6), said
    assert '"3 hosts looked at, 1 with an old storage driver"' in said
    assert '"without a Docker: 1 host"' in said
    assert '"old: devicemapper 1 container, 0 of 1 container alive, pool data 4.9 %' in said
    assert '"strange: failed: data_root %s is not a data root of Docker' % tmp_path in said
    assert "off: failed: " in said
    recap = {line.split()[0]: line for line in said.partition("PLAY RECAP")[2].splitlines()[1:] if line}
    failed = {host for host, line in recap.items() if "failed=1" in line or "unreachable=1" in line}
    assert failed == {"strange", "off"}
    results = {path.parent.name: json.loads(path.read_text()) for path in tmp_path.glob("results/*/*.json")}
    assert {host for host, one in results.items() if one["error"]} == {"strange", "off"}
    assert {one["kind"] for one in results.values()} == {"survey"}
    (db,) = results["old"]["result"]["containers"]
    assert db["name"] == HOSTILE.replace("\x1b", "\\x1b")
    assert not (tmp_path / "pwned").exists()


def test_without_a_directory_for_results_nothing_is_written(tmp_path, survey):
    DockerRoot(tmp_path / "docker").overlay_container("web")
    before = set(tmp_path.iterdir())
    code, said = survey({"web7": {"survey_data_root": str(tmp_path / "docker")}})
    assert (code, '"1 host looked at, 0 with an old storage driver"' in said) == (0, True), said
    assert {path.name for path in set(tmp_path.iterdir()) - before} <= {"hosts.json", "home"}


def test_a_result_that_cannot_be_written_is_a_failure(tmp_path, survey):
    DockerRoot(tmp_path / "docker").overlay_container("web")
    (tmp_path / "results").write_text("a file")
    hosts = {"web7": {"survey_data_root": str(tmp_path / "docker")}}
    code, said = survey(hosts, "-e", "survey_results=results")
    assert (code, "The result could not be written: " in said) == (2, True), said
