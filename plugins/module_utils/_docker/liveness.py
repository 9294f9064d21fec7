# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a container lives: what processes and mounts show, never what Docker wrote. PRIVATE to the collection.

A container is alive when a process whose cgroup or shim names it belongs to this data root, or a mount in any
namespace shows its layer. Devices are asked one floor up; this file knows processes and mounts alone.
"""

import os
import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from .. import _mountinfo, _ours
from .._host import Host, Process
from . import daemon
from .containers import Container

_ID = re.compile(r"(?<![a-f0-9])[a-f0-9]{64}(?![a-f0-9])")

_UPPER = re.compile(r"(?<![^,])upperdir=([^,]*)")
_SNAPSHOT = re.compile(r"/snapshots/[0-9]+/fs$")
_ANY_ID = re.compile(r"(?=([a-f0-9]{64}))")


# Why a container counts as alive, in words; ``pids`` are its processes, shims left out.
class Life(NamedTuple):
    reasons: List[str]
    pids: List[int]


class Liveness:
    """One look at all processes and namespaces, asked for any number of containers of one data root."""

    def __init__(self, host: Host, data_root: str) -> None:
        self.data_root = data_root
        self._host = host
        self._pids: Dict[str, List[int]] = {}
        self._shims: Dict[str, List[int]] = {}
        processes = host.processes()
        self.daemons = daemons_of(host, data_root, processes)
        for process in processes:
            for container_id in set(_ID.findall(process.cgroup)):
                self._pids.setdefault(container_id, []).append(process.pid)
            if "shim" in os.path.basename(process.argv[0]):
                for container_id in set(_ID.findall(" ".join(process.argv))):
                    self._shims.setdefault(container_id, []).append(process.pid)
        self._namespaces = host.mounts_of_every_namespace(processes)
        # Where the data root lies in its file system; what is mounted out of it shows that.
        mounts = self._namespaces[0][1]
        self._covering = _mountinfo.covering(mounts, data_root)
        self._device, place = _mountinfo.place_of(mounts, data_root)
        self._below = place.rstrip("/")
        self._own = self._own_files()
        self._our_places = {tree.path for tree in _ours.trees(mounts)}
        self._naming = self._mounts_naming_ids()
        self._of_snapshots = self._mounts_of_snapshots()

    @property
    def in_use(self) -> bool:
        """Whether any process of this host uses this data root: a daemon, or a mount that comes out of it."""
        return bool(self.daemons) or bool(self._own)

    def of(self, container: Container) -> Life:
        """The signs of life of one container of this data root."""
        reasons: List[str] = []
        pids: List[int] = []
        for pid, mount in self._naming.get(container.layer_id[:64], ()):
            if not reasons and self.shows_layer(mount, container.layer_id):
                reasons.append("process %d sees its layer mounted at %s" % (pid, mount.mount_point))
        for pid, mount in self._of_snapshots.get(container.mark, ()) if container.snapshot else ():
            if not reasons and self._shows_snapshot(mount, container.snapshot + "/fs"):
                reasons.append("process %d sees its layer mounted at %s" % (pid, mount.mount_point))
        if self.in_use and (container.id in self._own or self.daemons):
            pids = self._pids.get(container.id, [])
            shims = self._shims.get(container.id, [])
            # A shim's own cgroup can name the container; what counts as its process is what is not a shim.
            pids = [pid for pid in pids if pid not in shims]
            reasons += ["process %d is in its cgroup" % pid for pid in pids[:1]]
            reasons += ["its shim runs (process %d)" % pid for pid in shims[:1]]
        return Life(reasons, pids)

    def shows_layer(self, mount: _mountinfo.Mount, layer_id: str) -> bool:
        """Whether a mount is Docker's own of a layer in this data root (ours do not count)."""
        if self._is_ours(mount):
            return False
        if layer_id not in _words(mount):
            return False
        return self._out_of_root(mount) or (self._relative(mount, layer_id) and self.in_use)

    def _shows_snapshot(self, mount: _mountinfo.Mount, directory: str) -> bool:
        """Whether a mount is one of a snapshot that can be written: over others, or of it alone."""
        upper = _UPPER.search(mount.super_options)
        if upper:
            return _same_directory(upper.group(1), directory)
        return (mount.device, mount.root) == _mountinfo.place_of(self._namespaces[0][1], directory)

    @staticmethod
    def _relative(mount: _mountinfo.Mount, layer_id: str) -> bool:
        """Docker mounts a list that is too long by names relative to its directory overlay2."""
        return "upperdir=%s/" % layer_id in mount.super_options

    def _out_of_root(self, mount: _mountinfo.Mount) -> bool:
        below = self.data_root + "/"
        layers = any(mark + below in mount.super_options for mark in ("=", ":"))
        return (
            layers
            or mount.mount_point.startswith(below)
            or self._device_named(mount)
            or self._is_part_of_root(mount)
            or self._is_dataset_below(mount)
        )

    def _is_part_of_root(self, mount: _mountinfo.Mount) -> bool:
        """Whether a directory of the data root is what is mounted: the layers of some drivers are whole trees."""
        return mount.device == self._device and mount.root.startswith(self._below + "/")

    def _is_dataset_below(self, mount: _mountinfo.Mount) -> bool:
        """ZFS: each layer is a file system of its own, named below that of the data root."""
        above = self._covering
        return above is not None and above.fs_type == "zfs" and mount.source.startswith(above.source + "/")

    def _device_named(self, mount: _mountinfo.Mount) -> bool:
        home = os.path.join(self.data_root, "devicemapper")
        if not mount.source.startswith("/dev/mapper/docker-") or not os.path.isdir(home):
            return False
        # Docker's device names end with the inode of the directory: a copy of a root has another one.
        return "-%d-" % os.stat(home).st_ino in mount.source

    def _is_ours(self, mount: _mountinfo.Mount) -> bool:
        in_run = mount.mount_point.startswith(self._host.run_directory + "/")
        return in_run or mount.source.startswith("drydock") or mount.mount_point in self._our_places

    def _mounts_naming_ids(self) -> Dict[str, List[Tuple[int, _mountinfo.Mount]]]:
        """Every 64 digits that a mount shows, with the mounts and who sees them: a host has thousands of both."""
        found: Dict[str, List[Tuple[int, _mountinfo.Mount]]] = {}
        for pid, mounts in self._namespaces:
            for mount in mounts:
                for name in set(_ANY_ID.findall(_words(mount))):
                    found.setdefault(name, []).append((pid, mount))
        return found

    def _mounts_of_snapshots(self) -> Dict[str, List[Tuple[int, _mountinfo.Mount]]]:
        """The mounts, but ours, that show a directory of containerd's, by what marks it."""
        found: Dict[str, List[Tuple[int, _mountinfo.Mount]]] = {}
        for pid, mounts in self._namespaces:
            for mount in mounts:
                upper = _UPPER.search(mount.super_options)
                mark = _SNAPSHOT.search(upper.group(1) if upper else mount.root)
                if mark and not self._is_ours(mount):
                    found.setdefault(mark.group(), []).append((pid, mount))
        return found

    def _own_files(self) -> Set[str]:
        """The containers of which a namespace shows a file out of this very data root: every container has its
        hosts, hostname and resolv.conf bound from there, and its /dev/shm below its directory."""
        below = self._below + "/containers/"
        found: Set[str] = set()
        for _pid, mounts in self._namespaces:
            for mount in mounts:
                if mount.device == self._device and mount.root.startswith(below):
                    found.add(mount.root[len(below) :].split("/")[0])
                elif mount.mount_point.startswith(self.data_root + "/containers/"):
                    found.add(mount.mount_point[len(self.data_root + "/containers/") :].split("/")[0])
        return found


def daemons_of(
    host: Host, data_root: str, processes: Optional[Sequence[Process]] = None
) -> List[daemon.RunningDaemon]:
    """The Docker daemons that run on a data root."""
    return [one for one in daemon.running(host, processes) if _same_directory(one.data_root, data_root)]


def _words(mount: _mountinfo.Mount) -> str:
    return mount.mount_point + mount.root + mount.source + mount.super_options


def _same_directory(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return one == other
