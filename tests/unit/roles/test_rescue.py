# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rescue, run by ansible-playbook itself on this machine, with modules that only say what they do."""

import json
import re
import sys

import pytest

from ansible_collections.drydock.rescue.tests.unit.support import controller

MODULE = """
import os
from ansible.module_utils.basic import AnsibleModule

KIND = {kind!r}
FOUND = [dict(id=2 * name, name=name) for name in ("web", "db")]

def main():
    module = AnsibleModule(argument_spec={{name: dict(type="raw") for name in {options!r}}}, supports_check_mode=True)
    asked = module.params
    step = dict(unmounted="close", copied="copy").get(asked["state"]) or "open"
    if KIND == "info":
        here = [one for one in FOUND if one["name"] in asked["containers"]]
        module.exit_json(data_root="/d", containers=here)
    with open({log!r}, "a") as log:
        log.write(step + " " + (asked["container"] or asked["root"]) + "\\n")
    path = "/run/drydock/" + (asked["container"] or "")
    if asked["device_id"]:
        module.fail_json(msg="device 7 is not there", code="not_found")
    module.exit_json(changed=True, path=path, method="merge", actions=[], copied=["/etc"], dest=asked["dest"])

main()
"""
OPTIONS = (
    "container containers data_root missing details state access method volumes scratch_size stop_docker"
)
OPTIONS = (OPTIONS + " device_id root paths dest").split()


@pytest.fixture
def rescue(tmp_path):
    """Runs the playbook; its exit status and what it said. `rescue.steps` is what the modules did."""
    collection = tmp_path / "collections/ansible_collections/drydock/rescue"
    for directory in ("plugins/modules", "plugins/action"):
        (collection / directory).mkdir(parents=True)
    real = ["roles", "playbooks", "meta", "plugins/module_utils", "plugins/plugin_utils"]
    real += [
        "plugins/%s/%s.py" % (of, name)
        for of in ("action", "modules")
        for name in ("container_rescue", "result_file")
    ]
    for name in real:
        (collection / name).symlink_to(controller.ROOT / name)
    log = tmp_path / "log"
    for kind in ("info", "rootfs", "files"):
        source = MODULE.format(kind=kind, options=OPTIONS, log=str(log))
        (collection / "plugins/modules" / ("container_%s.py" % kind)).write_text(source)

    def run(hosts=None, **variables):
        log.write_text("")
        own = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        listed = {name: dict(own, **more) for name, more in (hosts or {"web7": {}}).items()}
        (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": listed}}))
        words = ["drydock.rescue.rescue", "-i", "hosts.json", "-e", json.dumps(variables)]
        done = controller.run(tmp_path, "playbook", *words)
        run.steps = log.read_text().splitlines()
        return done.returncode, done.stdout.decode()

    return run


def own_tasks(tmp_path, *tasks):
    (tmp_path / "own.yml").write_text(json.dumps(list(tasks)))
    return "own.yml"


def logs(tmp_path):
    return {"ansible.builtin.shell": "echo own {{ rescue_root }} >>%s/log" % tmp_path}


def report(said):
    """The lines of the report."""
    (lines,) = re.findall(r'"msg": (\[.*?\n    \])', said, re.DOTALL)
    return json.loads(lines)


def result(tmp_path):
    (written,) = tmp_path.glob("results/web7/*.json")
    return json.loads(written.read_text())


def test_your_own_tasks_run_while_the_disk_is_open(tmp_path, rescue):
    code, said = rescue(
        rescue_container=["web", "db"],
        rescue_copy=["/etc"],
        rescue_dest="/srv",
        rescue_tasks=own_tasks(tmp_path, logs(tmp_path)),
        rescue_results="results",
    )
    assert code == 0, said
    of_web = ["open webweb", "copy /run/drydock/webweb", "own /run/drydock/webweb", "close webweb"]
    assert rescue.steps == of_web + [step.replace("webweb", "dbdb") for step in of_web]
    assert report(said)[:5] == [
        "data root /d",
        "web: opened read_only at /run/drydock/webweb by merge",
        "web: copied 1 to /srv/webweb",
        "web: ran own.yml",
        "web: closed",
    ]
    written = result(tmp_path)
    assert ([one["container"] for one in written["result"]["containers"]], written["error"]) == (
        ["web", "db"],
        "",
    )


def test_when_one_of_your_own_tasks_fails_it_is_closed_and_no_other_is_opened(tmp_path, rescue):
    fails = {"ansible.builtin.fail": {"msg": "the port is wrong"}}
    tasks = own_tasks(tmp_path, logs(tmp_path), fails)
    code, said = rescue(rescue_container=["web", "db"], rescue_tasks=tasks, rescue_results="results")
    assert (code, rescue.steps) == (2, ["open webweb", "own /run/drydock/webweb", "close webweb"]), said
    assert report(said)[-1] == "web: closed"
    assert not any("ran own.yml" in line for line in report(said))
    assert result(tmp_path)["error"] == "the port is wrong"
    assert said.count("the port is wrong") > 1


@pytest.mark.parametrize("with_tasks", [False, True])
def test_when_it_cannot_be_opened_the_reason_is_said(tmp_path, rescue, with_tasks):
    given = {"rescue_tasks": own_tasks(tmp_path, logs(tmp_path))} if with_tasks else {}
    code, said = rescue(rescue_container=["web", "db"], rescue_device_id=7, rescue_results="results", **given)
    assert code == 2, said
    assert not any(step.startswith("own") for step in rescue.steps)
    assert report(said) == ["data root /d"]
    assert result(tmp_path)["error"] == "device 7 is not there"


def test_a_fleet_of_which_one_has_it(rescue):
    off = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}
    hosts = {"bare": {"rescue_container": "gone"}, "web7": {"rescue_container": "db"}}
    code, said = rescue(dict(hosts, off=dict(off, rescue_container="db")))
    recap = dict(re.findall(r"^(\w+) +: ok=\d+ .* (unreachable=\d +failed=\d) ", said, re.MULTILINE))
    assert {host: re.sub(" +", " ", said) for host, said in recap.items()} == {
        "bare": "unreachable=0 failed=0",
        "web7": "unreachable=0 failed=0",
        "off": "unreachable=1 failed=0",
    }, said
    assert (code, rescue.steps) == (4, ["open dbdb", "close dbdb"])
    assert "skipped, this host has no container gone" in said


def test_no_host_has_it(rescue):
    code, said = rescue({"web7": {}, "web8": {}}, rescue_container="gone")
    assert code == 2 and "No host of this play has a container gone" in said, said
