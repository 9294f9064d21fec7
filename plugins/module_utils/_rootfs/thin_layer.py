# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The thin device of one container: where it is, and what is open of it and its pool. PRIVATE to the collection."""

from typing import Any, Dict, List, NamedTuple, Optional

from .._device_mapper import dmsetup, loop, pool, superblock, thin
from .._docker import data_root as roots
from .._docker import device_files, layers
from .._docker.containers import Container
from .._errors import BadRecord, NotFound
from .._host import Host
from . import thin_pools
from .driver import NOTHING, Compared, Known

_SIZE_UNKNOWN = 2**40  # bytes; a table longer than the file system does no harm, a shorter one does not mount
_LISTED = 12


class Layer:
    """The thin device of one container."""

    def __init__(self, root: roots.DataRoot, file: device_files.DeviceFile, known: Known) -> None:
        self.root = root
        self.given = (known.data_device, known.metadata_device) if known.data_device else None
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
    damage: str  # what is wrong with an inactive pool's metadata, empty when it is whole
    readable: "tuple[str, str]"  # of an active pool: what its data and its metadata can be read from
    device_mapper: bool  # whether the kernel has it
    taken_ids: List[int]


def locate(root: roots.DataRoot, container: Container, known: Known = NOTHING) -> Layer:
    """The device that Docker recorded for a container, or the one that is ``known`` where that record is lost.
    Raises NotFound with the candidates, or BadRecord."""
    if known.device_id is not None:
        return Layer(root, _file_of_id(root.path, known.device_id), known)
    try:
        if not container.layer_id:
            raise NotFound("; ".join(one.message for one in container.problems) or "its layer is not known")
        return Layer(root, device_files.read(root.path, container.layer_id), known)
    except (NotFound, BadRecord) as error:
        error.message = "the device of container %s is not known: %s" % (container.id[:12], error.message)
        error.hint = "Give its `device_id`. %s" % _candidates(root.path)
        raise


def image_directory(root: roots.DataRoot, layer_id: str) -> str:
    """A device is no directory. Raises NotFound or BadRecord where no file says which one it is."""
    device_files.read(root.path, layer_id)
    return ""


def stored_layers(root: roots.DataRoot) -> List[str]:
    """The ids of all layers that have a device file; the base device is one of them."""
    return device_files.layer_ids(root.path)


def present(host: Host, layer: Layer) -> State:
    """Looks at the pool and at what has the device open; an inactive pool is verified here. Raises BadRecord."""
    found = thin_pools.find(host, layer.root, layer.given)
    files, _broken = device_files.read_all(layer.root.path)
    taken = device_files.claimed_ids(layer.root.path, files) + layer.avoided_ids
    taken += thin.named_ids(found.devices)
    has = dmsetup.present(host) or dmsetup.loadable(host)
    if found.active:
        active = thin.active_under(found.devices, found.active.number, layer.file.device_id)
        readable = thin_pools.parts_of_active(found, loop.loops(host))
        return State(found, active, None, "", "", readable, has, taken)
    verified: Optional[superblock.Superblock] = None
    fingerprint = damage = ""
    if found.parts and not found.foreign_loops and not found.holders:
        data, metadata = found.parts
        verified = pool.verified(data, metadata)
        fingerprint = pool.fingerprint(verified, data, metadata)
        damage = pool.damage(host, verified, metadata)
    return State(found, [], verified, fingerprint, damage, ("", ""), has, taken)


def compared(host: Host, root: roots.DataRoot, container: Container) -> Optional[Compared]:
    """None: a device shows its files only when it is open."""
    return None


def after_docker_stops(state: State) -> State:
    """What a clean stop of Docker will leave, for showing a plan before it: neither pool nor loops."""
    if not state.pool.active or not state.pool.data_file:
        return state._replace(active=[])  # a pool that Docker did not make stays
    length, block = int(state.pool.active.table.split()[1]), state.pool.block_sectors
    assumed = superblock.Superblock(0, False, 0, 0, length // block, 0, block, 0, 0)
    inactive = state.pool._replace(active=None, status=None, foreign_loops=[])
    return state._replace(pool=inactive, active=[], superblock=assumed)


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
    unclaimed = [file for file in files if file.layer_id not in known and file.layer_id != device_files.BASE]
    more = "thin_pool_info lists devices of the pool that have lost their file (`no_file`)"
    if not unclaimed:
        return "No device file is without an owner; %s" % more
    shown = [
        "%d (layer %s, %d bytes)" % (one.device_id, one.layer_id[:12], one.size_bytes) for one in unclaimed
    ]
    return "Devices that no container or image claims: %s; %s" % (", ".join(shown[:_LISTED]), more)
