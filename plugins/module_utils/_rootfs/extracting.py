# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image needs around its copying: a place on a disk, and a pool that nobody wrote to. PRIVATE to the
collection."""

import os
from typing import List, Optional

from .. import _mountinfo
from .._device_mapper import pool, thin
from .._errors import CommandFailed, Refused
from .._host import Host
from .._plan import Action, Context
from . import thin_pools
from .own_directory import MakeOwnDirectory, RemoveOwnDirectory
from .thin_layer import Layer, State

_MEMORY = ("tmpfs", "ramfs")


class RequireDisk(Action):
    """The directory is there (the usual one is made) and is neither in memory nor inside the data root."""

    def __init__(self, directory: str, data_root: str) -> None:
        self.directory, self.data_root = directory, data_root
        self._missing = not os.path.isdir(directory)

    def shown(self, outputs: object) -> List[str]:
        return MakeOwnDirectory(self.directory).shown({}) if self._missing else []

    def taken_back(self) -> Optional[Action]:
        """Removes the directory if it was not there before."""
        return RemoveOwnDirectory(self.directory) if self._missing else None

    def perform(self, context: Context) -> None:
        if self.directory == context.host.image_directory:
            MakeOwnDirectory(self.directory).perform(context)
        real = os.path.realpath(self.directory)
        way_out = "Give a `work_dir` on a disk, outside of Docker's data root"
        if os.path.commonpath([real, self.data_root]) == self.data_root:
            raise Refused("an image must not lie inside the data root: %s" % self.directory, way_out)
        mount = _mountinfo.covering(context.host.mounts(), real)
        if mount and mount.fs_type in _MEMORY:
            raise Refused(
                "%s is in memory (%s), an image needs a disk" % (self.directory, mount.fs_type), way_out
            )


class RequireUnchanged(Action):
    """Fails when somebody wrote to the pool, or opened the device, while it was copied."""

    def __init__(self, layer: Layer, state: State) -> None:
        self.layer, self.state = layer, state

    def shown(self, outputs: object) -> List[str]:
        return []

    def perform(self, context: Context) -> None:
        trouble = self._trouble(context.host)
        if trouble:
            raise CommandFailed(
                "the copy of thin device %d is not to be trusted: %s" % (self.layer.file.device_id, trouble),
                "Stop what uses the pool and try again",
            )

    def _trouble(self, host: Host) -> str:
        found = thin_pools.find(host, self.layer.root, self.layer.given)
        if found.active:
            if not self.state.pool.active:
                return "pool %s was activated meanwhile" % found.name
            active = thin.active_under(found.devices, found.active.number, self.layer.file.device_id)
            return "%s was activated meanwhile" % active[0].name if active else ""
        if self.state.pool.active or found.parts is None:
            return "the pool went away meanwhile"
        if found.foreign_loops:
            return "the pool's files are open as %s" % ", ".join(one.path for one in found.foreign_loops)
        data, metadata = found.parts
        same = pool.fingerprint(pool.verified(data, metadata), data, metadata) == self.state.fingerprint
        return "" if same else "the pool was written meanwhile"
