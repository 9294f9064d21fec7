# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container calls itself is never a template, neither of Ansible's nor of a terminal. Run by ansible-playbook
itself on this machine: once with the real modules on a data root, in check mode, and then with modules that return
hostile text in the place of every value."""

import html
import json
import sys
from pathlib import Path

import pytest

from ansible_collections.drydock.rescue.tests.unit.support import controller
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

    def run(
        collection, *arguments, playbook="rescue", host="localhost", fails=False, pwned=False, **variables
    ):
        if not (tmp_path / "collections").exists():
            controller.link_collection(tmp_path, collection)
        words = ["drydock.rescue." + playbook, "-i", host + ",", "-c", "local"]
        words += ["-e", json.dumps({"ansible_python_interpreter": sys.executable})]
        words += ["-e", json.dumps(variables), *arguments]
        done = controller.run(tmp_path, "playbook", *words, programs=trap.parent, cwd=tmp_path / "here")
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
    elif kind == "container_backup":
        one = dict(container=TEXT, id=TEXT, status=TEXT, backup_id=TEXT, bytes_stored=5, warnings=[TEXT])
        result.update(results=[one], totals=dict(stored=1))
        if {fails!r}:
            module.fail_json(**result)
    elif kind == "backup_info":
        one = dict(backup_id=TEXT, host=TEXT, container=TEXT, container_id=TEXT, problem=None)
        one["files"] = [dict(path=TEXT, sha256=TEXT)]
        result.update(backups=[] if "nowhere" in asked["repository"]["location"] else [one])
        result.update(problems=[TEXT] * {fails!r})
    elif kind == "container_restore":
        result.update(backup_id=TEXT, path=TEXT, restored=[TEXT])
        if {fails!r}:
            module.fail_json(**result)
    module.exit_json(**result)

main()
"""
OPTIONS = "container containers data_root missing state path access method work_dir scratch_size stop_docker device_id"
OPTIONS = OPTIONS.split() + [
    "volumes",
    "root",
    "paths",
    "dest",
    "archive",
    "largest",
    "include_env",
    "details",
]
OPTIONS += [
    "exclude_containers",
    "repository",
    "binds",
    "exclude",
    "consistency",
    "pause_limit",
    "verify",
    "jobs",
    "fail_on",
    "progress",
]
OPTIONS += ["host", "files", "overwrite", "to", "into", "backup_ids", "throttle", "make_repository"]
KINDS = [
    "container_info",
    "container_rootfs",
    "container_files",
    "container_backup",
    "backup_info",
    "container_restore",
]


@pytest.fixture
def stubs(tmp_path):
    """The collection with modules that return this text everywhere."""

    def make(text, fails=False, path=None):
        collection = tmp_path / "stubs"
        (collection / "plugins" / "modules").mkdir(parents=True)
        (collection / "plugins" / "action").mkdir()
        real = ["roles", "playbooks", "meta", "plugins/module_utils", "plugins/plugin_utils"]
        for name in ("result_file", "report", "container_rescue"):
            real += ["plugins/action/%s.py" % name, "plugins/modules/%s.py" % name]
        for name in real:
            (collection / name).symlink_to(ROOT / name)
        for kind in KINDS:
            source = STUB.format(
                text=text, options=OPTIONS, kind=kind, fails=fails, path=path or "/run/drydock/" + text
            )
            (collection / "plugins" / "modules" / (kind + ".py")).write_text(source)
        return collection

    return make


@pytest.mark.parametrize("text", [" ".join(TEMPLATES), TEMPLATES[0]])
def test_whatever_modules_return_is_text_to_the_role(tmp_path, play, stubs, text):
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


def test_what_backups_say_is_text_too(tmp_path, play, stubs):
    text = " ".join(TEMPLATES)
    collection = stubs(text)
    (tmp_path / "here" / "after.yml").write_text(
        "- ansible.builtin.debug:\n    msg: '{{ backup_result }} {{ backup_error }}'\n"
    )
    said = play(collection, playbook="backup", backup_after="after.yml")
    assert said.count(json.dumps(text)[1:-1]) > 2
    said = play(collection, playbook="restore", restore_container=["x"])
    assert json.dumps(text)[1:-1] in said
    said = play(
        collection,
        playbook="verify_backups",
        verify_backups_scratch=str(tmp_path / "scratch"),
        verify_backups_turn=7,
    )
    assert "restored and proven" in said


def test_the_failures_of_backups_are_text_too(tmp_path, play, stubs):
    collection = stubs(TEMPLATES[0], fails=True)
    said = play(collection, playbook="backup", fails=True)
    assert "failed: " + json.dumps(TEMPLATES[0])[1:-1] in said
    play(collection, playbook="restore", fails=True, restore_container="x")
    said = play(
        collection, playbook="verify_backups", fails=True, verify_backups_scratch=str(tmp_path / "scratch")
    )
    # One that cannot be read, and one that cannot be restored.
    assert "Could not be restored: " + ", ".join([json.dumps(TEMPLATES[0])[1:-1]] * 2) in said


@pytest.mark.parametrize("path", ["../../../evil", "a/b/c/../d", "/a/b/c/d"])
def test_a_host_names_no_file_outside_of_its_folder(tmp_path, play, stubs, path):
    folder = str(tmp_path / "nowhere")
    said = play(stubs(path), playbook="backup", fails=True, backup_fetch=True, backup_fetch_to=folder)
    assert "The host names files" in said
    assert not (tmp_path / "nowhere").exists()


def test_the_name_of_a_host_is_no_way_out_for_backups_either(tmp_path, play, stubs):
    folder = str(tmp_path / "backups" / "here")
    said = play(
        stubs("x"), playbook="backup", host="../evil", fails=True, backup_fetch=True, backup_fetch_to=folder
    )
    assert "give the host another one" in said
    assert not (tmp_path / "backups").exists()


@pytest.mark.parametrize("fails", [False, True])
def test_the_result_files_hold_what_was_said_as_it_was(tmp_path, play, stubs, fails):
    text = " ".join(TEMPLATES) + "\x1b[2J\u202e"
    collection = stubs(text, fails=fails, path="/run/drydock/x")
    scratch = str(tmp_path / "scratch")
    play(collection, playbook="backup", fails=fails, backup_results="results")
    play(collection, fails=fails, rescue_container="x", rescue_results="results")
    more = {"verify_backups_scratch": scratch, "verify_backups_results": "results"}
    play(collection, playbook="verify_backups", fails=fails, **more)
    written = sorted((tmp_path / "here" / "results" / "localhost").iterdir())
    assert [path.stat().st_mode & 0o777 for path in written] == [0o600] * 3
    found = {one["kind"]: one for one in (json.loads(path.read_text()) for path in written)}
    assert found["backup"]["result"]["results"][0]["container"] == text
    assert "invocation" not in found["backup"]["result"]
    assert found["verify_backups"]["result"]["rehearsed"][0]["restored"] is not fails
    assert found["verify_backups"]["result"]["rehearsed"][0]["container"] == text
    assert len(found["rescue"]["result"]["containers"]) == (0 if fails else 1)
    errors = [found[kind]["error"] for kind in ("backup", "rescue", "verify_backups")]
    # A manifest that cannot be read, and a container.
    not_restored = "Could not be restored: %s, %s" % (text, text)
    shown = text.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert errors == ([text, shown, not_restored] if fails else [""] * 3)


def test_a_host_whose_own_task_fails_afterwards_says_so_in_its_result(tmp_path, play, stubs):
    (tmp_path / "here" / "after.yml").write_text("- ansible.builtin.fail:\n    msg: no monitor\n")
    play(stubs("x"), playbook="backup", fails=True, backup_after="after.yml", backup_results="results")
    (written,) = (tmp_path / "here" / "results" / "localhost").iterdir()
    assert json.loads(written.read_text())["error"] == "no monitor"


def test_nothing_is_written_in_check_mode_or_unasked(tmp_path, play, stubs):
    collection = stubs("x")
    play(collection, "--check", playbook="backup", backup_results="results")
    play(collection, playbook="backup")
    assert not (tmp_path / "here" / "results").exists()


def test_the_name_of_a_host_leads_to_no_other_result(tmp_path, play, stubs):
    said = play(stubs("x"), playbook="backup", host="../evil", fails=True, backup_results="results")
    assert "give it another one in the inventory" in said
    assert not (tmp_path / "here" / "results").exists()


@pytest.mark.parametrize("fails", [False, True])
def test_the_report_on_a_run_says_the_same_as_its_page(tmp_path, play, stubs, fails):
    collection = stubs(TEMPLATES[0] if fails else "stored", fails=fails)
    play(collection, playbook="backup", fails=fails, backup_results="results")
    wanted = {"report_results": "results", "report_dest": "out", "report_metrics": "m.prom"}
    said = play(collection, playbook="report", fails=fails, **wanted)
    here = tmp_path / "here"
    page = (here / "out" / "report.html").read_text()
    if fails:
        assert "Trouble with 1 of 1 hosts: localhost failed (backup failed: " in said
        assert "<h1>Trouble with 1 of 1 hosts</h1>" in page
        assert html.escape(TEMPLATES[0]).replace("&quot;", "&#34;") in page
        assert (here / "out" / "retry.txt").read_text() == "localhost\n"
    else:
        assert "All 1 hosts reported and none failed" in said
        assert "<h1>All well: 1 host reported and none failed</h1>" in page
    assert 'drydock_host_failed{host="localhost"} %d' % fails in (here / "m.prom").read_text()
