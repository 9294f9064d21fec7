# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._errors import Ambiguous, NotFound
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.container_facts import container_facts
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident


@pytest.fixture
def facts(host, docker):
    def read(*wanted, **options):
        found = container_facts(
            host,
            docker.path,
            list(wanted) or None,
            options.get("missing_ok", False),
            options.get("env", False),
            options.get("orphans", False),
            details=options.get("details", True),
        )
        return dict(found, containers=[json.loads(one) for one in found["containers"]])

    return read


def test_every_container_of_every_driver(host, docker, facts):
    docker.overlay_container("web", "base")
    docker.loop_pool()
    docker.container("db", driver="devicemapper")
    docker.device_file(ident("layer of db"), 8)
    found = facts()
    assert found["data_root"] == docker.path
    assert found["data_root_source"] == "the option data_root"
    assert found["storage_drivers"] == ["devicemapper", "overlay2"]
    storage = {one["name"]: one["storage"] for one in found["containers"]}
    assert storage["db"]["device_id"] == 8
    assert storage["web"]["upper_dir"] == docker.join("overlay2", ident("layer of web"), "diff")
    assert (found["problems"], found["not_found"]) == ([], [])


def test_a_data_root_of_docker_0_7(docker, facts):
    """Every device in one file, the layer under the container's own id."""
    docker.graph_image("a")
    docker.old_container("web", Image=ident("a"))
    docker.devices_in_one_file(web=7)
    found = facts()
    (one,) = found["containers"]
    assert (found["storage_drivers"], found["problems"]) == (["devicemapper"], [])
    assert (one["layout"], one["layer_id"], one["parent"]) == ("graph", ident("web"), ident("a"))
    assert (one["storage"]["device_id"], one["storage"]["size_bytes"]) == (7, 10737418240)
    assert one["storage"]["device_name"].endswith("-" + ident("web"))


def test_one_name_on_two_drivers(docker, facts):
    docker.overlay_container("new", Name="/web")
    docker.loop_pool()
    docker.container("old", driver="devicemapper", Name="/web")
    docker.device_file(ident("layer of old"), 8)
    assert {(one["name"], one["driver"]) for one in facts()["containers"]} == {
        ("web", "overlay2"),
        ("web", "devicemapper"),
    }
    (one,) = facts(ident("old"))["containers"]
    assert one["storage"]["device_id"] == 8
    with pytest.raises(Ambiguous):
        facts("web")


def test_the_record_says_running_and_nothing_shows_it(host, docker, facts):
    docker.overlay_container("web", State={"Running": True, "Pid": 900, "StartedAt": "2023"})
    (one,) = facts()["containers"]
    assert (one["state"]["running"], one["alive"]) == (True, False)


def test_a_container_that_is_alive(host, docker, facts):
    docker.overlay_container("web")
    host.process(7, ["dockerd", "--data-root", docker.path])
    host.process(900, ["x"], cgroup="0::/docker/%s\n" % ident("web"))
    assert facts()["containers"][0]["alive"] is True


def test_a_broken_container_is_listed_with_its_problem(docker, facts):
    docker.overlay_container("web")
    docker.write("", "containers", ident("web"), "config.v2.json")
    docker.overlay_container("db")
    found = facts()
    by_id = {one["id"]: one for one in found["containers"]}
    assert by_id[ident("db")]["problems"] == []
    (problem,) = by_id[ident("web")]["problems"]
    assert (problem["code"], problem["subject"]) == ("config_broken", ident("web"))
    assert found["problems"] == [problem]
    assert by_id[ident("web")]["driver"] == "overlay2"


def test_a_driver_that_is_not_read_here(docker, facts):
    docker.container("web", driver="windowsfilter")
    (one,) = facts()["containers"]
    assert one["storage"] == {}
    assert [problem["code"] for problem in one["problems"]] == ["driver_unsupported"]


def test_a_lost_layer(docker, facts):
    docker.overlay_container("web")
    os.rename(docker.join("overlay2", ident("layer of web")), docker.join("gone"))
    (one,) = facts()["containers"]
    assert one["storage"] == {}
    assert [problem["code"] for problem in one["problems"]] == ["storage_unknown"]


def test_selection(docker, facts):
    docker.overlay_container("web")
    docker.overlay_container("db")
    assert [one["name"] for one in facts("db")["containers"]] == ["db"]
    with pytest.raises(NotFound):
        facts("db", "none")
    found = facts("none", "db", missing_ok=True)
    assert (found["not_found"], [one["name"] for one in found["containers"]]) == (["none"], ["db"])


def test_secrets_only_on_request(docker, facts):
    docker.overlay_container("web")
    for secret in ("MYSQL_ROOT_PASSWORD", "'token'"):
        assert secret not in repr(facts())
        assert secret in repr(facts(env=True))


def test_without_details_what_is_short_and_every_problem_is_returned(docker, facts):
    docker.overlay_container("web", "base")
    docker.container("lost", driver="devicemapper")
    found = facts(details=False)
    web, lost = sorted(found["containers"], key=lambda one: one["name"], reverse=True)
    assert (web["name"], web["driver"], web["alive"]) == ("web", "overlay2", False)
    assert (web["state"]["finished_at"], lost["problems"][0]["code"]) == (
        "2023-06-01T00:00:00Z",
        "storage_unknown",
    )
    assert not {"config", "mounts", "storage", "image_id"}.intersection(web)
    assert facts()["problems"] == found["problems"]


def test_the_kernel_is_that_of_the_host(docker, facts):
    assert facts()["kernel"] == os.uname().release
