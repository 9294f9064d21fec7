# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's data root: where it is, whether it is one, and whether this host uses it. PRIVATE to the collection."""

import os
from typing import List, NamedTuple, Optional

from .. import _mountinfo
from .._errors import BadRecord, NoDataRoot
from .._host import Host
from . import daemon, records

DRIVERS = ("aufs", "btrfs", "devicemapper", "fuse-overlayfs", "overlay", "overlay2", "vfs", "zfs")


class DataRoot(NamedTuple):
    path: str  # absolute, links resolved
    storage_drivers: List[str]  # of which something is there
    settings: daemon.Settings
    mount: Optional[_mountinfo.Mount]  # the mount that it lies in


def find(host: Host, path: Optional[str]) -> DataRoot:
    """The data root at ``path``, or the one that this host's Docker uses. Raises NoDataRoot, or BadRecord where the
    directory is not a data root; both say what is there."""
    settings = daemon.configured(host)
    wanted = path or settings.data_root
    found = os.path.realpath(wanted)
    where = "data_root %s" % wanted if path else "data root %s (from %s)" % (wanted, settings.source)
    if not os.path.isdir(found):
        raise NoDataRoot("%s is not a directory" % where, "Give `data_root`; %s" % _suggestion(host))
    names = records.names_in(found)
    if not _looks_like_one(found, names):
        shown = ", ".join(names[:12]) or "nothing"
        raise BadRecord(
            "%s is not a data root of Docker: it holds %s" % (where, shown),
            "A data root holds `containers` and `image` (or `graph`). Give `data_root`; %s"
            % _suggestion(host),
        )
    return DataRoot(found, _drivers(found, names), settings, _mountinfo.covering(host.mounts(), found))


def _looks_like_one(path: str, names: List[str]) -> bool:
    """`containers` alone does not make one: /var/lib has such a directory too (Podman's)."""
    beside = {"image", "graph", "volumes", "network"}.union(DRIVERS)
    return "containers" in names and bool(beside.intersection(names))


def _drivers(path: str, names: List[str]) -> List[str]:
    images = records.names_in(os.path.join(path, "image"))
    found = []
    for driver in DRIVERS:
        # vfs/dir also held the volumes of every driver before 1.7: without image/vfs it proves nothing.
        own = driver in names and driver != "vfs" and bool(records.names_in(os.path.join(path, driver)))
        if driver in images or own:
            found.append(driver)
    return found


def _suggestion(host: Host) -> str:
    running = ["%s (dockerd, process %d)" % (one.data_root, one.pid) for one in daemon.running(host)]
    default = [daemon.DEFAULT_DATA_ROOT] if os.path.isdir(daemon.DEFAULT_DATA_ROOT) else []
    known = running or default
    return "this host has %s" % ", ".join(known) if known else "no Docker was found on this host"
