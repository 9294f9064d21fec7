# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can be wrong with what is found or asked for, on the whole way of opening: one clear error that
names the value, the reason and the way out; nothing was changed, and nothing is left."""

import os
from collections import defaultdict

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _ours
from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper import thin
from ansible_collections.drydock.rescue.plugins.module_utils._docker import device_files
from ansible_collections.drydock.rescue.plugins.module_utils._errors import (
    BadRecord,
    CommandFailed,
    MissingTools,
    NotFound,
    Refused,
)
from ansible_collections.drydock.rescue.plugins.module_utils._plan import Context
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import rootfs_state
from ansible_collections.drydock.rescue.tests.unit.support import metadata
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident
from ansible_collections.drydock.rescue.tests.unit.support.host import device, tree_of
from ansible_collections.drydock.rescue.tests.unit.support.texts import HOSTILE, dangerous

WEB, LAYER = ident("web"), ident("layer of web")
STATUS = "0 4194304 thin-pool 10 4144/51200 1592/32768 - rw discard_passdown queue_if_no_space - 1024"
POOL_TABLE = "0 4194304 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing"


@pytest.fixture
def pool(host, docker):
    """A container on devicemapper; Docker is stopped."""
    docker.loop_pool(metadata.superblock(data_blocks=16, data_blocks_used=4), 16 * 65536)
    docker.container("web", driver="devicemapper")
    docker.device_file(LAYER, 8)
    host.devices()
    host.answer("thin_check -q " + device_files.pool_files(docker.path)[1])
    return docker


@pytest.fixture
def active(host, pool):
    """The same while the pool is active, with another status."""

    def make(status=STATUS, *others):
        data, meta = device_files.pool_files(pool.path)
        host.loop(0, data)
        host.loop(1, meta)
        name = device_files.name_prefix(pool.path) + "-pool"
        host.devices(device(name, "254:0", POOL_TABLE), *others)
        host.answer("dmsetup status --noflush " + name, status)
        return name

    return make


@pytest.fixture
def asked(host, docker):
    """What container_rootfs is asked for."""

    def ask(check_mode=False, **changes):
        params = defaultdict(lambda: None)  # what is not given
        params.update(container="web", data_root=docker.path, state="mounted", stop_docker=False)
        params.update(access="read_only", method="auto", scratch_size="1G")
        params.update(changes)
        return rootfs_state.reach(host, params, check_mode)

    return ask


@pytest.fixture
def refuses(host, docker, asked, tmp_path):
    """Asks, also in check mode; the answer is an error with these words and a way out, and all is as it was."""

    def refuse(error, *words, **changes):
        before = tree_of(tmp_path)
        for check_mode in (True, False):
            with pytest.raises(error) as failure:
                asked(check_mode, **changes)
            said = str(failure.value)
            for word in words:
                assert word in said
            assert failure.value.hint
            assert (failure.value.ran, host.mounted) == ([], [])
        assert [line for line in host.ran if not line.startswith(("thin_check", *READING))] == []
        assert tree_of(tmp_path) == before
        return said

    return refuse


READING = tuple("dmsetup " + word for word in ("info", "table", "status"))


# -- the device file ---------------------------------------------------------------------------------------

WHOLE = '{"device_id":8,"size":536870912,"transaction_id":8,"initialized":false,"deleted":false}'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (WHOLE[:40], "is not whole JSON"),
        (WHOLE[:-1], "is not whole JSON"),
        ("", "is empty"),
        ("\0" * 4096, "is empty"),
        ("[8]", "holds no JSON object"),
        ("{}", "device_id is None"),
        ("[" * 100000, "is not whole JSON"),
    ],
)
def test_a_device_file_that_is_damaged(pool, refuses, content, reason):
    path = pool.write(content, "devicemapper", "metadata", LAYER)
    refuses(BadRecord, path, reason, "Give its `device_id`")


@pytest.mark.parametrize(
    "value", ["-1", "16777216", "1" + "0" * 30, "true", "8.0", '"8"', "null", "1e400", "NaN"]
)
def test_a_device_id_that_cannot_be(pool, refuses, value):
    path = pool.write(
        WHOLE.replace('"device_id":8', '"device_id":' + value), "devicemapper", "metadata", LAYER
    )
    refuses(BadRecord, path, "device_id is ", "not a number from 0 to 16777215", "Give its `device_id`")


@pytest.mark.parametrize(
    "value", ["0", "-512", "511", "513", str(2**63), str(2**64), "true", "1e9", '"512"', "null"]
)
def test_a_size_that_cannot_be(pool, refuses, value):
    path = pool.write(WHOLE.replace("536870912", value), "devicemapper", "metadata", LAYER)
    refuses(BadRecord, path + ": size is ", "Give its `device_id`")


@pytest.mark.parametrize("size", [2**40, 2**63 - 512])
def test_a_size_above_the_pools_is_normal(pool, asked, size):
    pool.device_file(LAYER, 8, size=size)
    assert "0 %d thin /dev/mapper/drydock-web-pool 8" % (size // 512) in "".join(asked(True)["actions"])


def test_a_link_in_the_place_of_the_device_file(pool, refuses, tmp_path):
    path = pool.join("devicemapper", "metadata", LAYER)
    os.rename(path, str(tmp_path / "elsewhere"))
    os.symlink(str(tmp_path / "elsewhere"), path)
    refuses(BadRecord, path + " is a link, not a file")


def test_a_missing_device_file(pool, refuses):
    path = pool.join("devicemapper", "metadata", LAYER)
    os.unlink(path)
    refuses(NotFound, path + " is missing", "Give its `device_id`")


@pytest.mark.parametrize("device_id", [-1, 2**24, 10**30])
def test_a_device_id_that_is_asked_for_and_cannot_be(pool, refuses, device_id):
    refuses(Refused, "device_id %d is not a number from 0 to 16777215" % device_id, device_id=device_id)


# -- what the kernel says of the device ----------------------------------------------------------------------

ENODATA = "device-mapper: reload ioctl on x failed: No data available\nCommand failed."


def test_a_device_that_is_not_in_the_pool(host):
    line = "dmsetup create drydock-web-thin --uuid U --readonly --table '0 8 thin /dev/mapper/p 4711'"
    host.answer(line, err=ENODATA, code=1)
    with pytest.raises(NotFound) as failure:
        thin.open_plan("drydock-web-thin", "U", "p", 4711, 4096, True).apply(host)
    assert failure.value.message == "pool p has no thin device 4711"
    assert "thin_pool_info" in failure.value.hint
    assert (host.ran, failure.value.ran) == ([line], [])


def test_a_device_that_is_not_in_an_active_pool(host):
    host.devices()
    message = "dmsetup message p 0 'create_snap 16777215 4711'"
    host.answer("dmsetup create drydock-web-thin --uuid U --notable")
    host.answer(message, err=ENODATA, code=1)
    host.answer("dmsetup remove --retry drydock-web-thin")
    with pytest.raises(NotFound) as failure:
        thin.snapshot_plan("drydock-web-thin", "U", thin.Snapshot("p", 4711, 0xFFFFFF), "", 4096).apply(host)
    assert failure.value.message == "pool p has no thin device 4711"
    assert failure.value.undone == ["dmsetup remove --retry drydock-web-thin"]


def test_another_failure_of_the_kernel_is_told_as_it_is(host):
    line = "dmsetup create n --uuid U --table '0 8 thin /dev/mapper/p 8'"
    host.answer(line, err="device-mapper: Device or resource busy", code=1)
    with pytest.raises(CommandFailed) as failure:
        thin.open_plan("n", "U", "p", 8, 4096, False).apply(host)
    assert "busy" in failure.value.message


@pytest.mark.parametrize(
    ("highest", "fits"), [("-", True), ("127", True), ("255", True), ("383", False), ("1048575", False)]
)
def test_a_size_below_what_is_mapped(host, highest, fits):
    """The device has 200 sectors, a block of the pool 128: the second block reaches over the end."""
    host.answer("dmsetup status --noflush drydock-web-thin", "0 200 thin 8 %s\n" % highest)
    step = thin.FitsMapping("drydock-web-thin", 8, 102400, 128)
    if fits:
        step.perform(Context(host))
        return
    with pytest.raises(BadRecord) as failure:
        step.perform(Context(host))
    end = (int(highest) + 1) * 512
    assert "thin device 8 has data up to byte %d, Docker's record gives it only 102400" % end in str(
        failure.value
    )
    assert "Correct `size`" in failure.value.hint


@pytest.mark.parametrize("access", ["read_only", "scratch", "in_place"])
def test_the_mapping_is_looked_at_before_anything_is_mounted(pool, host, root, request_for, access):
    from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import devicemapper

    layer = devicemapper.locate(root(), request_for().container)
    request = request_for(access=access)
    steps = devicemapper.open_plan(layer, devicemapper.present(host, layer), request).plan.steps
    kinds = [type(step.do).__name__ for step in steps]
    assert kinds.index("OpenThin") < kinds.index("FitsMapping") < kinds.index("MountFileSystem")


# -- the pool's files --------------------------------------------------------------------------------------


def overwrite(path, content, offset=0):
    with open(path, "r+b") as stream:
        stream.seek(offset)
        stream.write(content)


@pytest.mark.parametrize("access", ["read_only", "scratch", "in_place"])
@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (metadata.superblock(magic=4711), "its magic is 4711, not 27022010"),
        (metadata.RECORDED[:300] + b"x" + metadata.RECORDED[301:], "its checksum is"),
        (b"\0" * 4096, "its first block is all zeros"),
        (metadata.superblock(block_sectors=100), "its data block size is 100 sectors"),
    ],
)
def test_a_superblock_that_cannot_be(pool, refuses, block, reason, access):
    path = device_files.pool_files(pool.path)[1]
    overwrite(path, block)
    refuses(
        BadRecord, path + " holds no valid thin-pool superblock", reason, "Nothing was opened", access=access
    )


def test_data_and_metadata_in_each_others_place(pool, refuses):
    data, meta = device_files.pool_files(pool.path)
    overwrite(data, b"XFSB")
    os.rename(data, data + ".away")
    os.rename(meta, data)
    os.rename(data + ".away", meta)
    refuses(BadRecord, meta + " holds no valid thin-pool superblock", "its magic is")


@pytest.mark.parametrize("changes", [{"method": "assemble"}, {"access": "in_place"}], ids=str)
def test_a_superblock_that_needs_a_check(pool, refuses, changes):
    data, path = device_files.pool_files(pool.path)
    os.truncate(data, 2**31)
    overwrite(path, metadata.superblock(flags=1))
    refuses(BadRecord, path, "needs_check", "thin_repair", **changes)


@pytest.mark.parametrize("access", ["read_only", "in_place"])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("instead", ["nothing", "fifo", "directory", "dangling link"])
def test_a_pool_file_that_is_missing(pool, refuses, which, instead, access):
    path = device_files.pool_files(pool.path)[which]
    os.unlink(path)
    if instead == "fifo":
        os.mkfifo(path)
    elif instead == "directory":
        os.mkdir(path)
    elif instead == "dangling link":
        os.symlink("nowhere", path)
    refuses(Refused, "of its two files %s is missing" % path, "bring it back", access=access)


def test_a_data_file_that_was_cut(pool, refuses):
    path = device_files.pool_files(pool.path)[0]
    with open(path, "r+b") as stream:
        stream.truncate(4096)
    refuses(BadRecord, "counts 1048576 bytes of data, %s has 4096" % path, "was cut")


def test_metadata_that_thin_check_finds_damaged(host, pool, refuses):
    path = device_files.pool_files(pool.path)[1]
    host.answer("thin_check -q " + path, err="bad checksum in node\x1b[2J", code=1)
    refuses(BadRecord, path, "bad checksum in node", "thin_repair", method="assemble")


# -- the pool in the kernel --------------------------------------------------------------------------------


@pytest.mark.parametrize("access", ["read_only", "scratch", "in_place"])
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("0 4194304 thin-pool Fail", "its mode is fail"),
        ("0 4194304 thin-pool Error", "its mode is fail"),
        (STATUS.replace("queue_if_no_space -", "queue_if_no_space needs_check"), "needs_check is set"),
        (STATUS.replace(" rw ", " ro "), "its mode is ro"),
        (STATUS.replace(" rw ", " out_of_data_space "), "its mode is out_of_data_space"),
        (STATUS.replace("1592/", "32768/"), "bytes are missing"),
        (STATUS.replace("4144/", "51200/"), "bytes are missing"),
    ],
)
def test_a_pool_that_cannot_take_what_the_method_needs(active, refuses, status, reason, access):
    method = "direct" if access == "in_place" else "snapshot"  # by itself it would copy the blocks (extract)
    refuses(Refused, active(status), reason, access=access, method=method)


@pytest.mark.parametrize("line", ["", "0 8 thin-pool x 1/2 3/4 - rw", "0 8 thin-pool 1 2 3"])
def test_a_status_that_cannot_be_read(active, asked, host, line):
    active(line)
    with pytest.raises(BadRecord) as failure:
        asked()
    assert "the status of the thin pool cannot be read" in failure.value.message


# -- a container that lives --------------------------------------------------------------------------------


def test_writing_into_a_container_whose_device_is_open(active, refuses):
    name = "docker-254:1-7-" + LAYER
    active(STATUS, device(name, "254:1", "0 1048576 thin 254:0 8", open_count=1))
    refuses(Refused, "container %s is alive" % WEB[:12], name, "Stop the container", access="in_place")


@pytest.mark.parametrize("access", ["scratch", "in_place"])
def test_writing_over_the_layers_of_a_living_container(host, docker, refuses, access):
    docker.overlay_container("web", "base")
    merged = docker.join("overlay2", LAYER, "merged")
    host.sees_mount("600 22 0:55 / %s rw - overlay overlay rw,upperdir=%s/x" % (merged, docker.path))
    refuses(Refused, "container %s is alive" % WEB[:12], merged, access=access)


# -- the place ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("mounted", "is a mount point in use"),
        ("file", "is not a directory"),
        ("fifo", "is not a directory"),
        ("link", "leads through a symbolic link to "),
        ("dangling", "leads through a symbolic link to "),
        ("below a link", "leads through a symbolic link to "),
        ("full", "is not empty"),
        ("no parent", "its parent directory is missing"),
        ("dots", "is not a plain absolute path"),
        ("relative", "is not a plain absolute path"),
    ],
)
def test_a_place_that_cannot_be_used(host, docker, refuses, tmp_path, kind, reason):
    docker.overlay_container("web", "base")
    place = str(tmp_path / "place")
    if kind == "file":
        open(place, "w").close()
    elif kind == "fifo":
        os.mkfifo(place)
    elif kind == "full":
        os.makedirs(place + "/x")
    elif kind in ("link", "dangling"):
        os.symlink(str(tmp_path) if kind == "link" else "nowhere", place)
    elif kind == "mounted":
        os.mkdir(place)
        host.sees_mount("90 22 0:9 / %s rw - tmpfs none rw" % place)
    elif kind == "below a link":
        os.symlink(str(tmp_path), place)
        place += "/new"
    elif kind == "no parent":
        place += "/a"
    place = {"dots": str(tmp_path) + "/x/../place", "relative": "place"}.get(kind, place)
    refuses(Refused, place, reason, "Give `path` a directory that is empty or not there yet", path=place)


def test_a_work_dir_that_is_no_directory(docker, refuses, tmp_path):
    docker.overlay_container("web", "base")
    open(str(tmp_path / "file"), "w").close()
    work_dir = str(tmp_path / "file")
    refuses(Refused, "work_dir %s is not a directory" % work_dir, work_dir=work_dir, access="scratch")


@pytest.mark.parametrize(
    "size", ["15M", "0", "-1G", "x", "", "1.5G", "8388608T", "9" * 40 + "T", "1G\n\x1b[2J"]
)
def test_a_scratch_size_that_cannot_be(docker, refuses, size):
    docker.overlay_container("web", "base")
    refuses(Refused, "scratch_size %r" % size, "Give it as in 512M", scratch_size=size)


# -- names -------------------------------------------------------------------------------------------------

NAMES = [
    "a/b",
    "..",
    ".",
    "../../etc",
    "a\nb",
    "{{ 7 * 7 }}",
    "\x1b[2J",
    "\u202egnp",
    "x" * 101,
    "-rf",
    "$(reboot)",
    "",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_not_fit_never_becomes_a_path(host, docker, asked, name):
    docker.overlay_container("bad", "base", Name="/" + name)
    for access in ("read_only", "scratch"):
        result = asked(container=ident("bad"), access=access)
        assert result["path"] == "%s/%s" % (host.run_directory, ident("bad"))
        assert dangerous(result["actions"]) == []
        made = {ident("bad"), ".drydock-" + ident("bad")}
        assert made.issuperset(os.listdir(host.run_directory))
        asked(container=ident("bad"), state="unmounted")
    assert not os.path.exists(host.run_directory)


@pytest.mark.parametrize("word", [HOSTILE, "../../etc", "{{ 7 * 7 }}", "", "*", "a" * 65])
def test_a_container_that_is_not_there(docker, refuses, word):
    docker.overlay_container("web", "base")
    docker.overlay_container("bad", "base", Name="/" + HOSTILE + "2")
    said = refuses(NotFound, "no container ", "This data root holds ", container=word)
    assert dangerous([said]) == []


# -- tools -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [{"dmsetup"}, {"thin_check"}, {"dmsetup", "thin_check"}])
def test_missing_tools(host, pool, refuses, missing):
    host.missing_tools = missing
    refuses(MissingTools, "missing on this host: " + ", ".join(sorted(missing)), "Install the packages")


def test_closing_names_the_same_container_and_needs_no_record(host, docker, asked):
    docker.overlay_container("web", "base")
    asked()
    os.rename(docker.path, docker.path + "-gone")
    assert asked(state="unmounted", data_root=None)["changed"]
    assert _ours.trees(host.mounts()) == []


@pytest.mark.parametrize("access", ["scratch", "in_place"])
def test_a_layer_is_only_read(docker, asked, access):
    docker.overlay_container("web", "app")
    with pytest.raises(Refused) as failure:
        asked(container=None, layer=ident("app"), access=access)
    assert "is opened read_only, not " + access in failure.value.message
