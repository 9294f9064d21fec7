# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import socket
import stat

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _host
from ansible_collections.drydock.rescue.plugins.module_utils._tree.mirroring import mirror
from ansible_collections.drydock.rescue.plugins.module_utils._tree.surveying import survey


class Machine(_host.Host):
    def without_links(self, directory):
        return None


@pytest.fixture
def source(tmp_path):
    top = tmp_path / "source"
    (top / "etc/deep/er").mkdir(parents=True)
    (top / "etc/conf").write_text("new")
    (top / "etc/deep/er/file").write_text("deep")
    (top / "etc/link").symlink_to("/nowhere")
    (top / "one").write_text("twice")
    os.link(str(top / "one"), str(top / "other"))
    os.mkfifo(str(top / "fifo"))
    (top / "etc").chmod(0o750)
    with open(os.path.join(os.fsencode(str(top)), b"-\xff\n"), "w") as stream:
        stream.write("odd")
    os.utime(str(top / "etc"), ns=(1, 123456789))
    return top


@pytest.fixture
def target(tmp_path):
    top = tmp_path / "target"
    top.mkdir()
    return top


def equal(one, other, *exclude):
    return survey(Machine(), str(one), exclude).listing == survey(Machine(), str(other), exclude).listing


def make_equal(source, target, *exclude):
    return mirror(Machine(), str(source), str(target), exclude)


def test_into_an_empty_directory(source, target):
    assert make_equal(source, target) == []
    assert equal(source, target)
    assert (target / "one").stat().st_ino == (target / "other").stat().st_ino


def test_what_is_the_same_is_not_touched(source, target):
    make_equal(source, target)
    conf = target / "etc/conf"
    before = conf.stat()
    (source / "new").write_text("n")
    make_equal(source, target)
    assert conf.stat().st_ino == before.st_ino
    assert conf.stat().st_ctime_ns == before.st_ctime_ns
    assert equal(source, target)


def same_time(path, text):
    facts = path.stat()
    path.write_text(text)
    os.utime(str(path), ns=(0, facts.st_mtime_ns))


def to_directory(path):
    path.unlink()
    (path / "sub/sub").mkdir(parents=True)
    (path / "sub/file").touch()


def to_link(path, to):
    for one in sorted(path.rglob("*"), reverse=True):
        one.rmdir() if one.is_dir() and not one.is_symlink() else one.unlink()
    path.rmdir()
    path.symlink_to(to)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda top: (top / "etc/conf").unlink(),
        lambda top: (top / "etc/conf").chmod(0o777),
        lambda top: same_time(top / "etc/conf", "bad"),
        lambda top: to_directory(top / "etc/conf"),
        lambda top: to_link(top / "etc", "/"),
        lambda top: (top / "more/of/it").mkdir(parents=True),
        lambda top: (top / "etc").chmod(0o777),
        lambda top: os.utime(str(top), ns=(0, 1)),
        lambda top: (top / "one").unlink(),
        lambda top: os.link(str(top / "etc/conf"), str(top / "third")),
        lambda top: (top / "etc/link").unlink(),
    ],
)
def test_whatever_differs(source, target, tmp_path, spoil):
    make_equal(source, target)
    spoil(target)
    assert not equal(source, target) or (target / "etc/conf").read_text() == "bad"
    make_equal(source, target)
    assert equal(source, target)
    assert (target / "etc/conf").read_text() == "new"


def test_what_is_excluded_stays(source, target):
    make_equal(source, target)
    (target / "etc/cache").mkdir()
    (target / "etc/cache/file").write_text("mine")
    (target / "etc/gone").touch()
    make_equal(source, target, "/etc/cache")
    assert (target / "etc/cache/file").read_text() == "mine"
    assert not (target / "etc/gone").exists()
    assert equal(source, target, "/etc/cache")


def test_a_link_of_the_target_leads_nowhere(source, target, tmp_path):
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "conf").write_text("not ours")
    (target / "etc").symlink_to(outside)
    make_equal(source, target)
    assert not (target / "etc").is_symlink()
    assert (outside / "conf").read_text() == "not ours"
    assert sorted(one.name for one in outside.iterdir()) == ["conf", "deep"]


def test_sockets_go_and_do_not_come(source, target):
    for top in (source, target):
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(top / ("of " + top.name)))
    make_equal(source, target)
    assert not any(stat.S_ISSOCK(one.lstat().st_mode) for one in target.iterdir())
    assert equal(source, target)
