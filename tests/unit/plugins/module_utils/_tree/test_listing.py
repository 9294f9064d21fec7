# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

from ansible_collections.drydock.rescue.plugins.module_utils._tree import listing
from ansible_collections.drydock.rescue.plugins.module_utils._tree.inside import Inside


def tree_of(tmp_path, **sizes):
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(b"x" * size)
    return Inside(str(tmp_path))


def test_what_matches_overlap_is_listed_once(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").write_text("")
    (tmp_path / "ab").write_text("")
    tree = Inside(str(tmp_path))
    matches, _nothing = tree.find(["/a", "/a/f", "/ab", "/a"])
    assert [entry.parts for entry in listing.below(tree, matches)] == [("a",), ("a", "f"), ("ab",)]
    tree.close()


def largest(tree, count):
    found = listing.largest(tree.walk(tree.entry(())), count)
    tree.close()
    return [entry.parts[-1] for entry in found]


def test_the_largest_files_come_first(tmp_path):
    assert largest(tree_of(tmp_path, small=5000, big=500000, middle=50000), 2) == ["big", "middle"]


def test_holes_do_not_count(tmp_path):
    with open(str(tmp_path / "sparse"), "wb") as stream:
        stream.truncate(10**9)
    assert largest(tree_of(tmp_path, real=50000), 1) == ["real"]


def test_a_file_with_two_names_counts_once(tmp_path):
    tree = tree_of(tmp_path, a=50000, c=5000)
    os.link(str(tmp_path / "a"), str(tmp_path / "b"))
    assert largest(tree, 5) == ["a", "c"]


def test_facts_of_a_file(tmp_path):
    tree = tree_of(tmp_path, file=1000)
    os.chmod(str(tmp_path / "file"), 0o4711)
    os.utime(str(tmp_path / "file"), (1600000000, 1600000000))
    facts = listing.facts(tree.entry(("file",)))
    tree.close()
    assert facts == {
        "path": "/file",
        "type": "file",
        "size_bytes": 1000,
        "disk_bytes": os.stat(str(tmp_path / "file")).st_blocks * 512,
        "mode": "4711",
        "uid": os.getuid(),
        "gid": os.stat(str(tmp_path / "file")).st_gid,
        "mtime": 1600000000,
        "target": "",
    }


def test_facts_of_a_link(tmp_path):
    os.symlink("/etc/passwd", str(tmp_path / "link"))
    tree = Inside(str(tmp_path))
    facts = listing.facts(tree.entry(("link",)))
    tree.close()
    assert (facts["type"], facts["target"]) == ("link", "/etc/passwd")


def test_facts_can_always_be_written_as_utf_8(tmp_path):
    os.symlink(b"\xff", os.path.join(os.fsencode(str(tmp_path)), b"\xfe"))
    tree = Inside(str(tmp_path))
    facts = listing.facts(tree.find(["/*"])[0][0])
    tree.close()
    assert repr(facts).encode("utf-8")


def test_what_a_link_says_cannot_drive_the_terminal(tmp_path):
    os.symlink("\x1b[2J\n", str(tmp_path / "link"))
    tree = Inside(str(tmp_path))
    facts = listing.facts(tree.entry(("link",)))
    tree.close()
    assert facts["target"] == r"\x1b[2J\n"
