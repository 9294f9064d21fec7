# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _ours
from ansible_collections.drydock.rescue.plugins.module_utils._docker import containers
from ansible_collections.drydock.rescue.plugins.module_utils._errors import CommandFailed, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._plan import Plan
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import hold
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.alive import Alive
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

WEB, DB = ident("web"), ident("db")
SERVICE = "0::/system.slice/docker.service\n"


@pytest.fixture
def roots(docker):
    for name in ("web", "db"):
        docker.overlay_container(name, "base")
    return docker


@pytest.fixture
def units(host):
    host.unit("docker.service")
    host.unit("docker.socket")
    host.answer("systemctl daemon-reload")
    return host


def runs(host, docker, *names):
    """dockerd with these containers, as units docker.service and docker.socket."""
    host.unit("docker.service", active=True)
    host.unit("docker.socket", active=True)
    host.answer("systemctl daemon-reload")
    host.process(7, ["dockerd", "--data-root", docker.path], cgroup=SERVICE)
    for number, name in enumerate(names):
        host.process(900 + number, ["x"], cgroup="0::/system.slice/docker-%s.scope\n" % ident(name))

    def stop():
        for pid in [7] + [900 + number for number in range(len(names))]:
            host.ends(pid)
        host.unit("docker.service")
        host.unit("docker.socket")

    host.answer("systemctl stop docker.socket docker.service", does=stop)


def holding(host, root, name="web", stop_docker=False):
    found = root()
    return hold.plan(host, found, name, Alive(host, found), containers.read_all(found.path), stop_docker)


def drop_in(host, unit="docker.service", name="web"):
    return _ours.drop_in(host.units_directory, unit, name)


def read(path):
    with open(path) as stream:
        return stream.read()


# -- which units -------------------------------------------------------------------------------------------


@pytest.fixture
def unit_files(tmp_path):
    directory = tmp_path / "etc" / "usr-units"
    directory.mkdir(parents=True)
    return directory


def service(directory, name, command):
    (directory / name).write_text("[Service]\nExecStart=%s\n" % command)


def test_every_service_that_would_start_docker_on_this_root_is_held(host, units, roots, root, unit_files):
    service(unit_files, "docker-latest.service", "/usr/bin/dockerd-current --data-root " + roots.path)
    service(unit_files, "moby@b.service", "/usr/bin/dockerd $OPTIONS")
    service(unit_files, "elsewhere.service", "/usr/bin/dockerd --data-root /srv/another")
    service(unit_files, "web.service", "/usr/bin/docker start -a web")
    host.unit("docker-latest.service", triggered_by="api.socket")
    host.unit("api.socket")
    host.unit("moby@b.service", triggered_by="")
    held = [step.do.path for step in holding(host, root).plan.steps if isinstance(step.do, hold.WriteDropIn)]
    assert held == [drop_in(host, one) for one in ("docker-latest.service", "api.socket", "moby@b.service")]


# -- holding -----------------------------------------------------------------------------------------------


def test_a_running_docker_is_not_stopped_unasked(host, roots, root):
    runs(host, roots, "web", "db")
    with pytest.raises(Refused) as failure:
        holding(host, root)
    assert "Docker runs on %s (process 7)" % roots.path in failure.value.message
    assert "These containers would stop with it: " in failure.value.message
    assert "web" in failure.value.message
    assert "db" in failure.value.message
    assert "`stop_docker: true`" in failure.value.hint
    assert not os.path.exists(drop_in(host))


def test_a_docker_without_containers_says_so(host, roots, root):
    runs(host, roots)
    with pytest.raises(Refused) as failure:
        holding(host, root)
    assert "No container runs" in failure.value.message


def test_names_in_a_refusal_cannot_drive_the_terminal(host, docker, root):
    docker.overlay_container("web", Name="/\x1b[2J")
    runs(host, docker, "web")
    with pytest.raises(Refused) as failure:
        holding(host, root)
    assert str(failure.value).isprintable()


def test_a_stopped_docker_is_held_by_drop_ins(units, roots, root):
    held = holding(units, root)
    assert (held.stops_docker, held.warnings) == (False, [])
    actions = held.plan.apply(units).actions
    for unit in ("docker.service", "docker.socket"):
        text = read(drop_in(units, unit))
        assert "[Unit]\nAssertPathExists=!/\n" in text
        assert "# was active: no\n" in text
        assert "the disk of container web is open" in text
    assert actions[-1] == "systemctl daemon-reload"
    assert "systemctl stop" not in "".join(units.ran)


def test_a_running_docker_is_stopped_socket_first_when_told(host, roots, root):
    runs(host, roots, "web")
    held = holding(host, root, stop_docker=True)
    assert held.stops_docker
    held.plan.apply(host)
    assert "systemctl stop docker.socket docker.service" in host.ran
    text = read(drop_in(host))
    assert "# was active: yes\n" in text
    assert "# running: %s\n" % WEB in text


def test_the_drop_in_is_there_before_docker_is_stopped(host, roots, root):
    runs(host, roots)
    seen = []
    stop = host._answers["systemctl stop docker.socket docker.service"][1]
    host.answer(
        "systemctl stop docker.socket docker.service",
        does=lambda: (seen.append(os.path.exists(drop_in(host))), stop()),
    )
    holding(host, root, stop_docker=True).plan.apply(host)
    assert seen == [True]


def test_a_docker_that_does_not_stop_is_told_and_the_hold_taken_back(host, roots, root):
    runs(host, roots)
    host.answer("systemctl stop docker.socket docker.service")
    host.answer("systemctl start docker.service docker.socket")
    with pytest.raises(CommandFailed) as failure:
        holding(host, root, stop_docker=True).plan.apply(host)
    assert "cannot be held off: process 7" in failure.value.message
    assert not os.path.exists(drop_in(host))
    assert "systemctl start docker.service docker.socket" in host.ran


def test_a_docker_of_another_root_is_let_alone(units, roots, root, tmp_path):
    units.process(7, ["dockerd", "--data-root", str(tmp_path / "other")], cgroup=SERVICE)
    held = holding(units, root)
    assert held.plan.steps == []


def test_a_docker_outside_of_any_service_is_refused(host, roots, root):
    os.makedirs(host.units_directory)
    host.process(7, ["dockerd", "--data-root", roots.path], cgroup="0::/user.slice/session-1.scope\n")
    with pytest.raises(Refused) as failure:
        holding(host, root, stop_docker=True)
    assert "outside of any service (process 7)" in failure.value.message


def test_the_service_of_a_users_program_is_never_stopped(host, roots, root):
    os.makedirs(host.units_directory)
    cgroup = "0::/user.slice/user-1000.slice/user@1000.service/app.slice\n"
    host.process(7, ["dockerd", "--data-root", roots.path], cgroup=cgroup, uid=1000)
    with pytest.raises(Refused) as failure:
        holding(host, root, stop_docker=True)
    assert "process 7 calls itself a Docker of " + roots.path in failure.value.message
    assert os.listdir(host.units_directory) == []


def test_a_session_of_root_is_never_stopped(host, roots, root):
    os.makedirs(host.units_directory)
    cgroup = "0::/user.slice/user-0.slice/user@0.service/app.slice/docker.service\n"
    host.process(7, ["dockerd", "--data-root", roots.path], cgroup=cgroup)
    with pytest.raises(Refused) as failure:
        holding(host, root, stop_docker=True)
    assert "outside of any service (process 7)" in failure.value.message


def test_without_a_service_manager_it_goes_on_with_a_warning(host, roots, root):
    held = holding(host, root)
    assert held.plan.steps == []
    assert "No service manager" in held.warnings[0]


def test_a_running_docker_without_a_service_manager_is_refused(host, roots, root):
    host.process(7, ["dockerd", "--data-root", roots.path])
    with pytest.raises(Refused):
        holding(host, root, stop_docker=True)


def test_a_host_without_docker_units_has_nothing_to_hold(host, roots, root):
    host.unit("docker.service", loaded=False)
    host.unit("docker.socket", loaded=False)
    assert holding(host, root).plan.steps == []


def test_a_daemon_of_another_unit_is_held_there(host, roots, root):
    os.makedirs(host.units_directory)
    host.unit("docker-second.service", active=True)
    host.unit("docker-second.socket", loaded=False)
    host.process(
        7,
        ["dockerd", "--data-root", roots.path],
        cgroup="1:name=systemd:/system.slice/docker-second.service\n",
    )
    lines = holding(host, root, stop_docker=True).plan.shown()
    assert "systemctl stop docker-second.service" in lines
    assert drop_in(host, "docker-second.service") in lines[0] + lines[1]


# -- releasing ---------------------------------------------------------------------------------------------


def release(host, root, *names):
    action = hold.Release(root(), [path for name in names for path in hold.drop_ins(host, name)])
    shown = action.shown({})
    applied = Plan().add(action).apply(host)
    return action, shown, applied.actions


def test_a_docker_that_did_not_run_is_not_started(units, roots, root):
    holding(units, root).plan.apply(units)
    paths = hold.drop_ins(units, "web")
    _action, shown, actions = release(units, root, "web")
    assert shown == actions == ["rm " + path for path in paths] + ["systemctl daemon-reload"]
    assert os.listdir(units.units_directory) == []


def test_docker_and_what_ran_are_started_again(host, roots, root):
    runs(host, roots, "web")
    holding(host, root, stop_docker=True).plan.apply(host)
    host.answer("systemctl start docker.service docker.socket")
    cgroup = "0::/system.slice/docker-%s.scope\n" % WEB
    host.answer("docker start " + WEB, does=lambda: host.process(950, ["x"], cgroup=cgroup))
    action, shown, actions = release(host, root, "web")
    assert actions[-2:] == ["systemctl start docker.service docker.socket", "docker start " + WEB]
    assert shown == actions
    assert action.not_back == []


def test_what_docker_started_itself_is_not_started_again(host, roots, root):
    runs(host, roots, "web")
    holding(host, root, stop_docker=True).plan.apply(host)
    cgroup = "0::/system.slice/docker-%s.scope\n" % WEB
    host.answer(
        "systemctl start docker.service docker.socket",
        does=lambda: host.process(950, ["x"], cgroup=cgroup),
    )
    action, _shown, actions = release(host, root, "web")
    assert not [line for line in actions if line.startswith("docker")]
    assert action.not_back == []


def test_what_did_not_come_back_is_named(host, roots, root, monkeypatch):
    monkeypatch.setattr(hold, "_BACK_WITHIN", 0)
    runs(host, roots, "web", "db")
    holding(host, root, stop_docker=True).plan.apply(host)
    host.answer("systemctl start docker.service docker.socket")
    host.answer("docker start " + WEB, err="no space left", code=1)
    host.answer("docker start " + DB)
    action, _shown, _actions = release(host, root, "web")
    assert sorted(action.not_back) == ["db", "web"]


def test_who_closes_last_starts_docker(host, roots, root):
    """web was opened while Docker ran, db after: closing web passes on what it knows."""
    runs(host, roots, "web")
    holding(host, root, stop_docker=True).plan.apply(host)
    holding(host, root, "db").plan.apply(host)
    assert "# was active: no\n" in read(drop_in(host, name="db"))
    _action, _shown, actions = release(host, root, "web")
    assert not [line for line in actions if line.startswith(("systemctl start", "docker"))]
    text = read(drop_in(host, name="db"))
    assert "# was active: yes\n" in text
    assert "# running: %s\n" % WEB in text
    assert "the disk of container db is open" in text
    host.answer("systemctl start docker.service docker.socket")
    cgroup = "0::/system.slice/docker-%s.scope\n" % WEB
    host.answer("docker start " + WEB, does=lambda: host.process(950, ["x"], cgroup=cgroup))
    _action, _shown, actions = release(host, root, "db")
    assert actions[-1] == "docker start " + WEB


def test_drop_ins_of_others_are_not_ours(units, roots, root):
    holding(units, root).plan.apply(units)
    foreign = os.path.join(units.units_directory, "docker.service.d", "override.conf")
    with open(foreign, "w") as stream:
        stream.write("[Service]\n")
    assert foreign not in hold.drop_ins(units)
    release(units, root, "web")
    assert os.path.exists(foreign)
    assert hold.drop_ins(units) == []


def test_the_name_of_a_tree_is_not_a_part_of_another(units, roots, root):
    holding(units, root, "web").plan.apply(units)
    holding(units, root, "web2").plan.apply(units)
    assert [os.path.basename(path) for path in hold.drop_ins(units, "web")] == ["drydock-web.conf"] * 2
    assert len(hold.drop_ins(units)) == 4


def test_a_record_that_was_never_finished_is_no_other_hold(host, roots, root):
    runs(host, roots)
    holding(host, root, stop_docker=True).plan.apply(host)
    with open(drop_in(host, name="db") + ".new", "w"):
        pass
    host.answer("systemctl start docker.service docker.socket")
    _action, _shown, actions = release(host, root, "web")
    assert actions[-1] == "systemctl start docker.service docker.socket"
