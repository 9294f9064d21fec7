# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers that no container and no image has any more. PRIVATE to the collection."""

import os
from typing import Any, Dict, List

from .._docker import device_files, layers
from .._docker.bare_layer import BareLayer, parts
from .._docker.containerd_store import OVERLAYFS
from .._docker.containers import FULL_ID
from .._docker.data_root import DataRoot
from .._errors import Ambiguous, NotFound, RescueError
from .drivers import DRIVERS

_LISTED = 20


def orphans(root: DataRoot) -> List[Dict[str, Any]]:
    """Every layer of the data root whose record is gone, and devices that Docker had marked as deleted; by driver and
    id. Reads Docker's files alone."""
    found = []
    for driver in _drivers(root):
        owners = _claims(root, driver)
        deleted = _deleted(root) if driver == "devicemapper" else set()
        for layer_id in DRIVERS[driver].stored_layers(root):
            owner = owners.get(layer_id, "")
            if layer_id in deleted:
                reason = "deleted"
            elif owner and not os.path.isdir(os.path.join(root.path, "containers", owner)):
                reason = "no_container"
            elif layer_id not in owners and layer_id != device_files.BASE and not _is_volume(root, layer_id):
                reason = "no_record"
            else:
                continue
            found.append(
                {
                    "driver": driver,
                    "layer_id": layer_id,
                    "reason": reason,
                    "container": owner,
                    "storage": _storage(root, driver, layer_id),
                }
            )
    return found


def find(root: DataRoot, layer_id: str) -> BareLayer:
    """The one layer with an id, of whatever driver. Raises NotFound or Ambiguous."""
    beginning, suffix = parts(layer_id)
    there = {driver: DRIVERS[driver].stored_layers(root) for driver in _drivers(root)}
    matches = [
        (driver, one)
        for driver, ids in there.items()
        for one in ids
        if one == layer_id or (len(beginning) >= 12 and _begins(one, beginning, suffix))
    ]
    exact = [match for match in matches if match[1] == layer_id]
    matches = exact or matches
    if len(matches) > 1:
        shown = ", ".join("%s (%s)" % (one, driver) for driver, one in matches[:_LISTED])
        raise Ambiguous("layer %r is ambiguous: %s" % (layer_id[:80], shown), "Give the full id")
    if not matches:
        raise NotFound(
            "no layer %r" % layer_id[:80],
            "container_info lists a container's `layer_id`, and with `orphans: true` layers without a container",
        )
    driver, found = matches[0]
    # That of an image does not change, whoever uses it.
    of_image = found == device_files.BASE or found in _of_images(root, driver)
    return _bare(root, driver, found, of_image)


def _begins(layer_id: str, beginning: str, suffix: str) -> bool:
    digits, own_suffix = parts(layer_id)
    return digits.startswith(beginning) and own_suffix == suffix


def _drivers(root: DataRoot) -> List[str]:
    return [driver for driver in root.storage_drivers if driver in DRIVERS]


def _claims(root: DataRoot, driver: str) -> Dict[str, str]:
    """Every layer that something claims, with the container whose own it is. containerd deletes what no image and no
    container needs by itself, and an init layer may be below an image that was made of the container."""
    if driver != OVERLAYFS:
        return layers.claims(root.path, driver)
    keys = DRIVERS[driver].stored_layers(root)
    return {key: key if FULL_ID.fullmatch(key) else "" for key in keys}


def _of_images(root: DataRoot, driver: str) -> "set[str]":
    if driver != OVERLAYFS:
        return layers.image_layers(root.path, driver)
    return {key for key, owner in _claims(root, driver).items() if not owner}


def _bare(root: DataRoot, driver: str, layer_id: str, of_image: bool) -> BareLayer:
    snapshot = ""
    if driver == OVERLAYFS and root.containerd:
        snapshot = root.containerd.directory(OVERLAYFS, layer_id)
    return BareLayer(root.path, driver, layer_id, of_image, snapshot)


def _deleted(root: DataRoot) -> "set[str]":
    files, _errors = device_files.read_all(root.path)
    return {file.layer_id for file in files if file.deleted}


def _is_volume(root: DataRoot, layer_id: str) -> bool:
    """vfs/dir held the volumes of every driver before Docker 1.7."""
    return os.path.isdir(os.path.join(root.path, "volumes", layer_id))


def _storage(root: DataRoot, driver: str, layer_id: str) -> Dict[str, Any]:
    try:
        return dict(DRIVERS[driver].locate(root, _bare(root, driver, layer_id, False)).storage())
    except RescueError:
        return {}
