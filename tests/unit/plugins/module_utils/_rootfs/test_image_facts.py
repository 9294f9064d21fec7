# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as image_info shows them, in Docker's layout since 1.10."""

import json
import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._errors import Ambiguous, NotFound
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.image_facts import image_facts
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident


@pytest.fixture
def facts(host, docker):
    def read(*wanted, **options):
        found = image_facts(
            host,
            docker.path,
            list(wanted) or None,
            options.get("missing_ok", False),
            options.get("env", False),
        )
        return dict(found, images=[json.loads(one) for one in found["images"]])

    return read


@pytest.fixture
def mysql(docker):
    """An image of overlay2 with two layers, that are there. Returns its id."""
    for layer in ("base", "mysql"):
        docker.overlay_layer(ident(layer))
    return docker.image_config("overlay2", ident("mysql"), ident("base"), tags=["mysql:5.7"])


def layer_file(docker, layer_id, *names):
    return ("image", "overlay2", "layerdb", "sha256", layer_id[len("sha256:") :], *names)


def codes(image):
    return [problem["code"] for problem in image["problems"]]


def lines(found):
    """The tree as it is printed."""
    return ["%s%s" % ("  " * one["depth"], ",".join(one["tags"]) or "-") for one in found["layers"]]


def test_a_whole_image(docker, facts, mysql):
    docker.tag("overlay2", "mysql@sha256:" + ident("manifest"), mysql)
    found = facts()
    (image,) = found["images"]
    assert (found["data_root"], found["storage_drivers"]) == (docker.path, ["overlay2"])
    assert (found["problems"], found["not_found"]) == ([], [])
    assert (image["id"], image["driver"], image["layout"]) == (mysql, "overlay2", "layerdb")
    assert (image["tags"], image["digests"]) == (["mysql:5.7"], ["mysql@sha256:" + ident("manifest")])
    assert (image["verified"], image["reason"], image["problems"]) == (True, None, [])
    assert (image["architecture"], image["os"], image["docker_version"]) == ("amd64", "linux", "20.10.24")
    assert (image["created"], image["size"]) == ("2023-05-04T10:11:12.131415161Z", 2000)
    assert image["config"] == {
        "cmd": ["mysqld"],
        "entrypoint": ["docker-entrypoint.sh"],
        "working_dir": "/srv",
        "user": "",
        "exposed_ports": ["3306/tcp"],
        "volumes": ["/var/lib/mysql"],
    }
    assert (image["parent"], image["children"], image["used_by"]) == ("", [], [])


def test_its_layers(docker, facts, mysql):
    """The lowest first; the chain ids by the rule of moby: that of the lowest is its digest."""
    low, top = facts()["images"][0]["layers"]
    diffs = ["sha256:" + ident("diff of " + ident(word)) for word in ("base", "mysql")]
    assert low == {
        "id": diffs[0],
        "diff_id": diffs[0],
        "chain_id": diffs[0],
        "parent": "",
        "children": [top["id"]],
        "cache_id": ident("base"),
        "size": 1000,
        "path": docker.join("overlay2", ident("base"), "diff"),
        "sources": [],
        "verified": True,
        "reason": None,
    }
    assert (top["diff_id"], top["parent"], top["children"]) == (diffs[1], low["id"], [])
    assert top["chain_id"] == "sha256:" + ident(" ".join(diffs))
    assert top["path"] == docker.join("overlay2", ident("mysql"), "diff")


def test_where_a_layer_was_pulled_from(docker, facts, mysql):
    known = [
        {"Digest": "sha256:1", "SourceRepository": "docker.io/library/mysql", "HMAC": ""},
        {"Digest": "sha256:2", "SourceRepository": "", "HMAC": "x"},
        "nonsense",
    ]
    place = ("image", "overlay2", "distribution", "v2metadata-by-diffid", "sha256")
    docker.write(known, *place, ident("diff of " + ident("base")))
    docker.write("{", *place, ident("diff of " + ident("mysql")))
    low, top = facts()["images"][0]["layers"]
    assert (low["sources"], top["sources"]) == (["docker.io/library/mysql@sha256:1"], [])
    assert top["verified"] is True


def test_secrets_only_on_request(facts, mysql):
    """Those of environment and labels, and those that a build left in the history."""
    for secret in ("MYSQL_ROOT_PASSWORD", "'token'", "PASSWORD=secret make"):
        assert secret not in repr(facts())
        assert secret in repr(facts(env=True))


def test_history_and_the_layers_that_it_made(docker, facts):
    docker.overlay_layer(ident("base"))
    docker.overlay_layer(ident("app"))
    steps = [
        {"created": "2020", "created_by": "ADD /", "author": "Ada", "comment": "start"},
        {"created": "2021", "created_by": "CMD sh", "empty_layer": True},
        {"created": "2022", "created_by": "RUN x", "comment": "end"},
        {"created": "2023", "created_by": "one too many"},
    ]
    docker.image_config("overlay2", ident("app"), ident("base"), history=steps)
    (image,) = facts(env=True)["images"]
    low, top = (layer["id"] for layer in image["layers"])
    assert [step["layer"] for step in image["history"]] == [low, None, top, None]
    assert [step["size"] for step in image["history"]] == [1000, 0, 1000, None]
    assert image["history"][0] == {
        "created": "2020",
        "created_by": "ADD /",
        "author": "Ada",
        "comment": "start",
        "empty_layer": False,
        "layer": low,
        "size": 1000,
    }
    assert [step["created_by"] for step in facts(env=True)["images"][0]["history"]][3] == "one too many"


def test_an_image_without_files(docker, facts):
    docker.image_config("overlay2", rootfs={"type": "layers"}, tags=["nothing:latest"])
    (image,) = facts()["images"]
    assert (image["verified"], image["layers"], image["size"]) == (True, [], 0)


def test_containers_and_images_made_from_it(docker, facts, mysql):
    child = docker.image_config("overlay2", ident("mysql"), ident("base"), parent=mysql, author="Ada")
    docker.overlay_container("db", Image=mysql)
    docker.container("other", driver="vfs", Image=mysql)
    by_id = {image["id"]: image for image in facts()["images"]}
    assert by_id[mysql]["children"] == [child]
    assert by_id[child]["parent"] == mysql
    assert by_id[mysql]["used_by"] == [{"id": ident("db"), "name": "db"}]
    assert by_id[child]["used_by"] == []
    assert by_id[child]["tags"] == []  # as `docker images -a` shows it


# -- the tree ----------------------------------------------------------------------------------------------


def test_the_tree_of_layers(docker, facts):
    for layer in ("base", "a", "b", "b1", "lone"):
        docker.overlay_layer(ident(layer))
    docker.image_config("overlay2", ident("base"), tags=["base:1", "base:latest"])
    docker.image_config("overlay2", ident("a"), ident("base"), tags=["a:1"])
    docker.image_config("overlay2", ident("b1"), ident("b"), ident("base"), tags=["b:1"])
    docker.image("overlay2", ident("lone"))
    found = facts()
    trees = sorted(lines(found)[:1] + lines(found)[-1:])  # which of the two comes first, their ids decide
    assert trees[0] == "-" or lines(found)[0] == "-"
    start = lines(found).index("base:1,base:latest")
    below = lines(found)[start + 1 : start + 4]
    assert below in (["  a:1", "  -", "    b:1"], ["  -", "    b:1", "  a:1"])
    by_tag = {one["tags"][0]: one for one in found["layers"] if one["tags"]}
    assert by_tag["b:1"]["total_size"] == 3000
    assert len(by_tag["base:1"]["children"]) == 2
    assert sorted(map(len, (one["images"] for one in found["layers"]))) == [0, 0, 1, 1, 1]


def test_the_tree_of_one_image(docker, facts, mysql):
    docker.overlay_layer(ident("other"))
    docker.image_config("overlay2", ident("other"), ident("base"), tags=["other:1"])
    assert lines(facts("mysql:5.7")) == ["-", "  mysql:5.7"]
    assert len(facts("mysql:5.7")["layers"][0]["children"]) == 2


def test_a_circle_in_damaged_records_ends(docker, facts, mysql):
    low, top = (layer["id"] for layer in facts()["images"][0]["layers"])
    docker.write(top, *layer_file(docker, low, "parent"))
    found = facts()
    assert sorted(one["id"] for one in found["layers"]) == sorted([low, top])
    assert codes(found["images"][0]) == ["layer_broken"]


# -- selection ---------------------------------------------------------------------------------------------


def test_by_names_and_ids(docker, facts, mysql):
    newer = docker.image_config("overlay2", ident("base"), tags=["mysql:8", "registry:5000/team/mysql:8"])
    digits = mysql[len("sha256:") :]
    for word in (
        mysql,
        digits,
        digits[:12],
        "sha256:" + digits[:9],
        "mysql:5.7",
        "docker.io/library/mysql:5.7",
    ):
        assert [image["id"] for image in facts(word)["images"]] == [mysql]
    assert {image["id"] for image in facts("mysql")["images"]} == {mysql, newer}
    assert [image["id"] for image in facts("registry:5000/team/mysql", newer)["images"]] == [newer]
    assert [image["id"] for image in facts("mysql:8", mysql)["images"]] == [newer, mysql]


def test_a_name_that_no_image_has(facts, mysql):
    with pytest.raises(NotFound) as failure:
        facts("mysql:5.7", "mysql:9", "../../etc")
    assert "'mysql:9', '../../etc'" in failure.value.message
    assert "mysql:5.7 (%s)" % mysql[7:19] in failure.value.hint
    found = facts("mysql:9", "mysql", missing_ok=True)
    assert (found["not_found"], len(found["images"])) == (["mysql:9"], 1)


def test_a_prefix_of_several_ids(docker, facts):
    there = [docker.image_config("overlay2", author=str(number)) for number in range(17)]
    first = [one[7] for one in there]
    twice = next(digit for digit in first if first.count(digit) > 1)
    with pytest.raises(Ambiguous):
        facts(twice, missing_ok=True)


def test_one_image_on_two_drivers(docker, facts, mysql):
    for layer in ("base", "mysql"):
        os.makedirs(docker.join("aufs", "diff", ident(layer)))
    docker.image_config("aufs", ident("mysql"), ident("base"))
    found = facts(mysql)["images"]
    assert [(image["driver"], image["tags"]) for image in found] == [
        ("aufs", []),
        ("overlay2", ["mysql:5.7"]),
    ]
    assert found[0]["layers"][1]["path"] == docker.join("aufs", "diff", ident("mysql"))


# -- where each driver has a layer -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("driver", "place"),
    [
        ("aufs", ("aufs", "diff", ident("base"))),
        ("btrfs", ("btrfs", "subvolumes", ident("base"))),
        ("fuse-overlayfs", ("fuse-overlayfs", ident("base"), "diff")),
        ("overlay", ("overlay", ident("base"), "root")),
        ("overlay2", ("overlay2", ident("base"), "diff")),
        ("vfs", ("vfs", "dir", ident("base"))),
    ],
)
def test_the_directory_of_a_layer(docker, facts, driver, place):
    docker.image_config(driver, ident("base"))
    (image,) = facts()["images"]
    assert (codes(image), image["verified"]) == (["storage_unknown"], False)
    assert image["layers"][0]["path"] is None
    assert docker.join(*place) in image["reason"]


@pytest.mark.parametrize("driver", ["aufs", "btrfs", "fuse-overlayfs", "overlay", "overlay2", "vfs"])
def test_a_link_in_the_place_of_a_layer(docker, facts, driver):
    docker.image_config(driver, ident("base"))
    (image,) = facts()["images"]
    path = image["reason"].split(" is missing")[0]
    os.makedirs(os.path.dirname(path))
    os.symlink("/etc", path)
    (image,) = facts()["images"]
    assert (codes(image), image["layers"][0]["path"]) == (["storage_unknown"], None)
    assert "is a link to /etc" in image["reason"]


def test_a_layer_of_devicemapper_has_no_directory(docker, facts):
    docker.loop_pool()
    docker.image_config("devicemapper", ident("base"))
    (image,) = facts()["images"]
    assert codes(image) == ["storage_unknown"]
    docker.device_file(ident("base"), 7)
    (image,) = facts()["images"]
    assert (image["verified"], image["layers"][0]["path"]) == (True, None)


def test_a_driver_that_is_not_read_here(docker, facts):
    docker.image_config("windowsfilter", ident("base"))
    (image,) = facts()["images"]
    assert image["verified"] is False
    assert "the storage driver windowsfilter is not read here" in image["reason"]


# -- damage ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "config_broken"),
        ('{"rootfs": {', "config_broken"),
        ("[]", "config_broken"),
        ("{}", "config_broken"),
        ('{"rootfs": {"diff_ids": ["../../etc"]}}', "config_broken"),
        ('{"rootfs": {"diff_ids": [7]}}', "config_broken"),
        ('{"rootfs": {"diff_ids": "x"}}', "config_broken"),
        ('{"rootfs": {}, "history": {}, "config": []}', "hash_mismatch"),
        (None, "config_missing"),
    ],
)
def test_a_configuration_that_is_damaged(docker, facts, mysql, content, code):
    other = docker.image_config("overlay2", ident("base"), tags=["other:1"])
    place = ("image", "overlay2", "imagedb", "content", "sha256", mysql[len("sha256:") :])
    if content is None:
        os.unlink(docker.join(*place))
    else:
        docker.write(content, *place)
    by_id = {image["id"]: image for image in facts()["images"]}
    assert by_id[other]["verified"] is True
    assert code in codes(by_id[mysql])
    assert (by_id[mysql]["tags"], by_id[mysql]["verified"]) == (["mysql:5.7"], False)
    assert by_id[mysql]["reason"] == by_id[mysql]["problems"][0]["message"]
    assert facts()["problems"] == by_id[mysql]["problems"]
    assert by_id[mysql]["size"] == (0 if code == "hash_mismatch" else None)


def test_a_configuration_with_one_bit_changed(docker, facts, mysql):
    """It is shown as it is, and its hash tells."""
    path = docker.join("image", "overlay2", "imagedb", "content", "sha256", mysql[len("sha256:") :])
    with open(path, "r+b") as stream:
        content = stream.read().replace(b"/srv", b"/usr")
        stream.seek(0)
        stream.write(content)
    (image,) = facts()["images"]
    assert (codes(image), image["config"]["working_dir"]) == (["hash_mismatch"], "/usr")
    assert len(image["layers"]) == 2


def test_a_layer_without_a_record(docker, facts, mysql):
    low, _top = (layer["id"] for layer in facts()["images"][0]["layers"])
    shutil.rmtree(docker.join(*layer_file(docker, low)))
    found = facts()
    (image,) = found["images"]
    assert (codes(image), image["size"]) == (["layer_missing"], None)
    assert image["layers"][0]["id"] == low
    assert docker.join(*layer_file(docker, low)) in image["layers"][0]["reason"]
    assert image["layers"][1]["verified"] is True
    assert lines(found) == ["-", "  mysql:5.7"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cache-id", ""),
        ("cache-id", "../../../etc"),
        ("cache-id", None),
        ("diff", "sha256:" + ident("another")),
        ("diff", None),
        ("parent", "sha256:" + ident("another")),
        ("parent", ""),
        ("parent", None),
        ("size", "-1"),
        ("size", "x" * 100000),
    ],
)
def test_a_record_of_a_layer_that_cannot_be_right(docker, facts, mysql, name, content):
    top = facts()["images"][0]["layers"][1]["id"]
    if content is None:
        os.unlink(docker.join(*layer_file(docker, top, name)))
    else:
        docker.write(content, *layer_file(docker, top, name))
    (image,) = facts()["images"]
    assert codes(image) == ["layer_broken"]
    assert (image["layers"][0]["verified"], image["layers"][1]["verified"]) == (True, False)
    assert len(image["reason"]) < 500
    assert image["layers"][1]["diff_id"].startswith("sha256:")


@pytest.mark.parametrize("content", ["", "{", '{"Repositories": 1'])
def test_names_that_are_torn(docker, facts, mysql, content):
    path = docker.write(content, "image", "overlay2", "repositories.json")
    found = facts()
    (image,) = found["images"]
    assert (image["id"], image["tags"], image["verified"]) == (mysql, [], True)
    assert [(one["code"], one["subject"]) for one in found["problems"]] == [("repositories_broken", path)]


@pytest.mark.parametrize(
    "names",
    [
        {"mysql": {"mysql:5.7": "../../etc"}},
        {"mysql": {"mysql:5.7": 7}},
        {"mysql": {"mysql:5.7": ident("no digest before it")}},
        {"mysql": ["mysql:5.7"]},
        [],
    ],
)
def test_names_of_no_image(docker, facts, mysql, names):
    docker.write({"Repositories": names}, "image", "overlay2", "repositories.json")
    found = facts()
    assert [(image["id"], image["tags"]) for image in found["images"]] == [(mysql, [])]
    assert found["problems"] == []


def test_what_is_no_image_is_not_listed(docker, facts, mysql):
    docker.write("x", "image", "overlay2", "imagedb", "content", "sha256", ".tmp-%s" % ident("x"))
    docker.write("x", "image", "overlay2", "layerdb", "sha256", ident("x") + "-1-removing", "size")
    docker.write("x", "image", "notes")
    found = facts()
    assert [image["id"] for image in found["images"]] == [mysql]
    assert len(found["layers"]) == 2


def test_more_layers_than_any_docker_makes(docker, facts):
    diffs = ["sha256:" + ident(str(number)) for number in range(600)]
    docker.image_config("overlay2", rootfs={"type": "layers", "diff_ids": diffs})
    (image,) = facts()["images"]
    assert "config_broken" in codes(image)
    assert len(image["layers"]) == 500
