# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage driver zfs: the dataset `<parent>/<id>` is the full tree (daemon/graphdriver/zfs of moby). PRIVATE to the
collection.

The parent is `zfs.fsname`, or the dataset that the data root lies on. Reading needs a snapshot of ours, a scratch a
clone of it; both are named `drydock-<name>` and are destroyed on closing. Never run on real ZFS yet.
"""

import os
from typing import Any, Dict, List, NamedTuple, Tuple

from .. import _mountinfo, _ours
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._errors import NotFound, Refused
from .._host import Host
from .._plan import Mount, Plan, Run, Unmount
from . import layered, live
from .driver import NOTHING, SAFE_OPTIONS, Compared, Found, Known, Opening, Request

METHODS = {
    "read_only": ("live", "snapshot"),
    "scratch": ("snapshot",),
    "in_place": (),
}
TOOLS = {"snapshot": ("zfs",)}
distrust = layered.distrust


class Layer:
    def __init__(self, parent: str, layer_id: str, merged_dir: str) -> None:
        self.parent, self.merged_dir = parent, merged_dir
        self.dataset = "%s/%s" % (parent, layer_id)

    def storage(self) -> Dict[str, Any]:
        return {"dataset": self.dataset}


class State(NamedTuple):
    merged_here: str


def locate(root: DataRoot, container: Container, known: Known = NOTHING) -> Layer:
    """The dataset of a container. Raises NotFound."""
    layer_id = layered.require_layer_id(container, known)
    parent = ""
    if os.path.realpath(root.settings.data_root) == root.path:
        parent = root.settings.storage_options.get("zfs.fsname", "")
    if not parent and root.mount and root.mount.fs_type == "zfs":
        parent = root.mount.source
    if not parent:
        raise NotFound(
            "the dataset of container %s is not known: %s does not lie on ZFS, and no `zfs.fsname` is configured"
            % (container.id[:12], root.path),
            "`zfs list` shows it: its name ends with /%s" % layer_id,
        )
    return Layer(parent, layer_id, os.path.join(root.path, "zfs/graph", layer_id))


def image_directory(root: DataRoot, layer_id: str) -> str:
    """A dataset is no directory; whether it is there, `zfs list` shows."""
    return ""


def stored_layers(root: DataRoot) -> List[str]:
    """Not known from files: `zfs list` shows them."""
    return []


def present(host: Host, layer: Layer) -> State:
    mounted = _mountinfo.stacked_at(host.mounts(), layer.merged_dir)
    return State(layer.merged_dir if mounted else "")


def after_docker_stops(state: State) -> State:
    """What a clean stop of Docker will leave, for showing a plan before it."""
    return state._replace(merged_here="")


def open_plan(layer: Layer, state: State, request: Request) -> Opening:
    """From the state found to the mounted tree. Raises Refused for what cannot be had safely."""
    if request.access == "in_place":
        raise Refused(
            "the dataset %s is not opened for writing" % layer.dataset,
            "With Docker stopped: `mount -t zfs %s /mnt`, repair, `umount /mnt`" % layer.dataset,
        )
    method = request.method
    if method == "auto":
        method = "live" if request.access == "read_only" and request.life.reasons else "snapshot"
    if method not in METHODS[request.access]:
        layered.require_method(METHODS, method, request)
    if method == "live":
        return Opening(method, live.plan(state.merged_here, request), None)
    mark = _mark(request.name)
    source = snapshot = "%s@%s" % (layer.dataset, mark)
    plan = Plan().add(Run("zfs", "snapshot", snapshot), Run("zfs", "destroy", snapshot))
    options: Tuple[str, ...] = SAFE_OPTIONS
    if request.access == "scratch":
        source = "%s/%s" % (layer.parent, mark)
        clone = ("zfs", "clone", "-o", "mountpoint=legacy", snapshot, source)
        plan.add(Run(*clone), Run("zfs", "destroy", source))
    else:
        options = ("ro",) + SAFE_OPTIONS
    plan.add(Mount(source, request.path, "zfs", options), Unmount(request.path))
    return Opening(method, plan, None)


def close_plan(host: Host, found: Found) -> Plan:
    """Destroys our clone and our snapshot of one container, by their names."""
    plan = Plan()
    if os.path.isdir(os.path.join(host.sys, "module/zfs")) and host.tool("zfs"):
        for name in _ours_of(host, found.name):
            plan.add(Run("zfs", "destroy", name))
    return plan


def compared(host: Host, root: DataRoot, container: Container) -> Compared:
    """Raises Refused: the tree that a container began with is mounted nowhere, and to show it takes a snapshot."""
    dataset = locate(root, container).dataset
    raise Refused(
        "what container %s changed is not read from zfs" % container.id[:12],
        "`zfs diff` shows it: from the snapshot that `zfs get origin %s` names, to this dataset" % dataset,
    )


def _ours_of(host: Host, name: str) -> List[str]:
    """The clone first: the snapshot cannot go before it."""
    listed = host.run(["zfs", "list", "-H", "-t", "filesystem,snapshot", "-o", "name"]).out.splitlines()
    clones = [one for one in listed if one.endswith("/" + _mark(name))]
    return clones + [one for one in listed if one.endswith("@" + _mark(name))]


def _mark(name: str) -> str:
    return _ours.PREFIX + name
