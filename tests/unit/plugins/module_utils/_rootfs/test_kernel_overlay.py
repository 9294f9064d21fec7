# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import branches, kernel_overlay


@pytest.fixture
def attributes(monkeypatch):
    """Extended attributes by path: not every file system that tests run on has them."""
    there = {}
    monkeypatch.setattr(os, "listxattr", lambda path, follow_symlinks=True: sorted(there.get(path, {})))
    monkeypatch.setattr(os, "getxattr", lambda path, name: there[path][name])
    monkeypatch.setattr(
        os, "setxattr", lambda path, name, value: there.setdefault(path, {}).update({name: value})
    )
    return there


@pytest.fixture
def layers(tmp_path, monkeypatch):
    """Of a Docker that a user started."""
    monkeypatch.setattr(kernel_overlay, "owner", lambda directory: 1000)
    for name in ("top/a/b", "below"):
        os.makedirs(str(tmp_path / name))
    return [str(tmp_path / "top"), str(tmp_path / "below")]


def knows(host, *names):
    directory = os.path.join(host.sys, "module/overlay/parameters")
    os.makedirs(directory)
    for name in names:
        open(os.path.join(directory, name), "w").close()


def test_a_kernel_gets_no_option_that_it_does_not_know(host, layers):
    assert kernel_overlay.options(host, layers) == ()


def test_files_whose_content_is_in_a_lower_layer_are_read(host, layers):
    knows(host, "index", "metacopy")
    assert kernel_overlay.options(host, layers) == ("index=off", "metacopy=on")


@pytest.mark.parametrize("where", ["", "/a", "/a/b"])
def test_the_attributes_of_a_rootless_docker_count(host, layers, attributes, where):
    """Together with metacopy the kernel refuses them."""
    knows(host, "index", "metacopy")
    attributes[layers[0] + where] = {"user.overlay.opaque": b"y"}
    assert kernel_overlay.options(host, layers) == ("index=off", "userxattr")


def test_a_container_cannot_make_its_tree_look_rootless(host, layers, attributes, monkeypatch):
    """Its processes can set such attributes; directories that they made opaque would show what they hide."""
    monkeypatch.setattr(kernel_overlay, "owner", lambda directory: 0)
    knows(host, "metacopy")
    attributes[layers[0] + "/a"] = {"user.overlay.opaque": b"y"}
    assert kernel_overlay.options(host, layers) == ("metacopy=on",)


def test_nor_where_users_are_remapped(host, layers, attributes):
    knows(host, "metacopy")
    attributes[layers[0]] = {"trusted.overlay.impure": b"y"}
    attributes[layers[0] + "/a"] = {"user.overlay.opaque": b"y"}
    assert kernel_overlay.options(host, layers) == ("metacopy=on",)


def test_an_upper_directory_of_ours_has_the_attributes_of_the_root_that_it_covers(
    layers, attributes, tmp_path
):
    attributes[layers[0]] = {
        "user.note": b"mine",
        "security.selinux": b"label",
        "trusted.overlay.origin": b"x",
        "user.overlay.impure": b"y",
        "user.fuseoverlayfs.origin": b"z",
    }
    upper = str(tmp_path / "upper")
    branches.MakeUpper(upper, layers[0]).perform(None)
    assert attributes[upper] == {"user.note": b"mine", "security.selinux": b"label"}


def test_in_place_metadata_is_copied_up_alone_only_where_it_was(layers, attributes):
    """Docker's own mount may not read such files; where there are some already, it does."""
    for name in ("whole", "sparse", "empty"):
        open(os.path.join(layers[1], name), "w").close()
    with open(os.path.join(layers[1], "whole"), "w") as stream:
        stream.write("x" * 10000)
    os.truncate(os.path.join(layers[1], "sparse"), 100000)
    assert kernel_overlay.has_metacopies(layers) is False
    attributes[os.path.join(layers[1], "sparse")] = {"trusted.overlay.metacopy": b""}
    assert kernel_overlay.has_metacopies(layers) is True
    assert kernel_overlay.has_metacopies(layers[:1]) is False
