# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import types

import pytest

from ansible_collections.drydock.rescue.plugins.plugin_utils import _rescue
from ansible_collections.drydock.rescue.tests.unit.support.texts import HOSTILE, dangerous

NOTHING = {
    "container": ["web"],
    "access": "read_only",
    "path": None,
    "largest": 0,
    "copy": [],
    "dest": None,
    "fetch": False,
    "delete": [],
    "tasks": None,
}
OPENED = {"path": "/run/drydock/web", "method": "merge", "actions": ["mkdir x", "mount x"]}


def asked(**options):
    return dict(NOTHING, **options)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"delete": ["/x"]}, "delete needs access: in_place (or scratch), and it is read_only"),
        ({"copy": ["/x"]}, "copy needs dest"),
        ({"copy": ["/x"], "dest": ""}, "copy needs dest"),
        (
            {"path": "/mnt", "container": ["a", "b"]},
            "path is for a single container, and container names several",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(options, said):
    assert _rescue.refused(asked(**options), "web7") == said


def test_all_that_is_wrong_is_said_at_once():
    both = asked(delete=["/x"], copy=["/x"])
    assert _rescue.refused(both, "web7").count("; ") == 1


@pytest.mark.parametrize(
    "options",
    [
        {"delete": ["/x"], "access": "scratch"},
        {"delete": ["/x"], "access": "in_place"},
        {"copy": ["/x"], "dest": "/srv"},
        {"path": "/mnt"},
    ],
)
def test_what_can_be_done_is_not(options):
    assert _rescue.refused(asked(**options), "web7") == ""


@pytest.mark.parametrize("host", ["../evil", "a/b", ".", ".."])
def test_a_host_whose_name_leads_elsewhere_makes_no_folder_on_the_controller(host):
    fetches = asked(copy=["/x"], dest="/srv", fetch=True)
    assert _rescue.refused(fetches, host).endswith("that name leads elsewhere: give the host another one")
    assert _rescue.refused(dict(fetches, fetch=False), host) == ""


@pytest.mark.parametrize(
    "root, name",
    [
        ("/run/drydock/web", "web.tar"),
        ("/run/drydock/..", "...tar"),
        ("/run/drydock/", ".tar"),
        ("/run/x\0\x1b", r"x\x00\x1b.tar"),
    ],
)
def test_the_host_decides_only_what_the_tar_is_called(tmp_path, monkeypatch, root, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ops")
    assert _rescue.tar("rescued", "web7", root) == "%s/rescued/web7/%s" % (tmp_path, name)
    assert _rescue.tar("~/rescued", "web7", root) == "/home/ops/rescued/web7/%s" % name


def test_the_report_on_a_host():
    info = {"data_root": "/var/lib/docker", "containers": [{"id": "4b5e", "name": "web"}]}
    assert _rescue.found(info, ["web"]) == ["data root /var/lib/docker"]
    none = ["skipped, this host has no container a, b", "data root /var/lib/docker"]
    assert _rescue.found(dict(info, containers=[]), ["a", "b"]) == none
    no_docker = {"msg": "there is no data root", "failed": True}
    assert _rescue.found(no_docker, ["a"]) == [
        "skipped, this host has no container a",
        "there is no data root",
    ]


def test_the_report_on_a_disk_that_is_opened():
    line = "web: opened read_only at /run/drydock/web by merge"
    actions = ["  mkdir x", "  mount x"]
    assert _rescue.opened("web", "read_only", OPENED, False) == [line, *actions]
    would_be = _rescue.opened("web", "read_only", OPENED, True)
    assert would_be == [line.replace("opened", "would be opened"), *actions]
    mounts = [
        {"destination": "/a", "shown": False, "reason": "it is not there"},
        {"destination": "/b", "shown": True, "reason": None},
    ]
    assert _rescue.opened("web", "read_only", dict(OPENED, mounts=mounts), False)[3:] == [
        "web: outside of its layer",
        "  shown: /b",
        "  not shown: /a, it is not there",
    ]


def test_the_report_on_the_work():
    files = [{"path": "/log", "disk_bytes": 3 * 1024**2}, {"path": "/etc", "disk_bytes": 0}]
    assert _rescue.largest("web", {"files": files}) == [
        "web: largest files",
        "  3.00 MB  /log",
        "  0.00 Bytes  /etc",
    ]
    copied = {"copied": ["/a", "/b"], "dest": "/srv/web", "left_out": ["/pipe"], "sha256": "4b5e"}
    assert _rescue.copied("web", copied) == ["web: copied 2 to /srv/web", "  left out: /pipe"]
    assert _rescue.fetched("web", "/x/web.tar", copied) == [
        "web: fetched /x/web.tar, sha256 4b5e",
        "  left out: /pipe",
    ]
    deleted = {"deleted": ["/a"], "freed_bytes": 2048, "actions": ["rm /a"]}
    assert _rescue.deleted("web", deleted) == ["web: deleted 1, 2.00 KB freed", "  rm /a"]


def test_the_report_on_what_check_mode_leaves_out():
    wanted = asked(largest=3, copy=["/a", "/b"], delete=["/c"], tasks="repair.yml")
    said = "web: skipped in check mode, since they need the open tree: "
    assert _rescue.skipped_in_check_mode("web", wanted) == [
        said + "largest, copy /a /b, delete /c, tasks repair.yml"
    ]
    assert _rescue.skipped_in_check_mode("web", asked()) == []


def test_the_warnings_of_closing_are_in_the_report_whatever_ansible_makes_of_them():
    of_2_19 = types.SimpleNamespace(event=types.SimpleNamespace(msg="shop did not come back"))
    for warning in (of_2_19, "shop did not come back"):
        closed = _rescue.closed("web", {"actions": ["umount x"], "warnings": [warning]})
        assert closed == ["web: closed", "  umount x", "shop did not come back"]


def test_no_line_can_drive_a_terminal_and_each_is_one_line():
    mount = {"destination": HOSTILE, "reason": HOSTILE, "shown": False}
    said = {"path": HOSTILE, "method": HOSTILE, "actions": [HOSTILE], "mounts": [mount], "msg": HOSTILE}
    said.update(files=[{"path": HOSTILE, "disk_bytes": 5}], dest=HOSTILE, left_out=[HOSTILE], sha256=HOSTILE)
    said.update(data_root=HOSTILE, warnings=[HOSTILE])
    lines = [
        *_rescue.found(said, [HOSTILE]),
        *_rescue.opened(HOSTILE, "read_only", said, False),
        *_rescue.largest(HOSTILE, said),
        *_rescue.copied(HOSTILE, said),
        *_rescue.fetched(HOSTILE, HOSTILE, said),
        *_rescue.deleted(HOSTILE, said),
        *_rescue.skipped_in_check_mode(HOSTILE, asked(copy=[HOSTILE])),
        *_rescue.closed(HOSTILE, said),
        *_rescue.left_open(HOSTILE, HOSTILE),
        _rescue.lost(HOSTILE, HOSTILE),
        _rescue.failed(_rescue.failure(said))["msg"],
    ]
    assert not dangerous("".join(lines)) and not any("\n" in line for line in lines)


@pytest.mark.parametrize("odd", [None, 5, "text", [5], {"a": 5}, [[]], [None], [{}]])
def test_what_has_another_type_counts_as_not_said(odd):
    keys = (
        "data_root",
        "msg",
        "containers",
        "path",
        "method",
        "actions",
        "mounts",
        "files",
        "copied",
        "dest",
    )
    said = dict.fromkeys((*keys, "left_out", "sha256", "deleted", "freed_bytes", "warnings"), odd)
    assert _rescue.containers(said) == []
    assert _rescue.found(said, ["web"])[0] == "skipped, this host has no container web"
    assert _rescue.opened("web", "read_only", said, False)[0].startswith("web: opened read_only at ")
    assert _rescue.largest("web", said)[0] == "web: largest files"
    assert _rescue.copied("web", said)[0].startswith("web: copied ")
    assert _rescue.fetched("web", "/x/web.tar", said)[0].startswith("web: fetched /x/web.tar, sha256 ")
    assert _rescue.deleted("web", said)[0].startswith("web: deleted ")
    assert _rescue.closed("web", said)[0] == "web: closed"


def test_a_container_without_a_name_is_called_by_its_id():
    info = {"containers": [{"id": "4b5e", "name": ""}, {"id": "cafe"}, {"name": "no id"}]}
    assert _rescue.containers(info) == [{"id": "4b5e", "name": "4b5e"}, {"id": "cafe", "name": "cafe"}]


def test_what_was_done_goes_on_where_it_was():
    done = _rescue.Done("2026-11-22T03:00:00Z")
    done.data_root, done.report = "/d", ["data root /d"]
    done.containers = [{"id": "4b5e", "name": "web"}]
    done.opened = [{"id": "4b5e", "container": "web", "method": "merge", "path": "/run/drydock/web"}]
    again = _rescue.Done.of(done.result())
    assert again.result() == done.result()
    assert (again.root("4b5e"), again.root("cafe")) == ("/run/drydock/web", None)


def test_of_a_module_that_failed_is_told_what_helps_and_nothing_else():
    result = {"msg": "it is open", "code": "open", "actions": ["a"], "undone": ["b"], "rc": 1}
    failure = _rescue.failure(dict(result, failed=True, ansible_facts={"x": 1}, changed=True))
    assert _rescue.failed(failure) == dict(result, failed=True)


@pytest.mark.parametrize(
    "result, said",
    [
        ({"msg": "MODULE FAILURE\nSee stderr"}, "MODULE FAILURE; See stderr"),
        # As ansible-core has it since 2.19.
        ({"exception": types.SimpleNamespace(event=types.SimpleNamespace(msg="boom"))}, "boom"),
        ({"exception": "Traceback\nRuntimeError: boom"}, "Traceback; RuntimeError: boom"),
        ({}, "a module failed and did not say why"),
    ],
)
def test_why_a_module_failed(result, said):
    assert _rescue.failed(_rescue.failure(result))["msg"] == said


def test_what_fails_twice_for_the_same_reason_says_it_once():
    assert str(_rescue.both(_rescue.Failed("boom"), _rescue.Failed("boom"))) == "boom"


def test_of_two_failures_the_first_is_said_first():
    first, second = _rescue.Failed("full", code="no_space"), _rescue.Failed("busy", code="busy")
    assert _rescue.failed(_rescue.both(first, second)) == {
        "failed": True,
        "msg": "full; and then: busy",
        "code": "no_space",
    }
