# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The place where a container's `/` appears: a label, and the tree on it. PRIVATE to the collection."""

import os
from typing import List, Optional, Tuple

from .. import _mountinfo, _ours
from .._errors import Refused
from .._host import Host
from .._plan import MakeDirectory, Mount, Plan, RemoveDirectory, Unmount
from .outer_mounts import UnmountInside
from .own_directory import MakeOwnDirectory, RemoveOwnDirectory

_LABEL_OPTIONS = ("ro", "nosuid", "nodev", "noexec", "size=4k", "mode=0700")


def path_of(host: Host, name: str) -> str:
    return os.path.join(host.run_directory, name)


def label_plan(host: Host, label: _ours.Label) -> Plan:
    """Makes /run/drydock/<name> and puts the label on it; what is opened is mounted on top."""
    path = path_of(host, label.name)
    plan = Plan().add(MakeOwnDirectory(host.run_directory), RemoveOwnDirectory(host.run_directory))
    plan.add(MakeDirectory(path), RemoveDirectory(path))
    return plan.add(Mount(_ours.label_source(label), path, "tmpfs", _LABEL_OPTIONS), Unmount(path))


def bind_plan(host: Host, label: _ours.Label, path: str) -> Plan:
    """Shows the tree at the operator's ``path`` as well, without what is mounted in it. Raises Refused for a place that
    cannot be used."""
    exists = _check_place(host, path)
    extra = "" if exists else "made"
    mark = label._replace(method="bind", extra=extra)
    plan = Plan()
    if not exists:
        plan.add(MakeDirectory(path), RemoveDirectory(path))
    plan.add(Mount(_ours.label_source(mark), path, "tmpfs", _LABEL_OPTIONS), Unmount(path))
    return plan.add(Mount(path_of(host, label.name), path, "", ("bind",)), Unmount(path))


def unmount_plan(host: Host, found: List[_ours.Tree]) -> Plan:
    """Unmounts what lies on our labels: the binds at `path` first, then the tree, each after the volumes in it. The
    labels stay until everything below the tree is gone too, so that a run that is killed in between can be taken up
    again."""
    mounts = host.mounts()
    plan = Plan()
    for tree in sorted(found, key=lambda one: one.label.method != "bind"):
        for mount in reversed(tree.below):
            plan.add(UnmountInside(tree.path, mount))
        for _mount in _on_label(mounts, tree):
            plan.add(Unmount(tree.path))
    return plan


def remove_plan(host: Host, found: List[_ours.Tree], name: str) -> Plan:
    """Takes the labels away, and the directories that are ours."""
    plan = Plan()
    for tree in sorted(found, key=lambda one: one.label.method != "bind"):
        plan.add(Unmount(tree.path))
        if tree.label.method != "bind" or tree.label.extra == "made":
            plan.add(RemoveDirectory(tree.path))
    own = path_of(host, name)
    if not any(tree.path == own for tree in found) and os.path.isdir(own):
        plan.add(RemoveDirectory(own))  # a run was killed before it could put the label on
    return plan


def find(host: Host, container_id: str) -> Tuple[Optional[_ours.Tree], List[_ours.Tree]]:
    """The open tree of a container, if any, and its binds at an option `path`."""
    own = [tree for tree in _ours.trees(host.mounts()) if tree.label.container_id == container_id]
    main = [tree for tree in own if tree.label.method != "bind"]
    return (main[0] if main else None), [tree for tree in own if tree.label.method == "bind"]


def _on_label(mounts: List[_mountinfo.Mount], tree: _ours.Tree) -> List[_mountinfo.Mount]:
    stack = _mountinfo.stacked_at(mounts, tree.path)
    labels = [position for position, mount in enumerate(stack) if _ours.read_label(mount) == tree.label]
    return stack[labels[0] + 1 :]


def _check_place(host: Host, path: str) -> bool:
    """Whether the directory exists. Raises Refused for what is not an empty directory of its own."""
    way_out = "Give `path` a directory that is empty or not there yet"
    if os.path.normpath("/" + path.lstrip("/")) != path.rstrip("/"):
        raise Refused("path %r is not a plain absolute path" % path, way_out)
    if os.path.realpath(path) != path.rstrip("/"):
        raise Refused("path %s leads through a symbolic link to %s" % (path, os.path.realpath(path)), way_out)
    if _mountinfo.stacked_at(host.mounts(), path.rstrip("/")):
        raise Refused("path %s is a mount point in use" % path, way_out)
    if not os.path.lexists(path):
        if not os.path.isdir(os.path.dirname(path.rstrip("/"))):
            raise Refused("path %s: its parent directory is missing" % path, way_out)
        return False
    if not os.path.isdir(path):
        raise Refused("path %s is not a directory" % path, way_out)
    if os.listdir(path):
        raise Refused("path %s is not empty" % path, way_out)
    return True
