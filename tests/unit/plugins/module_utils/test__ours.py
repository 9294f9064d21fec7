# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _mountinfo, _ours
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

ID = ident("web")


@pytest.mark.parametrize("name", ["web", "a", "Web_1.2-x", "0", "n" * 100])
def test_a_tree_is_named_like_its_container(name):
    assert _ours.tree_name(ID, name, True) == name


@pytest.mark.parametrize(
    "name", ["", "../etc", "-x", ".hidden", "a b", "a/b", "a\n", "caf\u00e9", "n" * 101, "_x", "x;reboot"]
)
def test_a_name_that_is_not_fit_for_a_path_gives_way_to_the_id(name):
    assert _ours.tree_name(ID, name, True) == ID


def test_a_name_that_is_not_unique_gives_way_to_the_id():
    assert _ours.tree_name(ID, "web", False) == ID


def test_the_longest_device_name_fits_into_device_mapper():
    assert len(_ours.device_name(_ours.tree_name(ID, "n" * 100, True), "thin")) <= 127


@pytest.mark.parametrize(
    ("role", "extra"), [("view", ""), ("thin", "16777215@254:0"), ("pool", "20d80da0"), ("thin", "")]
)
def test_the_uuid_of_a_device_says_whose_it_is(role, extra):
    uuid = _ours.device_uuid(ID, role, extra)
    assert _ours.read_uuid(uuid) == _ours.DeviceMark(ID, role, extra)
    assert len(uuid) <= 128


@pytest.mark.parametrize(
    "uuid",
    [
        "",
        "drydock-",
        "drydock-web-view",
        "drydock-%s" % ID,
        "drydock-%s-" % ID,
        "drydock-%s-view" % ID[:-1],
        "drydock-%s-VIEW" % ID,
        "xdrydock-%s-view" % ID,
        "drydock-%s-thin-1@254:0 x" % ID,
        "LVM-UQn0PmSDmqZFG1TzqvcG6eWDZSvZHhTS",
        "CRYPT-LUKS2-" + ID,
    ],
)
def test_a_foreign_device_is_never_ours(uuid):
    assert _ours.read_uuid(uuid) is None


def mount(source, point="/run/drydock/web", fs_type="tmpfs", number=10):
    line = "%d 1 0:%d / %s ro - %s %s ro" % (number, number, point, fs_type, source)
    return _mountinfo.parse(line)[0]


@pytest.mark.parametrize(
    "work_dir",
    ["", "/run/drydock", "/srv/a b/%2F", "/srv/tab\tnewline\n", "/caf\u00e9", "made", "/x#\\040", "/\udcff"],
)
def test_a_label_is_read_as_it_was_written(work_dir):
    label = _ours.Label(ID, "web", "merge", "scratch", work_dir)
    assert _ours.read_label(mount(_ours.label_source(label))) == label


@pytest.mark.parametrize(
    ("source", "fs_type"),
    [
        ("drydock/%s/web/merge/scratch/x" % ID, "overlay"),
        ("drydock/%s/web/merge/scratch" % ID, "tmpfs"),
        ("drydock/%s/web/merge/scratch/x/y" % ID, "tmpfs"),
        ("drydock", "tmpfs"),
        ("tmpfs", "tmpfs"),
        ("drydock-%s/a/b/c/d/e" % ID, "tmpfs"),
        ("/drydock/%s/web/merge/scratch" % ID, "tmpfs"),
    ],
)
def test_another_mount_is_no_label(source, fs_type):
    assert _ours.read_label(mount(source, fs_type=fs_type)) is None


LABEL = _ours.label_source(_ours.Label(ID, "web", "merge", "read_only", "/run/drydock"))


def test_what_is_mounted_on_a_label_is_ours():
    on_top = mount("drydock-" + ID, fs_type="overlay", number=11)
    (tree,) = _ours.trees([mount(LABEL), on_top])
    assert (tree.path, tree.mount) == ("/run/drydock/web", on_top)


def test_of_several_mounts_on_a_label_the_tree_is_the_one_that_is_seen():
    stack = [mount(LABEL), mount("/dev/mapper/x", number=11), mount("/dev/mapper/x", number=12)]
    (tree,) = _ours.trees(stack)
    assert tree.mount.mount_id == 12


def test_a_label_alone_is_the_rest_of_a_killed_run():
    (tree,) = _ours.trees([mount(LABEL)])
    assert tree.mount is None


def test_what_is_mounted_inside_of_a_tree_is_ours_in_its_order():
    before = mount("/dev/sdb1", point="/run/drydock/web/old", fs_type="ext4", number=9)
    on_top = mount("drydock-" + ID, fs_type="overlay", number=11)
    inside = [
        mount("/dev/sda1", point="/run/drydock/web/" + name, fs_type="ext4", number=number)
        for name, number in (("data", 14), ("data/sub", 13))
    ]
    beside = mount("/dev/sda1", point="/run/drydock/webber/data", fs_type="ext4", number=15)
    (tree,) = _ours.trees([before, mount(LABEL), on_top, *inside, beside])
    assert (tree.mount, tree.below) == (on_top, inside)


def test_what_lies_below_a_label_is_not_ours():
    (tree,) = _ours.trees([mount("/dev/sda1", number=9), mount(LABEL)])
    assert tree.mount is None


def test_a_mount_without_a_label_is_not_ours():
    assert _ours.trees([mount("drydock-" + ID, fs_type="overlay")]) == []


def test_the_window_of_our_thin_ids():
    wanted = {0: False, 0xFFFEFF: False, 0xFFFF00: True, 0xFFFFFF: True, 0x1000000: False}
    assert {number: _ours.is_our_thin_id(number) for number in wanted} == wanted


def test_a_drop_in_is_below_run_and_named_by_the_tree():
    assert (
        _ours.drop_in("/run/systemd/system", "docker.socket", "web")
        == "/run/systemd/system/docker.socket.d/drydock-web.conf"
    )


def test_a_mount_whose_source_is_no_text_is_not_ours():
    (mount,) = _mountinfo.parse("40 22 0:40 / /mnt rw - tmpfs drydock/\udcff/a/b/c/d ro")
    assert _ours.read_label(mount).container_id == "\udcff"
