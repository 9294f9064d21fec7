# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import daemon, data_root, volumes
from ansible_collections.drydock.rescue.plugins.module_utils._docker.containers import Container
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

NAME = "f" * 64
OLD = "/var/lib/docker"  # where a root was before it was moved


@pytest.fixture
def mounts(docker):
    """What a container with these keys in its record mounts; ``recorded`` is the root that its paths speak of."""

    def look(ours=True, mounted=(), recorded=None, **keys):
        if recorded:
            keys["LogPath"] = "%s/containers/%s/x-json.log" % (recorded, ident("web"))
        container = Container(docker.path, docker.container("web", **keys))
        return container.facts(False, volumes.Volumes(docker.path, ours, mounted))["mounts"]

    return look


@pytest.fixture
def mount(mounts):
    """The same for the only mount there is."""

    def look(point, destination="/data", **options):
        (one,) = mounts(MountPoints={destination: point}, **options)
        assert one["available"] == (one["reason"] is None)
        return one

    return look


@pytest.fixture
def volume(docker):
    """Makes a volume with a file in it."""

    def make(name, options=None):
        docker.write("x", "volumes", name, "_data", "file")
        if options is not None:
            docker.write(options, "volumes", name, "opts.json")
        return docker.join("volumes", name, "_data")

    return make


def point(**keys):
    return dict({"Destination": "/data", "RW": True, "Source": "", "Name": "", "Driver": ""}, **keys)


def local(name, **keys):
    return point(**dict({"Name": name, "Driver": "local", "Type": "volume"}, **keys))


# -- volumes -----------------------------------------------------------------------------------------------


def test_a_named_volume(mount, volume):
    source = volume("db")
    assert mount(local("db", Source=source)) == {
        "destination": "/data",
        "source": source,
        "recorded_source": source,
        "type": "volume",
        "name": "db",
        "driver": "local",
        "read_write": True,
        "available": True,
        "reason": None,
    }


@pytest.mark.parametrize("driver", ["local", ""])
def test_an_anonymous_volume_is_found_by_its_name(mount, volume, driver):
    source = volume(NAME)
    found = mount(local(NAME, Driver=driver))
    assert (found["source"], found["recorded_source"], found["available"]) == (source, "", True)


@pytest.mark.parametrize("left", ["nothing", "an empty directory", "a file"])
def test_a_volume_whose_data_is_missing(docker, mount, left):
    if left == "an empty directory":
        os.makedirs(docker.join("volumes", "db"))
    elif left == "a file":
        docker.write("x", "volumes", "db")
    found = mount(local("db"))
    assert found["source"] == docker.join("volumes", "db", "_data")
    assert found["reason"] == found["source"] + " is missing"


@pytest.mark.parametrize("ours", [True, False])
def test_what_else_lies_among_the_volumes_is_not_touched(docker, mount, volume, ours):
    """A database of zero bytes, and the node of the disk below, which to open could do anything."""
    docker.write(b"", "volumes", "metadata.db")
    os.mkfifo(docker.join("volumes", "backingFsBlockDev"))
    volume("db")
    assert mount(local("db"), ours=ours)["available"]
    for name in ("metadata.db", "backingFsBlockDev"):
        assert mount(local(name), ours=ours)["reason"].endswith("_data is missing")


def test_a_volume_of_a_plugin_is_not_looked_for_here(mount):
    found = mount(point(Name=NAME, Driver="rexray", Type="volume"))
    assert found["source"] == ""
    assert found["reason"] == "the volume driver rexray keeps it, and it is not mounted here now"


def test_a_volume_of_a_plugin_that_is_mounted(mount):
    record = point(Name="x", Driver="rexray", Type="volume", Source="/mnt/x")
    assert mount(record, mounted=["/mnt/x"])["source"] == "/mnt/x"
    assert not mount(record, mounted=["/mnt/x"], ours=False)["available"]


@pytest.mark.parametrize("name", ["../../etc", "a/b", "..", ".", "a\0b"])
def test_a_volume_name_never_leads_out(mount, name):
    found = mount(local(name))
    assert (found["source"], found["available"]) == ("", False)


def test_a_part_of_a_volume(mount, volume):
    os.mkdir(volume("db") + "/sub")
    part = local("db", Spec={"VolumeOptions": {"Subpath": "sub"}})
    assert mount(part)["source"] == volume("db") + "/sub"


@pytest.mark.parametrize("kind", ["climbs", "link", "link to a link"])
def test_a_part_of_a_volume_never_leads_out(mount, volume, kind):
    data = volume("db")
    os.symlink("/etc", data + "/link")
    os.symlink("link", data + "/other")
    below = {"climbs": "../../..", "link": "link", "link to a link": "other/ssh"}[kind]
    found = mount(local("db", Spec={"VolumeOptions": {"Subpath": below}}))
    assert (found["source"], found["reason"]) == ("", "%s leads out of the volume %s" % (below, data))


# -- volumes with options ----------------------------------------------------------------------------------

NFS = {"MountType": "nfs", "MountOpts": "addr=10.0.0.1,password=secret", "MountDevice": ":/export"}


def test_a_volume_that_is_not_mounted_is_said_and_not_shown_as_empty(mount, volume):
    data = volume("db", NFS)
    found = mount(local("db"))
    assert found["source"] == data
    assert found["reason"] == "the volume is :/export (nfs), which is not mounted here now at " + data
    assert "secret" not in repr(found)


def test_a_volume_that_is_mounted(mount, volume):
    assert mount(local("db"), mounted=[volume("db", NFS)])["available"]


def test_a_volume_of_a_tmpfs(mount, volume):
    volume("db", {"MountType": "tmpfs", "MountOpts": "size=1m", "MountDevice": "tmpfs"})
    assert mount(local("db"))["reason"] == "a tmpfs has no data on a disk"


@pytest.mark.parametrize("options", [{}, {"Quota": {"Size": 1}}, {"MountType": "", "MountDevice": ""}])
def test_options_that_mount_nothing(mount, volume, options):
    volume("db", options)
    assert mount(local("db"))["available"]


def test_a_volume_that_is_a_directory_elsewhere(mount, volume, tmp_path):
    volume("db", {"MountType": "none", "MountOpts": "rw,bind", "MountDevice": str(tmp_path)})
    assert mount(local("db"))["source"] == str(tmp_path)
    found = mount(local("db"), ours=False)
    assert (found["source"], found["available"]) == ("", False)


@pytest.mark.parametrize("text", [b"", b"{", b"[]"])
def test_options_that_are_damaged(mount, volume, text):
    """What a power cut leaves: that nothing is there may then not be the truth."""
    data = volume("db", text)
    assert mount(local("db"))["available"]
    os.unlink(data + "/file")
    assert "is empty, and its options are not known" in mount(local("db"))["reason"]


# -- a volume that 1.7 took over: a link to where it was ---------------------------------------------------


def taken_over(docker, target):
    os.makedirs(docker.join("volumes", NAME))
    os.symlink(target, docker.join("volumes", NAME, "_data"))


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("recorded", [OLD, None])
def test_a_link_leads_to_where_the_root_is_today(docker, mount, ours, recorded):
    docker.write("x", "vfs", "dir", NAME, "file")
    taken_over(docker, "%s/vfs/dir/%s" % (recorded or docker.path, NAME))
    found = mount(local(NAME), ours=ours, recorded=recorded)
    assert (found["source"], found["reason"]) == (docker.join("vfs", "dir", NAME), None)


def test_a_link_to_what_is_gone(docker, mount):
    taken_over(docker, docker.join("vfs", "dir", NAME))
    assert mount(local(NAME))["reason"].endswith("vfs/dir/%s is missing" % NAME)


@pytest.mark.parametrize("target", ["/etc", "../../../../../../../../etc", OLD + "/../../../etc"])
def test_a_link_of_a_foreign_disk_leads_nowhere_else(docker, mount, target):
    taken_over(docker, target)
    found = mount(local(NAME), ours=False, recorded=OLD)
    assert (found["source"], found["available"]) == ("", False)
    assert "_data is a link: " in found["reason"]


def test_on_this_host_a_link_is_the_administrators(docker, mount, tmp_path):
    taken_over(docker, str(tmp_path))
    assert mount(local(NAME))["source"] == str(tmp_path)


@pytest.mark.parametrize("place", ["volume", "old volume"])
def test_a_directory_of_a_foreign_disk_that_is_a_link(docker, mounts, tmp_path, place):
    os.makedirs(str(tmp_path / "host" / "_data"))
    os.makedirs(docker.join("vfs", "dir"))
    if place == "volume":
        os.symlink(str(tmp_path / "host"), docker.join("volumes", "db"))
        record = {"MountPoints": {"/data": local("db")}}
    else:
        os.symlink(str(tmp_path / "host"), docker.join("vfs", "dir", NAME))
        record = {"Volumes": {"/data": docker.join("vfs", "dir", NAME)}}
    (found,) = mounts(ours=False, **record)
    assert found["source"] == ""
    assert "leads out of the data root, to %s" % (tmp_path / "host") in found["reason"]
    assert mounts(ours=True, **record)[0]["available"]


def test_the_volumes_of_a_foreign_disk_may_lie_on_another_one(docker, mount, volume, tmp_path):
    volume("db")
    os.rename(docker.join("volumes"), str(tmp_path / "moved"))
    os.symlink(str(tmp_path / "moved"), docker.join("volumes"))
    assert mount(local("db"), ours=False)["available"]


# -- binds and others --------------------------------------------------------------------------------------


def test_a_bind_without_a_type_as_before_1_13(mount, tmp_path):
    found = mount(point(Source=str(tmp_path), RW=False))
    assert (found["type"], found["source"], found["read_write"], found["available"]) == (
        "bind",
        str(tmp_path),
        False,
        True,
    )


def test_a_bind_of_a_file(mount, tmp_path):
    (tmp_path / "conf").write_text("x")
    assert mount(point(Source=str(tmp_path / "conf"), Type="bind"))["available"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("/none/x", "/none/x is missing"),
        ("", "'' is not an absolute path"),
        ("srv", "'srv' is not an absolute path"),
        ("/a\0b", "'/a\\x00b' is not an absolute path"),
        ("/dev/null", "/dev/null is the kernel's, not data"),
        ("/proc", "/proc is the kernel's, not data"),
    ],
)
def test_a_bind_that_cannot_be_had(mount, source, reason):
    assert mount(point(Source=source, Type="bind"))["reason"] == reason


def test_a_bind_of_something_that_holds_no_data(mount, tmp_path):
    os.mkfifo(str(tmp_path / "fifo"))
    assert mount(point(Source=str(tmp_path / "fifo")))["reason"].endswith("neither a directory nor a file")


def test_a_path_of_another_machine_is_not_taken_for_one_of_this_host(mount):
    found = mount(point(Source="/etc", Type="bind"), ours=False)
    assert (found["source"], found["recorded_source"]) == ("", "/etc")
    assert found["reason"] == "/etc is a path of the machine that this data root is from"


def test_where_the_disk_of_that_machine_may_have_it(docker, mount):
    before, _slash, last = docker.path.rpartition("/")
    found = mount(point(Source="/srv/x", Type="bind"), ours=False, recorded="/" + last)
    assert found["reason"].endswith("; its disk may have it at %s/srv/x" % before)


def test_a_tmpfs_stays_one(mount):
    found = mount(point(Type="tmpfs"))
    assert (found["type"], found["source"], found["reason"]) == ("tmpfs", "", "a tmpfs has no data on a disk")


def test_a_type_that_is_not_known(mount):
    assert mount(point(Type="image", Source="x"))["reason"] == "mounts of the type image are not read here"


# -- other forms of a record -------------------------------------------------------------------------------


def test_volumes_before_1_7(docker, mounts, tmp_path):
    inside = docker.join("vfs", "dir", NAME)
    os.makedirs(inside)
    record = {"/data": inside, "/etc/conf": str(tmp_path / "none")}
    found = mounts(MountPoints=None, Volumes=record, VolumesRW={"/data": True, "/etc/conf": False})
    keys = ("destination", "type", "source", "read_write", "available")
    assert [tuple(one[key] for key in keys) for one in found] == [
        ("/data", "volume", inside, True, True),
        ("/etc/conf", "bind", str(tmp_path / "none"), False, False),
    ]


def test_both_spellings_in_one_record_give_one_mount(mounts):
    record = {"/data": point(Source="/new", Name="", Driver="")}
    (mount,) = mounts(MountPoints=record, Volumes={"/data": "/old"}, VolumesRW={"/data": True})
    assert mount["source"] == "/new"


def test_records_of_another_type_are_passed_over(mounts):
    assert mounts(MountPoints={"/a": "x", "/b": None}, Volumes={"/c": 7}) == []


def test_a_root_that_was_moved(docker, mounts, volume):
    """Paths below the recorded root are where the root is today; others stay."""
    os.makedirs(docker.join("vfs", "dir", NAME))
    points = {
        "/data": local(volume("db") and "db", Source=OLD + "/volumes/db/_data"),
        "/srv": point(Source=OLD + "-other/x", Type="bind"),
    }
    found = mounts(recorded=OLD, MountPoints=points, Volumes={"/old": "%s/vfs/dir/%s" % (OLD, NAME)})
    assert [(mount["source"], mount["available"]) for mount in found] == [
        (docker.join("volumes", "db", "_data"), True),
        (docker.join("vfs", "dir", NAME), True),
        (OLD + "-other/x", False),
    ]
    container = Container(docker.path, ident("web"))
    facts = container.facts(False, volumes.Volumes(docker.path, True, ()))
    assert facts["log_path"] == docker.join("containers", ident("web"), "x-json.log")


def test_whose_root_it_is(host, docker, tmp_path):
    """This host's is the one that its Docker is set to use, or that a Docker of root's works on."""
    root = data_root.find(host, docker.path)
    assert volumes.look(host, root, []).ours
    assert volumes.look(host, root._replace(path=docker.path + "/100000.100000"), []).ours
    other = root._replace(path=str(tmp_path / "other"))
    assert not volumes.look(host, other, []).ours
    for trusted in (True, False):
        docker_there = daemon.RunningDaemon(7, ["dockerd"], other.path, trusted)
        assert volumes.look(host, other, [docker_there]).ours == trusted


def test_a_path_is_translated_only_at_a_whole_name():
    assert volumes.translated("/old", "/old", "/new") == "/new"
    assert volumes.translated("/old/x", "/old", "/new") == "/new/x"
    assert volumes.translated("/older/x", "/old", "/new") == "/older/x"


def test_a_path_that_climbs_is_not_moved_to_another_root():
    path = "/var/lib/docker/../../../etc/shadow"
    assert volumes.translated(path, "/var/lib/docker", "/mnt/old/docker") == path


def test_a_log_path_without_a_root_names_no_root(docker):
    """Else every path of the record would be taken for one below the data root."""
    container_id = docker.container("web", LogPath="/containers/%s/x.log" % ident("web"))
    assert Container(docker.path, container_id).recorded_root == docker.path


@pytest.mark.parametrize("text", ["\ud800", "a\0b"])
@pytest.mark.parametrize("ours", [True, False])
def test_text_that_no_path_can_be(mounts, volume, docker, text, ours):
    volume("db")
    volume("with", {"MountType": "none", "MountOpts": "bind", "MountDevice": "/" + text})
    found = mounts(
        ours,
        MountPoints={
            "/a": local(text),
            "/b": local("db", Spec={"VolumeOptions": {"Subpath": text}}),
            "/c": local("with"),
            "/d": point(Source=docker.join(text), Type="bind"),
            "/e": point(Source=text, Type="volume", Driver=text, Name="x"),
        },
        Volumes={"/f": docker.join("vfs", text)},
    )
    assert [one["available"] for one in found] == [False] * 6
