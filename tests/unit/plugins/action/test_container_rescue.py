# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order a rescue asks a host for what, and what becomes of it when a step fails."""

import hashlib
import types

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError

from ansible_collections.drydock.rescue.plugins.action import container_rescue

SHA256 = hashlib.sha256(b"tar").hexdigest()
PLACE = "/var/tmp/drydock-a1B2c3D4e5"
WEB, DB = {"id": "4b5e", "name": "web"}, {"id": "cafe", "name": "db"}
INFO = {"data_root": "/d", "containers": [WEB, DB]}
GOOD = {
    "info": INFO,
    "open": {"changed": True, "method": "merge", "actions": ["mount"], "diff": {"before": "", "after": "o"}},
    "close": {"changed": True, "actions": ["umount"], "diff": {"before": "c", "after": ""}},
    "listed": {"changed": False, "files": [{"path": "/log", "disk_bytes": 2048}]},
    "copied": {"changed": True, "copied": ["/etc"], "dest": "/srv/web", "left_out": [], "sha256": SHA256},
    "absent": {"changed": True, "deleted": ["/log"], "freed_bytes": 2048, "actions": ["rm"]},
}
NO = {"failed": True, "changed": False, "msg": "no", "code": "it_is_open", "undone": ["umount"]}
ALL = {"largest": 1, "copy": ["/etc"], "dest": "/srv", "delete": ["/log"], "access": "in_place"}


class Host(container_rescue.ActionModule):
    """A host that answers a step with what is given for it, an exception or a result."""

    def __init__(self, answers=(), check_mode=False, sends=b"tar", place=PLACE + "\n1000\n", **arguments):
        self._load_name = "drydock.rescue.container_rescue"
        self._task = types.SimpleNamespace(
            args=dict({"container": ["web"]}, **arguments), check_mode=check_mode
        )
        shell = types.SimpleNamespace(tmpdir="/home/ops/.ansible/tmp/x")
        self._connection = types.SimpleNamespace(_shell=shell, fetch_file=self.fetch_file)
        self.answers, self.sends, self.place = dict(GOOD, **dict(answers)), sends, place
        self.steps, self.asked, self.commands = [], [], []

    def rescue(self, name="web7"):
        return self.run(task_vars={"inventory_hostname": name})

    def _execute_module(self, module_name=None, module_args=None, task_vars=None):
        kind = module_name.rpartition("_")[2]
        if kind == "rootfs":
            step = "close" if module_args.get("state") == "unmounted" else "open"
        else:
            step = module_args.get("state", "listed") if kind == "files" else kind
        self.asked.append(module_args)
        name = {"4b5e": "web", "cafe": "db"}.get(module_args.get("container"))
        self.steps.append("%s %s" % (step, name) if name else step)
        answer = self._answer(step)
        return dict(answer, path="/run/drydock/" + name) if name else dict(answer)

    def _low_level_execute_command(self, command, sudoable=True):
        self.commands.append((command, sudoable))
        word = command.split()[0]
        answer = self._answer(word) if word in self.answers else {}
        return dict({"rc": 0, "stdout": self.place if word == "mktemp" else "", "stderr": ""}, **answer)

    def _answer(self, step):
        answer = self.answers[step]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def fetch_file(self, src, dest):
        if isinstance(self.sends, BaseException):
            raise self.sends
        with open(dest, "wb") as stream:
            stream.write(self.sends)


@pytest.fixture(autouse=True)
def base(monkeypatch):
    monkeypatch.setattr(container_rescue.ActionBase, "run", lambda *_rest: {})


def test_each_disk_is_closed_before_the_next_is_opened():
    host = Host(**ALL)
    result = host.rescue()
    work = ["listed", "copied", "absent"]
    assert host.steps == ["info", "open web", *work, "close web", "open db", *work, "close db"]
    assert result["report"][:9] == [
        "data root /d",
        "web: opened in_place at /run/drydock/web by merge",
        "  mount",
        "web: largest files",
        "  2.00 KB  /log",
        "web: copied 1 to /srv/web",
        "web: deleted 1, 2.00 KB freed",
        "  rm",
        "web: closed",
    ]
    assert result["opened"][0] == {
        "container": "web",
        "id": "4b5e",
        "method": "merge",
        "path": "/run/drydock/web",
    }
    assert (result["found"], result["changed"], "failed" in result) == (2, True, False)


def test_the_modules_are_given_what_was_asked_for_and_no_more():
    host = Host(containerd_root="/c", work_dir="~/w", volumes="yes", copy=["/etc"], dest="$HOME/x")
    host.rescue()
    info, opened, copied, closed = host.asked[:4]
    wanted = {"containers": ["web"], "missing": "ignore", "details": False, "containerd_root": "/c"}
    assert info == wanted
    assert (opened["work_dir"], opened["volumes"], opened["data_root"]) == ("~/w", True, "/d")
    assert "device_id" not in opened and "path" not in opened
    assert (copied["root"], copied["dest"]) == ("/run/drydock/web", "$HOME/x/web")
    assert closed == {"container": "4b5e", "data_root": "/d", "containerd_root": "/c", "state": "unmounted"}


def test_nothing_is_asked_of_a_host_when_it_is_refused():
    host = Host(delete=["/log"])
    result = host.rescue()
    assert (result["failed"], host.steps) == (True, [])
    assert "and it is read_only" in result["msg"]


def test_an_option_that_there_is_not():
    result = Host(acces="in_place").rescue()
    assert result["failed"] and "acces" in result["msg"]


def test_a_host_without_docker_is_no_failure():
    nothing = {"failed": True, "msg": "there is no data root", "code": "no_data_root"}
    result = Host({"info": nothing}).rescue()
    assert result["report"] == ["skipped, this host has no container web", "there is no data root"]
    assert (result["found"], "failed" in result) == (0, False)


def test_a_host_that_cannot_be_read_is():
    result = Host({"info": NO}).rescue()
    assert (result["failed"], result["msg"], result["report"]) == (True, "no", [])


@pytest.mark.parametrize("step", ["open", "listed", "copied", "absent"])
def test_after_a_failure_it_is_closed_and_no_other_is_opened(step):
    host = Host({step: NO}, **ALL)
    result = host.rescue()
    assert host.steps[-1] == "close web"
    assert (result["failed"], result["msg"], result["code"]) == (True, "no", "it_is_open")
    assert result["undone"] == ["umount"]
    assert ("web: closed" in result["report"]) is (step != "open")


def test_what_a_step_did_before_it_failed_is_a_change():
    assert Host({"open": dict(NO, changed=True)}).rescue()["changed"] is True
    assert Host({"open": NO}).rescue()["changed"] is False


def test_when_it_cannot_be_closed_either_the_first_error_is_said_first():
    result = Host(
        {"copied": NO, "close": {"failed": True, "msg": "it is busy", "code": "busy"}}, **ALL
    ).rescue()
    assert (result["msg"], result["code"]) == ("no; and then: it is busy", "it_is_open")
    assert Host({"close": NO}).rescue()["msg"] == "no"
    lost = Host({"copied": NO, "close": AnsibleConnectionFailure("timed out")}, **ALL)
    with pytest.raises(AnsibleConnectionFailure, match="no; and then: timed out"):
        lost.rescue()


def test_it_is_closed_whatever_ends_the_work():
    host = Host({"copied": KeyboardInterrupt()}, **ALL)
    with pytest.raises(KeyboardInterrupt):
        host.rescue()
    assert host.steps[-1] == "close web"


@pytest.mark.parametrize("step", ["open", "copied", "close"])
def test_a_host_that_is_lost_is_asked_no_more_and_the_open_disk_is_named(step):
    host = Host({step: AnsibleConnectionFailure("timed out")}, **ALL)
    with pytest.raises(
        AnsibleConnectionFailure, match=r"timed out\. The disk of web may be open there still"
    ):
        host.rescue()
    assert host.steps[-1].partition(" ")[0] == step
    # Else Ansible would ask it once more, to remove its files.
    assert host._connection._shell.tmpdir is None


def test_a_host_that_is_lost_before_anything_is_open():
    with pytest.raises(AnsibleConnectionFailure) as caught:
        Host({"info": AnsibleConnectionFailure("timed out")}).rescue()
    assert "drydock.rescue.cleanup" not in str(caught.value)


def test_check_mode_opens_nothing_and_says_what_it_leaves_out():
    host = Host({"info": dict(INFO, containers=[WEB])}, check_mode=True, tasks="repair.yml", **ALL)
    assert host.rescue()["report"] == [
        "data root /d",
        "web: would be opened in_place at /run/drydock/web by merge",
        "  mount",
        "web: skipped in check mode, since they need the open tree: "
        "largest, copy /etc, delete /log, tasks repair.yml",
    ]
    assert host.steps == ["info", "open web", "close web"]


def test_what_somebody_else_has_open_is_not_closed():
    taken = {"failed": True, "msg": "it is already open", "code": "refused", "actions": [], "undone": []}
    host = Host({"open": taken})
    result = host.rescue()
    assert (host.steps, result["msg"]) == (["info", "open web"], "it is already open")
    begun = Host(
        {"open": taken}, part="begin", earlier=Host(part="find").rescue(), container=["cafe"]
    ).rescue()
    end = Host(part="end", earlier=begun, container=["cafe"])
    assert ("failed" in end.rescue(), end.steps) == (False, [])


@pytest.mark.parametrize(
    "failure", [{"actions": ["mount"], "code": "failed"}, {"module_stdout": "Traceback"}]
)
def test_what_an_opening_that_failed_may_have_left_is_closed(failure):
    host = Host({"open": dict(failure, failed=True, msg="no")})
    host.rescue()
    assert host.steps == ["info", "open web", "close web"]


def test_what_stays_open_is_a_change_and_is_said():
    host = Host({"info": dict(INFO, containers=[WEB])}, keep_mounted=True)
    result = host.rescue()
    assert host.steps == ["info", "open web"]
    assert (result["changed"], result["report"][-1]) == (True, "web: left open at /run/drydock/web")
    assert "left open" not in str(Host({"open": NO}, keep_mounted=True).rescue()["report"])


def test_to_look_is_no_change_and_has_no_diff():
    result = Host(largest=1).rescue()
    assert (result["changed"], "diff" in result) == (False, False)


def test_the_diffs_of_what_changed_are_shown():
    host = Host({"info": dict(INFO, containers=[WEB])}, access="in_place")
    assert host.rescue()["diff"] == [GOOD["open"]["diff"], GOOD["close"]["diff"]]


def test_warnings_are_passed_on():
    warns = {step: dict(GOOD[step], warnings=[step]) for step in ("info", "open", "close")}
    one = dict(warns, info=dict(warns["info"], containers=[WEB]))
    assert Host(one).rescue()["warnings"] == ["info", "open", "close"]


def fetching(tmp_path, answers=(), **more):
    options = dict(copy=["/etc"], dest=str(tmp_path), fetch=True, **more)
    return Host(dict({"info": dict(INFO, containers=[WEB])}, **dict(answers)), **options)


def test_the_tar_is_made_as_root_in_a_directory_of_the_user_who_logs_in(tmp_path):
    host = fetching(tmp_path)
    result = host.rescue()
    assert (tmp_path / "web7" / "web.tar").read_bytes() == b"tar"
    assert host.commands == [
        (container_rescue.MAKE_PLACE, False),
        ("chown -h 1000 %s/rescued.tar" % PLACE, True),
        ("rm -rf %s" % PLACE, False),
    ]
    assert host.asked[2]["dest"] == PLACE + "/rescued.tar" and host.asked[2]["archive"] is True
    line = "web: fetched %s/web7/web.tar, sha256 %s" % (tmp_path, SHA256)
    assert (line in result["report"], result["changed"]) == (True, True)
    assert fetching(tmp_path).rescue()["changed"] is False


@pytest.mark.parametrize(
    "trouble, said",
    [
        ({"answers": {"copied": NO}}, "no"),
        ({"answers": {"chown": {"rc": 1, "stderr": "not\npermitted\n"}}}, "failed: not; permitted"),
        ({"sends": b"ta"}, "did not arrive as it was on the host"),
        ({"sends": AnsibleError("failed to transfer")}, "failed to transfer"),
    ],
)
def test_the_tar_is_removed_and_the_disk_closed_when_it_does_not_arrive(tmp_path, trouble, said):
    host = fetching(tmp_path, **trouble)
    result = host.rescue()
    assert result["failed"] and said in result["msg"]
    assert (host.commands[-1], host.steps[-1]) == (("rm -rf " + PLACE, False), "close web")
    assert list(tmp_path.glob("*/*")) == []


def test_a_host_that_is_lost_in_a_transfer_is_asked_no_more(tmp_path):
    host = fetching(tmp_path, sends=AnsibleConnectionFailure("timed out"))
    with pytest.raises(AnsibleConnectionFailure, match="The disk of web may be open there still"):
        host.rescue()
    assert (host.commands[-1][0].split()[0], host.steps[-1]) == ("chown", "copied")


@pytest.mark.parametrize("place", ["", "/etc\n0\n", "/var/tmp/drydock-x; reboot\n0\n", PLACE + "\n0; reboot"])
def test_what_is_no_place_for_a_tar_is_no_word_for_a_shell(tmp_path, place):
    host = fetching(tmp_path, place=place)
    assert "did not say where below /var/tmp" in host.rescue()["msg"]
    assert len(host.commands) == 1 and host.steps[-1] == "close web"


def test_the_greeting_of_a_host_is_no_place_for_a_tar(tmp_path):
    host = fetching(tmp_path, place="Welcome to /var/tmp/drydock-0000000000\r\n%s\r\n1000\r\n" % PLACE)
    host.rescue()
    assert host.commands[-1][0] == "rm -rf " + PLACE


@pytest.mark.parametrize("fails", [False, True])
def test_with_tasks_of_ones_own_in_between(fails):
    find = Host(part="find").rescue()
    assert find["report"] == ["data root /d"]
    one = {"container": ["cafe"], "copy": ["/etc"], "dest": "/srv"}
    begin = Host({"copied": NO} if fails else {}, part="begin", earlier=find, **one)
    begun = begin.rescue()
    assert begin.steps == ["open db", "copied"]
    assert ("failed" in begun, begun["opened"][-1]["path"]) == (fails, "/run/drydock/db")
    end = Host(part="end", earlier=begun, **one)
    ended = end.rescue()
    assert (end.steps, "failed" in ended) == (["close db"], False)
    assert ended["report"][:2] == ["data root /d", "db: opened read_only at /run/drydock/db by merge"]
    assert ended["report"][-2:] == ["db: closed", "  umount"]
    assert (ended["found"], ended["started"]) == (2, find["started"])


@pytest.mark.parametrize("part", ["begin", "end"])
def test_a_part_that_does_not_know_the_one_before(part):
    host = Host(part=part)
    result = host.rescue()
    assert (result["failed"], host.steps) == (True, [])
    assert result["msg"].startswith("earlier has no container web: give it the result of part: find")
