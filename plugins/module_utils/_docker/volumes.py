# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container mounts: the data that is not in its layer. PRIVATE to the collection.

`MountPoints` since 1.7; `Volumes` and `VolumesRW` before, with the data in `vfs/dir/<id>`. A volume of the driver
`local` is `<data root>/volumes/<name>/_data`, whatever its record says: the source of an anonymous one is empty on
disk even while it runs. `_data` is a link to `vfs/dir/<id>` where 1.7 took a volume over, and with a device in
`opts.json` it is the mount point of something else, which looks empty while that is not mounted.
"""

import functools
import os
import stat
from typing import Any, Collection, Dict, List, Optional, Sequence, Set, Tuple

from .. import _files
from .._errors import RescueError
from .._host import Host
from . import records
from .daemon import RunningDaemon
from .data_root import DataRoot

_KERNELS = ("/proc/", "/sys/", "/dev/")  # what is below holds no data, and to read it can do anything
_NO_DATA = {"tmpfs": "a tmpfs has no data on a disk", "npipe": "a named pipe has no data"}


class Volumes:
    """Looks where the data of the containers of one data root lies, and whether it can be had.

    Where ``ours`` is not set, the data root is not that of this host's Docker: it may be the disk of another machine,
    and a path in its records outside of it is one of that machine. ``mounted`` are the mount points of this host.
    """

    def __init__(self, data_root: str, ours: bool, mounted: Collection[str]) -> None:
        self.data_root = data_root
        self.ours = ours
        self._mounted = mounted
        self._directory = data_root + "/volumes/"
        self._links: Optional[Set[str]] = None
        # Containers share what they bind: each path is looked at once.
        self._kind = functools.lru_cache(maxsize=1024)(_kind_of)

    def of(self, recorded_root: str, record: Dict[str, Any]) -> List[Dict[str, Any]]:
        """Every mount of a container's record, ordered by destination. ``source`` is where its data is on this host
        today, empty where that is not known; ``reason`` why it is not ``available``."""
        found = []
        for destination, point in records.mapping_of(record, "MountPoints").items():
            if isinstance(point, dict):
                found.append(self._mount_point(recorded_root, destination, point))
        volumes = records.mapping_of(record, "Volumes")
        known = {mount["destination"] for mount in found} if volumes else set()
        writable = records.mapping_of(record, "VolumesRW")
        for destination, recorded in volumes.items():
            if isinstance(recorded, str) and destination not in known:
                inside = _files.is_in(recorded, recorded_root)
                source, reason = self._path(recorded, recorded_root)
                found.append(
                    {
                        "destination": destination,
                        "source": source,
                        "recorded_source": recorded,
                        "type": "volume" if inside else "bind",
                        "name": "",
                        "driver": "local" if inside else "",
                        "read_write": writable.get(destination) is not False,
                        "available": not reason,
                        "reason": reason or None,
                    }
                )
        return sorted(found, key=lambda mount: str(mount["destination"]))

    def _mount_point(self, recorded_root: str, destination: str, point: Dict[str, Any]) -> Dict[str, Any]:
        name, driver = records.text_of(point, "Name"), records.text_of(point, "Driver")
        recorded = records.text_of(point, "Source")
        kind = records.text_of(point, "Type") or ("volume" if name else "bind")  # no Type before 1.13
        if kind == "volume" and name and driver in ("", "local"):
            source, reason = self._volume(name, recorded_root)
            options = records.mapping_of(records.mapping_of(point, "Spec"), "VolumeOptions")
            if options and not reason and records.text_of(options, "Subpath"):
                source, reason = _subpath(source, records.text_of(options, "Subpath"))
        elif kind == "bind":
            source, reason = self._path(recorded, recorded_root)
        else:
            source, reason = self._elsewhere(kind, driver, recorded, recorded_root)
        return {
            "destination": destination,
            "source": source,
            "recorded_source": recorded,
            "type": kind,
            "name": name,
            "driver": driver,
            "read_write": records.flag_of(point, "RW"),
            "available": not reason,
            "reason": reason or None,
        }

    def _volume(self, name: str, recorded_root: str) -> Tuple[str, str]:
        """A volume of the driver `local`."""
        if "/" in name or name in (".", "..") or not can_be_path(name):
            return "", "%r cannot be the name of a volume" % name[:80]
        data = self._directory + name + "/_data"
        try:
            mode = os.lstat(data).st_mode
        except OSError:
            return data, "%s is missing" % data
        if stat.S_ISLNK(mode):
            target = os.path.join(self._directory + name, os.readlink(data))
            source, reason = self._path(target, recorded_root)
            return source, "%s is a link: %s" % (data, reason) if reason else ""
        if not stat.S_ISDIR(mode):
            return data, "%s is not a directory" % data
        if not self.ours and name in self._linked():
            return self._path(data, recorded_root)
        # Few volumes have options: to ask whether the file is there is cheaper than to find that it is not.
        if os.access(self._directory + name + "/opts.json", os.F_OK):
            return self._with_options(name, data, recorded_root)
        return data, ""

    def _linked(self) -> Set[str]:
        """The volumes that are links themselves: Docker makes none. One look is cheaper than one for each volume."""
        if self._links is None:
            with os.scandir(self._directory) as entries:
                self._links = {entry.name for entry in entries if entry.is_symlink()}
        return self._links

    def _with_options(self, name: str, data: str, recorded_root: str) -> Tuple[str, str]:
        """A volume that Docker may have to mount something for."""
        try:
            options = records.read_json(self._directory + name + "/opts.json")
        except RescueError as error:
            if records.names_in(data):
                return data, ""
            # That nothing is there may not be the truth: something else may be mounted on it.
            return data, "%s is empty, and its options are not known: %s" % (data, error.message)
        kind, device = records.text_of(options, "MountType"), records.text_of(options, "MountDevice")
        if not (kind or device) or data in self._mounted:  # a quota alone, or it is mounted
            return data, ""
        if kind == "tmpfs":
            return data, _NO_DATA["tmpfs"]
        if {"bind", "rbind"}.intersection(records.text_of(options, "MountOpts").split(",")):
            return self._path(device, recorded_root)
        what = "%s (%s)" % (device or "no device", kind or "no type")
        return data, "the volume is %s, which is not mounted here now at %s" % (what, data)

    def _elsewhere(self, kind: str, driver: str, recorded: str, recorded_root: str) -> Tuple[str, str]:
        """What is neither a bind nor a volume of the driver `local`."""
        if kind in _NO_DATA:
            return "", _NO_DATA[kind]
        if kind == "volume":
            if self.ours and recorded and recorded in self._mounted:
                return recorded, ""
            what = (
                "the volume driver %s keeps it" % driver if driver else "the record does not name the volume"
            )
            return "", "%s, and it is not mounted here now" % what
        return "", "mounts of the type %s are not read here" % kind

    def _path(self, recorded: str, recorded_root: str) -> Tuple[str, str]:
        """A path that a record, or a link of Docker's, names: of this host, or inside the data root."""
        path = translated(recorded, recorded_root, self.data_root)
        if not path.startswith("/") or not can_be_path(path):
            return "", "%r is not an absolute path" % path[:80]
        if not self.ours:
            if not _files.is_in(path, self.data_root):
                perhaps = self._perhaps(recorded, recorded_root)
                return "", "%s is a path of the machine that this data root is from%s" % (recorded, perhaps)
            real = os.path.realpath(path)
            # The data root's own directories may be links of who put the disk in.
            places = (self.data_root, os.path.realpath(self._directory))
            if not any(_files.is_in(real, place) for place in places):
                return "", "%s leads out of the data root, to %s" % (path, real)
            path = real
        if is_kernels(path):
            return path, "%s is the kernel's, not data" % path
        kind = self._kind(path)
        return path, "%s %s" % (path, kind) if kind else ""

    def _perhaps(self, path: str, recorded_root: str) -> str:
        """Where the path would be if the disk of a whole machine was mounted somewhere."""
        before = self.data_root[: -len(recorded_root)]
        return (
            "; its disk may have it at %s%s" % (before, path)
            if before + recorded_root == self.data_root and before
            else ""
        )


def look(host: Host, root: DataRoot, daemons: Sequence[RunningDaemon]) -> Volumes:
    """At the volumes of a data root, with the Dockers of this host that work on it. It is this host's where its
    configuration or a running Docker of root's says so: nothing that stands on the disk itself, nor what is mounted
    out of it, can say that."""
    # Docker keeps a root of its own for a user namespace: `<data root>/<uid>.<gid>`.
    ours = os.path.realpath(root.settings.data_root) in (root.path, os.path.dirname(root.path))
    ours = ours or any(one.trusted for one in daemons)
    return Volumes(root.path, ours, {mount.mount_point for mount in host.mounts()})


def is_kernels(path: str) -> bool:
    return (path + "/").startswith(_KERNELS)


def translated(path: str, recorded_root: str, data_root: str) -> str:
    """A recorded path where it lies today: below today's data root if it lay below the recorded one. A path that
    climbs (`..`) is left as it is recorded: it would lead out of today's root to somewhere else."""
    if recorded_root != data_root and _files.is_in(path, recorded_root) and ".." not in path.split("/"):
        return data_root + path[len(recorded_root) :]
    return path


def _subpath(volume: str, below: str) -> Tuple[str, str]:
    """A part of a volume (since 26). What is in the volume is the container's: no link in it may lead out."""
    top = os.path.realpath(volume)
    path = os.path.realpath(os.path.join(top, below.lstrip("/"))) if can_be_path(below) else "/"
    if not _files.is_in(path, top):
        return "", "%s leads out of the volume %s" % (below, volume)
    return path, "" if os.path.exists(path) else "%s is missing" % path


def can_be_path(text: str) -> bool:
    """Whether a file can have this name: JSON can hold text that no path can."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeError:
        return False


def _kind_of(path: str) -> Optional[str]:
    """What is wrong with a path that should be a directory or a file; None when nothing is."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
        return "is missing" if missing else "cannot be read: %s" % error.strerror
    if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
        return None
    return "is a socket, it holds no data" if stat.S_ISSOCK(mode) else "is neither a directory nor a file"
