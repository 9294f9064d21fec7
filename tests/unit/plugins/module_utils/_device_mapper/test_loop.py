# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper import loop
from ansible_collections.drydock.rescue.plugins.module_utils._errors import CommandFailed
from ansible_collections.drydock.rescue.plugins.module_utils._plan import Context, Output


def test_loops_as_sys_shows_them(host, tmp_path):
    host.loop(0, "/data")
    host.loop(12, "/with space\u00e9 (deleted)", read_only=True)
    os.makedirs(host.sys + "/block/loop3/loop")  # free: without a file
    os.makedirs(host.sys + "/block/vda")
    assert loop.loops(host) == [
        loop.Loop("/dev/loop0", "7:0", "/data", False),
        loop.Loop("/dev/loop12", "7:12", "/with space\u00e9 (deleted)", True),
    ]


def test_no_loops_at_all(host):
    assert loop.loops(host) == []


def test_a_file_is_known_under_every_name(host, tmp_path):
    path, other, link = (str(tmp_path / name) for name in ("data", "hardlink", "link"))
    open(path, "w").close()
    os.link(path, other)
    os.symlink(path, link)
    open(str(tmp_path / "another"), "w").close()
    for number, name in enumerate((path, other, link, str(tmp_path / "another"))):
        host.loop(number, name)
    found = [one.path for one in loop.over(loop.loops(host), path)]
    assert found == ["/dev/loop0", "/dev/loop1", "/dev/loop2"]
    assert [one.path for one in loop.over(loop.loops(host), link)] == found


def test_what_is_shown_of_a_loop_that_is_attached():
    step = loop.AttachLoop("/a b", "data_loop", True)
    assert step.shown({}) == ["data_loop=$(losetup --find --show --read-only '/a b')"]
    assert step.shown({"data_loop": "/dev/loop4"}) == ["losetup --read-only /dev/loop4 '/a b'"]


def test_what_is_shown_of_a_scratch_file():
    step = loop.AttachScratch("/run/drydock", 1024, "scratch_loop")
    assert step.shown({}) == [
        "truncate --size=1024 /run/drydock/.drydock-scratch",
        "scratch_loop=$(losetup --find --show /run/drydock/.drydock-scratch)",
        "rm /run/drydock/.drydock-scratch",
    ]
    assert step.shown({"scratch_loop": "/dev/loop4"})[1] == "losetup /dev/loop4 /run/drydock/.drydock-scratch"


def test_a_link_in_the_place_of_the_file_is_not_followed(host, tmp_path):
    (tmp_path / "file").write_text("")
    os.symlink(str(tmp_path / "file"), str(tmp_path / "link"))
    with pytest.raises(OSError):
        loop.AttachLoop(str(tmp_path / "link"), "x", True).perform(Context(host))


def test_a_loop_that_has_gone_is_not_waited_for(host):
    host.loop(4, "/data")
    shutil.rmtree(host.sys + "/block/loop4")
    context = Context(host)
    context.outputs["x"] = "/dev/loop4"
    loop.DetachLoop(Output("x")).perform(context)
    loop.AwaitDetached("/dev/loop4").perform(context)


def test_a_loop_that_does_not_go_is_told(host, monkeypatch):
    monkeypatch.setattr(loop, "_GONE_WITHIN", 0.1)
    host.loop(4, "/data")
    with pytest.raises(CommandFailed) as failure:
        loop.AwaitDetached("/dev/loop4").perform(Context(host))
    assert "/dev/loop4 is still attached" in failure.value.message


def test_a_file_whose_name_no_file_can_have(host, tmp_path):
    host.loop(0, "/a\0b")
    assert loop.over(loop.loops(host), str(tmp_path)) == []
