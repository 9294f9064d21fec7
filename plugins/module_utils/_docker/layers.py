# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a container to the layer that the storage driver knows it by. PRIVATE to the collection.

Since 1.10 `image/<driver>/layerdb/mounts/<container id>/` holds `mount-id`, `init-id` and `parent` (a chain id), and
every image layer has a directory in `layerdb/sha256` (layer/filestore.go of moby). Before, a layer has the id of its
container or image, and `graph/<image id>/` says which image is below it (graph/graph.go, migrate/v1).
"""

import hashlib
import os
import re
from typing import Any, Dict, List, NamedTuple, Set

from .._errors import BadRecord, NotFound, RescueError
from . import device_files, records

# Where the drivers of directories keep the layer of a container, whatever the version of Docker.
_PLACES = {
    "aufs": "aufs/diff",
    "btrfs": "btrfs/subvolumes",
    "overlay": "overlay",
    "overlay2": "overlay2",
    "vfs": "vfs/dir",
}
IMAGE_ID = re.compile(r"[a-f0-9]{64}")
LAYER_ID = re.compile(r"[a-f0-9]{64}(-init)?")
CHAIN_ID = re.compile(r"sha256:[a-f0-9]{64}")
DEPTH_LIMIT = 500  # more than any kernel or Docker takes; a loop in the records ends here


class LayerMount(NamedTuple):
    layer_id: str
    init_layer_id: str
    parent: str
    broken: List[str]


def layer_mount(data_root: str, driver: str, container_id: str) -> LayerMount:
    """The three ids of a container under layerdb; what is missing or cannot be right is empty and named in ``broken``.
    Raises NotFound where the driver's layerdb does not know the container."""
    directory = "%s/image/%s/layerdb/mounts/%s" % (data_root, driver, container_id)
    broken: List[str] = []

    def read(name: str, pattern: "re.Pattern[str]", needed: bool) -> str:
        try:
            text = records.read_text(directory + "/" + name).strip("\n")
        except NotFound as error:
            if needed:
                broken.append(error.message)
            return ""
        except RescueError as error:
            broken.append(error.message)
            return ""
        if pattern.fullmatch(text):
            return text
        broken.append(
            "%s %s" % (os.path.join(directory, name), "holds %r" % text[:80] if text else "is empty")
        )
        return ""

    layer_id = read("mount-id", LAYER_ID, True)
    if not layer_id and not os.path.isdir(directory):
        raise NotFound("%s is missing" % directory)
    # init-id is missing for containers of Windows, parent for an image made FROM scratch.
    return LayerMount(
        layer_id,
        read("init-id", LAYER_ID, False),
        read("parent", CHAIN_ID, False),
        broken,
    )


def driver_of(data_root: str, container_id: str) -> str:
    """The driver whose layerdb knows the container, empty if none or more than one does."""
    image = os.path.join(data_root, "image")
    found = [
        driver
        for driver in records.names_in(image)
        if os.path.isdir(os.path.join(image, driver, "layerdb", "mounts", container_id))
    ]
    return found[0] if len(found) == 1 else ""


def driver_with_layer(data_root: str, layer_id: str) -> str:
    """The driver that has something of a layer, empty if none or more than one does. For a container before 1.10 whose
    record is lost: no other file says its driver."""
    found = [
        driver
        for driver, place in _PLACES.items()
        if os.path.lexists(os.path.join(data_root, place, layer_id))
    ]
    found += ["devicemapper"] if device_files.has(data_root, layer_id) else []
    return found[0] if len(found) == 1 else ""


def image_layer_ids(data_root: str, driver: str, chain_id: str) -> List[str]:
    """The driver's ids (cache-id) of an image's layers, the top one first. Raises NotFound or BadRecord."""
    found: List[str] = []
    while chain_id:
        if not CHAIN_ID.fullmatch(chain_id) or len(found) == DEPTH_LIMIT:
            raise BadRecord(
                "the image layers of %s are damaged: %r is no layer below another" % (driver, chain_id[:80])
            )
        directory = os.path.join(data_root, "image", driver, "layerdb", "sha256", chain_id[len("sha256:") :])
        found.append(records.read_text(os.path.join(directory, "cache-id")).strip())
        try:
            chain_id = records.read_text(os.path.join(directory, "parent")).strip()
        except NotFound:
            return found
        if not chain_id:
            raise BadRecord("%s is empty" % os.path.join(directory, "parent"))
    return found


def chain_id_of(below: str, diff_id: str) -> str:
    """The chain id of a layer over the one with the chain id ``below``, empty for the lowest (layer/layer.go of
    moby)."""
    if not below:
        return diff_id
    return "sha256:" + hashlib.sha256(("%s %s" % (below, diff_id)).encode("utf-8", "replace")).hexdigest()


def graph_layer_ids(data_root: str, image_id: str) -> List[str]:
    """The ids of an image's layers before 1.10, which are those of the images it is made of, the top one first. They
    are the same for every driver. Raises NotFound or BadRecord."""
    found: List[str] = []
    while image_id:
        if not IMAGE_ID.fullmatch(image_id) or len(found) == DEPTH_LIMIT:
            raise BadRecord("the images are damaged: %r is no image below another" % image_id[:80])
        found.append(image_id)
        directory = os.path.join(data_root, "graph", image_id)
        image_id = parent_image(directory, records.read_json(os.path.join(directory, "json")))
    return found


def parent_image(directory: str, record: Dict[str, Any]) -> str:
    """The image below an image, empty for the lowest: as Docker 1.10 asks it, in the order in which it believes them,
    the file `parent` (1.8 and 1.9, of images known by their content), `parent` and `parent_id` of the file `json`,
    which is ``record``."""
    try:
        parent = records.read_text(os.path.join(directory, "parent")).strip()
    except NotFound:
        parent = ""
    return (
        parent or records.text_of(record, "parent") or records.text_of(record, "parent_id").partition(":")[2]
    )


def known_layer_ids(data_root: str, driver: str) -> Set[str]:
    """Every layer id that some record claims: of containers, of their init layers and of images."""
    return set(claims(data_root, driver))


def claims(data_root: str, driver: str) -> Dict[str, str]:
    """The same, with the container whose layer layerdb says that it is; empty for all others."""
    found = dict.fromkeys(image_layers(data_root, driver), "")
    for container_id in records.names_in(os.path.join(data_root, "containers")):
        if os.path.exists(os.path.join(data_root, "containers", container_id, "config.json")):
            found.update({container_id: "", container_id + "-init": ""})
    for container_id in records.names_in(os.path.join(data_root, "image", driver, "layerdb/mounts")):
        try:
            mount = layer_mount(data_root, driver, container_id)
        except RescueError:
            continue
        found.setdefault(mount.init_layer_id, "")
        found[mount.layer_id] = container_id
    found.pop("", None)
    return found


def image_layers(data_root: str, driver: str) -> Set[str]:
    """The ids of the layers that images have."""
    known = set(records.names_in(os.path.join(data_root, "graph")))
    layerdb = os.path.join(data_root, "image", driver, "layerdb/sha256")
    for chain in records.names_in(layerdb):
        try:
            known.add(records.read_text(os.path.join(layerdb, chain, "cache-id")).strip())
        except RescueError:
            continue
    return known


def in_directory(path: str) -> List[str]:
    """The layers among the names in a directory of a driver, sorted."""
    return [name for name in records.names_in(path) if LAYER_ID.fullmatch(name)]
