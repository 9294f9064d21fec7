# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bytes of a container's thin device come from: one function for each method. PRIVATE to the collection.

Each is a pure function from the state found to a plan and the device that the plan leaves; what cannot be had
safely is refused.
"""

import os
from typing import Tuple

from .. import _ours
from .._device_mapper import image, pool, thin
from .._device_mapper import loop as loops
from .._device_mapper import parts as halves
from .._docker import device_files
from .._errors import Refused
from .._plan import Argument, Output, Plan
from . import extracting, scratch, thin_pools
from .driver import Request
from .own_directory import KeepDirectory
from .thin_layer import Layer, State

IN_PLACE_PERCENT = 2  # a full pool must not be mounted for writing at all


def snapshot(layer: Layer, state: State, request: Request) -> Tuple[Plan, Argument]:
    status, active = state.pool.status, state.pool.active
    if status is None or active is None:
        raise Refused("method snapshot needs an active pool, and there is none", "Use `method: assemble`")
    way_out = "Stop Docker, so that the pool is removed, and open the container with `method: assemble`"
    pool.require_snapshots(active.name, status, state.pool.block_sectors, way_out)
    snapshot_id = thin.free_id(state.taken_ids, device_files.next_device_id(layer.root.path))
    name = _ours.device_name(request.name, "thin")
    uuid = _ours.device_uuid(request.container.id, "thin", "%d@%s" % (snapshot_id, active.number))
    snapshot = thin.Snapshot(active.name, layer.file.device_id, snapshot_id)
    origin = state.active[0].name if state.active else ""
    return thin.snapshot_plan(name, uuid, snapshot, origin, layer.file.size_bytes), "/dev/mapper/" + name


def assemble(layer: Layer, state: State, request: Request) -> Tuple[Plan, Argument]:
    plan, pool_name = _own_pool(state, request, True)
    name = _ours.device_name(request.name, "thin")
    uuid = _ours.device_uuid(request.container.id, "thin")
    plan += thin.open_plan(name, uuid, pool_name, layer.file.device_id, layer.file.size_bytes, True)
    return plan, "/dev/mapper/" + name


def direct(layer: Layer, state: State, request: Request) -> Tuple[Plan, Argument]:
    if request.life.reasons or any(device.open_count for device in state.active):
        reasons = request.life.reasons or ["%s is open" % device.name for device in state.active]
        raise Refused(
            "container %s is alive: %s" % (request.container.id[:12], "; ".join(reasons)),
            "Stop the container, or give `stop_docker: true`",
        )
    name = _ours.device_name(request.name, "thin")
    uuid = _ours.device_uuid(request.container.id, "thin")
    if state.pool.active and state.pool.status:
        trouble = pool.unhealthy(state.pool.status)
        if trouble:
            raise Refused(
                "pool %s cannot be written: %s" % (state.pool.name, trouble), "Use `access: read_only`"
            )
        pool.require_space(
            state.pool.name,
            state.pool.status,
            state.pool.block_sectors,
            IN_PLACE_PERCENT,
            "writing in place",
        )
        if state.active:  # Docker's own device, left by a dockerd that was killed: never a second name for it
            return Plan(), "/dev/mapper/" + state.active[0].name
        pool_name, plan = state.pool.name, Plan()
    else:
        plan, pool_name = _own_pool(state, request, False)
    plan += thin.open_plan(name, uuid, pool_name, layer.file.device_id, layer.file.size_bytes, False)
    return plan, "/dev/mapper/" + name


def extract(layer: Layer, state: State, request: Request) -> Tuple[Plan, Argument]:
    """The device's blocks as a file, on a loop device."""
    in_use = request.life.reasons or ["%s is active" % device.name for device in state.active]
    if in_use:
        raise Refused(
            "container %s is alive, and its blocks would change while they are copied: %s"
            % (request.container.id[:12], "; ".join(in_use)),
            "Stop the container",
        )
    plan = Plan()
    if state.pool.active:
        data, metadata = state.readable
    else:
        thin_pools.require_free(state.pool)
        if state.pool.parts is None or state.superblock is None:
            raise _no_parts(state, request)
        paths = []
        for role, part in zip(("data", "metadata"), state.pool.parts):
            if part.segments:
                name = _ours.device_name(request.name, role)
                uuid = _ours.device_uuid(request.container.id, role)
                attached, _device = halves.attach_plan(part, name, uuid, "", True)
                plan += attached
                paths.append("/dev/mapper/" + name)
            else:
                paths.append(part.path)
        data, metadata = paths
    directory = _ours.scratch_directory(request.image_dir, request.name)
    disk = extracting.RequireDisk(request.image_dir, layer.root.path)
    plan.add(disk, disk.taken_back())
    plan.add(KeepDirectory(directory), scratch.RemoveTree(directory))
    source = image.Source(data, metadata, layer.file.device_id, layer.file.size_bytes)
    copying = image.ExtractImage(source, directory)
    plan.add(copying).add(extracting.RequireUnchanged(layer, state))
    device = Output("image_loop")
    plan.add(loops.AttachLoop(copying.path, device.name, False), loops.DetachLoop(device))
    return plan, device


def _own_pool(state: State, request: Request, read_only: bool) -> Tuple[Plan, str]:
    found = state.pool
    if found.active:
        raise Refused(
            "pool %s is active: a second pool over the same metadata would destroy it" % found.name,
            "Use `method: snapshot`, or stop Docker first",
        )
    thin_pools.require_free(state.pool)
    if found.parts is None or state.superblock is None:
        raise _no_parts(state, request)
    if state.damage:
        raise pool.damaged(state.damage)
    writers = [one.name for one in found.our_pools if "read_only" not in one.table]
    if writers or (found.our_pools and not read_only):
        names = ", ".join(writers or [one.name for one in found.our_pools])
        raise Refused(
            "the pool's files are open as %s" % names, "Close that container first (state: unmounted)"
        )
    mark = state.fingerprint if read_only else ""
    plan = pool.assemble_plan(
        request.name, request.container.id, mark, found.parts, state.superblock, read_only
    )
    name = _ours.device_name(request.name, "pool")
    if not read_only:
        plan.add(pool.AwaitHealthy(name, IN_PLACE_PERCENT, state.superblock.block_sectors))
    return plan, name


def _no_parts(state: State, request: Request) -> Refused:
    files = device_files.pool_files(request.container.data_root)
    missing = [path for path in files if not os.path.isfile(path)]
    if len(missing) == 1:
        return Refused(
            "pool %s is not active, and of its two files %s is missing" % (state.pool.name, missing[0]),
            "Neither can be read without the other: bring it back, or give another `data_root`",
        )
    return Refused(
        "pool %s is not active, and this data root has no pool files" % state.pool.name,
        "Give `data_device` and `metadata_device`; for an LVM pool the package lvm2 must be there",
    )
