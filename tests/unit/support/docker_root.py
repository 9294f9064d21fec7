# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what Docker leaves on a disk, version by version."""

import hashlib
import json
import os

from . import metadata

NEVER = "0001-01-01T00:00:00Z"


def ident(word):
    """The same 64 digits for the same word."""
    return hashlib.sha256(word.encode()).hexdigest()


class DockerRoot:
    """A data root. Ids of containers and layers come from words: see ident()."""

    def __init__(self, path):
        self.path = str(path)
        os.makedirs(os.path.join(self.path, "containers"))
        os.makedirs(os.path.join(self.path, "volumes"))

    def join(self, *names):
        return os.path.join(self.path, *names)

    def write(self, content, *names):
        """Writes text, bytes, or anything else as JSON, as Docker does: without a newline at the end."""
        path = self.join(*names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content)
        with open(path, "wb") as stream:
            stream.write(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
        return path

    # -- containers ----------------------------------------------------------------------------------------

    def record(self, name, driver, **keys):
        container_id = ident(name)
        record = {
            "ID": container_id,
            "Name": "/" + name,
            "Created": "2023-05-04T10:11:12.131415161Z",
            "Driver": driver,
            "Image": "sha256:" + ident("image of " + name),
            "LogPath": self.join("containers", container_id, container_id + "-json.log"),
            "State": {
                "Running": False,
                "Paused": False,
                "Restarting": False,
                "OOMKilled": False,
                "Dead": False,
                "Pid": 0,
                "ExitCode": 137,
                "Error": "",
                "StartedAt": "2023-05-04T10:11:13Z",
                "FinishedAt": "2023-06-01T00:00:00Z",
            },
            "Config": {
                "Hostname": container_id[:12],
                "User": "999:999",
                "Env": ["PATH=/usr/bin", "MYSQL_ROOT_PASSWORD=secret"],
                "Cmd": ["mysqld"],
                "Entrypoint": ["docker-entrypoint.sh"],
                "Image": "mysql:5.7",
                "WorkingDir": "/srv",
                "Labels": {"token": "secret"},
                "ExposedPorts": {"33060/tcp": {}, "3306/tcp": {}},
            },
            "MountPoints": {},
        }
        record.update(keys)
        return record

    def container(self, name, driver="overlay2", layer=None, **keys):
        """A container since 1.10, with its mount in layerdb. Returns its id; the layer is ident("layer of <name>")."""
        container_id = ident(name)
        self.write(self.record(name, driver, **keys), "containers", container_id, "config.v2.json")
        self.write({}, "containers", container_id, "hostconfig.json")
        self.layer_mount(container_id, driver, layer or ident("layer of " + name))
        return container_id

    def old_container(self, name, driver="devicemapper", **keys):
        """A container before 1.10: config.json, and a layer of its own id."""
        keys.setdefault("Image", ident("image of " + name))
        container_id = ident(name)
        self.write(self.record(name, driver, **keys), "containers", container_id, "config.json")
        return container_id

    def layer_mount(self, container_id, driver, layer_id, parent=""):
        mounts = ("image", driver, "layerdb", "mounts", container_id)
        self.write(layer_id, *(mounts + ("mount-id",)))
        self.write(layer_id + "-init", *(mounts + ("init-id",)))
        if parent:
            self.write(parent, *(mounts + ("parent",)))

    def image(self, driver, *cache_ids):
        """The layers of an image, the top one first. Returns the chain id of its top, its own where it is alone."""
        chain = ""
        for cache_id in reversed(cache_ids):
            diff = "sha256:" + ident("diff of " + cache_id)
            below, chain = chain, "sha256:" + ident("%s %s" % (chain, diff)) if chain else diff
            directory = ("image", driver, "layerdb", "sha256", chain[len("sha256:") :])
            self.write(cache_id, *(directory + ("cache-id",)))
            self.write(diff, *(directory + ("diff",)))
            self.write("1000", *(directory + ("size",)))
            if below:
                self.write(below, *(directory + ("parent",)))
        return chain

    def image_config(self, driver, *cache_ids, tags=(), parent="", **keys):
        """An image with these layers (the top one first) and its configuration. Returns its id, the digest of that."""
        self.image(driver, *cache_ids)
        diffs = ["sha256:" + ident("diff of " + cache_id) for cache_id in reversed(cache_ids)]
        config = {
            "architecture": "amd64",
            "config": {
                "Env": ["PATH=/usr/bin", "MYSQL_ROOT_PASSWORD=secret"],
                "Cmd": ["mysqld"],
                "Entrypoint": ["docker-entrypoint.sh"],
                "WorkingDir": "/srv",
                "Labels": {"token": "secret"},
                "ExposedPorts": {"3306/tcp": {}},
                "Volumes": {"/var/lib/mysql": {}},
            },
            "created": "2023-05-04T10:11:12.131415161Z",
            "docker_version": "20.10.24",
            "history": [
                {"created": "2023-05-04T10:11:12Z", "created_by": "RUN PASSWORD=secret make %d" % number}
                for number in range(len(diffs))
            ],
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": diffs},
        }
        config.update(keys)
        text = json.dumps(config, sort_keys=True)
        image_id = "sha256:" + ident(text)
        self.write(text, "image", driver, "imagedb", "content", "sha256", ident(text))
        if parent:
            self.write(parent, "image", driver, "imagedb", "metadata", "sha256", ident(text), "parent")
        for tag in tags:
            self.tag(driver, tag, image_id)
        return image_id

    def tag(self, driver, reference, image_id):
        """Gives an image NAME:TAG or NAME@DIGEST."""
        path = self.join("image", driver, "repositories.json")
        names = {}
        if os.path.exists(path):
            with open(path) as stream:
                names = json.load(stream)["Repositories"]
        name = reference.rpartition("@")[0] or reference.rpartition(":")[0]
        names.setdefault(name, {})[reference] = image_id
        self.write({"Repositories": names}, "image", driver, "repositories.json")

    def graph_image(self, *words, **keys):
        """An image before 1.10 with these layers (words, the top one first). Returns its id, which is its layer's."""
        ids = [ident(word) for word in words]
        for position, image_id in enumerate(ids):
            record = {
                "id": image_id,
                "created": "2014-12-01T00:00:00Z",
                "architecture": "amd64",
                "os": "linux",
            }
            if ids[position + 1 :]:
                record["parent"] = ids[position + 1]
            self.write(dict(record, **keys), "graph", image_id, "json")
            self.write("0", "graph", image_id, "layersize")
        return ids[0]

    # -- devicemapper --------------------------------------------------------------------------------------

    def devices_in_one_file(self, **device_ids):
        """The devices of Docker 0.7 to 0.11, by word; base is there too."""
        devices = {"": self._device(0, initialized=True)}
        devices.update((ident(word), self._device(device_ids[word])) for word in device_ids)
        return self.write({"Devices": devices}, "devicemapper", "devicemapper", "json")

    @staticmethod
    def _device(device_id, initialized=False):
        keys = {"size": 10737418240, "transaction_id": device_id + 1, "initialized": initialized}
        return dict(keys, device_id=device_id)

    def device_file(self, layer_id, device_id, size=536870912, **keys):
        record = {
            "device_id": device_id,
            "size": size,
            "transaction_id": device_id,
            "initialized": layer_id == "base",
            "deleted": False,
        }
        record.update(keys)
        return self.write(record, "devicemapper", "metadata", layer_id)

    def loop_pool(self, superblock=metadata.RECORDED, data_bytes=32768 * 65536):
        """The two files of loop-lvm, both sparse."""
        directory = self.join("devicemapper", "devicemapper")
        os.makedirs(directory)
        for name, size, head in (
            ("data", data_bytes, b""),
            ("metadata", metadata.METADATA_BYTES, superblock),
        ):
            with open(os.path.join(directory, name), "wb") as stream:
                stream.write(head)
                stream.truncate(size)
        self.device_file("base", 1)
        state = {"next_device_id": 10, "BaseDeviceUUID": "8b6335f3", "BaseDeviceFilesystem": "xfs"}
        self.write(state, "devicemapper", "metadata", "deviceset-metadata")
        self.transaction(10, 10, ident("layer of a new container"))

    def transaction(self, transaction_id, device_id, layer_id):
        record = {"open_transaction_id": transaction_id, "device_hash": layer_id, "device_id": device_id}
        self.write(record, "devicemapper", "metadata", "transaction-metadata")

    # -- overlay2 ------------------------------------------------------------------------------------------

    def overlay_layer(self, layer_id, *lower_ids, driver="overlay2"):
        """A layer above others (the nearest first), which must be there already."""
        directory = self.join(driver, layer_id)
        os.makedirs(os.path.join(directory, "diff"))
        os.makedirs(self.join(driver, "l"), exist_ok=True)
        short = _short(layer_id)
        os.symlink("../%s/diff" % layer_id, self.join(driver, "l", short))
        self.write(short, driver, layer_id, "link")
        if lower_ids:
            os.makedirs(os.path.join(directory, "work"))
            self.write(":".join("l/" + _short(one) for one in lower_ids), driver, layer_id, "lower")

    def short_link(self, layer_id):
        """The path of a layer's short link below `overlay2`."""
        return "l/" + _short(layer_id)

    def overlay_container(self, name, *image_layers, driver="overlay2", **keys):
        """A container over an image with these layers (words, the top one first). Returns its id. fuse-overlayfs has
        the same layout."""
        ids = [ident(word) for word in image_layers]
        for position, layer_id in reversed(list(enumerate(ids))):
            if not os.path.isdir(self.join(driver, layer_id)):
                self.overlay_layer(layer_id, *ids[position + 1 :], driver=driver)
        layer = ident("layer of " + name)
        self.overlay_layer(layer + "-init", *ids, driver=driver)
        self.overlay_layer(layer, layer + "-init", *ids, driver=driver)
        container_id = self.container(name, driver=driver, **keys)
        self.layer_mount(container_id, driver, layer, self.image(driver, *ids) if ids else "")
        return container_id

    # -- other drivers -------------------------------------------------------------------------------------

    def first_overlay_container(self, name, *image_layers, **keys):
        """A container of the driver overlay over an image with these layers (words, the top one first)."""
        ids = [ident(word) for word in image_layers]
        for layer_id in ids:
            os.makedirs(self.join("overlay", layer_id, "root"), exist_ok=True)
        layer = ident("layer of " + name)
        for one in (layer + "-init", layer):
            for directory in ("upper", "work", "merged"):
                os.makedirs(self.join("overlay", one, directory))
            self.write(ids[0], "overlay", one, "lower-id")
        container_id = self.container(name, driver="overlay", **keys)
        self.layer_mount(container_id, "overlay", layer, self.image("overlay", *ids))
        return container_id

    def aufs_container(self, name, *image_layers, **keys):
        """A container of aufs over an image with these layers (words, the top one first)."""
        layer = ident("layer of " + name)
        ids = [layer, layer + "-init"] + [ident(word) for word in image_layers]
        for position, one in enumerate(ids):
            os.makedirs(self.join("aufs", "diff", one), exist_ok=True)
            os.makedirs(self.join("aufs", "mnt", one), exist_ok=True)
            self.write("".join(below + "\n" for below in ids[position + 1 :]), "aufs", "layers", one)
        container_id = self.container(name, driver="aufs", **keys)
        self.layer_mount(container_id, "aufs", layer, self.image("aufs", *ids[2:]))
        return container_id

    def whole_container(self, name, driver, *home, **keys):
        """A container of a driver that keeps each layer as a full tree below ``home``."""
        layer = ident("layer of " + name)
        for one in (ident("base"), layer + "-init", layer):
            os.makedirs(self.join(*home, one), exist_ok=True)
        container_id = self.container(name, driver=driver, **keys)
        self.layer_mount(container_id, driver, layer, self.image(driver, ident("base")))
        return container_id


def _short(layer_id):
    return ident("link of " + layer_id)[:26].upper()
