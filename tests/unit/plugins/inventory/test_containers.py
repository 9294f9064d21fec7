# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers of a fleet as an inventory, asked of ansible-inventory and ansible-playbook themselves."""

import json
import os
import subprocess
import sys

import pytest

from ansible_collections.drydock.rescue.tests.unit.support import controller
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import DockerRoot, ident

CALL = """lookup("pipe", "fall-into-trap")"""
TEMPLATE = "{{ %s }}" % CALL
WRITTEN = 1700000000  # 2023-11-14T22:13:20Z


@pytest.fixture
def ansible(tmp_path):
    """Runs a command of Ansible with this collection; returns what it printed, and what it said beside that."""
    controller.link_collection(tmp_path)
    trap = tmp_path / "bin/fall-into-trap"
    trap.parent.mkdir()
    trap.write_text("#!/bin/sh\ntouch '%s'\n" % (tmp_path / "pwned"))
    trap.chmod(0o755)

    def run(command, *arguments, fails=False, pwned=False):
        done = controller.run(
            tmp_path,
            command,
            *arguments,
            programs=trap.parent,
            stderr=subprocess.PIPE,
            ANSIBLE_DEPRECATION_WARNINGS="0",
            PWD=str(tmp_path),  # as a shell sets it
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert (done.returncode != 0) == fails, out + err
        assert (tmp_path / "pwned").exists() == pwned, out + err
        return out, err

    return run


@pytest.fixture
def results(tmp_path):
    """Writes the result of a host: text, or the containers that it has."""
    (tmp_path / "results").mkdir()

    def write(name, content):
        if isinstance(content, list):
            content = json.dumps({"changed": False, "data_root": "/srv/docker", "containers": content})
        path = tmp_path / "results" / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (WRITTEN, WRITTEN))
        return path

    return write


@pytest.fixture
def inventory(tmp_path, ansible):
    """Asks ansible-inventory; ``settings`` are those of the source."""

    def ask(*arguments, fails=False, pwned=False, source="fleet.containers.yml", **settings):
        settings = dict({"plugin": "drydock.rescue.containers", "results": "results"}, **settings)
        (tmp_path / source).write_text(json.dumps(settings))
        return ansible("inventory", "-i", source, *arguments, fails=fails, pwned=pwned)

    return ask


@pytest.fixture
def listed(inventory):
    """The variables of every inventory host, and what was said beside that."""

    def ask(**settings):
        out, err = inventory("--list", **settings)
        return _plain(json.loads(out))["_meta"]["hostvars"], err

    return ask


def _plain(value):
    """Without the mark that ansible-core 2.16 shows of text that is not to be templated."""
    if isinstance(value, dict):
        return (
            value["__ansible_unsafe"]
            if list(value) == ["__ansible_unsafe"]
            else dict(zip(value, map(_plain, value.values())))
        )
    return [_plain(one) for one in value] if isinstance(value, list) else value


def said(text, err):
    """Whether a text is in what Ansible said, which ansible-core 2.16 breaks into lines anywhere."""
    return "".join(text.split()) in "".join(err.split())


def container(name, **keys):
    known = {"id": ident(name), "name": name, "image": "mysql:5.7", "driver": "overlay2", "layout": "layerdb"}
    known.update(alive=False, state={"status": "exited", "running": False}, problems=[], mounts=[], **keys)
    return known


GRAPH = """\
@all:
  |--@ungrouped:
  |--@drydock_containers:
  |  |--@drydock_driver_overlay2:
  |  |  |--web+db.example.org
  |  |  |--payroll-db+web7
  |  |--@drydock_layout_layerdb:
  |  |  |--web+db.example.org
  |  |  |--payroll-db+web7
  |  |--@drydock_image_mysql_5_7:
  |  |  |--web+db.example.org
  |  |--@drydock_state_exited:
  |  |  |--web+db.example.org
  |  |--@drydock_host_db_example_org:
  |  |  |--web+db.example.org
  |  |--@drydock_dead:
  |  |  |--web+db.example.org
  |  |  |--payroll-db+web7
  |  |--@drydock_image_registry_local_5000_payroll_latest:
  |  |  |--payroll-db+web7
  |  |--@drydock_state_running:
  |  |  |--payroll-db+web7
  |  |--@drydock_host_web7:
  |  |  |--payroll-db+web7
  |--@stranded:
  |  |--payroll-db+web7
"""


def test_the_graph_of_a_fleet(results, inventory):
    running = {"status": "running", "running": True}
    results(
        "web7.json",
        [dict(container("payroll-db"), image="registry.local:5000/payroll:latest", state=running)],
    )
    results("db.example.org", [container("web")])  # as ansible --tree calls it
    results(".web8.json.part", "{")
    stranded = {"stranded": "drydock_container.state.running and not drydock_container.alive"}
    assert inventory("--graph", groups=stranded) == (GRAPH, "")


def test_the_variables_are_what_container_info_returned(results, listed):
    web = container("web", storage={"upper_dir": "/srv/docker/overlay2/x/diff"})
    results("web7.json", [web])
    expected = {
        "drydock_container": web,
        "drydock_data_root": "/srv/docker",
        "drydock_gathered": "2023-11-14T22:13:20Z",
        "drydock_host": "web7",
    }
    assert listed() == ({"web+web7": expected}, "")


def test_a_container_without_a_fact_and_a_damaged_one(results, inventory):
    results("web7.json", [{"id": ident("x"), "alive": True, "problems": [{"code": "config_broken"}]}])
    graph, _err = inventory("--graph")
    groups = [
        "driver_unknown",
        "layout_unknown",
        "image_unknown",
        "state_unknown",
        "host_web7",
        "alive",
        "damaged",
    ]
    assert [line[9:-1] for line in graph.splitlines() if "@drydock_" in line][1:] == [
        "drydock_" + one for one in groups
    ]
    assert graph.count("--%s+web7\n" % ident("x")) == len(groups)


@pytest.mark.parametrize(
    "name", ["", "a b", "-a", "../x", "a+b", "a\nb", TEMPLATE, "é", "a" * 200, ident("other"), None, 7]
)
def test_a_name_that_is_none_is_replaced_by_the_id(results, listed, name):
    results("web7.json", [dict(container("web"), name=name)])
    (host,) = listed()[0]
    assert host == ident("web") + "+web7"


def test_two_containers_of_one_name(results, listed):
    results("web7.json", [container("web"), dict(container("old"), name="web"), container("app.1.x")])
    results("web8.json", [container("web")])
    assert set(listed()[0]) == {ident("web") + "+web7", ident("old") + "+web7", "app.1.x+web7", "web+web8"}


def test_keyed_groups_and_variables_of_the_users_own(results, inventory, listed):
    results("web7.json", [dict(container("web"), storage={"device_id": 7})])
    settings = {
        "compose": {"device": "drydock_container.storage.device_id", "known": "drydock_container.nothing"},
        "keyed_groups": [{"prefix": "root", "key": "drydock_data_root"}],
    }
    variables = listed(**settings)[0]["web+web7"]
    assert (str(variables["device"]), "known" in variables) == ("7", False)
    assert "|--@root__srv_docker:\n  |  |--web+web7\n" in inventory("--graph", **settings)[0]
    assert said("Could not set known for host web+web7", inventory("--graph", strict=True, **settings)[1])


# -- text from hosts ---------------------------------------------------------------------------------------

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: "{{ [drydock_container, drydock_data_root, composed, inventory_hostname, group_names, %s] | to_json }}"
"""


@pytest.mark.parametrize(
    "text",
    [TEMPLATE, "{%% if %s %%}x{%% endif %%}" % CALL, "#jinja2: variable_start_string: '['\n[%s }}" % CALL],
)
def test_no_text_is_a_template(tmp_path, results, inventory, ansible, text):
    hostile = dict.fromkeys(("name", "image", "driver", "layout", "created"), text)
    hostile.update(state={"status": text}, config={"labels": {text: text}}, mounts=[{"destination": text}])
    results("web7.json", json.dumps({"data_root": text, "containers": [dict(container("web"), **hostile)]}))
    settings = {
        "compose": {"composed": "drydock_container.name"},
        "keyed_groups": [{"prefix": "x", "key": "drydock_container.image"}],
        "groups": {"hostile": "drydock_container.name"},
    }
    inventory("--graph", **settings)
    (tmp_path / "play.yml").write_text(PLAY % "drydock_host")
    out, _err = ansible("playbook", "-i", "fleet.containers.yml", "play.yml")
    assert out.count("fall-into-trap") >= len(hostile)


def test_the_trap_works(tmp_path, results, inventory, ansible):
    results("web7.json", [container("web")])
    inventory("--graph", compose={"composed": "drydock_container.name"})
    (tmp_path / "play.yml").write_text(PLAY % CALL.replace('"', "'"))
    ansible("playbook", "-i", "fleet.containers.yml", "play.yml", pwned=True)


def test_what_a_terminal_is_not_to_be_given(results, inventory):
    hostile = "\x1b[2J\u202e\ud800"
    results("web7.json", [dict(container("web"), image=hostile, name=hostile)])
    results("web8.json", json.dumps({"failed": True, "msg": hostile}))
    for arguments in (["--graph"], ["--list", "--yaml"]):
        out, err = inventory(*arguments)
        assert (out + err).replace("\n", "").isprintable()
    assert said("web8.json tells of a failure: \\x1b[2J\\u202e\\ud800", err)


# -- what is no result -------------------------------------------------------------------------------------

GOOD = json.dumps({"data_root": "/srv/docker", "containers": [container("web")]})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is not whole JSON"),
        (GOOD[:-9], "is not whole JSON"),
        (b"\0" * 4096, "is not whole JSON"),
        (b"\xff\xfe\xff", "is not whole JSON"),
        ("[" * 100000, "is nested too deeply"),
        (GOOD.replace('"mounts": []', '"mounts": ' + "[" * 60 + "]" * 60), "is nested too deeply"),
        ("[]", "holds no JSON object"),
        ("{}", "is no result of drydock.rescue.container_info"),
        ('{"data_root": "/", "containers": {}}', "is no result of drydock.rescue.container_info"),
        ('{"data_root": 7, "containers": []}', "is no result of drydock.rescue.container_info"),
        ('{"data_root": "/", "containers": [7]}', "has an entry that is no container"),
        ('{"data_root": "/", "containers": [{"id": "../../etc"}]}', "has an entry that is no container"),
        ('{"failed": true, "msg": "no root"}', "tells of a failure: no root"),
        ('{"unreachable": true, "msg": "no route"}', "tells of a failure: no route"),
    ],
)
def test_a_file_that_is_no_result_does_not_hide_the_others(results, listed, content, reason):
    path = results("web7.json", content)
    results("web8.json", [container("web")])
    hosts, err = listed()
    assert list(hosts) == ["web+web8"]
    assert err.count("[WARNING]") == 1
    assert said("%s %s" % (path, reason), err)


def test_other_things_than_files(tmp_path, results, listed):
    (tmp_path / "results/web7.json").mkdir()
    os.mkfifo(tmp_path / "results/web8.json")
    (tmp_path / "results/web9.json").symlink_to("nowhere")
    with open(results("web10.json", ""), "w") as stream:
        stream.truncate(256 * 1024 * 1024 + 1)
    results("{{ x }}.json", GOOD)
    results("web6", GOOD)
    results("web6.json", GOOD)
    hosts, err = listed()
    assert list(hosts) == ["web+web6"]
    reasons = [
        "web7.json is left out: it is no regular file",
        "web8.json is left out: it is no regular file",
        "web9.json cannot be read: No such file or directory",
        "web10.json is left out: it has more than 268435456 bytes",
        "{{ x }}.json is left out: its name cannot be that of a host",
        "web6.json is left out: web6 is another result of this host",
    ]
    assert [said(one, err) for one in reasons] == [True] * 6, err
    assert err.count("[WARNING]") == 6


def test_a_host_without_docker_has_no_containers(results, inventory):
    results(
        "web7.json",
        '{"failed": false, "code": "no_data_root", "msg": "data root /var/lib/docker is not a directory"}',
    )
    assert inventory("--graph") == ("@all:\n  |--@ungrouped:\n", "")


def test_a_missing_directory_and_other_names(tmp_path, results, inventory):
    err = inventory("--graph", results="gone")[1]
    assert said("the directory of the results %s/gone: No such file or directory" % tmp_path, err)
    results("web7.json", [container("web")])
    assert (
        "--web+web7" in inventory("--graph", source="containers.yaml", results=str(tmp_path / "results"))[0]
    )
    assert "--web+web7" not in inventory("--graph", source="fleet.yml")[0]


# -- from the hosts to their containers --------------------------------------------------------------------

OPEN = """
- hosts: drydock_dead
  gather_facts: false
  tasks:
    - name: Open the disk
      drydock.rescue.container_rootfs:
        container: "{{ drydock_container.id }}"
        data_root: "{{ drydock_data_root }}"
      delegate_to: "{{ drydock_host }}"
      register: opened
    - ansible.builtin.debug:
        msg: "{{ inventory_hostname }} would be at {{ opened.path }}"
"""


def test_gathered_by_the_playbook_and_opened_on_the_docker_host(tmp_path, inventory, ansible):
    root = DockerRoot(tmp_path / "docker")
    root.overlay_container("web", "base")
    root.overlay_container("{{ 1 }}", "base")
    line = (
        "%s ansible_connection=local ansible_python_interpreter=" + sys.executable + " gather_data_root=%s\n"
    )
    (tmp_path / "hosts").write_text(line % ("web7", root.path) + line % ("empty", tmp_path / "none"))
    gather = ["playbook", "drydock.rescue.gather", "-i", "hosts", "-e", "gather_dest=./results"]
    ansible(*gather)
    assert sorted(os.listdir(tmp_path / "results")) == ["empty.json", "web7.json"]
    assert (tmp_path / "results/web7.json").stat().st_mode & 0o777 == 0o600
    assert "secret" not in (tmp_path / "results/web7.json").read_text()
    assert "changed=0" in ansible(*gather)[0]
    graph, err = inventory("--graph", "drydock_host_web7")
    hosts = ["web+web7", ident("{{ 1 }}") + "+web7"]
    assert (sorted(graph.split()), err) == (
        sorted(["@drydock_host_web7:"] + ["|--" + one for one in hosts]),
        "",
    )
    (tmp_path / "open.yml").write_text(OPEN)
    out, _err = ansible("playbook", "-i", "hosts", "-i", "fleet.containers.yml", "open.yml", "--check")
    assert "web+web7 would be at /run/drydock/web" in out
    assert "%s+web7 would be at /run/drydock/%s" % ((ident("{{ 1 }}"),) * 2) in out


def test_a_host_whose_name_leads_elsewhere_is_not_saved(tmp_path, ansible):
    out, _err = ansible(
        "playbook",
        "drydock.rescue.gather",
        "-i",
        "../evil,",
        "-c",
        "local",
        "-e",
        "gather_dest=./results/here",
        fails=True,
    )
    assert "give the host another one" in out
    assert not (tmp_path / "results").exists()
