# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of Docker since 1.10, a store for each storage driver. PRIVATE to the collection.

Below `image/<driver>/`: `imagedb/content/sha256/<digits>` is the configuration of an image, and its digest the image's
id; `imagedb/metadata/sha256/<digits>/parent` the image that it was made from; `repositories.json` has the names.
`layerdb/sha256/<digits of the chain id>/` holds `diff`, `parent`, `cache-id` and `size` of a layer, and
`distribution/v2metadata-by-diffid` where layers were pulled from (image/store.go, layer/filestore.go of moby).
"""

import contextlib
import hashlib
import os
import re
from typing import List

from .._errors import BadRecord, NotFound, RescueError
from . import images, layers, records
from .images import Image, Layer

_HEX = re.compile(r"[a-f0-9]{64}")
_SIZE = re.compile(r"[0-9]{1,19}")


def stores(data_root: str) -> List[images.Store]:
    """One for each driver that has a store of images here."""
    home = os.path.join(data_root, "image")
    found = [driver for driver in records.names_in(home) if _has_images(os.path.join(home, driver))]
    return [LayerdbStore(os.path.join(home, driver), driver) for driver in found]


def _has_images(home: str) -> bool:
    places = ("imagedb", "layerdb", "repositories.json")
    return any(os.path.lexists(os.path.join(home, place)) for place in places)


class LayerdbStore(images.Store):
    layout = "layerdb"

    def __init__(self, home: str, driver: str) -> None:
        super().__init__(driver)
        self.home = home
        self._sources = set(_digits_in(os.path.join(home, "distribution/v2metadata-by-diffid/sha256")))
        for digits in _digits_in(os.path.join(home, "layerdb/sha256")):
            self.layers["sha256:" + digits] = self._layer("sha256:" + digits)
        self._read_names()
        metadata = _digits_in(os.path.join(home, "imagedb/metadata/sha256"))
        for digits in metadata:
            parent = _optional(os.path.join(home, "imagedb/metadata/sha256", digits, "parent"))
            if layers.CHAIN_ID.fullmatch(parent):
                self.parents["sha256:" + digits] = parent
        there = _digits_in(os.path.join(home, "imagedb/content/sha256")) + metadata
        self.ids = sorted(self.names.keys() | {"sha256:" + digits for digits in there})

    def read(self, image_id: str) -> Image:
        image = Image(image_id)
        path = os.path.join(self.home, "imagedb/content/sha256", image_id[len("sha256:") :])
        try:
            content = records.read_bytes(path)
            digest = "sha256:" + hashlib.sha256(content).hexdigest()
            if digest != image_id:
                image.problem("hash_mismatch", "%s has the digest %s" % (path, digest))
            image.record = records.json_object(path, content.decode("utf-8", "replace"))
        except NotFound as error:
            image.problem("config_missing", error.message)
        except RescueError as error:
            image.problem("config_broken", error.message)
        else:
            image.layers = [self._known(part) for part in images.parts_of(image, path)]
            image.steps_of(image.record.get("history"))
        return image

    def _known(self, part: images.Part) -> Layer:
        layer = self.layers.get(part.chain_id)
        if not layer:
            missing = "%s is missing" % self._directory(part.chain_id)
            return Layer(part.chain_id, part.diff_id, part.below, "", None, [], missing)
        return layer if layer.diff_id else layer._replace(diff_id=part.diff_id)

    def _directory(self, chain_id: str) -> str:
        return os.path.join(self.home, "layerdb/sha256", chain_id[len("sha256:") :])

    def _layer(self, chain_id: str) -> Layer:
        directory = self._directory(chain_id)
        trouble: List[str] = []

        def read(name: str, pattern: "re.Pattern[str]", needed: bool = True) -> str:
            path = directory + "/" + name
            try:
                text = records.read_text(path).strip()
            except RescueError as error:
                if needed or not isinstance(error, NotFound):
                    trouble.append(error.message)
                return ""
            if pattern.fullmatch(text):
                return text
            trouble.append("%s %s" % (path, "holds %r" % text[:80] if text else "is empty"))
            return ""

        diff_id, parent = read("diff", layers.CHAIN_ID), read("parent", layers.CHAIN_ID, needed=False)
        cache_id, size = read("cache-id", layers.LAYER_ID), read("size", _SIZE)
        if not trouble and layers.chain_id_of(parent, diff_id) != chain_id:
            trouble.append(
                "%s: `parent` and `diff` give the chain id %s"
                % (directory, layers.chain_id_of(parent, diff_id))
            )
        known = int(size) if size else None
        return Layer(chain_id, diff_id, parent, cache_id, known, self._pulled(diff_id), "; ".join(trouble))

    def _pulled(self, diff_id: str) -> List[str]:
        """Where a layer was pulled from, as NAME@DIGEST; of no use but to pull it again."""
        digits = diff_id[len("sha256:") :]
        if digits not in self._sources:
            return []
        path = os.path.join(self.home, "distribution/v2metadata-by-diffid/sha256", digits)
        try:
            value = records.json_value(path, records.read_text(path))
        except RescueError:
            return []
        pairs = [
            (records.text_of(one, "SourceRepository"), records.text_of(one, "Digest"))
            for one in (value if isinstance(value, list) else [])
            if isinstance(one, dict)
        ]
        return sorted({"%s@%s" % pair for pair in pairs if all(pair)})

    def _read_names(self) -> None:
        path = os.path.join(self.home, "repositories.json")
        try:
            self.names = images.names_in_file(path, layers.CHAIN_ID)
        except NotFound:
            return  # nothing was ever named
        except BadRecord as error:
            self.problem("repositories_broken", path, error.message)


def _digits_in(directory: str) -> List[str]:
    return [name for name in records.names_in(directory) if _HEX.fullmatch(name)]


def _optional(path: str) -> str:
    with contextlib.suppress(RescueError):
        return records.read_text(path).strip()
    return ""
