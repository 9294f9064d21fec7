# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who makes a repository of restic that several hosts share, and who waits for a turn."""

import types

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.drydock.rescue.plugins.action import container_backup
from ansible_collections.drydock.rescue.plugins.plugin_utils import _turns

RESTIC = {"engine": "restic", "location": "s3:https://s3/backup", "password": "geheim"}
NONE = {"failed": True, "code": "no_repository", "msg": "there is no repository"}
DONE = {"changed": True}


class Host(container_backup.ActionModule):
    def __init__(self, *replies, **arguments):
        self._task = types.SimpleNamespace(args=arguments, async_val=0, check_mode=False)
        self._connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None))
        self.replies, self.asked = list(replies), []

    def _execute_module(self, module_args=None, task_vars=None, wrap_async=False):
        self.asked.append(module_args)
        return dict(self.replies.pop(0))

    def _remove_tmp_path(self, path):
        pass


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setattr(_turns.constants, "ANSIBLE_HOME", str(tmp_path))
    monkeypatch.setattr(container_backup.Following.__mro__[1], "run", lambda *_rest: {})


def test_where_there_is_one_nothing_more_is_asked():
    host = Host(DONE, repository=RESTIC, jobs=4)
    assert host.run() == DONE
    assert host.asked == [{"repository": RESTIC, "jobs": 4, "background": True, "make_repository": False}]


def test_one_that_is_not_there_is_made_without_any_container():
    host = Host(NONE, DONE, DONE, repository=RESTIC, data_root="/d", jobs=4)
    assert host.run() == DONE
    assert host.asked[1] == {"repository": RESTIC, "data_root": "/d", "containers": []}
    assert host.asked[2] == host.asked[0]


def test_what_keeps_it_from_being_made_is_said_and_no_container_is_touched():
    failed = {"failed": True, "msg": "the password does not open it"}
    host = Host(NONE, failed, repository=RESTIC)
    assert host.run() == failed
    assert len(host.asked) == 2


def test_none_is_made_where_that_is_not_wanted():
    host = Host(NONE, repository=RESTIC, make_repository="no")
    assert host.run() == NONE
    assert host.asked[0]["make_repository"] == "no"


def test_archives_are_of_one_host():
    host = Host(NONE, repository={"location": "/srv"})
    assert host.run() == NONE
    assert "make_repository" not in host.asked[0]


@pytest.mark.parametrize("throttle", [3, "3"])
def test_the_module_does_not_hear_of_turns(tmp_path, throttle):
    host = Host(DONE, repository=RESTIC, throttle=throttle)
    host.run()
    assert "throttle" not in host.asked[0]
    assert (tmp_path / "drydock-rescue").exists()


def test_what_is_no_number_of_hosts():
    with pytest.raises(AnsibleActionFail, match="throttle 'some' is not a number of hosts"):
        Host(repository=RESTIC, throttle="some").run()
