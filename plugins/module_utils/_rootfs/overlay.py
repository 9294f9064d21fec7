# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage driver overlay, the first one (Docker 1.4 to 23). PRIVATE to the collection.

An image layer is `overlay/<id>/root`, a full tree hard-linked with those below it; a container is
`overlay/<id>/{lower-id,upper,work,merged}` over the one tree that `lower-id` names (daemon/graphdriver/overlay of
moby). Nothing may be written into a `root`: hard links would show it in every image.
"""

import os
from typing import List

from .._docker import layers, records
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._errors import BadRecord, NotFound, RescueError
from .._host import Host
from . import kernel_overlay, layered, real_paths
from .driver import NOTHING, Compared, Known

# The rest of what a driver is asked for.
METHODS, TOOLS, open_plan, close_plan = layered.METHODS, layered.TOOLS, layered.open_plan, layered.close_plan
present, after_docker_stops, distrust = layered.present, layered.after_docker_stops, layered.distrust


def locate(root: DataRoot, container: Container, known: Known = NOTHING) -> layered.Layer:
    """The upper directory of a container and the tree below it. Raises NotFound or BadRecord."""
    layer_id = layered.require_layer_id(container, known)
    home = os.path.join(root.path, "overlay")
    directory = "%s/%s" % (home, layer_id)
    if os.path.isdir(directory + "/root"):  # the layer of an image
        return layered.WholeLayer(image_directory(root, layer_id))
    real_paths.require_directory(directory + "/upper")
    try:
        lower = [_lower(home, layer_id)]
    except RescueError as error:
        # The init layer's own lower is the tree of the image's top layer.
        found = layered.recorded_below(container, lambda one: _directory(home, one), error)
        lower = [one for one in found if one.endswith("/root")][:1]
    work, merged = directory + "/work", directory + "/merged"
    return layered.Layer(directory + "/upper", lower, work, merged)


def image_directory(root: DataRoot, layer_id: str) -> str:
    """Where the files of an image's layer are. Raises NotFound or BadRecord."""
    directory = "%s/overlay/%s/root" % (root.path, layer_id)
    real_paths.require_directory(directory)
    return directory


def stored_layers(root: DataRoot) -> List[str]:
    """The ids of all layers that are there."""
    return layers.in_directory(os.path.join(root.path, "overlay"))


def compared(host: Host, root: DataRoot, container: Container) -> Compared:
    """The directories that show what a container changed: its upper directory began as a copy of its init layer's.
    Raises NotFound or BadRecord."""
    layer, init = locate(root, container), locate(root, layered.init_layer(container))
    after, before = ([one.upper_dir] + one.lower_dirs for one in (layer, init))
    return Compared(after, before, kernel_overlay.marks(host, after))


def _directory(home: str, layer_id: str) -> str:
    directory = "%s/%s" % (home, layer_id)
    return directory + ("/root" if os.path.isdir(directory + "/root") else "/upper")


def _lower(home: str, layer_id: str) -> str:
    path = "%s/%s/lower-id" % (home, layer_id)
    named = records.read_text(path).strip()
    if not layers.LAYER_ID.fullmatch(named):
        raise BadRecord("%s holds %r, which is no layer" % (path, named[:80]))
    directory = "%s/%s/root" % (home, named)
    if not os.path.isdir(directory):
        raise NotFound("%s is missing" % directory)
    real_paths.require_directory(directory)
    return directory
