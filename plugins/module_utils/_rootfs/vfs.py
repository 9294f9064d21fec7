# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage driver vfs: `vfs/dir/<id>` is a full copy of the tree (daemon/graphdriver/vfs of moby). PRIVATE to the
collection."""

import os
from typing import List

from .._docker import layers
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._host import Host
from . import layered, real_paths
from .driver import NOTHING, Compared, Known

# The rest of what a driver is asked for.
METHODS, TOOLS, open_plan, close_plan = layered.METHODS, layered.TOOLS, layered.open_plan, layered.close_plan
present, after_docker_stops, distrust = layered.present, layered.after_docker_stops, layered.distrust


def locate(root: DataRoot, container: Container, known: Known = NOTHING) -> layered.WholeLayer:
    """The directory of a container. Raises NotFound or BadRecord."""
    return layered.WholeLayer(image_directory(root, layered.require_layer_id(container, known)))


def image_directory(root: DataRoot, layer_id: str) -> str:
    """Where the files of an image's layer are. Raises NotFound or BadRecord."""
    directory = os.path.join(root.path, "vfs/dir", layer_id)
    real_paths.require_directory(directory)
    return directory


def stored_layers(root: DataRoot) -> List[str]:
    """The ids of all layers that are there."""
    return layers.in_directory(os.path.join(root.path, "vfs/dir"))


def compared(host: Host, root: DataRoot, container: Container) -> Compared:
    """The directories that show what a container changed. Raises NotFound or BadRecord."""
    return layered.whole_compared(locate(root, container), locate(root, layered.init_layer(container)))
