# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import shutil
import socket
import subprocess

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._errors import NotFound
from ansible_collections.drydock.rescue.plugins.module_utils._tree.surveying import survey


@pytest.fixture
def look(host):
    host.without_links = lambda directory: None
    return lambda *asked: survey(host, *map(str, asked[:1]), *asked[1:])


@pytest.fixture
def tree(tmp_path):
    top = tmp_path / "tree"
    (top / "etc").mkdir(parents=True)
    (top / "etc/conf").write_text("12345")
    os.link(str(top / "etc/conf"), str(top / "etc/also"))
    (top / "etc/link").symlink_to("conf")
    os.mkfifo(str(top / "fifo"))
    with open(os.path.join(os.fsencode(str(top)), b"\xff\n"), "wb") as stream:
        stream.truncate(1000)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(top / "socket"))
    return top


def copy(tree, to):
    subprocess.run(["cp", "--archive", str(tree), str(to)], check=True)
    return to


def test_counts(look, tree):
    found = look(tree)
    kinds = {"files": 3, "directories": 2, "links": 1, "devices": 0, "fifos": 1, "sockets": 1}
    assert found.counts == kinds
    assert found.bytes == 1005  # the file with two names once
    assert found.warnings == []


def test_a_copy_has_the_same_listing_and_another_state(look, tree, tmp_path):
    there = copy(tree, tmp_path / "copy")
    assert look(there).listing == look(tree).listing
    assert look(there).state != look(tree).state
    (there / "socket").unlink()
    os.utime(str(there), ns=(0, tree.stat().st_mtime_ns))
    assert look(there).listing == look(tree).listing, "no copy can have a socket"


def breaking_link(top):
    (top / "etc/also").unlink()
    shutil.copy2(str(top / "etc/conf"), str(top / "etc/also"))


def retargeting(top):
    (top / "etc/link").unlink()
    (top / "etc/link").symlink_to("also")


@pytest.mark.parametrize(
    "change",
    [
        lambda top: (top / "etc/conf").chmod(0o600),
        lambda top: (top / "etc/conf").write_text("123456"),
        lambda top: os.utime(str(top / "etc/conf"), ns=(0, 7)),
        lambda top: (top / "new").mkdir(),
        lambda top: (top / "fifo").unlink(),
        lambda top: (top / "fifo").rename(str(top / "fifo2")),
        breaking_link,
        retargeting,
    ],
)
def test_whatever_differs_shows_in_the_listing(look, tree, tmp_path, change):
    there = copy(tree, tmp_path / "copy")
    times = {path: os.lstat(str(path)).st_mtime_ns for path in (there, there / "etc")}
    change(there)
    for path, time in times.items():  # not by the directories' times alone
        os.utime(str(path), ns=(0, time))
    assert look(there).listing != look(tree).listing


def test_a_change_that_hides_itself_shows_in_the_state(look, tree):
    before = look(tree)
    facts = (tree / "etc/conf").stat()
    (tree / "etc/conf").write_text("54321")
    os.utime(str(tree / "etc/conf"), ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert look(tree).listing == before.listing
    assert look(tree).state != before.state


def test_a_name_that_is_counted_and_not_in_the_tree(look, tree, tmp_path):
    there = copy(tree, tmp_path / "copy")
    (tree / "more").write_text("more")
    os.link(str(tree / "more"), str(tmp_path / "elsewhere"))
    (there / "more").write_text("more")
    for path in (tree / "more", tree, there / "more", there):
        os.utime(str(path), ns=(0, 0))
    assert look(there).listing == look(tree).listing
    assert look(there).bytes == look(tree).bytes


def test_attributes(look, tree, tmp_path):
    there = copy(tree, tmp_path / "copy")
    try:
        os.setxattr(str(there / "etc"), "user.a", b"1")
    except OSError:
        pytest.xfail("this file system has no attributes of users")
    assert look(there).listing != look(tree).listing


def test_exclude(look, tree):
    whole = look(tree)
    assert look(tree, ["/etc/c*"]).counts["files"] == whole.counts["files"] - 1
    assert look(tree, ["/etc"]).counts["links"] == 0
    assert look(tree, ["/*/conf"]).counts["files"] == whole.counts["files"] - 1
    assert look(tree, ["/*conf", "/et", "/etc/[c]onf", "/ETC"]).listing == whole.listing
    (tree / "etc/conf").write_text("changed")
    assert look(tree, ["/etc"]).counts["directories"] == 1


def test_one_file_alone_by_whatever_name(look, tree):
    one = look(tree, [], "fifo")
    assert one.counts["fifos"] == 1
    assert sum(one.counts.values()) == 1
    (tree / "fifo").rename(tree / "other")
    assert look(tree, [], "other").listing == one.listing
    with pytest.raises(NotFound):
        look(tree, [], "fifo")


def test_the_working_directory_is_that_of_before(look, tree, tmp_path):
    before = os.getcwd()
    look(tree)
    with pytest.raises(NotFound):
        look(tree, (), "there-is-none")
    assert os.getcwd() == before


def test_no_link_is_followed(look, tree, tmp_path):
    (tmp_path / "outside").mkdir()
    (tree / "way").symlink_to(tmp_path / "outside")
    before = look(tree)
    (tmp_path / "outside/new").touch()
    assert look(tree) == before
    with pytest.raises(NotFound):
        look(tree / "way")
