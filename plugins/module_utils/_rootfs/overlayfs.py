# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""containerd's snapshotter overlayfs, as Docker's store of images uses it. PRIVATE to the collection.

`snapshots/<number>/{fs,work}`; the numbers of a container's layers are in containerd's records alone. Docker mounts
them at `<data root>/rootfs/overlayfs/<container id>`. While a container is open for writing, containerd may run: it
mounts and deletes a snapshot only when Docker asks, and what it collects as garbage is never one that the lease of a
container names, which Docker itself takes away.
"""

import os
from typing import List

from .._docker.containerd_store import OVERLAYFS, Store
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._errors import BadRecord, NotFound
from .._host import Host
from . import kernel_overlay, layered, real_paths
from .driver import NOTHING, Compared, Known

# The rest of what a driver is asked for.
METHODS, TOOLS, open_plan, close_plan = layered.METHODS, layered.TOOLS, layered.open_plan, layered.close_plan
present, after_docker_stops, distrust = layered.present, layered.after_docker_stops, layered.distrust


def locate(root: DataRoot, container: Container, known: Known = NOTHING) -> layered.Layer:
    """The layers of a container. Raises NotFound or BadRecord."""
    key = layered.require_layer_id(container, known)
    kept = _containerd(root, key).kept(OVERLAYFS, key)
    if any(one.active for one in kept[1:]):
        raise BadRecord("a snapshot below %s is one that can be written" % key)
    for one in kept:
        real_paths.require_directory(one.directory + "/fs")
    upper, lower = kept[0].directory + "/fs", [one.directory + "/fs" for one in kept[1:]]
    # That of an image has none that counts, and is not mounted there.
    work = kept[0].directory + "/work" if kept[0].active and lower else ""
    merged = os.path.join(root.path, "rootfs", OVERLAYFS, key) if kept[0].active else ""
    return layered.Layer(upper, lower, work, merged)


def image_directory(root: DataRoot, layer_id: str) -> str:
    """Where the files of an image's layer are. Raises NotFound or BadRecord."""
    directory = _containerd(root, layer_id).directory(OVERLAYFS, layer_id) + "/fs"
    real_paths.require_directory(directory)
    return directory


def stored_layers(root: DataRoot) -> List[str]:
    """The keys of all snapshots of containers and images."""
    return root.containerd.keys(OVERLAYFS) if root.containerd else []


def compared(host: Host, root: DataRoot, container: Container) -> Compared:
    """The directories that show what a container changed. Raises NotFound or BadRecord."""
    layer = locate(root, container)
    return layered.compared(layer, kernel_overlay.marks(host, [layer.upper_dir] + layer.lower_dirs))


def _containerd(root: DataRoot, key: str) -> Store:
    if not root.containerd:
        raise NotFound("no containerd was found that holds the snapshot %s" % key, "Give `containerd_root`")
    return root.containerd
