# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage driver devicemapper. PRIVATE to the collection.

One stack for every reading access: *thin source, read-only -> dm-snapshot over it with a scratch file of ours ->
mount*. Journal replay and scratch writes land in the scratch file, never in Docker's pool. Only the source differs:

- ``snapshot`` (the pool is active and well): a thin snapshot of ours;
- ``assemble`` (no pool): Docker's thin id in a read-only pool of ours over read-only loops;
- ``extract`` (no device-mapper, or a pool that is damaged, full or read-only): the device's blocks copied to an
  image of ours, which takes the journal replay itself;
- ``direct`` (``in_place`` only): Docker's thin id itself, mounted without a stack.
"""

import os
from typing import Dict, List, Tuple

from .. import _ours
from .._device_mapper import dmsetup, loop, parts, pool, thin
from .._device_mapper.parts import Part
from .._docker import device_files
from .._errors import BadRecord, Refused, RescueError
from .._host import Host
from .._plan import Argument, Context, Mount, Output, Plan, Run, Unmount
from . import thin_layer, thin_pools, thin_sources
from .driver import SAFE_OPTIONS, Found, Opening, Request
from .filesystem import MountFileSystem
from .thin_layer import Layer, State

METHODS = {
    "read_only": ("snapshot", "assemble", "extract"),
    "scratch": ("snapshot", "assemble", "extract"),
    "in_place": ("direct",),
}
TOOLS = {"auto": ("dmsetup", "thin_check"), "extract": ("thin_check", "thin_dump")}
_SOURCES = {
    "snapshot": thin_sources.snapshot,
    "assemble": thin_sources.assemble,
    "extract": thin_sources.extract,
    "direct": thin_sources.direct,
}
_CHUNK_SECTORS = 8
# The rest of what a driver is asked for.
locate, stored_layers = thin_layer.locate, thin_layer.stored_layers
image_directory = thin_layer.image_directory
present, after_docker_stops = thin_layer.present, thin_layer.after_docker_stops
compared = thin_layer.compared


def open_plan(layer: Layer, state: State, request: Request) -> Opening:
    """From the state found to the mounted tree. Raises Refused for what cannot be had safely."""
    method = request.method if request.method != "auto" else method_for(state, request.access)
    if method not in METHODS[request.access]:
        raise Refused(
            "method %s cannot give access %s to a devicemapper container" % (method, request.access),
            "Use %s, or `method: auto`" % " or ".join(METHODS[request.access]),
        )
    plan, device = _SOURCES[method](layer, state, request)
    thin_name = _ours.device_name(request.name, "thin")
    if device == "/dev/mapper/" + thin_name:
        block = state.pool.block_sectors or (state.superblock.block_sectors if state.superblock else 0)
        plan.add(thin.FitsMapping(thin_name, layer.file.device_id, layer.file.size_bytes, block))
    if method in ("snapshot", "assemble"):
        view, device = _view(layer, device, request)
        plan += view
    options = SAFE_OPTIONS if request.access != "read_only" else ("ro",) + SAFE_OPTIONS
    plan.add(MountFileSystem(device, request.path, options, layer.fs_type), Unmount(request.path))
    if layer.file.layer_id != device_files.BASE:
        plan.add(BindRootfs(request.path), Unmount(request.path))
    shown = device if isinstance(device, str) else None
    return Opening(method, plan, shown, request.image_dir if method == "extract" else "")


def close_plan(host: Host, found: Found) -> Plan:
    """Removes our devices of one container, top down, and our snapshot with them."""
    loops = {one.number: one.path for one in loop.loops(host)}
    roles: Dict[str, dmsetup.Device] = {}
    extras: Dict[str, str] = {}
    for device in found.devices:
        mark = _ours.read_uuid(device.uuid)
        if mark:
            roles[mark.role], extras[mark.role] = device, mark.extra
    plan = Plan()
    if "view" in roles:
        plan.add(Run("dmsetup", "remove", "--retry", roles["view"].name))
        plan += _detached(loops, roles["view"].table.split()[4:5])
    if "thin" in roles:
        plan += _close_thin(roles["thin"], extras["thin"], found.all_devices)
    if "pool" in roles:
        plan.add(Run("dmsetup", "remove", "--retry", roles["pool"].name))
        plan += _detached(loops, roles["pool"].table.split()[3:5])
    for role in ("data", "metadata"):
        if role in roles:
            plan.add(Run("dmsetup", "remove", "--retry", roles[role].name))
    for tree in found.trees:  # of an image: the loop goes with the mount
        if tree.label.method == "extract" and tree.mount and tree.mount.source.startswith("/dev/loop"):
            plan.add(loop.AwaitDetached(tree.mount.source))
    return plan


def distrust(host: Host, found: Found) -> str:
    """Why what was read through the open devices may not be what the container holds; empty when all is well.

    Asked before a copy is called good, and on closing: a scratch file that overflowed, and under ``assemble`` a
    Docker that opened the same files or wrote to them meanwhile.
    """
    loops = loop.loops(host)
    ours = parts.under_ours(found.all_devices)
    for device in found.devices:
        mark = _ours.read_uuid(device.uuid)
        if mark and mark.role == "view" and device.table:
            state = dmsetup.status(host, device.name).split()[3:4]
            if state and "/" not in state[0]:
                return (
                    "the scratch file of %s overflowed or failed (status %s): give a larger `scratch_size`"
                    % (
                        device.name,
                        state[0],
                    )
                )
        if mark and mark.role == "thin" and not mark.extra and device.table:
            words = device.table.split()
            others = [one.name for one in thin.active_under(found.all_devices, words[3], thin.id_of(device))]
            if len(others) > 1:
                return "the same device was opened meanwhile as %s" % ", ".join(
                    name for name in others if name != device.name
                )
        if mark and mark.role == "pool" and mark.extra and device.table:
            trouble = _disturbed(loops, ours, device, found, mark.extra)
            if trouble:
                return trouble
    return ""


class BindRootfs(Mount):
    """Shows the `rootfs` directory of a mounted device in the place of the device itself."""

    def __init__(self, path: str) -> None:
        super().__init__(os.path.join(path, "rootfs"), path, "", ("bind",))

    def perform(self, context: Context) -> None:
        if os.path.islink(self.source) or not os.path.isdir(self.source):
            raise BadRecord(
                "the device mounted at %s has no directory `rootfs`: it is not a container's" % self.target,
                "Check the `device_id`",
            )
        super().perform(context)


def method_for(state: State, access: str) -> str:
    """The method that fits what was found."""
    if access == "in_place":
        return "direct"
    if state.pool.active and state.pool.status:
        return "extract" if pool.unhealthy(state.pool.status) else "snapshot"
    return "extract" if state.damage or not state.device_mapper else "assemble"


def _view(layer: Layer, source: Argument, request: Request) -> Tuple[Plan, str]:
    name = _ours.device_name(request.name, "view")
    uuid = _ours.device_uuid(request.container.id, "view")
    scratch = Output("scratch_loop")
    table = (
        "0 %d snapshot %s " % (layer.file.size_bytes // device_files.SECTOR, source),
        scratch,
        " N %d" % _CHUNK_SECTORS,
    )
    plan = Plan().add(
        loop.AttachScratch(request.work_dir, request.scratch_size, scratch.name), loop.DetachLoop(scratch)
    )
    plan.add(
        Run("dmsetup", "create", name, "--uuid", uuid, "--table", table),
        Run("dmsetup", "remove", "--retry", name),
    )
    return plan, "/dev/mapper/" + name


def _close_thin(device: dmsetup.Device, extra: str, all_devices: List[dmsetup.Device]) -> Plan:
    if "@" not in extra:
        return Plan().add(Run("dmsetup", "remove", "--retry", device.name))
    number = extra.partition("@")[2]
    pools = [one.name for one in all_devices if one.number == number and dmsetup.target(one) == "thin-pool"]
    named = [_ours.read_uuid(one.uuid) for one in all_devices if one.name != device.name]
    shared = any(mark and mark.role == "thin" and mark.extra == extra for mark in named)
    # Of two that named one id, the last deletes it.
    deletable = thin.snapshot_id_of(device) if pools and not shared else None
    return thin.close_snapshot_plan(device, pools[0] if pools else "", deletable)


def _detached(loops: Dict[str, str], numbers: List[str]) -> Plan:
    plan = Plan()
    for number in numbers:
        if number in loops:
            plan.add(loop.AwaitDetached(loops[number]))
    return plan


def _disturbed(
    loops: List[loop.Loop], ours: "set[str]", device: dmsetup.Device, found: Found, fingerprint: str
) -> str:
    files = {one.number: one.backing_file for one in loops}
    under = {one.number: one for one in found.all_devices}
    halves = []
    for number in thin_pools.numbers_of(device):
        over = loop.over(loops, files[number]) if number in files else []
        foreign = [one.path for one in over if one.number not in ours]
        if foreign:
            return "the pool's files are open as %s too" % ", ".join(foreign)
        if number in under:  # a linear device of ours, over block devices
            halves.append(Part("/dev/mapper/" + under[number].name))
        else:
            halves.append(Part(files.get(number, "")))
    try:
        metadata, data = halves
        now = pool.fingerprint(parts.read_superblock(metadata), data, metadata)
    except (RescueError, OSError) as error:
        return "the pool's files cannot be read any more: %s" % error
    return "" if now == fingerprint else "the pool was written meanwhile"
