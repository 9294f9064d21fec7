# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volumes of a container on overlay2 in its open tree, on a host that remembers what was mounted."""

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import settings
from ansible_collections.drydock.rescue.plugins.module_utils._errors import CommandFailed, Refused
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import closing, opening
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.driver import NOTHING
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident
from ansible_collections.drydock.rescue.tests.unit.support.host import tree_of
from ansible_collections.drydock.rescue.tests.unit.support.texts import HOSTILE, dangerous

READ_ONLY = ("bind", "ro", "nosuid", "nodev", "noexec")
WRITABLE = ("bind", "nosuid", "nodev", "noexec")


def local(name, **keys):
    return dict({"Name": name, "Driver": "local", "Type": "volume", "Source": "", "RW": True}, **keys)


def bind(source, **keys):
    return dict({"Type": "bind", "Source": str(source), "RW": True}, **keys)


@pytest.fixture
def web(host, docker):
    """A container with these mounts; its volumes are there, and its layer has the mount points in host.layer."""

    def make(name="web", layer=None, **points):
        points = {destination.replace("__", "/"): point for destination, point in points.items()}
        docker.overlay_container(name, "base", MountPoints=points)
        for destination, point in points.items():
            if point.get("Type") == "volume":
                docker.write("x", "volumes", point["Name"], "_data", "file")
            host.layer.append(destination.strip("/") + "/")
        return docker

    return make


@pytest.fixture
def opened(host, docker):
    def make(container="web", check_mode=False, **changes):
        wanted = opening.Wanted(
            container, "", docker.path, NOTHING, None, "read_only", "auto", None, 2**30, False, True
        )
        return opening.open_rootfs(host, wanted._replace(**changes), check_mode)

    return make


@pytest.fixture
def held(host):
    host.unit("docker.service")
    host.unit("docker.socket", loaded=False)
    host.answer("systemctl daemon-reload")


def points(host):
    return [mount.mount_point for mount in host.mounts() if mount.mount_point != "/"]


def data(docker, name):
    return docker.join("volumes", name, "_data")


def only(result):
    (mount,) = result.mounts
    assert mount["shown"] == (mount["reason"] is None)
    return mount


# -- what is shown -----------------------------------------------------------------------------------------


def test_a_volume_is_bound_read_only_and_taken_away_again(host, opened, web):
    docker = web(__data=local("db"))
    before = tree_of(docker.path)
    path = host.run_directory + "/web"
    shown = opened(check_mode=True)
    result = opened()
    assert host.bound == [(data(docker, "db"), path + "/data", READ_ONLY)]
    assert result.actions[-3:] == shown.actions[-3:]
    assert result.actions[-3:] == [
        "mount --make-rprivate " + path,
        "mount --make-rshared " + path,
        "mount --make-private -o bind,ro,nosuid,nodev,noexec %s %s/data" % (data(docker, "db"), path),
    ]
    assert only(result) == only(shown)
    assert only(result) == {
        "destination": "/data",
        "source": data(docker, "db"),
        "recorded_source": "",
        "type": "volume",
        "name": "db",
        "driver": "local",
        "read_write": True,
        "available": True,
        "shown": True,
        "read_only": True,
        "reason": None,
    }
    closed = closing.close_rootfs(host, "web", docker.path, False)
    assert closed.actions[:2] == ["umount %s/data" % path, "umount " + path]
    assert (points(host), os.path.exists(host.run_directory)) == ([], False)
    assert tree_of(docker.path) == before


def test_what_lies_outside_is_told_without_being_asked_for(host, opened, web):
    web(__data=local("db"))
    result = opened(volumes=False)
    assert (host.bound, result.warnings) == ([], [])
    mount = only(result)
    assert (mount["available"], mount["shown"], mount["read_only"]) == (True, False, None)
    assert mount["reason"] == "it was not asked for (`volumes: true`)"


def test_volumes_in_volumes_come_after_what_they_lie_in(host, opened, web):
    docker = web(__data__z=local("inner"), __data=local("outer"), __data__z__deep=local("deep"))
    path = host.run_directory + "/web"
    opened()
    assert [target for _source, target, _options in host.bound] == [
        path + "/data",
        path + "/data/z",
        path + "/data/z/deep",
    ]
    closing.close_rootfs(host, "web", docker.path, False)
    assert host.unmounted[:4] == [path + "/data/z/deep", path + "/data/z", path + "/data", path]


def test_a_file_is_bound_on_a_file(host, opened, web, tmp_path):
    (tmp_path / "conf").write_text("x")
    web(__etc__conf=bind(tmp_path / "conf"))
    host.layer[:] = ["etc/conf"]
    assert only(opened())["shown"]
    assert host.bound[0][1] == host.run_directory + "/web/etc/conf"


def test_a_destination_is_resolved_as_the_container_would(host, opened, web, monkeypatch):
    web(__var__run__app=local("db"))
    host.layer[:] = ["run/app/", "var/"]
    mount = host.mount

    def with_link(source, target, fs_type, options):
        mount(source, target, fs_type, options)
        if fs_type == "overlay":
            os.symlink("/run", target + "/var/run")

    monkeypatch.setattr(host, "mount", with_link)
    result = opened()
    assert host.bound[0][1] == host.run_directory + "/web/run/app"
    assert result.actions[-1].endswith("/web/run/app")
    assert only(result)["shown"]


# -- what is not shown -------------------------------------------------------------------------------------


def refused(result, reason):
    assert reason in only(result)["reason"]
    assert any(reason in line for line in result.warnings)


def test_no_mount_point_is_made_in_a_layer(host, opened, web):
    web(__data=local("db"))
    host.layer.clear()
    for access in ("read_only", "scratch"):
        result = opened(access=access)
        refused(result, "the container's layer has no mount point for it, and none is made")
        assert host.bound == []
        assert not [line for line in result.actions if "bind" in line]
        closing.close_everything(host, False)


def test_a_volume_on_a_file_and_a_file_on_a_directory(host, opened, web, tmp_path):
    (tmp_path / "conf").write_text("x")
    web(__data=local("db"))
    host.layer[:] = ["data"]
    refused(opened(), "it is a directory, and its mount point in the layer a file")
    closing.close_everything(host, False)
    web("other", __conf=bind(tmp_path / "conf"))
    host.layer[:] = ["conf/"]
    refused(opened("other"), "it is a file, and its mount point in the layer a directory")


@pytest.mark.parametrize("destination", ["", "/", "/..", "/../..", "//", "/a/..", "/\0", "/\ud800"])
def test_a_destination_that_is_no_place(host, opened, web, destination):
    web(**{destination: local("db")})
    host.layer[:] = ["x/"]
    assert "is not a path below /" in only(opened())["reason"]
    assert host.bound == []


@pytest.mark.parametrize("destination", ["/../../../../../../etc", "etc", "//etc/."])
def test_a_destination_that_climbs_stays_inside(host, opened, web, destination):
    web(**{destination: local("db")})
    host.layer[:] = ["etc/"]
    opened()
    assert [target for _source, target, _options in host.bound] == [host.run_directory + "/web/etc"]


@pytest.mark.parametrize("target", ["/etc", "../../../../../../../../etc", "/", "link", "/data"])
def test_a_link_never_leads_out_of_the_tree(host, opened, web, monkeypatch, target):
    web(__data=local("db"))
    host.layer[:] = ["x/"]
    mount = host.mount

    def with_link(source, place, fs_type, options):
        mount(source, place, fs_type, options)
        if fs_type == "overlay":
            os.symlink(target, place + "/data")

    monkeypatch.setattr(host, "mount", with_link)
    result = opened()
    assert host.bound == []
    assert only(result)["reason"]
    assert result.warnings


def test_two_at_one_place(host, opened, web):
    docker = web(__a__b=local("first"), __x=local("second"))
    host.layer[:] = ["a/b/"]
    docker.overlay_container(
        "web2", MountPoints={"/a/b": local("first"), "/a//b/": local("second"), "/a": local("second")}
    )
    mounts = opened("web2").mounts
    assert {one["destination"]: one["shown"] for one in mounts} == {"/a": True, "/a/b": False, "/a//b/": True}
    (reason,) = [one["reason"] for one in mounts if not one["shown"]]
    assert "another volume is shown there" in reason


def test_a_volume_that_is_not_mounted(host, opened, web):
    docker = web(__data=local("db"))
    docker.write({"MountType": "nfs", "MountDevice": ":/x"}, "volumes", "db", "opts.json")
    refused(opened(), "which is not mounted here now")
    assert host.bound == []


def test_a_bind_that_is_a_link_to_the_kernels(host, opened, web, tmp_path):
    os.symlink("/proc", str(tmp_path / "link"))
    web(__data=bind(tmp_path / "link"))
    refused(opened(), "/proc is the kernel's, not data")
    assert host.bound == []


def test_the_disk_of_another_machine_shows_nothing_of_this_host(host, opened, web, tmp_path, monkeypatch):
    """Also not once something of that disk is mounted here, as by ourselves."""
    logs = str(tmp_path / "docker" / "containers" / ident("web"))
    docker = web(__data=local("db"), __etc=bind("/etc"), __logs=bind(logs))
    monkeypatch.setattr(settings, "DEFAULT_DATA_ROOT", str(tmp_path / "other"))
    for _again in range(2):
        result = opened()
        assert {one["destination"]: (one["source"], one["shown"]) for one in result.mounts} == {
            "/data": (data(docker, "db"), True),
            "/etc": ("", False),
            "/logs": (logs, True),
        }


def test_a_tmpfs_is_no_loss(opened, web):
    web(__data={"Type": "tmpfs"})
    result = opened()
    assert only(result)["reason"] == "a tmpfs has no data on a disk"
    assert result.warnings == []


def test_the_way_to_a_mount_point_that_changes_just_then(host, opened, web, monkeypatch):
    web(__data=local("db"))

    def changed(*_arguments):
        raise OSError(40, "Too many levels of symbolic links")

    monkeypatch.setattr(host, "bind_inside", changed)
    refused(opened(), "the way to it changed just now")


def test_what_is_mounted_inside_of_a_bind_is_said(host, opened, web, tmp_path):
    os.makedirs(str(tmp_path / "srv" / "disk"))
    host.sees_mount("90 22 8:1 / %s/srv/disk rw - ext4 /dev/sda1 rw" % tmp_path)
    web(__srv=bind(tmp_path / "srv"))
    (warning,) = opened().warnings
    assert warning == "bind at /srv is shown without what is mounted inside of it: %s/srv/disk" % tmp_path


@pytest.mark.parametrize("text", [HOSTILE, *HOSTILE])
def test_hostile_names_in_what_is_told(opened, web, text):
    web(**{"/x" + text.replace("__", "_"): local("db", Driver="a" + text)})
    result = opened()
    assert dangerous(result.mounts) == dangerous(result.warnings) == dangerous(result.actions) == []


# -- failures and runs that were killed --------------------------------------------------------------------


def test_a_failure_takes_all_back(host, opened, web):
    web(__a=local("one"), __b=local("two"))
    host.mount_errors[host.run_directory + "/web/b"] = CommandFailed("no")
    with pytest.raises(CommandFailed) as failure:
        opened()
    assert failure.value.undone[0] == "umount %s/web/a" % host.run_directory
    assert (points(host), os.path.exists(host.run_directory)) == ([], False)


# the run directory, the tree, its label, the merge, its peer group, two volumes
@pytest.mark.parametrize("steps", range(4, 8))
@pytest.mark.parametrize("way", ["unmounted", "cleanup", "mounted"])
def test_what_a_killed_run_left(host, opened, web, killed_after, steps, way):
    docker = web(__a=local("one"), __a__b=local("two"))
    killed_after(steps, opened)
    if way == "unmounted":
        closing.close_rootfs(host, "web", None, False)
    elif way == "cleanup":
        closing.close_everything(host, False)
    else:
        assert [one["shown"] for one in opened().mounts] == [True, True]
        assert len(host.bound) == 2
        closing.close_rootfs(host, "web", docker.path, False)
    assert (points(host), os.path.exists(host.run_directory)) == ([], False)


def test_a_volume_that_went_by_itself(host, opened, web, monkeypatch):
    """A living container removed the directory that it was mounted on."""
    docker = web(__data=local("db"))
    opened()
    plan = closing.plan

    def gone(*arguments):
        steps = plan(*arguments)
        host.unmount(host.run_directory + "/web/data")
        return steps

    monkeypatch.setattr(closing, "plan", gone)
    assert closing.close_rootfs(host, "web", docker.path, False).changed
    assert points(host) == []


# -- a tree that is open already ---------------------------------------------------------------------------


def test_volumes_are_added_to_an_open_tree_and_stay(host, opened, web):
    web(__a=local("one"), __a__b=local("two"))
    opened(volumes=False)
    shown = opened(check_mode=True)
    assert host.bound == []
    result = opened()
    assert (result.changed, result.actions, result.mounts) == (True, shown.actions, shown.mounts)
    for wanted in (True, False):
        again = opened(volumes=wanted)
        assert (again.changed, again.actions, again.mounts) == (False, [], result.mounts)
        assert opened(check_mode=True, volumes=wanted).mounts == result.mounts


def test_what_cannot_be_shown_does_not_change_at_every_run(host, opened, web):
    web(__data=local("db"))
    host.layer.clear()
    opened()
    again = opened()
    assert (again.changed, again.actions) == (False, [])
    refused(again, "has no mount point")


@pytest.mark.parametrize("when", ["opening", "later", "volumes later"])
def test_the_second_place_shows_them_too(host, opened, web, tmp_path, when, monkeypatch):
    docker = web(__data=local("db"))
    place = str(tmp_path / "place")
    if when != "opening":
        opened(volumes=when == "later", path=None if when == "later" else place)
    result = opened(path=place)
    assert [target for _s, target, _o in host.bound] == [host.run_directory + "/web/data", place + "/data"]
    assert not any("rbind" in line for line in result.actions)
    order = ["mount --make-rprivate " + place, "mount --make-rshared " + place]
    order.append("mount --make-private -o %s %s %s/data" % (",".join(READ_ONLY), data(docker, "db"), place))
    assert result.actions[-3:] == order
    closing.close_rootfs(host, "web", docker.path, False)
    assert (points(host), os.path.exists(place)) == ([], False)


def test_the_second_place_shows_what_the_first_does(host, opened, web, tmp_path, monkeypatch):
    """Of what cannot be shown there is one warning, and what is there already stays as it is, also unasked."""
    web(__a=local("one"), __b=local("two"))
    host.layer.remove("b/")
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    result = opened(path=first)
    assert len(result.warnings) == 1
    result = opened(path=second, volumes=False)
    assert [target for _s, target, _o in host.bound] == [
        place + "/a" for place in (host.run_directory + "/web", first, second)
    ]
    assert all(options == READ_ONLY for _s, _t, options in host.bound)
    again = opened(path=second)
    assert (again.changed, again.actions) == (False, [])


def test_a_tree_with_volumes_keeps_its_peer_group(host, opened, web):
    """Mount namespaces that copied it would not let go of the volumes in it."""
    web(__a=local("one"), __b=local("two"))
    host.layer.remove("b/")
    opened()
    os.mkdir(host.run_directory + "/web/b")
    result = opened()
    assert [line.split(" ")[1] for line in result.actions] == ["--make-private"]


# -- in place ----------------------------------------------------------------------------------------------


def test_in_place_only_what_the_container_may_write_is_writable(host, opened, web, held):
    web(__a=local("one"), __b=local("two", RW=False))
    result = opened(access="in_place")
    assert [options for _source, _target, options in host.bound] == [WRITABLE, READ_ONLY]
    assert [one["read_only"] for one in result.mounts] == [False, True]
    assert result.warnings == []


def test_a_scratch_shows_them_read_only(host, opened, web):
    web(__a=local("one"))
    assert only(opened(access="scratch"))["read_only"]


@pytest.mark.parametrize("theirs", ["the same", "a part", "around"])
def test_nothing_is_written_beside_a_living_container(host, opened, web, held, docker, tmp_path, theirs):
    os.makedirs(str(tmp_path / "srv" / "app" / "data"))
    source = {"the same": "srv/app", "a part": "srv/app/data", "around": "srv"}[theirs]
    web("db", __x=bind(tmp_path / source, RW=False))
    web("dead", __x=local("other"))
    web(__a=bind(tmp_path / "srv" / "app"), __b=local("other"))
    merged = docker.join("overlay2", ident("layer of db"), "merged")
    host.sees_mount("90 22 0:55 / %s rw - overlay overlay rw" % merged)
    result = opened(access="in_place")
    assert [options for _source, _target, options in host.bound] == [READ_ONLY, WRITABLE]
    assert "bind at /a is shown read-only: it is mounted in db, which is alive, or may be" in result.warnings


def test_a_living_container_that_does_not_say_what_it_mounts(host, opened, web, held, docker):
    docker.overlay_container("db", "base")
    web(__a=local("one"))
    docker.write("", "containers", ident("db"), "config.v2.json")
    merged = docker.join("overlay2", ident("layer of db"), "merged")
    host.sees_mount("90 22 0:55 / %s rw - overlay overlay rw" % merged)
    assert only(opened(access="in_place"))["read_only"]


def test_another_access_is_still_refused(opened, web):
    web(__a=local("one"))
    opened(volumes=False)
    with pytest.raises(Refused):
        opened(access="scratch")
