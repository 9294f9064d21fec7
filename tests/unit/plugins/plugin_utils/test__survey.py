# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.plugin_utils import _survey
from ansible_collections.drydock.rescue.tests.unit.support.texts import HOSTILE, dangerous

NEVER = "0001-01-01T00:00:00Z"


def container(driver="overlay2", alive=False, finished="2023-06-01T00:00:00.5Z"):
    state = {"started_at": "2023-05-04T10:11:13Z", "finished_at": finished}
    return {"driver": driver, "alive": alive, "created": "2023-05-04T10:11:12.13Z", "state": state}


def info(*containers, **keys):
    found = {
        "data_root": "/var/lib/docker",
        "storage_drivers": sorted({one["driver"] for one in containers}),
        "containers": list(containers),
        "docker_at_least": "1.10",
        "kernel": "3.10.0",
        "problems": [],
    }
    return dict(found, **keys)


def pool(data, metadata, owner="docker"):
    return {"owner": owner, "data": {"percent": data}, "metadata": {"percent": metadata}}


def page(**hosts):
    return _survey.lines({name: survey(*said) for name, said in hosts.items()})


def survey(info, pools):
    """As the module returns it."""
    found, error = _survey.of_host(info, pools), _survey.error(info, pools)
    return dict(found, failed=True, msg=error) if error else found


def test_the_hosts_to_be_migrated_are_named_the_fullest_first():
    db, web = container("devicemapper", alive=True), container("overlay2")
    assert page(
        web7=(info(db, db, web), {"pools": [pool(41, 12.5)]}),
        web8=(info(container("aufs", finished=NEVER), problems=[{}]), {"skipped": True}),
        web9=(info(db), {"pools": [pool(10, 93.125), pool(99.9, 1, owner="lvm")]}),
        new=(info(web), {"skipped": True}),
    ) == [
        "4 hosts looked at, 3 with an old storage driver",
        "devicemapper (in no Docker after 24.0): 2 hosts, 3 containers",
        "aufs (in no Docker after 23.0): 1 host, 1 container",
        "web9: devicemapper 1 container, 1 of 1 container alive, pool data 10.0 %, pool metadata 93.1 %, "
        "Docker 1.10 or newer, kernel 3.10.0, last change 2023-06-01",
        "web7: devicemapper 2 containers, 2 of 3 containers alive, pool data 41.0 %, pool metadata 12.5 %, "
        "Docker 1.10 or newer, kernel 3.10.0, last change 2023-06-01",
        "web8: aufs 1 container, 0 of 1 container alive, Docker 1.10 or newer, kernel 3.10.0, "
        "last change 2023-05-04, 1 problem",
    ]


def test_a_driver_whose_containers_are_gone_is_left_to_be_cleaned_up():
    (line,) = page(web7=(info(storage_drivers=["overlay", "overlay2"], docker_at_least=""), {}))[2:]
    assert line.startswith("web7: overlay 0 containers, 0 of 0 containers alive, Docker before 1.4, ")
    assert line.endswith(", last change unknown")


def test_a_host_without_docker_is_no_error_and_every_other_failure_is():
    without = {"failed": True, "code": "no_data_root", "msg": "no Docker was found on this host"}
    said = page(
        bare=(without, {}),
        broken=({"failed": True, "code": "bad_record", "msg": "it is none"}, {}),
        tools=(
            info(container("devicemapper")),
            {"failed": True, "code": "missing_tools", "msg": "no dmsetup"},
        ),
        left=(info(container("devicemapper")), {"failed": True, "code": "not_found", "msg": "no pool"}),
    )
    assert said[0] == "2 hosts looked at, 2 with an old storage driver"
    assert said[2] == "without a Docker: 1 host"
    assert said[-2:] == ["broken: failed: it is none", "tools: failed: no dmsetup"]


def test_a_host_that_did_not_answer_is_no_host_without_trouble():
    hosts = {"off": {"unreachable": True, "msg": "no route to host"}, "ended": {}, "crash": {"failed": True}}
    assert _survey.lines(hosts) == [
        "0 hosts looked at, 0 with an old storage driver",
        "crash: failed: it failed and did not say why",
        "ended: failed: it was not looked at",
        "off: failed: no route to host",
    ]


def test_what_a_host_says_moves_no_terminal():
    said = info(container("devicemapper", finished=HOSTILE), kernel=HOSTILE, docker_at_least=HOSTILE)
    lines = page(**{"web7": (said, {}), "off": ({"failed": True, "msg": HOSTILE}, {}), HOSTILE: (said, {})})
    assert len(lines) == 5
    assert dangerous(lines) == []


@pytest.mark.parametrize(
    "wrong", [None, 7, "x", [7], {"containers": 7}, {"containers": [{"state": [], "driver": {}}]}]
)
def test_a_host_that_says_something_else_hides_no_other(wrong):
    pools = {"pools": [{"owner": "docker", "data": {"percent": "99"}, "metadata": []}]}
    said = page(web7=(info(container("aufs")), {}), odd=(wrong, pools), odder=(wrong, wrong))
    assert [line for line in said if line.startswith("web7: aufs 1 container")]
