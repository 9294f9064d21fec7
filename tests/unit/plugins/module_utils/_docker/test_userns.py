# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import pwd

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import userns


@pytest.fixture(autouse=True)
def users(monkeypatch):
    """alice is 1000; dockremap is known to no one."""
    entry = pwd.struct_passwd(("alice", "x", 1000, 1000, "", "/home/alice", "/bin/sh"))
    monkeypatch.setattr(userns.pwd, "getpwnam", {"alice": entry}.__getitem__)
    monkeypatch.setattr(userns.pwd, "getpwuid", {1000: entry}.__getitem__)
    monkeypatch.setattr(userns.grp, "getgrgid", {}.__getitem__)


@pytest.fixture
def ids(write):
    def to(uids, gids=None):
        write("subuid", uids)
        write("subgid", uids if gids is None else gids)

    return to


def directory(tmp_path, *names):
    for name in names:
        os.makedirs(str(tmp_path / "root" / name))
    return str(tmp_path / "root")


@pytest.mark.parametrize("remap", ["", "root", "0", "root:root", "0:0"])
def test_root_as_itself_is_no_mapping(tmp_path, remap, ids):
    ids("root:5:6\n")
    root = directory(tmp_path, "5.5")
    assert userns.remapped(root, remap) == root


@pytest.mark.parametrize("remap", ["alice", "alice:staff", "1000", "1000:1000"])
def test_the_first_ids_of_a_user(tmp_path, ids, remap):
    ids("# alice:1:1\n\nbob:7:1\nalice:100000:65536\n", "alice:200000:65536\n")
    root = directory(tmp_path, "100000.200000", "7.7")
    assert userns.remapped(root, remap) == root + "/100000.200000"


def test_default_is_dockremap(tmp_path, ids):
    ids("dockremap:165536:65536")
    root = directory(tmp_path)
    assert userns.remapped(root, "default") == root + "/165536.165536"  # though it is not there


def test_a_number_in_the_files_goes_before_a_name(tmp_path, ids):
    ids("alice:1:1\n1000:2:1\n")
    root = directory(tmp_path, "1.1", "2.2")
    assert userns.remapped(root, "alice") == root + "/2.2"


def test_before_17_06_the_group_was_looked_up(tmp_path, ids):
    ids("alice:1:1\n", "staff:3:1\n")
    root = directory(tmp_path, "1.3")
    assert userns.remapped(root, "alice:staff") == root + "/1.3"


def test_before_20_10_the_lowest_range_came_first(tmp_path, ids):
    ids("alice:500000:65536\nalice:100000:65536\n")
    root = directory(tmp_path, "100000.100000", "9.9")
    assert userns.remapped(root, "alice") == root + "/100000.100000"
    os.makedirs(root + "/500000.500000")
    assert userns.remapped(root, "alice") == root + "/500000.500000"


@pytest.mark.parametrize("content", ["", "alice", "alice:x:1", "alice:1:2:3", "alice:99999999999:1", "\0"])
def test_broken_files_of_ids_leave_the_only_directory(tmp_path, ids, content):
    ids(content)
    root = directory(tmp_path, "100000.100000", "containers", "1.x", "01.1")
    assert userns.remapped(root, "alice") == root + "/100000.100000"
    os.makedirs(root + "/7.7")
    assert userns.remapped(root, "alice") == root


@pytest.mark.parametrize(
    "remap", ["nobody-here", "99999999999", ":", "a:b:c", "\ud800", "a\0b", "4294967296"]
)
def test_a_user_that_there_is_not(tmp_path, ids, remap, monkeypatch):
    monkeypatch.undo()
    root = directory(tmp_path)
    assert userns.remapped(root, remap) == root


def test_what_is_no_directory_is_none(tmp_path):
    root = directory(tmp_path, "containers")
    open(root + "/5.5", "w").close()
    assert userns.directories(root) == []
    assert userns.directories(root + "/none") == []
