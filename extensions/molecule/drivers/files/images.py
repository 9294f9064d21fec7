# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: images.py seen          loads and commits images of all kinds, and prints what Docker says of all that it has
images.py compare FILE ROOT PLACE    fails where the result of image_info on standard input is another than
                          that; the data root was ROOT and is at PLACE now"""

import hashlib
import io
import json
import subprocess
import sys
import tarfile

DAY = "2023-05-0%dT10:11:12.131415161Z"
CONFIG = {
    "Env": ["PATH=/bin", "TOKEN=a b\tc"],
    "Cmd": ["sh", "-c", "echo 'one'\ntwo"],
    "Entrypoint": ["/bin/start"],
    "WorkingDir": "/srv",
    "User": "7:8",
    "Labels": {"level": "1", "text": "ä \u202e"},
    "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
    "Volumes": {"/data": {}},
}


def docker(*words, stdin=None):
    return subprocess.run(("docker", *words), input=stdin, stdout=subprocess.PIPE, check=True).stdout


def archive():
    """Two images for `docker load`, one over the other, and one with no layer at all."""
    layers = [layer("file %d" % number) for number in range(3)]
    digests = ["sha256:" + hashlib.sha256(one).hexdigest() for one in layers]
    made = io.BytesIO()
    manifest = []
    with tarfile.open(fileobj=made, mode="w") as tar:
        for number, one in enumerate(layers):
            add(tar, "%d/layer.tar" % number, one)
        for tags, count in ((["registry.example:5000/team/low:1", "low:2"], 2), (["high:latest"], 3)):
            history = [
                {"created": DAY % (number + 1), "created_by": "RUN step %d" % number, "comment": "step"}
                for number in range(count)
            ]
            history.insert(1, {"created": DAY % 4, "created_by": "CMD x", "empty_layer": True})
            config = {"architecture": "amd64", "os": "linux", "created": DAY % 5, "author": "Ada"}
            config.update(config=CONFIG, history=history)
            config["rootfs"] = {"type": "layers", "diff_ids": digests[:count]}
            name = "%d.json" % count
            add(tar, name, json.dumps(config).encode())
            paths = ["%d/layer.tar" % number for number in range(count)]
            manifest.append({"Config": name, "RepoTags": tags, "Layers": paths})
        add(tar, "manifest.json", json.dumps(manifest).encode())
    return made.getvalue()


def layer(name):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        add(tar, name, name.encode() * 1000)
    return made.getvalue()


def add(tar, name, content):
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def seen():
    docker("load", stdin=archive())
    docker("commit", "--author", "Grace", "--message", "no name", "--change", "ENV A=b", "lower")
    ids = sorted(set(docker("images", "--all", "--quiet", "--no-trunc").decode().split()))
    containers = json.loads(docker("inspect", *docker("ps", "--all", "--quiet").decode().split()))
    found = []
    for image in json.loads(docker("image", "inspect", *ids)):
        words = ("--no-trunc", "--human=false", "--format", "{{json .}}", image["Id"])
        lines = docker("history", *words).decode().splitlines()
        users = sorted(one["Id"] for one in containers if one["Image"] == image["Id"])
        found.append(told(image, [json.loads(line) for line in lines], users))
    return found


def told(image, history, users):
    config = image["Config"] or {}
    in_containerd = image["GraphDriver"]["Name"] == "overlayfs"
    data = image["GraphDriver"]["Data"] or {}
    above = [data["UpperDir"]] if "UpperDir" in data else None
    return {
        "id": image["Id"],
        "driver": image["GraphDriver"]["Name"],
        "tags": sorted(image["RepoTags"]),
        "digests": sorted(image["RepoDigests"]),
        "parent": image.get("Parent", ""),
        "created": image["Created"],
        "author": image["Author"],
        "comment": image["Comment"],
        "architecture": image["Architecture"],
        "os": image["Os"],
        # Under containerd these are the version of the Docker that is asked, and the size of the compressed files.
        "docker_version": "" if in_containerd else image["DockerVersion"],
        "size": None if in_containerd else image["Size"],
        "cmd": config.get("Cmd"),
        "entrypoint": config.get("Entrypoint"),
        "working_dir": config.get("WorkingDir", ""),
        "user": config.get("User", ""),
        "env": config.get("Env") or [],
        "labels": config.get("Labels") or {},
        "exposed_ports": sorted(config.get("ExposedPorts") or {}),
        "volumes": sorted(config.get("Volumes") or {}),
        "diff_ids": image["RootFS"].get("Layers") or [],
        "history": [
            [one["CreatedAt"][:19], one["CreatedBy"], one["Comment"], int(one["Size"])] for one in history
        ],
        "used_by": users,
        # Top down; not every driver says it.
        "paths": above and above + [one for one in data.get("LowerDir", "").split(":") if one],
    }


def ours(image, root, place, with_paths):
    config = image["config"]
    keys = ("id", "driver", "tags", "digests", "parent", "created", "author", "comment", "architecture", "os")
    facts = {key: image[key] for key in keys + ("docker_version", "size")}
    facts.update((key, config[key]) for key in ("cmd", "entrypoint", "working_dir", "user", "env", "labels"))
    facts.update((key, config[key]) for key in ("exposed_ports", "volumes"))
    facts["diff_ids"] = [one["diff_id"] for one in image["layers"]]
    facts["history"] = [
        [one["created"][:19], one["created_by"].replace("\t", " "), one["comment"], one["size"]]
        for one in reversed(image["history"])
    ]
    facts["used_by"] = sorted(one["id"] for one in image["used_by"])
    facts["size"] = image["size"] if image["layout"] != "containerd" else None
    paths = [one["path"].replace(place, root) for one in reversed(image["layers"]) if one["path"]]
    facts["paths"] = paths if with_paths else None
    return facts


def compare(path, root, place):
    with open(path) as stream:
        theirs = {one["id"]: one for one in json.load(stream)}
    result = json.load(sys.stdin)
    wrong = ["problem: %s" % one for one in result["problems"]]
    # What a case before left under another driver is on the disk too, but this Docker does not show it.
    drivers = {one["driver"] for one in theirs.values()}
    found = {one["id"]: one for one in result["images"] if one["driver"] in drivers}
    if set(theirs) != set(found):
        wrong.append("Docker has the images %s, we %s" % (sorted(theirs), sorted(found)))
    for image_id in sorted(set(theirs) & set(found)):
        said = theirs[image_id]
        # What drives a terminal is escaped in results.
        said["labels"] = {key: text.replace("\u202e", "\\u202e") for key, text in said["labels"].items()}
        facts = ours(found[image_id], root, place, said["paths"] is not None)
        wrong += [
            "%s: %s is %r for Docker, for us %r" % (image_id, key, said[key], facts[key])
            for key in said
            if said[key] != facts[key]
        ]
        if not found[image_id]["verified"]:
            wrong.append("%s is not verified: %s" % (image_id, found[image_id]["reason"]))
        if found[image_id]["children"] != sorted(
            one["id"] for one in theirs.values() if one["parent"] == image_id
        ):
            wrong.append("%s: the children are %s" % (image_id, found[image_id]["children"]))
    tree = {tag: one["depth"] for one in result["layers"] for tag in one["tags"]}
    if (tree.get("low:2"), tree.get("high:latest"), tree.get("lower:latest")) != (1, 2, 1):
        wrong.append("the tree is %s" % tree)
    return "\n".join(wrong)


if __name__ == "__main__":
    if sys.argv[1] == "seen":
        json.dump(seen(), sys.stdout)
    else:
        sys.exit(compare(*sys.argv[2:]) or 0)
