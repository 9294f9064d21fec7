# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container calls itself is never a template, neither of Ansible's nor of a terminal. Run by ansible-playbook
itself on this machine: once with the real modules on a data root, in check mode, and then with modules that return
hostile text in the place of every value."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.drydock.rescue.tests.unit.support.docker_root import DockerRoot, ident

ROOT = Path(__file__).resolve().parents[3]

CALL = """lookup("pipe", "fall-into-trap")"""  # neither a slash nor a variable: it is a name of a file too
TEMPLATES = [
    "{{ %s }}" % CALL,
    "{%% if %s %%}x{%% endif %%}" % CALL,
    "#} {{ %s }} {#" % CALL,
    "'] + [%s] + ['" % CALL,
    "' ~ %s ~ '" % CALL,
    "[%s]" % CALL,
]


@pytest.fixture
def play(tmp_path):
    """Runs the playbook of a collection on this machine and returns what it said."""
    (tmp_path / "here").mkdir()
    trap = tmp_path / "bin" / "fall-into-trap"
    trap.parent.mkdir()
    trap.write_text("#!/bin/sh\ntouch '%s'\n" % (tmp_path / "pwned"))
    trap.chmod(0o755)

    def run(collection, *arguments, host="localhost", fails=False, pwned=False, **variables):
        above = tmp_path / "collections" / "ansible_collections" / "drydock"
        if not above.exists():
            above.mkdir(parents=True)
            (above / "rescue").symlink_to(collection)
        environment = {name: os.environ[name] for name in ("HOME", "PYTHONPATH") if name in os.environ}
        environment.update(
            ANSIBLE_COLLECTIONS_PATH=str(tmp_path / "collections"),
            ANSIBLE_HOME=str(tmp_path / "home"),
            ANSIBLE_LOCALHOST_WARNING="0",
            ANSIBLE_NOCOLOR="1",
            LC_ALL="C.UTF-8",
            PATH="%s:%s" % (trap.parent, os.environ["PATH"]),
            PYTHONDONTWRITEBYTECODE="1",
        )
        command = [sys.executable, "-m", "ansible", "playbook", "drydock.rescue.rescue", "-i", host + ","]
        command += ["-c", "local", "-e", json.dumps({"ansible_python_interpreter": sys.executable})]
        command += ["-e", json.dumps(variables), *arguments]
        done = subprocess.run(
            command,
            cwd=tmp_path / "here",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        said = done.stdout.decode()
        assert (done.returncode != 0) == fails, said
        assert (tmp_path / "pwned").exists() == pwned, said
        return said

    return run


def test_the_trap_works(play, stubs):
    play(stubs("x"), "--check", pwned=True, rescue_container=TEMPLATES[0])


def test_names_in_real_records(tmp_path, play):
    docker = DockerRoot(tmp_path / "docker")
    for number, text in enumerate(TEMPLATES):
        mount = {"Name": text, "Source": "/" + text, "Destination": text, "Driver": text, "Type": text}
        config = {"Image": text, "Cmd": [text], "Env": [text], "Labels": {text: text}, "WorkingDir": text}
        docker.overlay_container(
            "web%d" % number,
            "base",
            Name="/" + text,
            Image=text,
            Created=text,
            LogPath="/%s/containers/%s/x" % (text, ident("web%d" % number)),
            State={"Error": text, "StartedAt": text},
            Config=config,
            MountPoints={text: mount},
        )
    docker.overlay_container("terminal", "base", Name="/\x1b[2J\x9b31m\r\nok: [forged]\u202egnp")
    docker.overlay_container("broken", "base", Driver="../{{ %s }}" % CALL)
    ids = [ident("web%d" % number) for number in range(len(TEMPLATES))]
    asked = [*ids, ident("terminal"), ident("broken")]
    said = play(
        ROOT, "--check", "--diff", "-v", rescue_data_root=str(tmp_path / "docker"), rescue_container=asked
    )
    for container_id in ids:
        assert "would be opened read_only at /run/drydock/" + container_id in said
    assert not {"\x1b", "\x9b", "\u202e"}.intersection(said)
    assert "\nok: [forged]" not in said
    assert "ok: [forged]" in said


STUB = """
import hashlib, json, os, sys
from ansible.module_utils.basic import AnsibleModule

TEXT = {text!r}

def main():
    module = AnsibleModule(argument_spec={{name: dict(type="raw") for name in {options!r}}}, supports_check_mode=True)
    asked = module.params
    result = dict(changed=True, actions=[TEXT, "  " + TEXT], msg=TEXT, not_matched=[TEXT])
    kind = {kind!r}
    if kind == "container_info":
        result.update(data_root="/" + TEXT, containers=[dict(id=TEXT, name=TEXT, image=TEXT, problems=[TEXT])])
    elif kind == "container_rootfs":
        mounts = [dict(destination=TEXT, reason=TEXT, shown=shown) for shown in (True, False)]
        result.update(container=TEXT, path={path!r}, method=TEXT, access=TEXT, device=TEXT, warnings=[TEXT])
        result["mounts"] = mounts
        if {fails!r} and asked.get("state") != "unmounted":
            module.fail_json(code=TEXT, undone=[TEXT], **result)
    elif kind == "container_files":
        one = dict(path=TEXT, disk_bytes=5, target=TEXT)
        result.update(files=[one], copied=[TEXT], left_out=[TEXT], dest=TEXT, deleted=[TEXT], freed_bytes=5)
        if asked.get("archive"):
            with open(asked["dest"], "wb") as stream:
                stream.write(b"tar")
            result.update(sha256=hashlib.sha256(b"tar").hexdigest(), size_bytes=3)
    module.exit_json(**result)

main()
"""
OPTIONS = "container containers data_root missing state path access method work_dir scratch_size stop_docker device_id"
OPTIONS = OPTIONS.split() + ["volumes", "root", "paths", "dest", "archive", "largest", "include_env"]


@pytest.fixture
def stubs(tmp_path):
    """The collection with modules that return this text everywhere."""

    def make(text, fails=False, path=None):
        collection = tmp_path / "stubs"
        (collection / "plugins" / "modules").mkdir(parents=True)
        for name in ("roles", "playbooks", "meta"):
            (collection / name).symlink_to(ROOT / name)
        for kind in ("container_info", "container_rootfs", "container_files"):
            source = STUB.format(
                text=text, options=OPTIONS, kind=kind, fails=fails, path=path or "/run/drydock/" + text
            )
            (collection / "plugins" / "modules" / (kind + ".py")).write_text(source)
        return collection

    return make


def test_whatever_modules_return_is_text_to_the_role(tmp_path, play, stubs):
    text = " ".join(TEMPLATES)
    tasks = tmp_path / "here" / "tasks.yml"
    tasks.write_text("- ansible.builtin.debug:\n    msg: '{{ rescue_root }}'\n")
    said = play(
        stubs(text),
        rescue_container="x",
        rescue_copy=["/etc"],
        rescue_dest="/nowhere",
        rescue_delete=["/etc"],
        rescue_access="in_place",
        rescue_largest=1,
        rescue_tasks="tasks.yml",
    )
    assert json.dumps(text)[1:-1] in said
    assert said.count("  shown: ") == said.count("  not shown: ") == 1


def test_the_folder_of_a_fetched_tar_is_text_too(tmp_path, play, stubs):
    said = play(
        stubs(TEMPLATES[0]),
        rescue_container="x",
        rescue_copy=["/etc"],
        rescue_fetch=True,
        rescue_dest=str(tmp_path / "rescued"),
    )
    tar = tmp_path / "rescued" / "localhost" / (TEMPLATES[0] + ".tar")
    assert tar.read_bytes() == b"tar", said
    assert tar.stat().st_mode & 0o777 == 0o600
    assert tar.parent.stat().st_mode & 0o777 == 0o700


def test_the_message_of_a_failure_is_text_too(play, stubs):
    play(stubs(TEMPLATES[0], fails=True), fails=True, rescue_container="x")


def test_the_name_of_a_host_never_leads_out_of_the_folder_on_the_controller(tmp_path, play, stubs):
    wanted = {"rescue_container": "x", "rescue_copy": ["/etc"], "rescue_fetch": True}
    said = play(
        stubs("x"), host="../evil", fails=True, rescue_dest=str(tmp_path / "rescued" / "here"), **wanted
    )
    assert "give the host another one" in said
    assert not (tmp_path / "rescued").exists()
