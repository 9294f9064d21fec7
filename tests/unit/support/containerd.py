# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what containerd leaves on a disk for a Docker that keeps its images there."""

import json
import os

from . import bbolt_file
from .docker_root import ident

SNAPSHOTTER = "io.containerd.snapshotter.v1.overlayfs"
ACTIVE, COMMITTED = 2, 3


def chain(word):
    """The chain id of an image's layer."""
    return "sha256:" + ident("chain of " + word)


class Containerd:
    """Its root. Snapshots get the numbers of directories in the order in which they are made."""

    def __init__(self, path, namespace="moby"):
        self.path, self.namespace = str(path), namespace
        self.meta, self.kept, self.images = {}, {}, {}
        self.write()

    def snapshot(self, key, parent="", kind=COMMITTED):
        """Returns its directory."""
        number = len(self.kept) + 1
        name = "%s/%d/%s" % (self.namespace, number, key)
        self.meta[key] = {b"name": name.encode(), b"createdat": b"x" * 15}
        self.kept[name] = {b"id": _uvarint(number), b"kind": bytes([kind])}
        if kind == COMMITTED:
            self.kept[name][b"size"] = _uvarint(2 * 4096)  # with a sign, which is the lowest bit
        if parent:
            self.meta[key][b"parent"] = parent.encode()
            self.kept[name][b"parent"] = self.meta[parent][b"name"]
        directory = os.path.join(self.path, SNAPSHOTTER, "snapshots", str(number))
        self.make(directory, ("fs", "work") if kind == ACTIVE else ("fs",))
        return directory

    def make(self, directory, names):
        for name in names:
            os.makedirs(os.path.join(directory, name))

    def container(self, docker, name, *image_layers, init=True, **keys):
        """A container over an image with these layers (words, the top one first). Returns its id."""
        container_id = ident(name)
        record = docker.record(name, "overlayfs", **keys)
        docker.write(record, "containers", container_id, "config.v2.json")
        parent = ""
        for word in reversed(image_layers):
            if chain(word) not in self.meta:
                self.snapshot(chain(word), parent)
            parent = chain(word)
        if init:
            self.snapshot(container_id + "-init", parent)
            parent = container_id + "-init"
        self.snapshot(container_id, parent, ACTIVE)
        self.write()
        return container_id

    def image(self, *words, names=(), index=(), **keys):
        """An image of layers (words, the top one first), with the chain ids that come out of their digests. ``index``
        are other processors that it is said to be there for. Returns its digest, that of the index if there is one."""
        diffs = ["sha256:" + ident("diff of " + word) for word in reversed(words)]
        below = ""
        for diff in diffs:
            key = "sha256:" + ident("%s %s" % (below, diff)) if below else diff
            if key not in self.meta:
                self.snapshot(key, below)
            below = key
        config = {
            "architecture": os.uname().machine.replace("x86_64", "amd64").replace("aarch64", "arm64"),
            "os": "linux",
            "config": {"Cmd": ["sh"], "Env": ["TOKEN=secret"]},
            "rootfs": {"type": "layers", "diff_ids": diffs},
            "history": [{"created_by": "RUN " + word} for word in reversed(words)],
        }
        config.update(keys)
        digest = self.blob({"config": {"digest": self.blob(config)}, "layers": []})
        if index:
            others = [
                {"digest": "sha256:" + ident("manifest of " + one), "platform": {"architecture": one}}
                for one in index
            ]
            own = {"digest": digest, "platform": {"architecture": config["architecture"], "os": "linux"}}
            digest = self.blob({"manifests": [*others, own]})
        for name in names:
            self.name(name, digest)
        return digest

    def name(self, name, digest, **labels):
        target = {b"digest": digest.encode(), b"mediatype": b"application/vnd.oci.image.manifest.v1+json"}
        self.images[name.encode()] = {
            b"target": target,
            b"labels": {key.encode(): value.encode() for key, value in labels.items()},
        }
        self.write()

    def blob(self, content):
        """Writes a file of JSON. Returns its digest."""
        text = json.dumps(content)
        os.makedirs(os.path.dirname(self.blob_path("sha256:")), exist_ok=True)
        with open(self.blob_path("sha256:" + ident(text)), "w") as stream:
            stream.write(text)
        return "sha256:" + ident(text)

    def blob_path(self, digest):
        place = "io.containerd.content.v1.content/blobs/sha256"
        return os.path.join(self.path, place, digest[len("sha256:") :])

    def directory(self, key):
        number = self.meta[key][b"name"].decode().split("/")[1]
        return os.path.join(self.path, SNAPSHOTTER, "snapshots", number)

    def write(self, snapshotter="overlayfs"):
        """Both files, as the snapshots are now."""
        snapshots = {snapshotter.encode(): {key.encode(): value for key, value in self.meta.items()}}
        spaces = {b"version": b"\6", self.namespace.encode(): self.buckets(snapshots)}
        kept = {name.encode(): value for name, value in self.kept.items()}
        for place, tree in (
            ("io.containerd.metadata.v1.bolt/meta.db", {b"v1": spaces}),
            (SNAPSHOTTER + "/metadata.db", {b"v1": {b"snapshots": kept}}),
        ):
            path = os.path.join(self.path, place)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as stream:
                stream.write(bbolt_file.written(tree))

    def buckets(self, snapshots):
        """What the namespace has."""
        return {b"images": self.images, b"snapshots": snapshots}


def _uvarint(number):
    text = b""
    while number >= 0x80:
        text += bytes([number & 0x7F | 0x80])
        number >>= 7
    return text + bytes([number])
