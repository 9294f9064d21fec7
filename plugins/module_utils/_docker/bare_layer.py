# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A layer that is opened for itself, without a container: of an image, an init layer, one whose record is gone.
PRIVATE to the collection."""

import hashlib
from typing import Any, Dict, List, Optional, Tuple

from .containerd_store import Store
from .containers import Container, Problem

_INIT = "-init"
_CHAIN = "sha256:"  # before those of an image in containerd


class BareLayer(Container):
    """What a storage driver wants to know of a container, said of a layer. What is below it, the driver's own files
    say, and no record of an image does."""

    def __init__(
        self, data_root: str, driver: str, layer_id: str, of_image: bool, snapshot: str = ""
    ) -> None:
        self.changes = not of_image
        self.data_root = data_root
        self.driver = driver
        self.layer_id = layer_id
        # What is open of it is told by an ID, as of a container.
        self.id = hashlib.sha256(("%s %s" % (driver, layer_id)).encode()).hexdigest()
        self.name = name_of(layer_id)
        self.init_layer_id = self.parent = ""
        self.layout = "containerd" if snapshot else "layerdb"
        self.snapshot = snapshot
        self.containerd: Optional[Store] = None
        self.record: Dict[str, Any] = {}
        self.problems: List[Problem] = []


def name_of(layer_id: str) -> str:
    """What its tree is called; known without any record, so that it can be closed without one."""
    digits, suffix = parts(layer_id)
    return "layer-" + digits[:12] + suffix


def parts(layer_id: str) -> Tuple[str, str]:
    """The digits of a layer's id, or of its beginning, and `-init` where it is an init layer's."""
    layer_id = layer_id[len(_CHAIN) :] if layer_id.startswith(_CHAIN) else layer_id
    digits = layer_id[: -len(_INIT)] if layer_id.endswith(_INIT) else layer_id
    return digits, layer_id[len(digits) :]
