# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _ours
from ansible_collections.drydock.rescue.plugins.module_utils._docker import device_files
from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Life
from ansible_collections.drydock.rescue.plugins.module_utils._errors import (
    BadRecord,
    CommandFailed,
    NotFound,
    Refused,
)
from ansible_collections.drydock.rescue.plugins.module_utils._plan import Context
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import (
    closing,
    devicemapper,
    found,
)
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.driver import Known
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.own_directory import KeepDirectory
from ansible_collections.drydock.rescue.tests.unit.support import metadata
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident
from ansible_collections.drydock.rescue.tests.unit.support.host import device

WEB, LAYER = ident("web"), ident("layer of web")
HEALTHY = "0 4194304 thin-pool 10 4144/51200 1592/32768 - rw discard_passdown queue_if_no_space - 1024"
POOL_TABLE = "0 4194304 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing"


@pytest.fixture
def stopped(host, docker, root, request_for):
    """Docker was stopped: the pool's files, and nothing in the kernel."""
    docker.loop_pool()
    docker.container("web", driver="devicemapper")
    docker.device_file(LAYER, 8)
    host.devices()
    host.answer("thin_check -q " + device_files.pool_files(docker.path)[1])
    layer = devicemapper.locate(root(), request_for().container)
    lines = devicemapper.open_plan(layer, devicemapper.present(host, layer), request_for()).plan.shown()
    # It holds a mark of what the pool's files were.
    docker.pool_uuid = next(line for line in lines if "create drydock-web-pool" in line).split()[4]
    return docker


@pytest.fixture
def pool_name(stopped):
    return device_files.name_prefix(stopped.path) + "-pool"


@pytest.fixture
def active(host, stopped, pool_name):
    """The pool is active over two loops, as a dockerd that was killed leaves it."""
    data, meta = device_files.pool_files(stopped.path)
    host.loop(0, data)
    host.loop(1, meta)
    host.answer("dmsetup status --noflush " + pool_name, HEALTHY)

    def with_devices(*others):
        host.devices(device(pool_name, "254:0", POOL_TABLE), *others)

    with_devices()
    return with_devices


@pytest.fixture
def opening(host, root, request_for):
    def make(**changes):
        asked = request_for(**changes)
        layer = devicemapper.locate(root(), asked.container)
        return devicemapper.open_plan(layer, devicemapper.present(host, layer), asked)

    return make


def view_and_mounts(host, docker, options="ro,nosuid,nodev,noexec,nouuid", device_name="drydock-web-view"):
    run = host.run_directory
    view = [
        "truncate --size=1073741824 %s/.drydock-scratch" % run,
        "scratch_loop=$(losetup --find --show %s/.drydock-scratch)" % run,
        "rm %s/.drydock-scratch" % run,
        "dmsetup create drydock-web-view --uuid drydock-%s-view --table" % WEB
        + ' "0 1048576 snapshot /dev/mapper/drydock-web-thin $scratch_loop N 8"',
    ]
    return (view if device_name == "drydock-web-view" else []) + [
        "mount -t xfs -o %s /dev/mapper/%s %s/web" % (options, device_name, run),
        "mount -o bind %s/web/rootfs %s/web" % (run, run),
    ]


# -- the methods -------------------------------------------------------------------------------------------


def assembled(docker, read_only):
    data, meta = device_files.pool_files(docker.path)
    flag, features = (
        ("--read-only ", "2 skip_block_zeroing read_only") if read_only else ("", "1 skip_block_zeroing")
    )
    return [
        "data_loop=$(losetup --find --show %s%s)" % (flag, data),
        "metadata_loop=$(losetup --find --show %s%s)" % (flag, meta),
        "dmsetup create drydock-web-pool --uuid %s"
        % (docker.pool_uuid if read_only else "drydock-%s-pool" % WEB)
        + ' --table "0 4194304 thin-pool $metadata_loop $data_loop 128 0 %s"' % features,
        "dmsetup create drydock-web-thin --uuid drydock-%s-thin %s--table"
        % (WEB, "--readonly " if read_only else "")
        + " '0 1048576 thin /dev/mapper/drydock-web-pool 8'",
    ]


def test_assemble_without_a_pool(host, stopped, opening):
    opened = opening()
    assert (opened.method, opened.device) == ("assemble", "/dev/mapper/drydock-web-view")
    assert opened.plan.shown() == assembled(stopped, True) + view_and_mounts(host, stopped)


def test_a_scratch_is_the_same_stack_mounted_writable(host, stopped, opening):
    opened = opening(access="scratch")
    assert opened.plan.shown() == assembled(stopped, True) + view_and_mounts(
        host, stopped, "nosuid,nodev,noexec,nouuid"
    )


def snapshot(pool_name, suspend=""):
    create = "dmsetup message %s 0 'create_snap 16777215 8'" % pool_name
    return [
        "dmsetup create drydock-web-thin --uuid drydock-%s-thin-16777215@254:0 --notable" % WEB,
        *(["dmsetup suspend " + suspend, create, "dmsetup resume " + suspend] if suspend else [create]),
        "dmsetup load drydock-web-thin --readonly"
        " --table '0 1048576 thin /dev/mapper/%s 16777215'" % pool_name,
        "dmsetup resume drydock-web-thin",
    ]


def test_snapshot_of_an_inactive_device(host, stopped, active, opening, pool_name):
    opened = opening()
    assert opened.method == "snapshot"
    assert opened.plan.shown() == snapshot(pool_name) + view_and_mounts(host, stopped)


def test_snapshot_of_the_device_of_a_living_container(host, stopped, active, opening, pool_name):
    active(device("docker-" + LAYER, "254:1", "0 1048576 thin 254:0 8", open_count=1))
    opened = opening(life=Life(["its device is open"], [900]))
    assert opened.plan.shown() == snapshot(pool_name, "docker-" + LAYER) + view_and_mounts(host, stopped)


def test_direct_without_a_pool(host, stopped, opening):
    opened = opening(access="in_place")
    assert (opened.method, opened.device) == ("direct", "/dev/mapper/drydock-web-thin")
    assert opened.plan.shown() == assembled(stopped, False) + view_and_mounts(
        host, stopped, "nosuid,nodev,noexec,nouuid", "drydock-web-thin"
    )


def test_direct_in_an_active_pool(host, stopped, active, opening, pool_name):
    assert opening(access="in_place").plan.shown() == [
        "dmsetup create drydock-web-thin --uuid drydock-%s-thin" % WEB
        + " --table '0 1048576 thin /dev/mapper/%s 8'" % pool_name
    ] + view_and_mounts(host, stopped, "nosuid,nodev,noexec,nouuid", "drydock-web-thin")


def test_direct_on_the_device_that_docker_left_gives_it_no_second_name(host, stopped, active, opening):
    active(device("docker-" + LAYER, "254:1", "0 1048576 thin 254:0 8"))
    opened = opening(access="in_place")
    assert opened.device == "/dev/mapper/docker-" + LAYER
    assert opened.plan.shown() == view_and_mounts(
        host, stopped, "nosuid,nodev,noexec,nouuid", "docker-" + LAYER
    )


def test_an_ext4_container_is_mounted_without_nouuid(stopped, opening):
    state = {"next_device_id": 10, "BaseDeviceFilesystem": "ext4"}
    stopped.write(state, "devicemapper", "metadata", "deviceset-metadata")
    assert "mount -t ext4 -o ro,nosuid,nodev,noexec /dev" in opening().plan.shown()[-2]


def test_a_snapshot_keeps_away_from_every_known_id(host, stopped, active, opening):
    stopped.device_file(ident("other"), 0xFFFFFF)
    stopped.transaction(11, 0xFFFFFE, ident("x"))
    uuid = _ours.device_uuid(ident("db"), "thin", "%d@254:0" % 0xFFFFFD)
    active(device("drydock-db-thin", "254:5", "", uuid=uuid))
    assert "create_snap %d 8" % 0xFFFFFC in opening().plan.shown()[1]


def test_an_id_that_turned_out_to_be_taken_is_avoided(host, active, root, request_for):
    layer = devicemapper.locate(root(), request_for().container)
    layer.avoid_id(0xFFFFFF)
    opened = devicemapper.open_plan(layer, devicemapper.present(host, layer), request_for())
    assert "create_snap %d 8" % 0xFFFFFE in opened.plan.shown()[1]


# -- refusals ----------------------------------------------------------------------------------------------


def refused(opening, **changes):
    with pytest.raises(Refused) as failure:
        opening(**changes)
    return str(failure.value)


NOT_WELL = [
    (HEALTHY.replace(" rw ", " ro "), "its mode is ro"),
    (HEALTHY.replace(" rw ", " out_of_data_space "), "its mode is out_of_data_space"),
    (HEALTHY.replace("space -", "space needs_check"), "needs_check"),
    ("0 4194304 thin-pool Fail", "its mode is fail"),
]


@pytest.mark.parametrize(("access", "method"), [("read_only", "snapshot"), ("in_place", "direct")])
@pytest.mark.parametrize(("line", "said"), NOT_WELL, ids=[said for _line, said in NOT_WELL])
def test_a_pool_that_is_not_well(host, active, opening, pool_name, access, method, line, said):
    host.answer("dmsetup status --noflush " + pool_name, line)
    assert said in refused(opening, access=access, method=method)


@pytest.mark.parametrize("line", [line for line, _said in NOT_WELL])
def test_the_blocks_of_a_pool_that_is_not_well_are_copied(host, stopped, active, opening, pool_name, line):
    host.answer("dmsetup status --noflush " + pool_name, line)
    assert extracted(host, stopped, opening())


@pytest.mark.parametrize(("access", "used"), [("read_only", 27853), ("in_place", 32113)])
def test_a_pool_that_is_too_full(host, active, opening, pool_name, access, used):
    host.answer("dmsetup status --noflush " + pool_name, HEALTHY.replace("1592/", "%d/" % (used - 1)))
    opening(access=access)
    host.answer("dmsetup status --noflush " + pool_name, HEALTHY.replace("1592/", "%d/" % used))
    assert "bytes are missing" in refused(opening, access=access)


@pytest.mark.parametrize("which", [0, 1])
def test_pool_files_that_something_else_has_attached(host, stopped, opening, which):
    host.loop(4, device_files.pool_files(stopped.path)[which])
    said = refused(opening)
    assert "/dev/loop4 (%s)" % device_files.pool_files(stopped.path)[which] in said


def our_pool(host, docker, name, read_only):
    data, meta = device_files.pool_files(docker.path)
    host.loop(4, data, read_only)
    host.loop(5, meta, read_only)
    features = "2 skip_block_zeroing read_only" if read_only else "1 skip_block_zeroing"
    uuid = docker.pool_uuid.replace(WEB, ident(name)) if read_only else _ours.device_uuid(ident(name), "pool")
    table = "0 4194304 thin-pool 7:5 7:4 128 0 " + features
    return device("drydock-%s-pool" % name, "254:7", table, uuid=uuid, open_count=1)


def test_pool_files_that_another_container_of_ours_writes(host, stopped, opening):
    host.devices(our_pool(host, stopped, "db", False))
    assert "open as drydock-db-pool" in refused(opening)


def test_pool_files_that_another_container_of_ours_reads(host, stopped, opening):
    host.devices(our_pool(host, stopped, "db", True))
    assert opening().method == "assemble"
    assert "open as drydock-db-pool" in refused(opening, access="in_place")


@pytest.mark.parametrize(
    ("access", "method"),
    [("read_only", "direct"), ("scratch", "direct"), ("in_place", "snapshot"), ("read_only", "merge")],
)
def test_a_method_that_does_not_go_with_the_access(stopped, opening, access, method):
    assert "method %s cannot give access %s" % (method, access) in refused(
        opening, access=access, method=method
    )


def test_a_snapshot_needs_an_active_pool(stopped, opening):
    assert "method snapshot needs an active pool" in refused(opening, method="snapshot")


def test_assembling_beside_an_active_pool_would_destroy_it(active, opening):
    assert "a second pool over the same metadata" in refused(opening, method="assemble")


def test_writing_into_a_living_container(stopped, opening):
    life = Life(["process 900 is in its cgroup"], [900])
    assert "process 900 is in its cgroup" in refused(opening, access="in_place", life=life)


def test_writing_into_a_device_that_is_open(active, opening):
    active(device("docker-" + LAYER, "254:1", "0 1048576 thin 254:0 8", open_count=1))
    assert "docker-%s is open" % LAYER in refused(opening, access="in_place")


def test_a_root_without_pool_files_and_without_a_pool(host, docker, opening):
    docker.container("web", driver="devicemapper")
    docker.device_file(LAYER, 8)
    host.devices()
    assert "has no pool files" in refused(opening)


@pytest.mark.parametrize("block", [b"\0" * 4096, b"x" * 4096], ids=["zeros", "another"])
@pytest.mark.parametrize("method", ["assemble", "extract"])
def test_a_superblock_that_does_not_verify_is_refused_by_every_method(stopped, opening, block, method):
    with open(device_files.pool_files(stopped.path)[1], "r+b") as stream:
        stream.write(block)
    with pytest.raises(BadRecord):
        opening(method=method)
    with pytest.raises(BadRecord):
        opening(access="in_place")


@pytest.fixture(params=["thin_check", "needs_check"])
def damaged(request, host, stopped):
    path = device_files.pool_files(stopped.path)[1]
    host.answer("thin_check -q " + path, err="bad checksum", code=1)
    if request.param == "needs_check":
        with open(path, "r+b") as stream:
            stream.write(metadata.superblock(flags=1))
    return stopped


def test_damaged_metadata_is_not_given_to_the_kernel(damaged, opening):
    for changes in ({"method": "assemble"}, {"access": "in_place"}):
        with pytest.raises(BadRecord) as failure:
            opening(**changes)
        assert "method: extract" in failure.value.hint


def test_the_blocks_of_a_damaged_pool_are_copied(host, damaged, opening):
    assert extracted(host, damaged, opening())


def test_a_kernel_without_device_mapper(host, stopped, opening):
    host.missing_tools.add("modprobe")
    os.unlink(os.path.join(host.proc, "misc"))
    assert extracted(host, stopped, opening())


def test_the_blocks_of_a_living_container_are_not_copied(active, opening):
    active(device("docker-" + LAYER, "254:1", "0 1048576 thin 254:0 8", open_count=1))
    assert "would change while they are copied" in refused(opening, method="extract")


def test_extract_shows_commands_that_do_the_same(host, stopped, opening):
    opened = opening(method="extract")
    _data, meta = device_files.pool_files(stopped.path)
    there = os.path.join(host.image_directory, ".drydock-web")
    shown = opened.plan.shown()
    assert shown[:5] == [
        "mkdir -p -m 0700 " + host.image_directory,
        "mkdir -m 0700 " + there,
        "cp --sparse=always %s %s/metadata" % (meta, there),
        "thin_dump --dev-id 8 --output %s/mappings %s/metadata" % (there, there),
        "truncate --size=536870912 %s/image" % there,
    ]
    assert shown[-3:] == [
        "image_loop=$(losetup --find --show %s/image)" % there,
        'mount -t xfs -o ro,nosuid,nodev,noexec,nouuid "$image_loop" %s/web' % host.run_directory,
        "mount -o bind %s/web/rootfs %s/web" % (host.run_directory, host.run_directory),
    ]


def test_an_image_that_cannot_be_made_leaves_nothing(host, stopped, opening):
    steps = opening(method="extract").plan.steps
    undone = [
        line
        for step in reversed(steps)
        if step.undo
        for line in step.undo.shown({"image_loop": "/dev/loop7"})
    ]
    assert undone[-2:] == [
        "rm -r --one-file-system %s/.drydock-web" % host.image_directory,
        "rmdir --ignore-fail-on-non-empty " + host.image_directory,
    ]


def extracted(host, docker, opened):
    return (opened.method, opened.work_dir, opened.device) == ("extract", host.image_directory, None)


def test_a_window_that_docker_has_reached(stopped, active, opening):
    stopped.write({"next_device_id": 0xFFFF00}, "devicemapper", "metadata", "deviceset-metadata")
    assert "method: assemble" in refused(opening)


# -- finding the device ------------------------------------------------------------------------------------


def test_what_container_info_tells(stopped, root, request_for):
    prefix = device_files.name_prefix(stopped.path)
    assert devicemapper.locate(root(), request_for().container).storage() == {
        "device_id": 8,
        "size_bytes": 536870912,
        "sectors": 1048576,
        "transaction_id": 8,
        "deleted": False,
        "pool_name": prefix + "-pool",
        "device_name": "%s-%s" % (prefix, LAYER),
    }


@pytest.mark.parametrize("lost", ["missing", "empty", "mount-id"])
def test_a_lost_device_file_lists_the_candidates(stopped, root, request_for, lost):
    stopped.device_file(ident("unclaimed"), 42, size=1024)
    error = NotFound
    if lost == "missing":
        os.unlink(stopped.join("devicemapper", "metadata", LAYER))
    elif lost == "empty":
        stopped.write("", "devicemapper", "metadata", LAYER)
        error = BadRecord
    else:
        stopped.write("", "image", "devicemapper", "layerdb", "mounts", WEB, "mount-id")
    with pytest.raises(error) as failure:
        devicemapper.locate(root(), request_for().container)
    assert "the device of container %s is not known" % WEB[:12] in failure.value.message
    assert "42 (layer %s, 1024 bytes)" % ident("unclaimed")[:12] in failure.value.hint
    assert "Give its `device_id`" in failure.value.hint
    assert ("8 (layer" in failure.value.hint) == (lost == "mount-id")


def test_no_candidate_at_all(stopped, root, request_for):
    os.unlink(stopped.join("devicemapper", "metadata", LAYER))
    with pytest.raises(NotFound) as failure:
        devicemapper.locate(root(), request_for().container)
    assert "thin_pool_info" in failure.value.hint


def test_a_device_by_its_id(stopped, root, request_for):
    os.unlink(stopped.join("devicemapper", "metadata", LAYER))
    stopped.device_file(ident("unclaimed"), 42, size=1024)
    layer = devicemapper.locate(root(), request_for().container, Known(42))
    assert (layer.file.device_id, layer.file.size_bytes) == (42, 1024)


def test_a_device_without_any_file_is_as_long_as_the_longest(stopped, root, request_for):
    layer = devicemapper.locate(root(), request_for().container, Known(77))
    assert (layer.file.device_id, layer.file.size_bytes) == (77, 536870912)


# -- closing -----------------------------------------------------------------------------------------------


def open_devices(host, docker, *roles):
    """Devices of ours by role: view over scratch /dev/loop6, thin, pool over /dev/loop4 and /dev/loop5."""
    host.loop(6, "/run/.drydock-scratch (deleted)")
    extras = {"snapshot": "16777215@254:0", "wiped": "16777215@254:0", "loaded": "16777215@254:0"}
    devices = []
    for role in roles:
        kind = "thin" if role in extras else role
        if role == "pool":
            devices.append(our_pool(host, docker, "web", True))
            continue
        table = {
            "view": "0 1048576 snapshot 254:8 7:6 N 8",
            "thin": "0 1048576 thin 254:7 8",
            "snapshot": "0 1048576 thin 254:0 16777215",
            "wiped": "0 1048576 error ",
            "loaded": "",
        }[role]
        uuid = _ours.device_uuid(WEB, kind, extras.get(role, ""))
        devices.append(device("drydock-web-" + kind, "254:%d" % (8 + len(devices)), table, uuid=uuid))
    return devices


def closed(host, *devices):
    host.devices(*devices)
    return devicemapper.close_plan(host, found.of_container(host, WEB, "web")).shown()


DOCKERS_POOL = device("docker-pool", "254:0", POOL_TABLE)


def test_closing_an_assembled_stack(host, stopped):
    assert closed(host, *open_devices(host, stopped, "view", "thin", "pool")) == [
        "dmsetup remove --retry drydock-web-view",
        "losetup --detach /dev/loop6",
        "dmsetup remove --retry drydock-web-thin",
        "dmsetup remove --retry drydock-web-pool",
        "losetup --detach /dev/loop5",
        "losetup --detach /dev/loop4",
    ]


@pytest.mark.parametrize(
    ("thin", "command"), [("snapshot", "wipe_table"), ("wiped", "wipe_table"), ("loaded", "clear")]
)
def test_closing_a_snapshot_deletes_it(host, stopped, thin, command):
    devices = open_devices(host, stopped, "view", thin)
    assert closed(host, DOCKERS_POOL, *devices) == [
        "dmsetup remove --retry drydock-web-view",
        "losetup --detach /dev/loop6",
        "dmsetup %s drydock-web-thin" % command,
        "dmsetup message docker-pool 0 'delete 16777215'",
        "dmsetup remove --retry drydock-web-thin",
    ]


def test_a_snapshot_whose_pool_is_gone_needs_no_deleting(host, stopped):
    assert closed(host, *open_devices(host, stopped, "snapshot")) == [
        "dmsetup wipe_table drydock-web-thin",
        "dmsetup remove --retry drydock-web-thin",
    ]


def test_an_id_that_two_devices_name_is_deleted_by_the_last(host, stopped):
    other = device(
        "drydock-db-thin", "254:20", "", uuid=_ours.device_uuid(ident("db"), "thin", "16777215@254:0")
    )
    lines = closed(host, DOCKERS_POOL, other, *open_devices(host, stopped, "snapshot"))
    assert not [line for line in lines if "delete" in line]
    lines = closed(host, DOCKERS_POOL, *open_devices_again(host))
    assert [line for line in lines if "delete 16777215" in line]


def open_devices_again(host):
    uuid = _ours.device_uuid(WEB, "thin", "16777215@254:0")
    return [device("drydock-web-thin", "254:8", "0 1048576 thin 254:0 16777215", uuid=uuid)]


def test_devices_of_others_are_never_touched(host, stopped):
    strangers = [
        DOCKERS_POOL,
        device("drydock-web-view", "254:30", "0 8 linear 7:0 0", uuid="LVM-x"),
        device("docker-" + LAYER, "254:31", "0 1048576 thin 254:0 8"),
        device("drydock-db-view", "254:32", "", uuid=_ours.device_uuid(ident("db"), "view")),
    ]
    assert closed(host, *strangers) == []


# -- what cannot be trusted --------------------------------------------------------------------------------


def distrust(host, *devices):
    host.devices(*devices)
    return devicemapper.distrust(host, found.of_container(host, WEB, "web"))


@pytest.mark.parametrize("state", ["Invalid", "Overflow", "Merge failed"])
def test_a_scratch_file_that_overflowed(host, stopped, state):
    (view,) = open_devices(host, stopped, "view")
    host.answer("dmsetup status --noflush drydock-web-view", "0 1048576 snapshot " + state)
    said = distrust(host, view)
    assert "status %s" % state.split()[0] in said
    assert "scratch_size" in said


def test_a_scratch_file_with_room(host, stopped):
    (view,) = open_devices(host, stopped, "view")
    host.answer("dmsetup status --noflush drydock-web-view", "0 1048576 snapshot 16/2097152 16")
    assert distrust(host, view) == ""


def test_a_pool_that_nobody_touched(host, stopped):
    assert distrust(host, *open_devices(host, stopped, "pool")) == ""


def test_a_docker_that_opened_the_same_files(host, stopped):
    devices = open_devices(host, stopped, "pool")
    host.loop(9, device_files.pool_files(stopped.path)[0])
    assert "/dev/loop9" in distrust(host, *devices)


def test_metadata_that_was_written_meanwhile(host, stopped):
    devices = open_devices(host, stopped, "pool")
    with open(device_files.pool_files(stopped.path)[1], "r+b") as stream:
        stream.write(metadata.superblock(transaction_id=11))
    assert "written meanwhile" in distrust(host, *devices)


def test_data_that_was_written_meanwhile(host, stopped):
    """Writing to blocks that are there already changes no metadata."""
    devices = open_devices(host, stopped, "pool")
    with open(device_files.pool_files(stopped.path)[0], "r+b") as stream:
        stream.write(b"x")
    os.utime(stream.name, (1600000000, 1600000000))
    assert distrust(host, *devices)


def test_metadata_that_was_destroyed_meanwhile(host, stopped):
    devices = open_devices(host, stopped, "pool")
    with open(device_files.pool_files(stopped.path)[1], "r+b") as stream:
        stream.write(b"\0" * 4096)
    assert "cannot be read any more" in distrust(host, *devices)


def test_another_pool_of_ours_over_the_same_files_is_no_disturbance(host, stopped):
    ours = open_devices(host, stopped, "pool")
    host.loop(10, device_files.pool_files(stopped.path)[0], True)
    host.loop(11, device_files.pool_files(stopped.path)[1], True)
    uuid = stopped.pool_uuid.replace(WEB, ident("db"))
    table = "0 4194304 thin-pool 7:11 7:10 128 0 2 skip_block_zeroing read_only"
    assert distrust(host, device("drydock-db-pool", "254:40", table, uuid=uuid), *ours) == ""


def test_a_device_that_somebody_else_opened_meanwhile_is_noticed(host):
    """Under in_place it has Docker's own thin id, which the kernel gives to as many names as ask."""
    uuid = _ours.device_uuid(WEB, "thin")
    ours = device("drydock-web-thin", "254:5", "0 1048576 thin 254:0 8", uuid=uuid, open_count=1)
    host.devices(device("docker-pool", "254:0", POOL_TABLE), ours)
    assert devicemapper.distrust(host, found.of_container(host, WEB, "web")) == ""
    host.devices(device("docker-pool", "254:0", POOL_TABLE), ours, device("x", "254:6", ours.table))
    assert "opened meanwhile as x" in devicemapper.distrust(host, found.of_container(host, WEB, "web"))


def test_what_a_run_left_that_was_killed_before_anybody_could_read_is_just_closed(host, stopped):
    """Killed while the pool was made: its loops went, and so it cannot be said any more what the pool was."""
    table = "0 4194304 thin-pool 7:5 7:4 128 0 2 skip_block_zeroing read_only"
    host.devices(device("drydock-web-pool", "254:7", table, uuid=stopped.pool_uuid))
    host.answer("dmsetup remove --retry drydock-web-pool", does=host.devices)
    closed = closing.close_rootfs(host, "web", stopped.path, False)
    assert closed.changed
    assert "dmsetup remove --retry drydock-web-pool" in closed.actions


@pytest.mark.parametrize("how", ["open to others", "a link", "a file"])
def test_a_directory_for_the_image_that_is_not_roots_alone(host, stopped, opening, tmp_path, how):
    """A work directory may be /tmp, where anybody can put something in its place."""
    place = os.path.join(host.image_directory, ".drydock-web")
    os.mkdir(host.image_directory)
    if how == "a link":
        os.mkdir(str(tmp_path / "theirs"), 0o700)
        os.symlink(str(tmp_path / "theirs"), place)
    elif how == "a file":
        open(place, "w").close()
    else:
        os.mkdir(place)
        os.chmod(place, 0o755)
    step = next(step for step in opening(method="extract").plan.steps if isinstance(step.do, KeepDirectory))
    with pytest.raises(CommandFailed) as failure:
        step.do.perform(Context(host))
    assert place + " is not a directory of root's alone" in failure.value.message


def test_a_directory_that_a_killed_run_left_is_used_again(host, stopped, opening):
    place = os.path.join(host.image_directory, ".drydock-web")
    os.makedirs(place, 0o700)
    step = next(step for step in opening(method="extract").plan.steps if isinstance(step.do, KeepDirectory))
    step.do.perform(Context(host))
