# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything of ours on a host, by container; found by name alone (see _ours). PRIVATE to the collection."""

import os
from typing import Dict, List, Optional

from .. import _ours
from .._device_mapper import dmsetup
from .._docker.data_root import DataRoot
from .._errors import Ambiguous
from .._host import Host
from . import hold, scratch, subvolumes, tree
from .driver import Found

_ROLES = ("-view", "-thin", "-pool", "-data", "-metadata")


def everything(host: Host, root: Optional[DataRoot] = None) -> List[Found]:
    """One entry for each container that has anything of ours on this host, and in a data root."""
    # Before the mounts: who makes a snapshot has put a label first, which says whose it is.
    snapshots = subvolumes.names(host, root)
    devices = _devices(host)
    trees = _ours.trees(host.mounts())
    names: Dict[str, str] = {}
    for one in trees:
        names.setdefault(one.label.name, one.label.container_id)
    for device in devices:
        mark = _ours.read_uuid(device.uuid)
        if mark:
            names.setdefault(_name_of(device), mark.container_id)
    for path in hold.drop_ins(host):
        names.setdefault(os.path.basename(path)[len(_ours.PREFIX) : -len(".conf")], "")
    for name in _left_directories(host) + snapshots:
        names.setdefault(name, "")
    return [_found(host, name, names[name], trees, devices, root) for name in sorted(names)]


def of_container(host: Host, container_id: str, name: str, root: Optional[DataRoot] = None) -> Found:
    """What one container has; empty lists where it has nothing."""
    devices = _devices(host)
    return _found(host, name, container_id, _ours.trees(host.mounts()), devices, root)


def matching(host: Host, word: str, root: Optional[DataRoot] = None) -> Optional[Found]:
    """What is open by a name, an ID or its prefix, or a path; without looking at any record of Docker's.
    Raises Ambiguous."""
    there = everything(host, root)
    for one in there:
        if word == one.name or (one.container_id and one.container_id == word):
            return one
        if os.path.isabs(word) and any(opened.path == os.path.normpath(word) for opened in one.trees):
            return one
    prefixed = [one for one in there if word and one.container_id.startswith(word)]
    if len(prefixed) > 1:
        raise Ambiguous(
            "%r is ambiguous: %s are open" % (word, ", ".join(one.name for one in prefixed)),
            "Give the full id or the name",
        )
    return prefixed[0] if prefixed else None


def is_empty(host: Host, found: Found) -> bool:
    directory = os.path.isdir(tree.path_of(host, found.name)) or scratch.directories(host, found)
    return not (found.trees or found.devices or found.drop_ins or found.snapshots or directory)


def is_pool_alone(found: Found) -> bool:
    """Whether all there is, is a pool: devices of other names may lie in it."""
    marks = [_ours.read_uuid(device.uuid) for device in found.devices]
    return not found.trees and not any(mark and mark.role in ("view", "thin") for mark in marks)


def _found(
    host: Host,
    name: str,
    container_id: str,
    trees: List[_ours.Tree],
    devices: List[dmsetup.Device],
    root: Optional[DataRoot],
) -> Found:
    own_devices = []
    for device in devices:
        mark = _ours.read_uuid(device.uuid)
        if mark and (_name_of(device) == name or (container_id and mark.container_id == container_id)):
            own_devices.append(device)
    own_trees = [one for one in trees if one.label.name == name]
    snapshots = subvolumes.of(host, name, root, [one.label for one in own_trees])
    return Found(container_id, name, own_trees, own_devices, devices, hold.drop_ins(host, name), snapshots)


def _devices(host: Host) -> List[dmsetup.Device]:
    """Without the tool there is no device of ours: it takes dmsetup to make one."""
    return dmsetup.devices(host) if host.tool("dmsetup") else []


def _name_of(device: dmsetup.Device) -> str:
    for role in _ROLES:
        if device.name.endswith(role):
            return device.name[len(_ours.PREFIX) : -len(role)]
    return device.name[len(_ours.PREFIX) :]


def _left_directories(host: Host) -> List[str]:
    """Names of directories that a killed run left below /run/drydock and /var/tmp/drydock."""
    found = []
    for directory in (host.run_directory, host.image_directory):
        for name in os.listdir(directory) if os.path.isdir(directory) else []:
            for prefix in (".l-", ".drydock-"):
                name = name[len(prefix) :] if name.startswith(prefix) else name
            found.append(name)
    return found
