# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a container is stored: its rootfs, and which of its volumes and binds. PRIVATE to the collection.

Whatever is not stored is named with the reason, for the passport.
"""

import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .. import _files
from .._docker.volumes import can_be_path
from .._errors import Refused
from .._host import Host
from .._tree.surveying import in_one_name, survey
from .engine import Part

_VOLUMES, _BINDS, _EXCLUDED = "`volumes` is false", "`binds` is false", "it is excluded"
_SUBVOLUME = "it is a subvolume of its own, which a snapshot does not hold"
_KERNELS = ("proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs")


class Choice(NamedTuple):
    volumes: bool
    binds: bool
    exclude: List[str]  # paths in the container
    data_root: str
    apart: Dict[str, str]  # directories of this host that no volume or bind may share, with what they are


def require_paths(exclude: Sequence[str]) -> None:
    """Raises Refused for an `exclude` that is no path in a container."""
    for one in exclude:
        words = _words(one)
        if not one.startswith("/") or not words or ".." in words or "\0" in one:
            raise Refused(
                "exclude %r is not an absolute path in a container" % one[:200], "Give a path as `/var/cache`"
            )


def parts_of(
    host: Host, tree: str, mounts: Sequence[Dict[str, Any]], choice: Choice, not_in_tree: Sequence[str] = ()
) -> Tuple[List[Part], List[Dict[str, str]]]:
    """The parts of a container whose rootfs is open at ``tree``, without the files of ``not_in_tree``, and that mounts
    ``mounts``; and what is left out."""
    of_rootfs = choice.exclude + list(not_in_tree)
    parts = [Part("rootfs", tree, of_rootfs, survey(host, tree, of_rootfs))]
    left_out = [{"what": one, "reason": _EXCLUDED} for one in choice.exclude]
    left_out += [{"what": one, "reason": _SUBVOLUME} for one in not_in_tree]
    for mount in mounts:
        destination = _plain(mount["destination"])
        source = os.path.realpath(mount["source"]) if mount["source"] and not mount["reason"] else ""
        inside = _inside(choice.exclude, destination)
        reason = "" if destination else "its destination is not a path below /"
        reason = reason or mount["reason"] or _unwanted(host, mount["type"], source, choice)
        if not reason and inside is None:
            reason = _EXCLUDED
        if reason or inside is None:
            left_out.append({"what": mount["destination"], "reason": reason})
            continue
        # What is mounted in it hides what lies there, and is a part of its own.
        others = [_plain(other["destination"]) for other in mounts]
        inside += [one[len(destination) :] for one in others if one.startswith(destination + "/")]
        only = "" if os.path.isdir(source) else os.path.basename(source)
        path = os.path.dirname(source) if only else source
        looked = survey(host, path, inside, only)
        parts.append(Part("volumes" + destination, path, inside, looked, only))
    return parts, left_out


def _unwanted(host: Host, kind: str, source: str, choice: Choice) -> str:
    if kind == "volume":
        if not choice.volumes:
            return _VOLUMES
    elif not choice.binds:
        return _BINDS
    if _files.is_in(choice.data_root, source):
        return "%s holds Docker's own data root" % source
    for directory, what in choice.apart.items():
        if _files.is_in(os.path.realpath(directory), source):
            return "%s holds %s" % (source, what)
        if _files.is_in(source, os.path.realpath(directory)):
            return "%s lies in %s" % (source, what)
    kernels = [
        one for one in host.mounts() if one.fs_type in _KERNELS and _files.is_in(one.mount_point, source)
    ]
    return "%s holds %s, which is the kernel's" % (source, kernels[0].mount_point) if kernels else ""


def _plain(destination: str) -> str:
    """A place in a container, empty where it is none; its links are not looked at."""
    return os.path.normpath("/" + destination.lstrip("/")).rstrip("/") if can_be_path(destination) else ""


def _inside(exclude: Sequence[str], destination: str) -> Optional[List[str]]:
    """What of the excluded paths lies in a volume, as paths of it; None where all of it is excluded."""
    found = []
    place = _words(destination)
    for one in exclude:
        pattern = _words(one)
        if all(re.fullmatch(in_one_name(word), name, re.DOTALL) for word, name in zip(pattern, place)):
            if len(pattern) <= len(place):
                return None
            found.append("/" + "/".join(pattern[len(place) :]))
    return found


def _words(path: str) -> List[str]:
    return [word for word in path.split("/") if word not in ("", ".")]
