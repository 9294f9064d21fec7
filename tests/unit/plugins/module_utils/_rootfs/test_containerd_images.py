# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as image_info shows them, in the store of containerd."""

import json
import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import containerd_store
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.image_facts import image_facts
from ansible_collections.drydock.rescue.tests.unit.support import bbolt_file
from ansible_collections.drydock.rescue.tests.unit.support.containerd import Containerd
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

LOW = "sha256:" + ident("diff of base")
TOP = "sha256:" + ident("%s sha256:%s" % (LOW, ident("diff of app")))


@pytest.fixture
def containerd(tmp_path):
    return Containerd(tmp_path / "var-containerd")


@pytest.fixture
def facts(host, docker):
    def read(*wanted, env=False, root=None):
        os.makedirs(docker.join("rootfs", "overlayfs"), exist_ok=True)
        found = image_facts(host, docker.path, list(wanted) or None, False, env, root)
        return dict(found, images=[json.loads(one) for one in found["images"]])

    return read


@pytest.fixture
def app(containerd):
    return containerd.image("app", "base", names=["docker.io/library/app:1"])


def codes(image):
    return [problem["code"] for problem in image["problems"]]


def test_a_whole_image(containerd, facts, app):
    found = facts()
    (image,) = found["images"]
    assert (image["id"], image["driver"], image["layout"]) == (app, "overlayfs", "containerd")
    assert (image["tags"], image["digests"]) == (["app:1"], ["app@" + app])
    assert (image["problems"], image["verified"], image["size"]) == ([], True, 8192)
    assert (image["config"]["cmd"], image["os"]) == (["sh"], "linux")
    low, top = image["layers"]
    assert (low["id"], top["id"]) == (LOW, TOP)
    assert (low["chain_id"], top["diff_id"]) == (LOW, "sha256:" + ident("diff of app"))
    assert (low["cache_id"], top["parent"], low["children"]) == (LOW, LOW, [TOP])
    assert top["path"] == containerd.directory(TOP) + "/fs"
    assert [(one["depth"], one["tags"]) for one in found["layers"]] == [(0, []), (1, ["app:1"])]
    assert [step["layer"] for step in image["history"]] == [LOW, TOP]
    assert found["problems"] == []


def test_secrets_only_on_request(facts, app):
    for secret in ("TOKEN", "RUN app"):
        assert secret not in repr(facts())
        assert secret in repr(facts(env=True))


def test_an_index_of_which_one_manifest_is_there(containerd, facts):
    digest = containerd.image("app", "base", names=["app:1"], index=["mips", "s390x"])
    (image,) = facts("app:1")["images"]
    assert (image["id"], image["verified"], len(image["layers"])) == (digest, True, 2)


def test_an_index_of_which_several_are_there(containerd, facts):
    """This machine's is shown, wherever it stands; how an image was built is no image."""
    other = containerd.image("other", architecture="mips")
    own = containerd.image("app", "base")
    proof = containerd.blob({"config": {"digest": "sha256:" + ident("none")}})
    machine = os.uname().machine.replace("x86_64", "amd64").replace("aarch64", "arm64")
    listed = [
        {"digest": proof, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
        {"digest": "../../etc"},
        "nonsense",
        {"digest": other, "platform": {"architecture": "mips"}},
        {"digest": own, "platform": {"architecture": machine}},
    ]
    containerd.name("app:1", containerd.blob({"manifests": listed}))
    containerd.name("app:2", containerd.blob({"manifests": listed[:4]}))
    assert [layer["id"] for layer in facts("app:1")["images"][0]["layers"]] == [LOW, TOP]
    assert facts("app:2")["images"][0]["architecture"] == "mips"


def test_names_parents_and_containers(containerd, docker, facts, app):
    containerd.name("registry.example/app:2", app)
    child = containerd.image("app", "base", author="Ada")
    containerd.name("moby-dangling@" + child, child, **{"org.mobyproject.image.parent": app})
    containerd.container(docker, "web", Image=app)
    by_id = {image["id"]: image for image in facts()["images"]}
    assert by_id[app]["tags"] == ["app:1", "registry.example/app:2"]
    assert by_id[app]["children"] == [child]
    assert (by_id[child]["tags"], by_id[child]["digests"], by_id[child]["parent"]) == ([], [], app)
    assert by_id[app]["used_by"] == [{"id": ident("web"), "name": "web"}]


def test_an_image_that_was_made_of_a_container(containerd, docker, facts):
    """The snapshot of its layer lies over the container's init layer."""
    containerd.image("base")
    containerd.snapshot(ident("web") + "-init", LOW)
    containerd.snapshot(TOP, ident("web") + "-init")
    containerd.image("app", "base", names=["app:1"])
    (image,) = facts()["images"]
    assert (image["verified"], [layer["parent"] for layer in image["layers"]]) == (True, ["", LOW])


def test_a_containerd_that_is_told(containerd, facts, app, tmp_path):
    shutil.move(containerd.path, str(tmp_path / "copy"))
    assert facts()["images"] == []
    assert facts(root=str(tmp_path / "copy"))["images"][0]["id"] == app


@pytest.mark.parametrize("which", ["manifest", "config"])
def test_a_file_with_another_digest(containerd, facts, app, which):
    with open(containerd.blob_path(app)) as stream:
        config = json.load(stream)["config"]["digest"]
    with open(containerd.blob_path(app if which == "manifest" else config), "a") as stream:
        stream.write(" ")
    (image,) = facts()["images"]
    assert (codes(image), image["verified"], image["tags"]) == (["hash_mismatch"], False, ["app:1"])
    assert (image["layers"], image["size"]) == ([], None)


@pytest.mark.parametrize("which", ["manifest", "config"])
def test_a_file_that_is_missing(containerd, facts, app, which):
    with open(containerd.blob_path(app)) as stream:
        config = json.load(stream)["config"]["digest"]
    path = containerd.blob_path(app if which == "manifest" else config)
    os.unlink(path)
    (image,) = facts()["images"]
    assert codes(image) == ["config_missing"]
    assert path in image["reason"]


@pytest.mark.parametrize(
    "content",
    [{}, {"config": {"digest": "../../etc"}}, {"config": 7}, {"manifests": []}, {"manifests": {}}],
)
def test_a_manifest_that_cannot_be_right(containerd, facts, app, content):
    containerd.name("bad:1", containerd.blob(content))
    by_tag = {image["tags"][0]: image for image in facts()["images"]}
    assert by_tag["app:1"]["verified"] is True
    assert codes(by_tag["bad:1"]) in (["config_broken"], ["config_missing"])


def test_an_index_in_an_index(containerd, facts, app):
    again = containerd.blob({"manifests": [{"digest": app}]})
    containerd.name("deep:1", containerd.blob({"manifests": [{"digest": again}]}))
    (image,) = facts("deep:1")["images"]
    assert codes(image) == ["config_broken"]
    assert "one more index" in image["reason"]


def test_a_name_without_a_digest(containerd, facts, app):
    containerd.name("odd:1", "sha256:../../../etc")
    assert [image["tags"] for image in facts()["images"]] == [["app:1"]]


def test_a_layer_without_a_snapshot(containerd, facts, app):
    del containerd.meta[TOP]
    containerd.write()
    (image,) = facts()["images"]
    assert codes(image) == ["layer_missing"]
    assert TOP in image["reason"]


def test_a_snapshot_over_another_than_its_chain_id_says(containerd, facts, app):
    del containerd.meta[TOP][b"parent"]
    containerd.write()
    (image,) = facts()["images"]
    assert codes(image) == ["layer_broken"]


def test_a_snapshot_that_the_snapshotter_lost(containerd, facts, app):
    shutil.rmtree(containerd.directory(TOP))
    (image,) = facts()["images"]
    assert (codes(image), image["layers"][1]["path"]) == (["storage_unknown"], None)
    containerd.kept.clear()
    containerd.write()
    (image,) = facts()["images"]
    assert (codes(image), image["size"]) == (["layer_broken", "layer_broken"], None)


def test_records_that_are_torn(containerd, facts, app):
    path = os.path.join(containerd.path, containerd_store.META)
    with open(path, "r+b") as stream:
        stream.truncate(5000)
    found = facts()
    assert (found["images"], [one["code"] for one in found["problems"]]) == ([], ["repositories_broken"])
    assert path in found["problems"][0]["message"]


def test_what_containerd_wrote(tmp_path, facts):
    """The names, digests and labels of files that a real one wrote; the images themselves were not kept."""
    root = tmp_path / "recorded"
    for place, name in (
        (containerd_store.META, "meta.db"),
        ("io.containerd.snapshotter.v1.overlayfs/metadata.db", "metadata.db"),
    ):
        os.makedirs(str((root / place).parent))
        (root / place).write_bytes(bbolt_file.recorded(name))
    found = facts(root=str(root))
    second, first = sorted(found["images"], key=lambda image: image["tags"], reverse=True)
    assert (first["tags"], second["tags"]) == (["busybox:latest"], ["second:latest"])
    assert (second["parent"], first["children"]) == (first["id"], [second["id"]])
    by_id = {layer["id"]: layer for layer in found["layers"]}
    assert by_id[bbolt_file.IMAGE]["size"] == 2072576
    assert by_id[bbolt_file.SECOND_IMAGE]["depth"] == 1
    assert by_id[bbolt_file.SECOND_IMAGE]["parent"] == bbolt_file.IMAGE
