# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that containerd keeps for Docker. PRIVATE to the collection.

meta.db has the names, each with the digest of an index or of a manifest (`v1/<namespace>/images/<name>`). These are
files below `io.containerd.content.v1.content/blobs/sha256`, named by their digests: an index lists a manifest for each
platform, of which those of others are often not there; a manifest names the configuration. The layers are snapshots
with their chain ids as keys (core/images and core/metadata of containerd, daemon/containerd of moby).
"""

import hashlib
import os
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from .._errors import BadRecord, NotFound, RescueError
from . import containerd_store, images, layers, records
from .images import Image, Layer

_BLOBS = "io.containerd.content.v1.content/blobs/sha256"
_NO_NAME = "moby-dangling@"  # how Docker calls an image without one
_PARENT = "org.mobyproject.image.parent"  # a label: the image that it was built from
_INIT = "-init"
_LISTED = 100  # manifests of an index that are looked at
# What Go calls a processor, by what the kernel calls it.
_MACHINES = {
    "aarch64": "arm64",
    "armv6l": "arm",
    "armv7l": "arm",
    "i386": "386",
    "i686": "386",
    "x86_64": "amd64",
}


class _Manifest(NamedTuple):
    record: Dict[str, Any]
    path: str


class ContainerdStore(images.Store):
    layout = "containerd"

    def __init__(self, store: containerd_store.Store, driver: str = containerd_store.OVERLAYFS) -> None:
        super().__init__(driver)
        self._store = store
        machine = os.uname().machine
        self._architecture = _MACHINES.get(machine, machine)
        try:
            self._read_names()
            for key in store.keys(driver):
                if layers.CHAIN_ID.fullmatch(key):
                    self.layers[key] = self._layer(key)
        except RescueError as error:
            self.problem("repositories_broken", store.root, error.message)
        self.ids = sorted(self.names)

    def read(self, image_id: str) -> Image:
        image = Image(image_id)
        try:
            manifest = self._manifest(image_id)
            config = records.mapping_of(manifest.record, "config")
            digest = _digest_of(config, manifest.path)
            image.record, path = self._blob(digest)
        except NotFound as error:
            image.problem("config_missing", error.message)
        except _WrongHash as error:
            image.problem("hash_mismatch", error.message)
        except RescueError as error:
            image.problem("config_broken", error.message)
        else:
            image.layers = [self._known(part) for part in images.parts_of(image, path)]
            image.steps_of(image.record.get("history"))
        return image

    def _read_names(self) -> None:
        for name, digest, labels in self._store.images():
            if not layers.CHAIN_ID.fullmatch(digest):
                continue
            names = self.names.setdefault(digest, [])
            if layers.CHAIN_ID.fullmatch(labels.get(_PARENT, "")):
                self.parents[digest] = labels[_PARENT]
            if not name.startswith(_NO_NAME):
                shown = images.familiar(name)
                names += {shown, "%s@%s" % (images.without_tag(shown), digest)}.difference(names)

    def _layer(self, key: str) -> Layer:
        parent, trouble = "", ""
        size: Optional[int] = None
        try:
            parent = self._store.snapshot(self.driver, key).parent
            if parent.endswith(_INIT):  # an image that was made of a container has its init layer below
                parent = self._store.snapshot(self.driver, parent).parent
            size = self._store.size(self.driver, key)
        except RescueError as error:
            trouble = error.message
        return Layer(key, "", parent, key, size, [], trouble)

    def _known(self, part: images.Part) -> Layer:
        layer = self.layers.get(part.chain_id)
        if not layer:
            missing = "%s has no snapshot %s of %s" % (self._store.root, part.chain_id, self.driver)
            return Layer(part.chain_id, part.diff_id, part.below, "", None, [], missing)
        if layer.parent != part.below and not layer.trouble:
            wrong = "the snapshot %s lies over %r, and its chain id says %r"
            said = wrong % (part.chain_id, layer.parent[:80], part.below)
            layer = layer._replace(trouble=said)
        return layer._replace(diff_id=part.diff_id)

    def _manifest(self, digest: str) -> _Manifest:
        """The manifest that a digest leads to: of those of an index that are there, this machine's, else the first.
        Raises NotFound or BadRecord."""
        record, path = self._blob(digest)
        if not isinstance(record.get("manifests"), list):
            return _Manifest(record, path)
        there: List[Tuple[bool, int, str]] = []
        for platform, one in _listed(record["manifests"]):
            if os.path.lexists(self._path(one)):
                there.append((platform != self._architecture, len(there), one))
        if not there:
            raise NotFound("%s: none of its manifests is there" % path)
        record, path = self._blob(min(there)[2])
        if isinstance(record.get("manifests"), list):
            raise BadRecord("%s is no manifest, but one more index" % path)
        return _Manifest(record, path)

    def _blob(self, digest: str) -> Tuple[Dict[str, Any], str]:
        """What is in a file of JSON, and its path. Raises NotFound or BadRecord, also where it has another digest."""
        path = self._path(digest)
        content = records.read_bytes(path)
        found = "sha256:" + hashlib.sha256(content).hexdigest()
        if found != digest:
            raise _WrongHash("%s has the digest %s" % (path, found))
        return records.json_object(path, content.decode("utf-8", "replace")), path

    def _path(self, digest: str) -> str:
        return os.path.join(self._store.root, _BLOBS, digest[len("sha256:") :])


class _WrongHash(BadRecord):
    """A file that is named by its digest has another one."""


def _listed(manifests: List[Any]) -> Iterator[Tuple[str, str]]:
    """The architecture and the digest of each manifest of an index, without those that say how it was built."""
    for one in manifests[:_LISTED]:
        if isinstance(one, dict):
            platform = records.mapping_of(one, "platform")
            digest = records.text_of(one, "digest")
            attests = "vnd.docker.reference.type" in records.mapping_of(one, "annotations")
            if layers.CHAIN_ID.fullmatch(digest) and not attests:
                yield records.text_of(platform, "architecture"), digest


def _digest_of(descriptor: Dict[str, Any], path: str) -> str:
    digest = records.text_of(descriptor, "digest")
    if not layers.CHAIN_ID.fullmatch(digest):
        raise BadRecord("%s names %r as the configuration" % (path, digest[:80]))
    return digest
