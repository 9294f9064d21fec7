# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage driver devicemapper. PRIVATE to the collection.

One stack for every reading access: *thin source, read-only -> dm-snapshot over it with a scratch file of ours ->
mount*. Journal replay and scratch writes land in the scratch file, never in Docker's pool. Only the source differs:

- ``snapshot`` (the pool is active and well): a thin snapshot of ours;
- ``assemble`` (no pool): Docker's thin id in a read-only pool of ours over read-only loops;
- ``direct`` (``in_place`` only): Docker's thin id itself, mounted without a stack.
"""

import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .. import _ours
from .._device_mapper import dmsetup, loop, pool, superblock, thin
from .._docker import data_root as roots
from .._docker import device_files, layers
from .._docker.containers import Container
from .._errors import BadRecord, NotFound, Refused, RescueError
from .._host import Host
from .._plan import Context, Mount, Output, Plan, Run, Unmount
from . import thin_pools
from .driver import SAFE_OPTIONS, Found, Opening, Request
from .filesystem import MountFileSystem

METHODS = {
    "read_only": ("snapshot", "assemble"),
    "scratch": ("snapshot", "assemble"),
    "in_place": ("direct",),
}
TOOLS = ("dmsetup", "thin_check")
_SNAPSHOT_PERCENT = 15  # of data and metadata that must be free: every later write of the container doubles
_IN_PLACE_PERCENT = 2  # a full pool must not be mounted for writing at all
_SIZE_UNKNOWN = 2**40  # bytes; a table longer than the file system does no harm, a shorter one does not mount
_CHUNK_SECTORS = 8
_LISTED = 12


class Layer:
    """The thin device of one container."""

    def __init__(self, root: roots.DataRoot, file: device_files.DeviceFile) -> None:
        self.root = root
        self.file = file
        self.prefix = device_files.name_prefix(root.path)
        self.fs_type = device_files.file_system_of_base(root.path)
        self.avoided_ids: List[int] = []

    def avoid_id(self, thin_id: int) -> None:
        """For a next try: a snapshot id that turned out to be taken."""
        self.avoided_ids.append(thin_id)

    def storage(self) -> Dict[str, Any]:
        return {
            "device_id": self.file.device_id,
            "size_bytes": self.file.size_bytes,
            "sectors": self.file.size_bytes // device_files.SECTOR,
            "transaction_id": self.file.transaction_id,
            "deleted": self.file.deleted,
            "pool_name": thin_pools.configured_name(self.root) or self.prefix + "-pool",
            "device_name": "%s-%s" % (self.prefix, self.file.layer_id),
        }


class State(NamedTuple):
    pool: thin_pools.PoolOfRoot
    active: List[dmsetup.Device]  # what has the thin id open, under whatever name
    superblock: Optional[superblock.Superblock]  # of an inactive pool, verified
    fingerprint: str  # of the pool's files then
    taken_ids: List[int]


def locate(root: roots.DataRoot, container: Container, device_id: Optional[int] = None) -> Layer:
    """The device that Docker recorded for a container, or the one of ``device_id`` where that record is lost.
    Raises NotFound with the candidates, or BadRecord."""
    if device_id is not None:
        return Layer(root, _file_of_id(root.path, device_id))
    try:
        if not container.layer_id:
            raise NotFound("; ".join(one.message for one in container.problems) or "its layer is not known")
        return Layer(root, device_files.read(root.path, container.layer_id))
    except (NotFound, BadRecord) as error:
        error.message = "the device of container %s is not known: %s" % (container.id[:12], error.message)
        error.hint = "Give its `device_id`. %s" % _candidates(root.path)
        raise


def present(host: Host, layer: Layer) -> State:
    """Looks at the pool and at what has the device open; an inactive pool is verified here.
    Raises BadRecord or Refused."""
    found = thin_pools.find(host, layer.root)
    files, _broken = device_files.read_all(layer.root.path)
    taken = [one.device_id for one in files] + [device_files.open_transaction_device_id(layer.root.path)]
    taken += layer.avoided_ids
    marks = [_ours.read_uuid(device.uuid) for device in found.devices]
    taken += [
        int(mark.extra.split("@")[0]) for mark in marks if mark and mark.role == "thin" and "@" in mark.extra
    ]
    if found.active:
        active = thin.active_under(found.devices, found.active.number, layer.file.device_id)
        return State(found, active, None, "", taken)
    verified: Optional[superblock.Superblock] = None
    fingerprint = ""
    if found.data_file and not found.foreign_loops:
        verified = pool.verified(found.metadata_file, os.path.getsize(found.data_file), found.data_file)
        fingerprint = pool.fingerprint(verified, found.data_file, found.metadata_file)
        pool.thin_check(host, found.metadata_file)
    return State(found, [], verified, fingerprint, taken)


def after_docker_stops(state: State) -> State:
    """What a clean stop of Docker will leave, for showing a plan before it: neither pool nor loops."""
    if not state.pool.active or not state.pool.data_file:
        return state
    length, block = int(state.pool.active.table.split()[1]), state.pool.block_sectors
    assumed = superblock.Superblock(0, False, 0, 0, length // block, 0, block, 0, 0)
    return State(
        state.pool._replace(active=None, status=None, foreign_loops=[]), [], assumed, "", state.taken_ids
    )


def open_plan(layer: Layer, state: State, request: Request) -> Opening:
    """From the state found to the mounted tree. Raises Refused for what cannot be had safely."""
    method = request.method if request.method != "auto" else _method_for(state, request.access)
    if method not in METHODS[request.access]:
        raise Refused(
            "method %s cannot give access %s to a devicemapper container" % (method, request.access),
            "Use %s, or `method: auto`" % " or ".join(METHODS[request.access]),
        )
    builders = {"snapshot": _snapshot_source, "assemble": _assembled_source, "direct": _direct_source}
    plan, device = builders[method](layer, state, request)
    thin_name = _ours.device_name(request.name, "thin")
    if device == "/dev/mapper/" + thin_name:
        plan.add(thin.FitsMapping(thin_name, layer.file.device_id, layer.file.size_bytes))
    if method != "direct":
        view, device = _view(layer, device, request)
        plan += view
    options = SAFE_OPTIONS if request.access != "read_only" else ("ro",) + SAFE_OPTIONS
    plan.add(MountFileSystem(device, request.path, options, layer.fs_type), Unmount(request.path))
    plan.add(BindRootfs(request.path), Unmount(request.path))
    return Opening(method, plan, device)


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
    return plan


def distrust(host: Host, found: Found) -> str:
    """Why what was read through the open devices may not be what the container holds; empty when all is well.

    Asked before a copy is called good, and on closing: a scratch file that overflowed, and under ``assemble`` a
    Docker that opened the same files or wrote to them meanwhile.
    """
    loops = loop.loops(host)
    ours = {
        number for one in found.all_devices if _ours.read_uuid(one.uuid) for number in one.table.split()[3:5]
    }
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
        if mark and mark.role == "pool" and mark.extra and device.table:
            trouble = _disturbed(loops, ours, device, mark.extra)
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


def _method_for(state: State, access: str) -> str:
    if access == "in_place":
        return "direct"
    return "snapshot" if state.pool.active else "assemble"


def _snapshot_source(layer: Layer, state: State, request: Request) -> Tuple[Plan, str]:
    status, active = state.pool.status, state.pool.active
    if status is None or active is None:
        raise Refused("method snapshot needs an active pool, and there is none", "Use `method: assemble`")
    trouble = pool.unhealthy(status)
    if trouble:
        raise Refused(
            "no snapshot can be made in pool %s: %s" % (active.name, trouble),
            "Stop Docker, so that the pool is removed, and open the container with `method: assemble`",
        )
    pool.require_space(active.name, status, state.pool.block_sectors, _SNAPSHOT_PERCENT, "a snapshot")
    snapshot_id = thin.free_id(state.taken_ids, device_files.next_device_id(layer.root.path))
    name = _ours.device_name(request.name, "thin")
    uuid = _ours.device_uuid(request.container.id, "thin", "%d@%s" % (snapshot_id, active.number))
    snapshot = thin.Snapshot(active.name, layer.file.device_id, snapshot_id)
    origin = state.active[0].name if state.active else ""
    return thin.snapshot_plan(name, uuid, snapshot, origin, layer.file.size_bytes), "/dev/mapper/" + name


def _assembled_source(layer: Layer, state: State, request: Request) -> Tuple[Plan, str]:
    plan, pool_name = _own_pool(state, request, True)
    name = _ours.device_name(request.name, "thin")
    uuid = _ours.device_uuid(request.container.id, "thin")
    plan += thin.open_plan(name, uuid, pool_name, layer.file.device_id, layer.file.size_bytes, True)
    return plan, "/dev/mapper/" + name


def _direct_source(layer: Layer, state: State, request: Request) -> Tuple[Plan, str]:
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
            _IN_PLACE_PERCENT,
            "writing in place",
        )
        if state.active:  # Docker's own device, left by a dockerd that was killed: never a second name for it
            return Plan(), "/dev/mapper/" + state.active[0].name
        pool_name, plan = state.pool.name, Plan()
    else:
        plan, pool_name = _own_pool(state, request, False)
    plan += thin.open_plan(name, uuid, pool_name, layer.file.device_id, layer.file.size_bytes, False)
    return plan, "/dev/mapper/" + name


def _own_pool(state: State, request: Request, read_only: bool) -> Tuple[Plan, str]:
    found = state.pool
    if found.active:
        raise Refused(
            "pool %s is active: a second pool over the same metadata would destroy it" % found.name,
            "Use `method: snapshot`, or stop Docker first",
        )
    if not found.data_file:
        files = device_files.pool_files(request.container.data_root)
        missing = [path for path in files if not os.path.isfile(path)]
        if len(missing) == 1:
            raise Refused(
                "pool %s is not active, and of its two files %s is missing" % (found.name, missing[0]),
                "Neither can be read without the other: bring it back, or give another `data_root`",
            )
        raise Refused(
            "pool %s is not active, and this data root has no pool files" % found.name,
            "Its devices must be made available first (an LVM pool: without activating the pool itself)",
        )
    if found.foreign_loops:
        shown = ", ".join("%s (%s)" % (one.path, one.backing_file) for one in found.foreign_loops)
        raise Refused(
            "the pool's files are attached without a pool: %s" % shown,
            "Docker may be starting. If it is not, detach them with `losetup --detach`",
        )
    writers = [one.name for one in found.our_pools if "read_only" not in one.table]
    if writers or (found.our_pools and not read_only):
        names = ", ".join(writers or [one.name for one in found.our_pools])
        raise Refused(
            "the pool's files are open as %s" % names, "Close that container first (state: unmounted)"
        )
    if state.superblock is None:
        raise Refused(
            "the pool's superblock was not verified", "This is a fault of drydock.rescue, not of your input"
        )
    name = _ours.device_name(request.name, "pool")
    uuid = _ours.device_uuid(request.container.id, "pool", state.fingerprint if read_only else "")
    plan = pool.assemble_plan(name, uuid, (found.data_file, found.metadata_file), state.superblock, read_only)
    if not read_only:
        plan.add(pool.AwaitHealthy(name, _IN_PLACE_PERCENT, state.superblock.block_sectors))
    return plan, name


def _view(layer: Layer, source: str, request: Request) -> Tuple[Plan, str]:
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
    snapshot_id, _at, number = extra.partition("@")
    pools = [one.name for one in all_devices if one.number == number and dmsetup.target(one) == "thin-pool"]
    named = [_ours.read_uuid(one.uuid) for one in all_devices if one.name != device.name]
    shared = any(mark and mark.role == "thin" and mark.extra == extra for mark in named)
    deletable = (
        int(snapshot_id) if pools and not shared else None
    )  # of two that named one id, the last deletes it
    return thin.close_snapshot_plan(device.name, pools[0] if pools else "", deletable)


def _detached(loops: Dict[str, str], numbers: List[str]) -> Plan:
    plan = Plan()
    for number in numbers:
        if number in loops:
            plan.add(loop.AwaitDetached(loops[number]))
    return plan


def _disturbed(loops: List[loop.Loop], ours: "set[str]", device: dmsetup.Device, fingerprint: str) -> str:
    files = {one.number: one.backing_file for one in loops}
    metadata_file, data_file = (files.get(number, "") for number in thin_pools.numbers_of(device))
    over = loop.over(loops, metadata_file) + loop.over(loops, data_file)
    foreign = [one.path for one in over if one.number not in ours]
    if foreign:
        return "the pool's files are open as %s too" % ", ".join(foreign)
    try:
        now = pool.fingerprint(superblock.read(metadata_file), data_file, metadata_file)
    except (RescueError, OSError) as error:
        return "the pool's files cannot be read any more: %s" % error
    return "" if now == fingerprint else "the pool was written meanwhile"


def _file_of_id(data_root: str, device_id: int) -> device_files.DeviceFile:
    files, _errors = device_files.read_all(data_root)
    for file in files:
        if file.device_id == device_id:
            return file
    sizes = [file.size_bytes for file in files]
    return device_files.DeviceFile("", device_id, max(sizes) if sizes else _SIZE_UNKNOWN, 0, False)


def _candidates(data_root: str) -> str:
    known = layers.known_layer_ids(data_root, "devicemapper")
    files, _errors = device_files.read_all(data_root)
    unclaimed = [file for file in files if file.layer_id not in known and file.layer_id != "base"]
    more = "thin_pool_info lists devices of the pool that have lost their file (`no_file`)"
    if not unclaimed:
        return "No device file is without an owner; %s" % more
    shown = [
        "%d (layer %s, %d bytes)" % (one.device_id, one.layer_id[:12], one.size_bytes) for one in unclaimed
    ]
    return "Devices that no container or image claims: %s; %s" % (", ".join(shown[:_LISTED]), more)
