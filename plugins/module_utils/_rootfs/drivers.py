# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage drivers there are: the one list. PRIVATE to the collection."""

from typing import Any, Dict, List

from .._docker.containerd_store import OVERLAYFS
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._errors import Refused
from .._host import Host
from .._plan import Plan
from . import aufs, btrfs, devicemapper, fuse_overlayfs, overlay, overlay2, overlayfs, vfs, zfs
from .driver import Found

DRIVERS: Dict[str, Any] = {
    "aufs": aufs,
    "btrfs": btrfs,
    "devicemapper": devicemapper,
    "fuse-overlayfs": fuse_overlayfs,
    "overlay": overlay,
    "overlay2": overlay2,
    "overlayfs": overlayfs,
    "vfs": vfs,
    "zfs": zfs,
}


def known_driver(container: Container) -> Any:
    """The driver that holds a container, None for one that is not known here. Some of containerd's snapshotters have
    the name of a driver of Docker's, and another layout."""
    of_containerd = container.driver == OVERLAYFS
    return DRIVERS.get(container.driver) if of_containerd == (container.layout == "containerd") else None


def driver_for(container: Container) -> Any:
    """The same. Raises Refused for one that is not known here."""
    driver = known_driver(container)
    if driver is None:
        raise Refused(
            "container %s is on the storage driver %s"
            % (container.id[:12], container.driver or "of an unknown name"),
            "drydock.rescue opens %s" % ", ".join(sorted(DRIVERS)),
        )
    return driver


def close_plan(host: Host, found: Found) -> Plan:
    """Takes away what is open, of every driver's kind; drivers may share a way of closing."""
    steps = Plan()
    for close in dict.fromkeys(driver.close_plan for driver in DRIVERS.values()):
        steps += close(host, found)
    return steps


def distrust(host: Host, found: Found) -> str:
    """Why what is read from an open tree may be wrong; empty when all is well."""
    reasons = (ask(host, found) for ask in dict.fromkeys(driver.distrust for driver in DRIVERS.values()))
    return next((reason for reason in reasons if reason), "")


def not_in_snapshot(host: Host, root: DataRoot, container: Container) -> List[str]:
    """What of a container no snapshot shows: absolute paths of its tree. Raises NotFound, BadRecord or Refused."""
    ask = getattr(driver_for(container), "not_in_snapshot", None)
    return ask(host, root, container) if ask else []


def methods() -> List[str]:
    """Every method that a driver offers, for the module's argument spec."""
    offered = {method for driver in DRIVERS.values() for group in driver.METHODS.values() for method in group}
    return sorted(offered)
