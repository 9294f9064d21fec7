# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import rootless


def test_the_roots_of_all_users(write, tmp_path):
    homes = [str(tmp_path / name) for name in ("b", "a", "none")]
    for home in homes[:2]:
        os.makedirs(home + "/.local/share/docker/containers")
    lines = ["u%d:x:%d:1::%s:/bin/sh" % (number, number, home) for number, home in enumerate(homes)]
    write("passwd", "\n".join(lines + ["cut:x", "", "odd:x:1:1:::", "x:x:1:1::/a\0b:"]))
    roots = [home + "/.local/share/docker" for home in sorted(homes[:2])]
    assert rootless.on_disk() == roots


def test_no_users_are_known():
    assert rootless.on_disk() == []


@pytest.mark.parametrize("uid", [-1, 2**31 - 7, 2**70])
def test_a_user_that_there_is_not(uid):
    assert rootless.data_root({}, uid) == ""
    assert rootless.config_file(uid) == ""


def test_what_makes_a_rootless_daemon():
    assert rootless.is_rootless({"ROOTLESSKIT_STATE_DIR": "/run/user/1"})
    assert not rootless.is_rootless({"ROOTLESSKIT_STATE_DIR": ""})
