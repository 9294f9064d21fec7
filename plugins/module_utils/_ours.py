# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one rule of what belongs to us on a host: its name alone. PRIVATE to the collection.

- device-mapper names begin with `drydock-`; their UUID is `drydock-<container id>-<role>` and may end with one
  more fact (`<thin id>@<number of the pool>` of a snapshot, the fingerprint of an assembled pool);
- a tree is mounted at `/run/drydock/<name>`, on top of a *label*: an empty tmpfs whose source names the container,
  the method and the access. The option `path` is a second bind of the tree, on a label too. What
  is mounted on a label is ours, whatever its file system, what is mounted inside of that too (the container's
  volumes), and no other mount is;
- scratch directories are `<work dir>/.drydock-<name>`, named by the label;
- thin ids of ours lie in 0xffff00-0xffffff;
- btrfs snapshots of ours are the subvolumes `<data root>/btrfs/drydock-<name>`;
- a held Docker is a drop-in `/run/systemd/system/<unit>.d/drydock-<name>.conf`;
- work that goes on by itself has a directory below `/run/drydock-jobs` (_jobs.py).

All of it but the thin ids and the snapshots is gone after a reboot, and none of it needs the container's record to be
found.
"""

import os
import re
from typing import List, NamedTuple, Optional, Sequence
from urllib.parse import quote, unquote_to_bytes

from . import _mountinfo

PREFIX = "drydock-"
LOWEST_THIN_ID, HIGHEST_THIN_ID = 0xFFFF00, 0xFFFFFF

_TREE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LONGEST_TREE_NAME = 100  # device-mapper takes 127 bytes, with our prefix and the role
_UUID = re.compile(r"drydock-([a-f0-9]{64})-([a-z]+)(?:-([a-z0-9:@]+))?")


class DeviceMark(NamedTuple):
    container_id: str
    role: str
    extra: str


class Label(NamedTuple):
    container_id: str
    name: str
    method: str  # "bind" on the label of an option `path`
    access: str
    extra: str  # a work directory other than /run/drydock; for `path` "made" where the directory is ours too


# A labelled mount point of ours, with what is mounted on the label (None: a killed run left the label alone), and
# inside of that, in the order that they were mounted.
class Tree(NamedTuple):
    path: str
    label: Label
    mount: Optional[_mountinfo.Mount]
    below: Sequence[_mountinfo.Mount] = ()


def tree_name(container_id: str, name: str, unique: bool) -> str:
    """The container's name, or its ID where the name is missing, not unique or not fit for a path and a device."""
    return name if unique and is_tree_name(name) else container_id


def device_name(tree: str, role: str) -> str:
    return PREFIX + tree + "-" + role


def device_uuid(container_id: str, role: str, extra: str = "") -> str:
    return PREFIX + container_id + "-" + role + ("-" + extra if extra else "")


def read_uuid(uuid: str) -> Optional[DeviceMark]:
    """What the UUID of a device of ours says; None for a device that is not ours."""
    match = _UUID.fullmatch(uuid)
    return DeviceMark(match.group(1), match.group(2), match.group(3) or "") if match else None


def label_source(label: Label) -> str:
    """The source of a label's tmpfs; only characters that mountinfo does not escape."""
    return "drydock/" + "/".join(quote(os.fsencode(field), safe="") for field in label)


def read_label(mount: _mountinfo.Mount) -> Optional[Label]:
    fields = mount.source.split("/")
    if mount.fs_type != "tmpfs" or fields[0] != "drydock" or len(fields) != 6:
        return None
    return Label(*[os.fsdecode(unquote_to_bytes(os.fsencode(field))) for field in fields[1:]])


def trees(mounts: Sequence[_mountinfo.Mount]) -> List[Tree]:
    """Every labelled mount point, those of `path` included, in the order that they were mounted."""
    found = []
    for number, mount in enumerate(mounts):
        label = read_label(mount)
        if label is not None:
            later = list(mounts[number + 1 :])
            on_top = _mountinfo.stacked_at(later, mount.mount_point)
            below = _mountinfo.below(later, mount.mount_point)
            found.append(Tree(mount.mount_point, label, on_top[-1] if on_top else None, below))
    return found


def scratch_directory(work_dir: str, tree: str) -> str:
    return os.path.join(work_dir, ".drydock-" + tree)


def is_tree_name(name: str) -> bool:
    """Whether a tree of ours can have this name: that of a container, or its ID."""
    return bool(_TREE_NAME.fullmatch(name)) and len(name) <= _LONGEST_TREE_NAME


def snapshot(home: str, tree: str) -> str:
    return os.path.join(home, PREFIX + tree)


def drop_in(units_directory: str, unit: str, tree: str) -> str:
    return os.path.join(units_directory, unit + ".d", PREFIX + tree + ".conf")


def is_our_thin_id(device_id: int) -> bool:
    return LOWEST_THIN_ID <= device_id <= HIGHEST_THIN_ID
