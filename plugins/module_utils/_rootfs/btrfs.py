# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage driver btrfs: the subvolume `btrfs/subvolumes/<id>` is the full tree, a snapshot of the one below it
(daemon/graphdriver/btrfs of moby). PRIVATE to the collection.

Beside the methods of all such drivers it has ``snapshot``: a read-only one of ours, of a container that may change.
"""

import os
from typing import List

from .. import _ours
from .._docker import layers
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._host import Host
from .._plan import Plan
from . import layered, real_paths, subvolumes
from .driver import NOTHING, Compared, Found, Known, Opening, Request

METHODS = dict(layered.METHODS, read_only=("live", "snapshot", "directory"))
TOOLS = {"snapshot": ("btrfs",)}
# The rest of what a driver is asked for.
present, after_docker_stops, distrust = layered.present, layered.after_docker_stops, layered.distrust


def locate(root: DataRoot, container: Container, known: Known = NOTHING) -> layered.WholeLayer:
    """The subvolume of a container. Raises NotFound or BadRecord."""
    return layered.WholeLayer(image_directory(root, layered.require_layer_id(container, known)))


def image_directory(root: DataRoot, layer_id: str) -> str:
    """Where the files of an image's layer are. Raises NotFound or BadRecord."""
    directory = os.path.join(root.path, "btrfs/subvolumes", layer_id)
    real_paths.require_directory(directory)
    return directory


def open_plan(layer: layered.Layer, state: layered.State, request: Request) -> Opening:
    """From the state found to the mounted tree. Raises Refused for what cannot be had safely."""
    if request.method not in ("auto",) + METHODS[request.access]:
        layered.require_method(METHODS, request.method, request)
    if request.method != "snapshot":
        return layered.open_plan(layer, state, request)
    home = subvolumes.home(request.container.data_root)
    path = _ours.snapshot(home, request.name)
    plan = Plan().add(subvolumes.Take(layer.upper_dir, path), subvolumes.Delete(path))
    plan += layered.bound(path, request, read_only=True)
    return Opening("snapshot", plan, None, home)


def close_plan(host: Host, found: Found) -> Plan:
    """Deletes our snapshots of one container."""
    plan = Plan()
    for path in found.snapshots:
        plan.add(subvolumes.Delete(path))
    return plan


def not_in_snapshot(host: Host, root: DataRoot, container: Container) -> List[str]:
    """The subvolumes in a container's own. Raises NotFound, BadRecord or Refused."""
    return subvolumes.nested(host, locate(root, container).upper_dir)


def stored_layers(root: DataRoot) -> List[str]:
    """The ids of all layers that are there."""
    return layers.in_directory(os.path.join(root.path, "btrfs/subvolumes"))


def compared(host: Host, root: DataRoot, container: Container) -> Compared:
    """The directories that show what a container changed. Raises NotFound or BadRecord."""
    return layered.whole_compared(locate(root, container), locate(root, layered.init_layer(container)))
