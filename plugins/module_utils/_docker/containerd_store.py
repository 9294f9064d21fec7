# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshots that containerd keeps for Docker, in place of layers. PRIVATE to the collection.

meta.db says of each namespace's snapshots what the snapshotter calls them (`v1/<namespace>/snapshots/<snapshotter>/
<key>`: name, parent), and the snapshotter's own metadata.db the number of the directory that each has, and what is
below it (`v1/snapshots/<name>`: id, kind, parent); core/metadata and core/snapshots/storage of containerd. The key is
a container's id, `<id>-init` for its init layer, and the chain id for a layer of an image.
"""

import os
import re
from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Tuple, Union

from .._errors import BadRecord, NotFound, RescueError
from . import bbolt

OVERLAYFS = "overlayfs"  # the snapshotter that Docker uses unless told
NAMESPACE = "moby"
META = "io.containerd.metadata.v1.bolt/meta.db"
_KEY = re.compile(r"[a-f0-9]{64}(-init)?|sha256:[a-f0-9]{64}")
_NOT_NEEDED = (b"containers", b"leases")  # buckets, and most of what there is
_ACTIVE = b"\2"  # of a kind: it can be written
_DEPTH_LIMIT = 500  # more than any kernel takes; a loop in the records ends here


class Snapshot(NamedTuple):
    name: str  # as the snapshotter calls it
    parent: str  # the key of the one below, empty for the lowest


class Kept(NamedTuple):
    directory: str
    active: bool
    parent: str  # the name of the one below
    size: Optional[int]  # bytes, known of what is committed


class Named(NamedTuple):
    """A name of an image."""

    name: str
    digest: str  # of an index or a manifest
    labels: Dict[str, str]


class Store:
    """What one containerd has in one namespace. Each file is read once, when it is first needed; what cannot be read
    or is not there raises NotFound or BadRecord."""

    def __init__(self, root: str, namespace: str = NAMESPACE) -> None:
        self.root, self.namespace = root, namespace
        self._databases: Dict[str, Union[bbolt.Database, RescueError]] = {}
        self._kept: Dict[str, Kept] = {}
        # The buckets that are looked into for each container.
        self._buckets: Dict[Tuple[str, Tuple[bytes, ...]], Optional[bbolt.Bucket]] = {}

    def namespace_with(self, keys: FrozenSet[str]) -> str:
        """The namespace that has a snapshot with one of these keys, empty if none has."""
        meta = self._meta()
        for namespace in meta.keys(b"v1"):
            for snapshotter in meta.keys(b"v1", namespace, b"snapshots"):
                there = meta.keys(b"v1", namespace, b"snapshots", snapshotter)
                if any(_text(key) in keys for key in there):
                    return _text(namespace)
        return ""

    def snapshotter_of(self, key: str) -> str:
        """The snapshotter that has a snapshot, empty if none or more than one has."""
        meta, path = self._meta(), self._snapshots()
        found = [one for one in meta.keys(*path) if meta.bucket(*path, one, _bytes(key))]
        return _text(found[0]) if len(found) == 1 else ""

    def keys(self, snapshotter: str) -> List[str]:
        """Those of containers and of images, sorted."""
        keys = self._meta().keys(*self._snapshots(), _bytes(snapshotter))
        return [key for key in map(_text, keys) if _KEY.fullmatch(key)]

    def snapshot(self, snapshotter: str, key: str) -> Snapshot:
        every = self._bucket(self._path(META), *self._snapshots(), _bytes(snapshotter))
        found = every.bucket(_bytes(key)) if every else None
        if not found:
            raise NotFound(
                "%s has no snapshot %s of %s in the namespace %s"
                % (self._path(META), key[:80], snapshotter, self.namespace)
            )
        name = _text(found.get(b"name") or b"")
        if not name:
            raise BadRecord("%s does not say the name of the snapshot %s" % (self._path(META), key[:80]))
        return Snapshot(name, _text(found.get(b"parent") or b""))

    def below(self, snapshotter: str, key: str) -> List[str]:
        """The keys of a snapshot and of those below it, the top one first."""
        found = [key]
        while len(found) < _DEPTH_LIMIT:
            parent = self.snapshot(snapshotter, found[-1]).parent
            if not parent:
                return found
            found.append(parent)
        raise BadRecord("%s: the snapshots below %s have no end" % (self._path(META), key[:80]))

    def kept(self, snapshotter: str, key: str) -> List[Kept]:
        """What the snapshotter has of a snapshot and of those below it, the top one first."""
        name = self.snapshot(snapshotter, key).name
        found: List[Kept] = []
        while len(found) < _DEPTH_LIMIT:
            found.append(self._kept_as(snapshotter, name))
            name = found[-1].parent
            if not name:
                return found
        raise BadRecord("%s: the snapshots below %s have no end" % (self._home(snapshotter), key[:80]))

    def directory(self, snapshotter: str, key: str) -> str:
        """That of a snapshot."""
        return self._kept_as(snapshotter, self.snapshot(snapshotter, key).name).directory

    def size(self, snapshotter: str, key: str) -> Optional[int]:
        """That of the files of a snapshot alone, None where it is not known."""
        return self._kept_as(snapshotter, self.snapshot(snapshotter, key).name).size

    def images(self) -> Iterator[Named]:
        """Every name of an image, sorted."""
        there = self._bucket(self._path(META), b"v1", _bytes(self.namespace), b"images")
        for name in there or ():
            one = there.bucket(name) if there else None
            target, labels = (one.bucket(b"target"), one.bucket(b"labels")) if one else (None, None)
            pairs = [(key, labels.get(key)) for key in labels] if labels else []
            yield Named(
                _text(name),
                _text((target.get(b"digest") if target else None) or b""),
                {_text(key): _text(value) for key, value in pairs if value is not None},
            )

    def _kept_as(self, snapshotter: str, name: str) -> Kept:
        kept = self._kept.get(name)  # the layers of an image are those of all its containers
        if kept is None:
            path = os.path.join(self._home(snapshotter), "metadata.db")
            every = self._bucket(path, b"v1", b"snapshots")
            found = every.bucket(_bytes(name)) if every else None
            if not found:
                raise NotFound("%s has no snapshot %s" % (path, name[:160]))
            number = _uvarint(found.get(b"id") or b"")
            if not number:
                raise BadRecord("%s does not say the directory of the snapshot %s" % (path, name[:160]))
            directory = os.path.join(self._home(snapshotter), "snapshots", str(number))
            parent, size = _text(found.get(b"parent") or b""), _size(found.get(b"size"))
            kept = Kept(directory, found.get(b"kind") == _ACTIVE, parent, size)
            self._kept[name] = kept
        return kept

    def _meta(self) -> bbolt.Database:
        return self._database(self._path(META))

    def _database(self, path: str) -> bbolt.Database:
        if path not in self._databases:
            try:
                self._databases[path] = bbolt.read(path, _NOT_NEEDED)
            except RescueError as error:
                self._databases[path] = error
        found = self._databases[path]
        if isinstance(found, RescueError):
            raise type(found)(found.message, found.hint)
        return found

    def _bucket(self, path: str, *names: bytes) -> Optional[bbolt.Bucket]:
        if (path, names) not in self._buckets:
            self._buckets[path, names] = self._database(path).bucket(*names)
        return self._buckets[path, names]

    def _snapshots(self) -> Tuple[bytes, ...]:
        return b"v1", _bytes(self.namespace), b"snapshots"

    def _home(self, snapshotter: str) -> str:
        return self._path("io.containerd.snapshotter.v1." + snapshotter)

    def _path(self, name: str) -> str:
        return os.path.join(self.root, name)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _size(value: Optional[bytes]) -> Optional[int]:
    """A size is written as a number with a sign, which is its lowest bit; None where there is none, or a negative
    one."""
    number = _uvarint(value or b"\1")
    return None if number & 1 or not value else number >> 1


def _uvarint(value: bytes) -> int:
    """A number as encoding/binary of Go writes it, seven bits in each byte, the lowest first; 0 if it is none."""
    number = 0
    for position, byte in enumerate(value[:10]):
        number |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            return number if position == len(value) - 1 and number < 2**64 else 0
    return 0
