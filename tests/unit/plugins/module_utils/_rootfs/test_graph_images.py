# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as image_info shows them, in Docker's layout before 1.10."""

import json
import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.image_facts import image_facts
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident


@pytest.fixture
def facts(host, docker):
    def read(*wanted, env=False):
        found = image_facts(host, docker.path, list(wanted) or None, False, env)
        return dict(found, images=[json.loads(one) for one in found["images"]])

    return read


@pytest.fixture
def app(docker):
    """An image on aufs: app over base. Returns its id."""
    docker.graph_image(
        "app",
        "base",
        config={"Cmd": ["sh"], "Env": ["TOKEN=secret"]},
        container_config={"Cmd": ["/bin/sh", "-c", "make PASSWORD=secret"]},
        docker_version="1.3.2",
    )
    for word in ("app", "base"):
        os.makedirs(docker.join("aufs", "diff", ident(word)))
        docker.write("300", "graph", ident(word), "layersize")
    docker.write(
        {"Repositories": {"app": {"latest": ident("app"), "sha256:1": ident("app")}}}, "repositories-aufs"
    )
    return ident("app")


def codes(image):
    return [problem["code"] for problem in image["problems"]]


def test_an_image_and_the_one_below(docker, facts, app):
    found = facts()
    by_id = {image["id"]: image for image in found["images"]}
    assert by_id.keys() == {app, ident("base")}
    image = by_id[app]
    assert (image["layout"], image["driver"], image["docker_version"]) == ("graph", "aufs", "1.3.2")
    assert (image["tags"], image["digests"]) == (["app:latest"], ["app@sha256:1"])
    assert (image["parent"], by_id[ident("base")]["children"]) == (ident("base"), [app])
    assert (image["verified"], image["size"], image["config"]["cmd"]) == (True, 600, ["sh"])
    assert [layer["id"] for layer in image["layers"]] == [ident("base"), app]
    assert image["layers"][1]["path"] == docker.join("aufs", "diff", app)
    assert image["layers"][1]["cache_id"] == app
    assert (image["layers"][1]["chain_id"], image["layers"][1]["diff_id"]) == (None, None)
    assert [one["tags"] for one in found["layers"]] == [[], ["app:latest"]]
    assert [one["depth"] for one in found["layers"]] == [0, 1]
    assert found["problems"] == []


def test_its_history_and_secrets(facts, app):
    for secret in ("TOKEN", "PASSWORD"):
        assert secret not in repr(facts())
        assert secret in repr(facts(env=True))
    (image,) = facts("app", env=True)["images"]
    assert image["history"][1]["created_by"] == "/bin/sh -c make PASSWORD=secret"
    assert [step["layer"] for step in image["history"]] == [ident("base"), app]
    assert [step["size"] for step in image["history"]] == [300, 300]


def test_the_names_of_the_oldest_docker(docker, facts, app):
    os.rename(docker.join("repositories-aufs"), docker.join("repositories"))
    assert facts("app:latest")["images"][0]["id"] == app


def test_containers_made_from_it(docker, facts, app):
    docker.old_container("web", driver="aufs", Image=app)
    assert facts("app")["images"][0]["used_by"] == [{"id": ident("web"), "name": "web"}]


def test_the_images_of_two_drivers(docker, facts, app):
    """They share graph/, and each has the layers of its own."""
    os.makedirs(docker.join("vfs", "dir", ident("base")))
    docker.write({"Repositories": {}}, "repositories-vfs")
    listed = {(image["id"], image["driver"], image["verified"]) for image in facts()["images"]}
    assert listed == {(app, "aufs", True), (ident("base"), "aufs", True), (ident("base"), "vfs", True)}


def test_an_image_whose_layer_is_lost(docker, facts, app):
    os.rmdir(docker.join("aufs", "diff", app))
    (image,) = facts("app")["images"]
    assert codes(image) == ["storage_unknown"]
    docker.write({"Repositories": {}}, "repositories-vfs")
    docker.write({"Repositories": {}}, "repositories-aufs")
    (image,) = facts(app)["images"]
    assert (image["driver"], codes(image)) == ("aufs", ["storage_unknown"])
    os.rmdir(docker.join("aufs", "diff", ident("base")))
    (image,) = facts(app)["images"]
    assert (image["driver"], codes(image)) == ("", ["storage_unknown"] * 2)
    assert "no storage driver has it" in image["reason"]


def test_what_docker_1_10_took_over_is_listed_once(docker, facts, app):
    os.makedirs(docker.join("aufs", "diff", ident("new")))
    new = docker.image_config("aufs", ident("new"), tags=["app:latest"])
    docker.write({app: new, ident("base"): "sha256:" + ident("gone since")}, ".migration-v1-images.json")
    assert {image["id"] for image in facts()["images"]} == {new, ident("base")}


def test_the_image_below_is_lost(docker, facts, app):
    shutil.rmtree(docker.join("graph", ident("base")))
    (image,) = facts()["images"]
    assert (codes(image), image["tags"]) == (["config_broken"], ["app:latest"])
    assert docker.join("graph", ident("base")) in image["reason"]


@pytest.mark.parametrize(
    "record",
    ["", "{", {"id": ident("another")}, {"parent": "../../etc"}, {"parent": ident("app")}],
)
def test_a_record_that_is_damaged(docker, facts, app, record):
    docker.write(record, "graph", ident("app"), "json")
    by_id = {image["id"]: image for image in facts()["images"]}
    assert by_id[ident("base")]["verified"] is True
    assert by_id[app]["verified"] is False
    assert len(by_id[app]["layers"]) <= 500


def test_two_images_over_each_other(docker, facts, app):
    docker.write({"id": ident("base"), "parent": app}, "graph", ident("base"), "json")
    found = facts()
    assert [codes(image) for image in found["images"]] == [["config_broken"]] * 2
    assert sorted(one["id"] for one in found["layers"]) == sorted([app, ident("base")])


def test_a_name_of_an_image_that_is_lost(docker, facts, app):
    docker.write({"Repositories": {"x": {"1": ident("lost")}}}, "repositories-aufs")
    (image,) = facts("x:1")["images"]
    assert (codes(image), image["verified"]) == (["config_missing"], False)


def test_names_that_are_torn(docker, facts, app):
    path = docker.write('{"Repos', "repositories-aufs")
    found = facts()
    assert [(one["code"], one["subject"]) for one in found["problems"]] == [("repositories_broken", path)]
    assert len(found["images"]) == 2
