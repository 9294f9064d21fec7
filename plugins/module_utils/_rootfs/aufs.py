# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage driver aufs (until Docker 23). PRIVATE to the collection.

`aufs/diff/<id>` is a branch, `aufs/layers/<id>` the ids below it, one on each line, the nearest first
(daemon/graphdriver/aufs of moby). aufs was never in the mainline kernel, and its whiteouts are files that the kernel's
overlay does not know. So the branches are mounted by

- the kernel's aufs, where it is there;
- else fuse-overlayfs(1), which knows these whiteouts (`merge`, both);
- else they are copied as one tree (`extract`).

Only aufs itself can write a container's own branch.
"""

import os
from typing import List, NamedTuple, Tuple

from .. import _mountinfo, _ours
from .._docker import layers, records
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._errors import BadRecord, Refused, RescueError
from .._host import Host
from .._plan import Action, Context, MakeDirectory, Mount, Plan, Unmount
from .._tree import merging, union
from . import fuse_mount, layered, live, real_paths
from .branches import Branches, linked, links_directory
from .driver import NOTHING, SAFE_OPTIONS, Compared, Known, Opening, Request
from .extracting import RequireDisk
from .own_directory import KeepDirectory
from .scratch import RemoveTree

METHODS = {
    "read_only": ("live", "merge", "extract"),
    "scratch": ("merge", "extract"),
    "in_place": ("direct",),
}
TOOLS = {"extract": ("tar",)}
# The rest of what a driver is asked for.
close_plan, distrust = layered.close_plan, layered.distrust


class State(NamedTuple):
    merged_here: str
    in_kernel: bool
    has_program: bool


def locate(root: DataRoot, container: Container, known: Known = NOTHING) -> layered.Layer:
    """The branches of a container. Raises NotFound or BadRecord."""
    layer_id = layered.require_layer_id(container, known)
    home = os.path.join(root.path, "aufs")
    branch = image_directory(root, layer_id)
    try:
        lower = _below(home, layer_id)
    except RescueError as error:
        lower = layered.recorded_below(container, lambda one: "%s/diff/%s" % (home, one), error)
    merged = "%s/mnt/%s" % (home, layer_id)
    return layered.Layer(branch, lower, merged_dir=merged)


def image_directory(root: DataRoot, layer_id: str) -> str:
    """Where the files of an image's layer are. Raises NotFound or BadRecord."""
    directory = "%s/aufs/diff/%s" % (root.path, layer_id)
    real_paths.require_directory(directory)
    return directory


def stored_layers(root: DataRoot) -> List[str]:
    """The ids of all layers that are there."""
    return layers.in_directory(os.path.join(root.path, "aufs/diff"))


def present(host: Host, layer: layered.Layer) -> State:
    mounted = _mountinfo.stacked_at(host.mounts(), layer.merged_dir)
    return State(
        layer.merged_dir if mounted else "",
        os.path.isdir(os.path.join(host.sys, "fs/aufs")),
        host.tool(fuse_mount.PROGRAM) is not None,
    )


def after_docker_stops(state: State) -> State:
    """What a clean stop of Docker will leave, for showing a plan before it."""
    return state._replace(merged_here="")


def open_plan(layer: layered.Layer, state: State, request: Request) -> Opening:
    """From the state found to the mounted tree. Raises Refused for what cannot be had safely."""
    method = request.method if request.method != "auto" else _method_for(state, request)
    layered.require_method(METHODS, method, request)
    if method == "live":
        return Opening(method, live.plan(state.merged_here, request, "aufs"), None)
    if method == "extract":
        return Opening(method, _extracted(layer, request), None, request.image_dir)
    if method == "direct":
        if not state.in_kernel:
            raise Refused(
                "this kernel has no aufs, and nothing else can write a layer of aufs",
                "Use `access: scratch`, change what is needed there, and copy it out",
            )
        own = Branches(layer.lower_dirs, layer.upper_dir)
        return Opening(method, _mounted(own, layer.upper_dir, request), None)
    if not (state.in_kernel or state.has_program):
        raise Refused(
            "this kernel has no aufs, and fuse-overlayfs is not installed",
            "Install fuse-overlayfs, or use `method: extract`",
        )
    plan, branches = layered.merged(layer, request)
    if state.in_kernel:
        return Opening(method, plan + _mounted(branches, branches.upper, request), None)
    return Opening(method, plan + fuse_mount.plan(branches, (), request), None)


def compared(host: Host, root: DataRoot, container: Container) -> Compared:
    """The directories that show what a container changed. Raises NotFound or BadRecord."""
    return layered.compared(locate(root, container), union.AUFS)


class CopyUnion(Action):
    """Copies what the branches show together."""

    def __init__(self, branches: List[str], dest: str) -> None:
        self.branches, self.dest = branches, dest

    def shown(self, outputs: object) -> List[str]:
        return ["# copy of the union of %d branches of aufs to %s" % (len(self.branches), self.dest)]

    def perform(self, context: Context) -> None:
        context.warnings += merging.copy(context.host, self.branches, self.dest)


class ClearTree(RemoveTree):
    """The same for one that may not be there: what a killed run had copied is begun again."""

    def shown(self, outputs: object) -> List[str]:
        return super().shown(outputs) if os.path.isdir(self.path) else []

    def perform(self, context: Context) -> None:
        if os.path.isdir(self.path):
            super().perform(context)


def _method_for(state: State, request: Request) -> str:
    if request.access == "in_place":
        return "direct"
    if request.access == "read_only" and request.life.reasons:
        return "live"
    return "merge" if state.in_kernel or state.has_program else "extract"


def _extracted(layer: layered.Layer, request: Request) -> Plan:
    directory = _ours.scratch_directory(request.image_dir, request.name)
    disk = RequireDisk(request.image_dir, request.container.data_root)
    tree = os.path.join(directory, "tree")
    plan = Plan().add(disk, disk.taken_back())
    plan.add(KeepDirectory(directory), RemoveTree(directory)).add(ClearTree(tree)).add(MakeDirectory(tree))
    plan.add(CopyUnion([layer.upper_dir] + layer.lower_dirs, tree))
    return plan + layered.bound(tree, request, read_only=request.access == "read_only")


def _mounted(branches: Branches, written: str, request: Request) -> Plan:
    """By the kernel's aufs, as Docker does it: the branches are one option, and so go in at once by short names."""
    own = [written] if written else []
    directory = links_directory(os.path.dirname(request.path), request.name)
    plan, short = linked(Branches(own + branches.lower), directory)
    modes = ["rw" if number < len(own) else "ro+wh" for number in range(len(short.lower))]
    option = "br:" + ":".join("%s=%s" % pair for pair in zip(short.lower, modes))
    access: Tuple[str, ...] = () if own else ("ro",)
    options = access + SAFE_OPTIONS + (option, "dio", "xino=/dev/shm/aufs.xino")
    source = "drydock-" + request.container.id
    plan.add(Mount(source, request.path, "aufs", options, directory), Unmount(request.path))
    return plan.add(RemoveTree(directory))


def _below(home: str, layer_id: str) -> List[str]:
    path = "%s/layers/%s" % (home, layer_id)
    ids = records.read_text(path).split()
    for one in ids:
        if not layers.LAYER_ID.fullmatch(one):
            raise BadRecord("%s holds %r, which is no layer" % (path, one[:80]))
    found = ["%s/diff/%s" % (home, one) for one in ids]
    for directory in found:
        real_paths.require_directory(directory)
    return found
