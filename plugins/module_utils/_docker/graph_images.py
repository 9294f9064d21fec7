# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of Docker before 1.10: each is one layer over another image. PRIVATE to the collection.

`graph/<id>/json` is the configuration, `graph/<id>/layersize` the size of its layer; all storage drivers share them,
and the layer has the image's id in each. `repositories-<driver>` has the names, `repositories` before 0.7. No digest
tells whether they are whole. Docker 1.10 left all of it in place when it took the images over, and noted them in
`.migration-v1-images.json` (graph/graph.go, graph/tags.go, migrate/v1 of moby).
"""

import os
import re
from typing import Any, Dict, List, NamedTuple, Set, Tuple

from .._errors import BadRecord, NotFound, RescueError
from . import images, layers, records
from .images import Image, Layer

_SIZE = re.compile(r"[0-9]{1,19}")
_NOTED = ".migration-v1-images.json"


class _Entry(NamedTuple):
    record: Dict[str, Any]
    layer: Layer


def stores(data_root: str, stored: Dict[str, Set[str]], migrated: Set[str]) -> List[images.Store]:
    """One for each driver that has layers of images, or names for them. ``stored`` are the layers of each driver of
    this data root. An image whose own layer is lost is one of the driver that has those below it. What Docker 1.10
    took over, and is among the ids ``migrated``, is not listed twice."""
    home = os.path.join(data_root, "graph")
    taken_over = _taken_over(data_root, migrated)
    names = [name for name in records.names_in(home) if layers.IMAGE_ID.fullmatch(name)]
    entries = {name: _entry(os.path.join(home, name), name) for name in names if name not in taken_over}
    if not entries:
        return []
    owned: Dict[str, Set[str]] = {driver: ids.intersection(entries) for driver, ids in sorted(stored.items())}
    lost = set(entries).difference(*owned.values())
    for image_id in lost:
        below = {layer.id for layer in _chain(home, entries, image_id)[0]}
        owner = [driver for driver in owned if stored.get(driver, set()) & below] or (
            list(stored) if len(stored) == 1 else [""]
        )
        owned.setdefault(owner[0], set()).add(image_id)
    found = [GraphStore(data_root, driver, entries, ids, taken_over) for driver, ids in owned.items()]
    return [store for store in found if store.ids or store.problems]


class GraphStore(images.Store):
    layout = "graph"

    def __init__(
        self, data_root: str, driver: str, entries: Dict[str, _Entry], own: Set[str], taken_over: Set[str]
    ) -> None:
        super().__init__(driver)
        self._entries = entries
        self._home = os.path.join(data_root, "graph")
        if driver:
            self._read_names(data_root)
        self.names = {one: names for one, names in self.names.items() if one not in taken_over}
        self.ids = sorted(own.union(self.names))
        self.parents = {one: self._entries[one].layer.parent for one in self.ids if one in entries}
        for image_id in self.ids:
            while image_id in entries and image_id not in self.layers:
                self.layers[image_id] = entries[image_id].layer
                image_id = entries[image_id].layer.parent

    def read(self, image_id: str) -> Image:
        image = Image(image_id)
        if image_id in self._entries:
            image.record = self._entries[image_id].record
            image.layers, broken = _chain(self._home, self._entries, image_id)
        else:
            broken = "%s is missing" % os.path.join(self._home, image_id)
        if broken:
            image.problem("config_broken" if image.record else "config_missing", broken)
        image.steps = [(_step(self._entries[layer.id].record), layer) for layer in image.layers]
        return image

    def _read_names(self, data_root: str) -> None:
        for name in ("repositories-" + self.driver, "repositories"):
            path = os.path.join(data_root, name)
            try:
                self.names = images.names_in_file(path, layers.IMAGE_ID)
                return
            except NotFound:
                continue
            except BadRecord as error:
                self.problem("repositories_broken", path, error.message)
                return


def _chain(home: str, entries: Dict[str, _Entry], image_id: str) -> Tuple[List[Layer], str]:
    """The layers of an image, the lowest first, and what ends them too early."""
    found: List[Layer] = []
    broken = ""
    while image_id and not broken:
        if image_id not in entries:
            broken = "%s is missing" % os.path.join(home, image_id)
        elif len(found) == layers.DEPTH_LIMIT:
            broken = "%s is no image below another" % image_id
        else:
            found.append(entries[image_id].layer)
            image_id = found[-1].parent
    return found[::-1], broken


def _entry(directory: str, image_id: str) -> _Entry:
    record: Dict[str, Any] = {}
    parent, trouble = "", ""
    try:
        record = records.read_json(os.path.join(directory, "json"))
        said = records.text_of(record, "id") or image_id  # 1.9 leaves it out where the content makes the id
        if said != image_id:
            raise BadRecord("%s is the image %r" % (os.path.join(directory, "json"), said[:80]))
        parent = layers.parent_image(directory, record)
        if parent and not layers.IMAGE_ID.fullmatch(parent):
            raise BadRecord("%s: %r is no image below another" % (directory, parent[:80]))
    except RescueError as error:
        parent, trouble = "", error.message
    try:
        text = records.read_text(os.path.join(directory, "layersize")).strip()
    except RescueError:
        text = ""
    size = int(text) if _SIZE.fullmatch(text) else None
    return _Entry(record, Layer(image_id, "", parent, image_id, size, [], trouble))


def _step(record: Dict[str, Any]) -> Dict[str, Any]:
    """What made a layer, in the words of a history of today."""
    made_by = records.texts_of(records.mapping_of(record, "container_config"), "Cmd")
    return dict(record, created_by=" ".join(made_by))


def _taken_over(data_root: str, migrated: Set[str]) -> Set[str]:
    try:
        noted = records.read_json(os.path.join(data_root, _NOTED))
    except RescueError:
        return set()
    return {old for old, new in noted.items() if isinstance(new, str) and new in migrated}
