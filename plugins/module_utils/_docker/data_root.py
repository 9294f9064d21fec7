# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's data root: where it is, whether it is one, and whether this host uses it. PRIVATE to the collection."""

import os
from typing import List, NamedTuple, Optional

from .. import _mountinfo
from .._errors import Ambiguous, BadRecord, NoDataRoot
from .._host import Host
from . import configuration, containerd_root, daemon, records, rootless, settings, userns
from .containerd_store import OVERLAYFS, Store

DRIVERS = ("aufs", "btrfs", "devicemapper", "fuse-overlayfs", "overlay", "overlay2", "vfs", "zfs")
_LISTED = 12


class DataRoot(NamedTuple):
    path: str  # absolute, links resolved
    storage_drivers: List[str]  # of which something is there
    settings: settings.Settings
    source: str  # in words: why this one
    mount: Optional[_mountinfo.Mount]  # the mount that it lies in
    containerd: Optional[Store] = None  # where the layers of its containers may be, if there is one


def find(host: Host, path: Optional[str], containerd: Optional[str] = None) -> DataRoot:
    """The data root at ``path``, or the one that this host's Docker uses; with the containerd at ``containerd``, or the
    one that is found. One that holds nothing but a directory for remapped users means that directory. Raises
    NoDataRoot, BadRecord or NotFound where a directory is not what it should be, or Ambiguous where it holds several
    for remapped users; all say what is there."""
    told = configuration.configured(host)
    wanted, source = (path, "the option data_root") if path else (told.data_root, told.source)
    where = "data_root %s" % wanted if path else "data root %s (from %s)" % (wanted, source)
    found = _real(wanted)
    if not os.path.isdir(found):
        raise NoDataRoot("%s is not a directory" % where, "Give `data_root`; %s" % _suggestion(host))
    names = records.names_in(found)
    if not _looks_like_one(names):
        inner = [one for one in userns.directories(found) if _looks_like_one(records.names_in(one))]
        if len(inner) > 1:
            raise Ambiguous(
                "%s holds the data roots of several mappings of users" % where,
                "Give one of them as `data_root`: %s" % ", ".join(inner[:_LISTED]),
            )
        if not inner:
            raise BadRecord(
                "%s is not a data root of Docker: it holds %s"
                % (where, ", ".join(names[:_LISTED]) or "nothing"),
                "A data root holds `containers` and `image` (or `graph`). Give `data_root`; %s"
                % _suggestion(host),
            )
        found, source = _real(inner[0]), source + ", and the only mapping of users in it"
        names = records.names_in(found)
    kept = containerd_root.find(host, found, containerd, found == _real(told.data_root))
    drivers = _drivers(found, names) + ([OVERLAYFS] if kept.is_used else [])
    mount = _mountinfo.covering(host.mounts(), found)
    return DataRoot(found, sorted(drivers), told, source, mount, kept.store)


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # with a zero byte
        raise NoDataRoot("data_root %r is not a directory" % path, "Give another `data_root`")


def _looks_like_one(names: List[str]) -> bool:
    """`containers` alone does not make one: /var/lib has such a directory too (Podman's)."""
    beside = {"image", "graph", "volumes", "network", "rootfs"}.union(DRIVERS)
    return "containers" in names and bool(beside.intersection(names))


def _drivers(path: str, names: List[str]) -> List[str]:
    images = records.names_in(os.path.join(path, "image"))
    found = []
    for driver in DRIVERS:
        # vfs/dir also held the volumes of every driver before 1.7: without image/vfs it proves nothing.
        own = driver in names and driver != "vfs" and bool(records.names_in(os.path.join(path, driver)))
        # Docker before 1.10 kept the names of the images of each driver in a file of their own.
        if driver in images or own or "repositories-" + driver in names:
            found.append(driver)
    return found


def _suggestion(host: Host) -> str:
    running = [
        "%s (dockerd%s, process %d)"
        % (one.data_root, "" if one.trusted else " of user %d" % one.uid, one.pid)
        for one in daemon.running(host)
    ]
    users = [path for path in rootless.on_disk() if not any(one.startswith(path + " ") for one in running)]
    default = [settings.DEFAULT_DATA_ROOT] if os.path.isdir(settings.DEFAULT_DATA_ROOT) else []
    known = (running or default) + users
    shown = ", ".join(known[:_LISTED])
    return "this host has %s" % shown if known else "no Docker was found on this host"
