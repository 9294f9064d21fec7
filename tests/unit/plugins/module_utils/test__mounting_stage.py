# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one tool alone is shown, with a real kernel, where a mount namespace can be had."""

import os
import signal
import subprocess

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _syscalls
from ansible_collections.drydock.rescue.plugins.module_utils._host import Host


@pytest.fixture(params=["without links", "before 5.14"])
def show(request, tmp_path, monkeypatch):
    """Runs a tool that is shown a file and the tree `tmp_path`/run/web as `rootfs`; what it prints."""
    if request.param == "before 5.14":
        monkeypatch.setattr(Host, "without_links", lambda _host, _directory: None)
    tree = tmp_path / "run" / "web"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "name").write_text("web")
    place = str(tree)

    def run(*argv):
        def first():
            try:
                Host().stage(
                    place,
                    {"manifest.json": b"{}"},
                    {"rootfs": (place, ""), "volume-1": (place + "/etc", "name")},
                )
            except PermissionError:
                os._exit(77)

        process = Host().start(list(argv), subprocess.DEVNULL, subprocess.PIPE, first=first)
        out, err = process.communicate()
        if process.returncode == 77:
            pytest.skip("no mount namespace can be had here")
        assert process.returncode == 0, err
        return out.decode()

    run.place = place
    return run


def test_it_is_shown_the_files_and_the_trees(show):
    assert show("ls", show.place).split() == ["manifest.json", "rootfs", "volume-1"]
    assert show("ls", "-A", show.place + "/rootfs").split() == ["etc"]
    assert show("cat", show.place + "/rootfs/etc/name", show.place + "/manifest.json") == "web{}"


def test_of_a_bind_of_one_file_it_sees_that_alone(show):
    with open(show.place + "/etc/secret", "w"):
        pass
    assert show("ls", show.place + "/volume-1").split() == ["name"]
    assert show("cat", show.place + "/volume-1/name") == "web"


def test_nobody_else_is(show):
    show("ls", show.place)
    assert os.listdir(show.place) == ["etc"]
    assert not any(show.place in mount.mount_point for mount in Host().mounts())


@pytest.mark.parametrize("show", ["without links"], indirect=True)
def test_no_link_leads_out_of_a_tree(show, tmp_path):
    (tmp_path / "secret").write_text("of the host")
    os.symlink(str(tmp_path), show.place + "/out")
    assert "secret" not in show("sh", "-c", "ls %s/rootfs/out/ 2>/dev/null; true" % show.place)


def test_a_tool_ends_with_who_started_it(tmp_path):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        us = os.getpid()
        bound = {"first": lambda: Host().end_with_parent(signal.SIGTERM, us)}
        Host().start(["sleep", "600"], subprocess.DEVNULL, writing, **bound)
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as stream:
        assert stream.read() == b""  # the other end is closed: it has ended


def test_a_tool_whose_parent_is_gone_already_does_not_start():
    nobody = 2**30  # no process has that number
    bound = {"first": lambda: Host().end_with_parent(signal.SIGTERM, nobody)}
    process = Host().start(["sleep", "0"], subprocess.DEVNULL, subprocess.DEVNULL, **bound)
    assert process.wait() == 1


def test_a_signal_that_is_none_is_an_error():
    with pytest.raises(OSError):
        _syscalls.end_with_parent(1000)
