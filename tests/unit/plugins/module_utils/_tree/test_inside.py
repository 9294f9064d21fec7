# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import subprocess

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._errors import NotFound
from ansible_collections.drydock.rescue.plugins.module_utils._tree.inside import Inside, shown


@pytest.fixture
def root(tmp_path):
    """A tree with a secret beside it, which nothing may ever show."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    top = tmp_path / "tree"
    for name in ("etc/conf.d", "var/log/app/old", "tmp"):
        os.makedirs(str(top / name))
    for name in ("etc/passwd", "etc/.hidden", "var/log/a.log", "var/log/app/b.log", "var/log/app/old/c.log"):
        (top / name).write_text(name)
    return top


@pytest.fixture
def find(root):
    """What patterns name, as paths; opened anew each time, like a module does."""

    def paths(*patterns):
        tree = Inside(str(root))
        try:
            found, nothing = tree.find(patterns)
            return [shown(entry.parts) for entry in found], nothing
        finally:
            tree.close()

    return paths


def test_a_root_that_is_no_directory(root):
    with pytest.raises(NotFound):
        Inside(str(root / "none"))
    with pytest.raises(NotFound):
        Inside(str(root / "etc" / "passwd"))


def test_a_root_that_is_a_link_is_not_followed(root):
    os.symlink(str(root), str(root / "link"))
    with pytest.raises(NotFound):
        Inside(str(root / "link"))


@pytest.mark.parametrize("path", ["/etc/passwd", "etc/passwd", "//etc/./passwd", "/etc/../etc/passwd"])
def test_a_path(find, path):
    assert find(path) == (["/etc/passwd"], [])


def test_the_root_itself(find):
    assert find("/") == (["/"], [])


def test_what_names_nothing_is_said(find):
    assert find("/etc/shadow", "/etc/passwd", "/x*") == (["/etc/passwd"], ["/etc/shadow", "/x*"])


@pytest.mark.parametrize(
    "path", ["/../outside/secret", "/../../../../etc/shadow", "/etc/../../outside/secret"]
)
def test_dots_do_not_climb_out(find, path):
    assert find(path) == ([], [path])


def test_each_match_comes_once_and_sorted(find):
    assert find("/var/log/a.log", "/etc/passwd", "/etc/*") == (
        ["/etc/conf.d", "/etc/passwd", "/var/log/a.log"],
        [],
    )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/var/log/*.log", ["/var/log/a.log"]),
        ("/var/*/?.log", ["/var/log/a.log"]),
        ("/var/log/[ab].log", ["/var/log/a.log"]),
        ("/var/log/**/*.log", ["/var/log/a.log", "/var/log/app/b.log", "/var/log/app/old/c.log"]),
        ("/**/c.log", ["/var/log/app/old/c.log"]),
        ("/etc/*", ["/etc/conf.d", "/etc/passwd"]),
        ("/etc/*d*", ["/etc/conf.d", "/etc/passwd"]),
        ("/etc/.h*", ["/etc/.hidden"]),
        ("/etc/passwd/*", []),
        ("/VAR/*", []),
    ],
)
def test_globs(find, pattern, expected):
    assert find(pattern)[0] == expected


def test_a_star_with_more_in_it_leaves_dotfiles_alone(find, root):
    (root / "etc" / ".x.log").write_text("")
    assert find("/etc/*.log")[0] == []


def test_brackets_in_a_real_name(find, root):
    (root / "tmp" / "[x]").write_text("")
    assert find("/tmp/[[]x]")[0] == ["/tmp/[x]"]


# -- links -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["/etc", "../etc", "../../../../etc", "/../../etc", "../tmp/.././etc/", "/tmp/../etc"]
)
def test_a_link_in_the_middle_is_resolved_inside(find, root, target):
    os.symlink(target, str(root / "tmp" / "link"))
    assert find("/tmp/link/passwd")[0] == ["/etc/passwd"]


def test_a_link_at_the_end_is_the_link_itself(find, root):
    os.symlink("/etc/passwd", str(root / "tmp" / "link"))
    assert find("/tmp/link")[0] == ["/tmp/link"]


@pytest.mark.parametrize("steps", ["%s", "../../outside", "../../../../../../../../%s", "./../../outside"])
def test_a_link_never_leads_out(find, root, tmp_path, steps):
    outside = str(tmp_path / "outside")
    os.symlink(steps % outside.lstrip("/") if "%s" in steps else steps, str(root / "tmp" / "out"))
    os.symlink(outside, str(root / "tmp" / "absolute"))
    for pattern in ("/tmp/out/secret", "/tmp/absolute/secret", "/tmp/*/secret", "/**/secret"):
        assert find(pattern) == ([], [pattern])


@pytest.mark.parametrize("target", ["loop", "/tmp/loop/x", "../tmp/loop"])
def test_a_circle_of_links_is_nothing(find, root, target):
    os.symlink(target, str(root / "tmp" / "loop"))
    assert find("/tmp/loop/x") == ([], ["/tmp/loop/x"])


def test_a_chain_of_links(find, root):
    os.symlink("/etc", str(root / "tmp" / "l0"))
    for number in range(30):
        os.symlink("l%d" % number, str(root / "tmp" / ("l%d" % (number + 1))))
    assert find("/tmp/l30/passwd")[0] == ["/etc/passwd"]


def test_two_stars_do_not_go_through_links(find, root):
    os.symlink("/var/log", str(root / "tmp" / "link"))
    assert find("/tmp/**/a.log")[0] == []


def test_a_directory_that_becomes_a_link_meanwhile_is_not_entered(root, tmp_path):
    tree = Inside(str(root))
    found = tree.entry(("etc",))
    os.rename(str(root / "etc"), str(root / "old"))
    os.symlink(str(tmp_path / "outside"), str(root / "etc"))
    with pytest.raises(OSError):
        list(tree.walk(found))
    tree.close()


def test_where_a_link_leads(root):
    os.symlink("../etc/passwd", str(root / "tmp" / "good"))
    os.symlink("/none", str(root / "tmp" / "dangling"))
    os.symlink("loop", str(root / "tmp" / "loop"))
    tree = Inside(str(root))
    leads = {name: tree.leads_to(tree.entry(("tmp", name))) for name in ("good", "dangling", "loop")}
    tree.close()
    assert [one.parts for one in leads["good"]] == [("etc", "passwd")]
    assert leads["dangling"] == leads["loop"] == []


# -- walking -----------------------------------------------------------------------------------------------


def test_a_walk_shows_a_directory_before_what_is_in_it(root):
    tree = Inside(str(root))
    walked = [shown(entry.parts) for entry in tree.walk(tree.entry(("var",)))]
    tree.close()
    assert walked == [
        "/var",
        "/var/log",
        "/var/log/a.log",
        "/var/log/app",
        "/var/log/app/b.log",
        "/var/log/app/old",
        "/var/log/app/old/c.log",
    ]


def test_a_walk_does_not_follow_links(root, tmp_path):
    os.symlink(str(tmp_path / "outside"), str(root / "tmp" / "out"))
    tree = Inside(str(root))
    walked = {shown(entry.parts): entry for entry in tree.walk(tree.entry(("tmp",)))}
    tree.close()
    assert sorted(walked) == ["/tmp", "/tmp/out"]
    assert (walked["/tmp/out"].kind, walked["/tmp/out"].target) == ("link", str(tmp_path / "outside"))


def test_nothing_but_regular_files_is_ever_opened(root):
    os.mkfifo(str(root / "tmp" / "fifo"))
    tree = Inside(str(root))
    kinds = [entry.kind for entry in tree.walk(tree.entry(("tmp",)))]
    tree.close()
    assert kinds == ["directory", "fifo"]


# -- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"new\nline", r"/tmp/new\nline"),
        (b"\x1b[2J", r"/tmp/\x1b[2J"),
        (b"\xff\xfe", r"/tmp/\udcff\udcfe"),
        ("caf\u00e9".encode(), "/tmp/caf\u00e9"),
        (b"a b", "/tmp/a b"),
    ],
)
def test_odd_names_are_found_and_shown_harmlessly(find, root, name, expected):
    with open(os.path.join(os.fsencode(str(root)), b"tmp", name), "w"):
        pass
    assert find("/tmp/*")[0] == [expected]
    assert find("/tmp/" + os.fsdecode(name))[0] == [expected]


def test_no_file_stays_open(root):
    before = len(os.listdir("/proc/self/fd"))
    tree = Inside(str(root))
    tree.find(["/**/*", "/etc/none/x", "/tmp/loop/x"])
    list(tree.walk(tree.entry(())))
    tree.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_tree_that_is_deeper_than_python_recurses(tmp_path):
    depth = 1500
    here = os.open(str(tmp_path), os.O_RDONLY)
    for _level in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    tree = Inside(str(tmp_path))
    try:
        assert sum(1 for _entry in tree.walk(tree.entry(()))) == depth + 1
    finally:
        tree.close()
        subprocess.check_call(["rm", "-r", str(tmp_path / "d")])  # pytest's own way of removing it recurses
