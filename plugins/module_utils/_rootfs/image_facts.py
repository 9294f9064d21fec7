# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What image_info tells of every image, and of the layers that images share. PRIVATE to the collection."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

from .. import _text
from .._docker import containers, data_root, graph_images, images, layerdb_images, records
from .._docker.containerd_images import ContainerdStore
from .._docker.containerd_store import OVERLAYFS
from .._docker.images import Image, Layer, Store
from .._errors import RescueError
from .._host import Host
from .drivers import DRIVERS

Facts = Dict[str, Any]
_SEVERAL_LINES = ("config", "history")  # what of an image may have them


def image_facts(
    host: Host,
    data_root_path: Optional[str],
    wanted: Optional[Sequence[str]],
    missing_ok: bool,
    include_env: bool,
    containerd_root: Optional[str] = None,
) -> Facts:
    """The result of image_info. Raises NotFound, Ambiguous and BadRecord for a data root or an image that is not there;
    an image that is broken is listed with its problem. ``images`` are JSON, one text for each, fit for the result;
    other text is as it was found."""
    root = data_root.find(host, data_root_path, containerd_root)
    stores = _stores(root)
    chosen, not_found = images.select(stores, wanted, missing_ok)
    problems = [one._asdict() for store in stores for one in store.problems]
    shelves = {id(store): _Shelf(root, store) for store in stores}
    used_by = _containers(root)
    told: List[str] = []
    for store, image_id in chosen:
        facts = shelves[id(store)].image(image_id, include_env)
        facts["used_by"] = used_by.get((store.driver, image_id), [])
        problems += facts["problems"]
        told.append(_text.as_json(facts, _SEVERAL_LINES))
    return {
        "data_root": root.path,
        "data_root_source": root.source,
        "storage_drivers": root.storage_drivers,
        "images": told,
        "layers": [one for shelf in shelves.values() for one in shelf.tree(wanted is None)],
        "not_found": not_found,
        "problems": problems,
    }


def _stores(root: data_root.DataRoot) -> List[Store]:
    found = layerdb_images.stores(root.path)
    migrated = {image_id for store in found for image_id in store.ids}
    before_containerd = [one for one in root.storage_drivers if one in DRIVERS and one != OVERLAYFS]
    stored = {driver: set(DRIVERS[driver].stored_layers(root)) for driver in before_containerd}
    found += graph_images.stores(root.path, stored, migrated)
    if root.containerd:
        store = ContainerdStore(root.containerd)
        # A Docker that never made a container may use it too.
        found += [store] if store.ids or OVERLAYFS in root.storage_drivers else []
    return found


class _Shelf:
    """The layers of one store, each looked at once."""

    def __init__(self, root: data_root.DataRoot, store: Store) -> None:
        self.root, self.store = root, store
        self._made_from = _by_parent(store.parents)
        self._over = _by_parent({one.id: one.parent for one in store.layers.values()})
        self._seen: Dict[str, Facts] = {}
        self._tops: Dict[str, List[str]] = {}

    def image(self, image_id: str, include_env: bool) -> Facts:
        """One image; what is wrong with its layers is a problem of it."""
        store = self.store
        image = store.read(image_id)
        layers = self._layers_of(image)
        tags, digests = images.tags_and_digests(store.names.get(image_id, ()))
        return dict(
            image.facts(include_env),
            id=image_id,
            driver=store.driver,
            layout=store.layout,
            tags=tags,
            digests=digests,
            parent=store.parents.get(image_id, ""),
            children=self._made_from.get(image_id, []),
            layers=layers,
            verified=not image.problems,
            reason=image.problems[0].message if image.problems else None,
            problems=[one._asdict() for one in image.problems],
        )

    def _layers_of(self, image: Image) -> List[Facts]:
        found = []
        for layer in image.layers:
            facts = self._facts(layer)
            if not facts["verified"]:
                missing = layer.id not in self.store.layers
                code = "layer_missing" if missing else "layer_broken" if layer.trouble else "storage_unknown"
                image.problem(code, facts["reason"])
            found.append(facts)
        if image.layers:
            self._tops.setdefault(image.layers[-1].id, []).append(image.id)
        return found

    def tree(self, every: bool) -> List[Facts]:
        """The layers in the order in which a tree of them is printed: each before those over it. All of the store, or
        those of the images that were looked at."""
        if every:
            for layer in self.store.layers.values():
                self._facts(layer)
        found: List[Facts] = []
        done = set()
        lowest = [one for one in self._seen if self._seen[one]["parent"] not in self._seen]
        # After them what hangs on none of them: a circle in damaged records.
        for start in sorted(lowest) + sorted(self._seen):
            waiting: List[Tuple[str, int, Optional[int]]] = [(start, 0, 0)]
            while waiting:
                layer_id, depth, below = waiting.pop()
                if layer_id in done or layer_id not in self._seen:
                    continue
                done.add(layer_id)
                facts = self._seen[layer_id]
                size = None if below is None or facts["size"] is None else below + facts["size"]
                found.append(self._node(facts, depth, size))
                waiting += [(one, depth + 1, size) for one in reversed(facts["children"])]
        return found

    def _node(self, facts: Facts, depth: int, total_size: Optional[int]) -> Facts:
        tops = self._tops.get(facts["id"], [])
        names = [name for image_id in tops for name in self.store.names.get(image_id, ())]
        return dict(
            facts,
            driver=self.store.driver,
            layout=self.store.layout,
            depth=depth,
            total_size=total_size,
            images=tops,
            tags=images.tags_and_digests(names)[0],
        )

    def _facts(self, layer: Layer) -> Facts:
        facts = self._seen.get(layer.id)
        if facts is None:
            path, reason = self._place(layer)
            if layer.id not in self.store.layers and layer.parent:
                self._over.setdefault(layer.parent, []).append(layer.id)
            facts = self._seen[layer.id] = {
                "id": layer.id,
                "diff_id": layer.diff_id or None,
                "chain_id": layer.id if self.store.layout != "graph" else None,
                "parent": layer.parent,
                "children": self._over.setdefault(layer.id, []),
                "cache_id": layer.cache_id,
                "size": layer.size,
                "path": path,
                "sources": layer.sources,
                "verified": not reason,
                "reason": reason or None,
            }
        return facts

    def _place(self, layer: Layer) -> Tuple[Optional[str], str]:
        """Where the files of a layer are, and what is wrong with it; a word for each."""
        if not layer.cache_id:
            return None, layer.trouble
        driver = self.store.driver
        if driver not in DRIVERS:
            unknown = (
                "the storage driver %s is not read here" % driver if driver else "no storage driver has it"
            )
            return None, layer.trouble or "layer %s: %s" % (layer.cache_id, unknown)
        try:
            return DRIVERS[driver].image_directory(self.root, layer.cache_id) or None, layer.trouble
        except RescueError as error:
            return None, layer.trouble or error.message


def _by_parent(parents: Dict[str, str]) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for one in sorted(parents):
        if parents[one]:
            found.setdefault(parents[one], []).append(one)
    return found


def _containers(root: data_root.DataRoot) -> Dict[Tuple[str, str], List[Dict[str, str]]]:
    """The containers made from each image of each driver."""
    found: Dict[Tuple[str, str], List[Dict[str, str]]] = {}
    for container_id in containers.ids(root.path):
        container = containers.Container(root.path, container_id, root.containerd)
        made_from = (container.driver, records.text_of(container.record, "Image"))
        found.setdefault(made_from, []).append({"id": container.id, "name": container.name})
    return found
