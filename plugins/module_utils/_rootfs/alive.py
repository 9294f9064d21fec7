# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a container is alive: its processes and mounts, and the open count of its device. PRIVATE to the collection.

The one place that container_info and container_rootfs ask.
"""

from typing import List

from .. import _ours
from .._device_mapper import dmsetup
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._docker.liveness import Life, Liveness
from .._host import Host
from . import thin_pools


class Alive:
    """One look at the host, for any number of containers of one data root."""

    def __init__(self, host: Host, root: DataRoot) -> None:
        self.liveness = Liveness(host, root.path)
        self._devices: List[dmsetup.Device] = []
        if "devicemapper" in root.storage_drivers and host.tool("dmsetup"):
            pool = thin_pools.find(host, root)
            if pool.active:
                number = pool.active.number
                self._devices = [one for one in pool.devices if one.table.split()[2:4] == ["thin", number]]

    def of(self, container: Container) -> Life:
        """The signs of life of a container; none means dead."""
        if not container.changes:
            return Life([], [])
        life = self.liveness.of(container)
        held = [
            "its device %s is open" % device.name
            for device in self._devices
            if device.open_count
            and not _ours.read_uuid(device.uuid)
            and device.name.endswith("-" + container.layer_id)
        ]
        return Life(life.reasons + held, life.pids) if container.layer_id else life
