# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage driver btrfs: the subvolume `btrfs/subvolumes/<id>` is the full tree, a snapshot of the one below it
(daemon/graphdriver/btrfs of moby). PRIVATE to the collection."""

import os
from typing import List

from .._docker import layers
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from . import layered, real_paths
from .driver import NOTHING, Known

# The rest of what a driver is asked for.
METHODS, TOOLS, open_plan, close_plan = layered.METHODS, layered.TOOLS, layered.open_plan, layered.close_plan
present, after_docker_stops, distrust = layered.present, layered.after_docker_stops, layered.distrust


def locate(root: DataRoot, container: Container, known: Known = NOTHING) -> layered.WholeLayer:
    """The subvolume of a container. Raises NotFound or BadRecord."""
    directory = os.path.join(root.path, "btrfs/subvolumes", layered.require_layer_id(container, known))
    real_paths.require_directory(directory)
    return layered.WholeLayer(directory)


def stored_layers(root: DataRoot) -> List[str]:
    """The ids of all layers that are there."""
    return layers.in_directory(os.path.join(root.path, "btrfs/subvolumes"))
