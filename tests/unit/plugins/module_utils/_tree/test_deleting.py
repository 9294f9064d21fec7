# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._errors import Refused
from ansible_collections.drydock.rescue.plugins.module_utils._tree import deleting
from ansible_collections.drydock.rescue.plugins.module_utils._tree.inside import Inside
from ansible_collections.drydock.rescue.tests.unit.support.host import tree_of


@pytest.fixture
def places(tmp_path):
    """A tree, and beside it what must never change."""
    for name in ("tree/var/log/app", "outside/deep"):
        os.makedirs(str(tmp_path / name))
    for name in ("tree/var/log/a.log", "tree/var/log/app/b.log", "outside/deep/precious"):
        (tmp_path / name).write_bytes(b"x" * 8192)
    return tmp_path


def delete(places, *patterns):
    tree = Inside(str(places / "tree"))
    try:
        matches = tree.find(patterns)[0]
        freed = deleting.freed_bytes(tree, matches)
        deleting.delete(tree, matches)
        return freed
    finally:
        tree.close()


def left(places):
    return sorted(tree_of(places / "tree"))


def test_a_file(places):
    delete(places, "/var/log/a.log")
    assert left(places) == ["var", "var/log", "var/log/app", "var/log/app/b.log"]


def test_a_directory_with_all_in_it(places):
    delete(places, "/var/log")
    assert left(places) == ["var"]


def test_nothing_to_delete(places):
    before = left(places)
    assert delete(places, "/var/none", "/x/*") == 0
    assert left(places) == before


def test_the_root_is_never_deleted_and_nothing_else_then(places):
    before = left(places)
    with pytest.raises(Refused):
        delete(places, "/var/log", "/")
    assert left(places) == before


@pytest.mark.parametrize("target", ["../../../outside", "{}/outside", "../../../outside/deep/precious"])
@pytest.mark.parametrize(
    "pattern", ["/var/log/link", "/var/log/*", "/var/log", "/var/log/link/*", "/**/deep"]
)
def test_what_a_link_leads_to_stays(places, target, pattern):
    os.symlink(target.format(places), str(places / "tree" / "var" / "log" / "link"))
    before = tree_of(places / "outside")
    delete(places, pattern)
    assert tree_of(places / "outside") == before


def test_a_link_itself_is_deleted(places):
    os.symlink(str(places / "outside"), str(places / "tree" / "link"))
    delete(places, "/link")
    assert "link" not in left(places)


def test_the_room_that_is_freed(places):
    files = [places / "tree" / "var" / "log" / name for name in ("a.log", "app/b.log")]
    directories = [places / "tree" / "var" / "log" / "app"]
    expected = sum(os.lstat(str(path)).st_blocks * 512 for path in files)
    freed = delete(places, "/var/log/a.log", "/var/log/app/b.log")
    assert freed == expected
    assert directories[0].is_dir()


def test_a_file_that_keeps_another_name_frees_nothing(places):
    os.link(str(places / "tree" / "var" / "log" / "a.log"), str(places / "tree" / "kept"))
    assert delete(places, "/var/log/a.log") == 0
    assert (places / "tree" / "kept").read_bytes() == b"x" * 8192


def test_odd_names_and_fifos(places):
    os.mkfifo(str(places / "tree" / "fifo"))
    (places / "tree" / "-rf\n*").write_text("")
    delete(places, "/fifo", "/-rf*")
    assert [name for name in left(places) if not name.startswith("var")] == []


@pytest.mark.parametrize(
    "patterns",
    [["/var/log/**"], ["/var/log", "/var/log/a.log"], ["/var/**/*"], ["/var/log/app/b.log", "/var/log"]],
)
def test_matches_that_lie_in_each_other(places, patterns):
    delete(places, *patterns)
    assert not (places / "tree" / "var" / "log").exists()


def test_room_is_counted_once(places):
    once = sum(
        os.lstat(str(places / "tree" / "var" / "log" / name)).st_blocks * 512
        for name in ("a.log", "app/b.log")
    )
    assert delete(places, "/var/log", "/var/log/a.log", "/var/log/**/*.log") == once


def test_a_file_that_loses_all_its_names_frees_its_room(places):
    path = places / "tree" / "var" / "log" / "a.log"
    os.link(str(path), str(places / "tree" / "var" / "second"))
    room = path.stat().st_blocks * 512
    assert delete(places, "/var/log/a.log", "/var/second") == room
