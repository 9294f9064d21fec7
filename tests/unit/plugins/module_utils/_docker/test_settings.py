# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import json

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import settings


def test_storage_options_of_a_command_line():
    found = settings.from_arguments(
        ["dockerd", "--storage-opt", "dm.thinpooldev=/dev/mapper/vg-docker--pool", "-s", "devicemapper"]
        + ["--storage-opt=dm.basesize=20G", "--storage-opt"],
        "x",
    )
    assert found.storage_driver == "devicemapper"
    assert found.storage_options["dm.thinpooldev"] == "/dev/mapper/vg-docker--pool"
    assert found.storage_options["dm.basesize"] == "20G"


def test_every_form_of_a_flag():
    for argv in (["--userns-remap", "default"], ["--userns-remap=default"]):
        found = settings.from_arguments(["dockerd"] + argv + ["-soverlay2"], "x")
        assert (found.userns_remap, found.storage_driver) == ("default", "overlay2")


def test_every_key_of_daemon_json(tmp_path):
    path = tmp_path / "daemon.json"
    record = {
        "data-root": "/srv",
        "graph": "/old",
        "storage-driver": "devicemapper",
        "storage-opts": ["dm.fs=xfs", "dm.thinpooldev = /dev/mapper/x"],
        "userns-remap": "alice:staff",
    }
    path.write_text(json.dumps(record))
    assert settings.from_daemon_json(str(path)) == settings.Settings(
        "/srv",
        "devicemapper",
        {"dm.fs": "xfs", "dm.thinpooldev": "/dev/mapper/x"},
        str(path),
        "alice:staff",
    )


@pytest.mark.parametrize("root", ["/a\0b", "/\ud800"])
def test_a_root_that_no_file_can_be_called_says_nothing(tmp_path, root):
    path = tmp_path / "daemon.json"
    path.write_text(json.dumps({"data-root": root}))
    assert settings.from_daemon_json(str(path)).data_root == ""
    assert settings.config_file(["dockerd", "--config-file", root]) == ""


def test_a_link_is_followed_only_where_it_may_be(tmp_path):
    (tmp_path / "real.json").write_text('{"graph": "/srv"}')
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    assert settings.from_daemon_json(str(tmp_path / "link.json")).data_root == "/srv"
    assert settings.from_daemon_json(str(tmp_path / "link.json"), follow=False).data_root == ""


def test_the_strongest_source_of_each_setting_counts():
    weak = settings.Settings("/weak", "vfs", {"dm.fs": "xfs", "dm.basesize": "1G"}, "weak", "default")
    strong = settings.Settings("", "aufs", {"dm.basesize": "2G"}, "strong")
    assert settings.joined([strong, weak]) == settings.Settings(
        "/weak", "aufs", {"dm.fs": "xfs", "dm.basesize": "2G"}, "weak", "default"
    )
