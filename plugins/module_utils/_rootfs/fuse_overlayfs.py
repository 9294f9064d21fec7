# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage driver fuse-overlayfs (Docker 20.10 and newer): overlay2's layout below `fuse-overlayfs/`, mounted by
the program of that name (daemon/graphdriver/fuse-overlayfs of moby). PRIVATE to the collection.

What hides a file, or makes a directory opaque, may be written in ways of its own (`.wh.` names,
`user.fuseoverlayfs.opaque`): only the program itself reads all of them.
"""

import os
from typing import List

from .._docker import layers
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._host import Host
from .._tree import union
from . import fuse_mount, layered, overlay2
from .driver import NOTHING, Compared, Known

METHODS, open_plan, close_plan = layered.METHODS, layered.open_plan, layered.close_plan
TOOLS = {"merge": (fuse_mount.PROGRAM,), "direct": (fuse_mount.PROGRAM,)}
# The rest of what a driver is asked for.
present, after_docker_stops, distrust = layered.present, layered.after_docker_stops, layered.distrust


def locate(root: DataRoot, container: Container, known: Known = NOTHING) -> layered.Layer:
    """The layers of a container. Raises NotFound or BadRecord."""
    home = os.path.join(root.path, "fuse-overlayfs")
    return overlay2.layers_in(home, container, known, fuse_mount.plan, fuse_mount.FS_TYPE)


def image_directory(root: DataRoot, layer_id: str) -> str:
    """Where the files of an image's layer are. Raises NotFound or BadRecord."""
    return overlay2.directory_in(os.path.join(root.path, "fuse-overlayfs"), layer_id)


def stored_layers(root: DataRoot) -> List[str]:
    """The ids of all layers that are there."""
    return layers.in_directory(os.path.join(root.path, "fuse-overlayfs"))


def compared(host: Host, root: DataRoot, container: Container) -> Compared:
    """The directories that show what a container changed. Raises NotFound or BadRecord."""
    return layered.compared(locate(root, container), union.FUSE_OVERLAYFS)
