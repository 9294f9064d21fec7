# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of a container on overlay2, on a host that remembers what was mounted."""

import contextlib
import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _ours
from ansible_collections.drydock.rescue.plugins.module_utils._errors import (
    CommandFailed,
    MissingTools,
    NotFound,
    Refused,
)
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import closing, opening
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.driver import NOTHING
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident
from ansible_collections.drydock.rescue.tests.unit.support.host import tree_of

WEB, LAYER = ident("web"), ident("layer of web")


@pytest.fixture
def web(host, docker):
    docker.overlay_container("web", "base")
    docker.overlay_container("db", "base")
    return docker


def mounts(host):
    return [mount.mount_point for mount in host.mounts() if mount.mount_point != "/"]


@pytest.fixture
def opened(host, docker):
    def make(container="web", check_mode=False, **changes):
        wanted = opening.Wanted(
            container, "", docker.path, NOTHING, None, "read_only", "auto", None, 2**30, False
        )
        return opening.open_rootfs(host, wanted._replace(**changes), check_mode)

    return make


@pytest.fixture
def closed(host, docker):
    return lambda word="web", check_mode=False: closing.close_rootfs(host, word, docker.path, check_mode)


def test_opening(host, web, opened):
    result = opened()
    path = host.run_directory + "/web"
    assert (result.changed, result.path, result.method, result.container.id) == (True, path, "merge", WEB)
    assert mounts(host) == [path, path]
    assert [line.split()[0] for line in result.actions] == ["mkdir", "mkdir", "mount", "mount"]
    assert os.stat(path).st_mode & 0o777 == 0o700
    assert os.stat(host.run_directory).st_mode & 0o777 == 0o700


def test_a_layer_is_opened_and_closed_by_its_id(host, docker, web, opened, closed):
    """The layer of an image; no record of a container is needed for closing."""
    layer = ident("base")
    result = opened("", layer=layer)
    path = host.run_directory + "/layer-" + layer[:12]
    assert (result.path, result.method) == (path, "directory")
    assert result.actions[-1].startswith(
        "mount -o bind,ro,nosuid,nodev,noexec " + docker.join("overlay2", layer)
    )
    assert opened("", layer=layer[:12]).changed is False
    shutil.rmtree(docker.join("image"))
    assert closed("layer-" + layer[:12]).changed is True
    assert mounts(host) == []


def test_opening_again_changes_nothing(host, web, opened):
    first = opened()
    before = mounts(host)
    again = opened()
    assert (again.changed, again.actions) == (False, [])
    assert (again.path, again.method) == (first.path, first.method)
    assert mounts(host) == before


def test_check_mode_says_what_would_be_done_and_does_nothing(host, web, opened):
    before = tree_of(web.path)
    shown = opened(check_mode=True)
    assert not os.path.exists(host.run_directory)
    assert tree_of(web.path) == before
    assert shown.changed
    assert opened().actions == shown.actions


def test_closing_leaves_nothing(host, web, opened, closed):
    before = tree_of(web.path)
    opened()
    shown = closed(check_mode=True)
    assert shown.changed
    assert mounts(host) != []
    result = closed()
    assert (result.changed, result.container_id) == (True, WEB)
    assert result.actions == shown.actions
    assert mounts(host) == []
    assert not os.path.exists(host.run_directory)
    assert tree_of(web.path) == before


def test_closing_what_is_not_open_changes_nothing(web, closed):
    assert (closed().changed, closed().actions) == (False, [])
    assert closed("no such container").changed is False


@pytest.mark.parametrize("word", ["web", WEB, WEB[:12], "path"])
def test_closing_by_name_id_or_path_without_any_record(host, web, opened, word):
    opened()
    os.rename(web.path, web.path + "-gone")
    word = host.run_directory + "/web" if word == "path" else word
    assert closing.close_rootfs(host, word, None, False).changed
    assert mounts(host) == []


def test_closing_one_leaves_the_other(host, web, opened, closed):
    opened()
    opened("db")
    closed()
    assert mounts(host) == [host.run_directory + "/db"] * 2


def test_a_container_whose_name_is_not_fit_is_opened_under_its_id(host, docker, opened, closed):
    docker.overlay_container("bad", "base", Name="/../../etc")
    assert opened(ident("bad")).path == "%s/%s" % (host.run_directory, ident("bad"))
    assert closed("../../etc").changed


def test_two_containers_of_one_name_are_opened_under_their_ids(host, web, opened):
    web.overlay_container("other", "base", Name="/web")
    assert opened(WEB).path == "%s/%s" % (host.run_directory, WEB)


def test_another_access_while_it_is_open_is_refused(web, opened):
    opened()
    for changes in ({"access": "scratch"}, {"method": "live"}):
        with pytest.raises(Refused) as failure:
            opened(**changes)
        assert "already open" in failure.value.message
        assert "state: unmounted" in failure.value.hint


def test_an_empty_tree_is_not_good(host, web, opened, monkeypatch):
    mount = host.mount

    def nothing(source, target, fs_type, options):
        mount(source, target, fs_type, options)
        for name in os.listdir(target):
            os.unlink(os.path.join(target, name))

    monkeypatch.setattr(host, "mount", nothing)
    with pytest.raises(CommandFailed) as failure:
        opened()
    assert "is empty" in failure.value.message
    assert mounts(host) == []
    assert not os.path.exists(host.run_directory)


def test_a_mount_that_fails_leaves_nothing(host, web, opened, monkeypatch):
    mount = host.mount

    def fails(source, target, fs_type, options):
        if fs_type == "overlay":
            raise CommandFailed("cannot mount", "dmesg", 22)
        mount(source, target, fs_type, options)

    monkeypatch.setattr(host, "mount", fails)
    with pytest.raises(CommandFailed) as failure:
        opened()
    assert len(failure.value.ran) == 3
    assert [line.split()[0] for line in failure.value.undone] == ["umount", "rmdir", "rmdir"]
    assert mounts(host) == []
    assert not os.path.exists(host.run_directory)


# -- the option path ---------------------------------------------------------------------------------------


def test_a_second_place_that_is_made_and_removed(host, web, opened, closed, tmp_path):
    place = str(tmp_path / "rescue")
    opened(path=place)
    assert mounts(host).count(place) == 2
    assert opened(path=place).changed is False
    assert closed(place).changed
    assert mounts(host) == []
    assert not os.path.exists(place)


def test_a_second_place_that_was_there_stays(host, web, opened, closed, tmp_path):
    place = tmp_path / "rescue"
    place.mkdir()
    opened(path=str(place))
    closed()
    assert mounts(host) == []
    assert place.is_dir()


def test_a_second_place_for_an_open_tree(host, web, opened, tmp_path):
    opened()
    result = opened(path=str(tmp_path / "rescue"))
    assert result.changed
    assert str(tmp_path / "rescue") in mounts(host)


@pytest.mark.parametrize("kind", ["file", "full", "link", "relative", "dots", "no parent", "mounted", "root"])
def test_a_place_that_cannot_be_used(host, web, opened, tmp_path, kind):
    place = str(tmp_path / "place")
    if kind == "file":
        (tmp_path / "place").write_text("")
    elif kind == "full":
        os.makedirs(place + "/x")
    elif kind == "link":
        os.symlink("/", place)
    elif kind == "mounted":
        os.mkdir(place)
        host.sees_mount("90 22 0:9 / %s rw - tmpfs none rw" % place)
    place = {
        "relative": "place",
        "dots": str(tmp_path) + "/x/../place",
        "no parent": str(tmp_path) + "/a/b",
        "root": "/",
    }.get(kind, place)
    before = mounts(host)
    with pytest.raises(Refused) as failure:
        opened(path=place)
    assert place in failure.value.message
    assert mounts(host) == before
    assert not os.path.exists(host.run_directory)


# -- runs that were killed ---------------------------------------------------------------------------------


@pytest.fixture
def killed(host, web, killed_after):
    """Does the first steps of opening a scratch and then nothing more."""

    def kill(steps, **changes):
        wanted = opening.Wanted(
            "web", "", web.path, NOTHING, None, "scratch", "auto", None, 2**30, False
        )._replace(**changes)
        killed_after(steps, lambda: opening.open_rootfs(host, wanted, False))

    return kill


@pytest.mark.parametrize("steps", range(1, 8))
@pytest.mark.parametrize("work_dir", [False, True])
def test_the_next_closing_tidies_up_after_a_kill_at_any_point(
    host, killed, closed, tmp_path, steps, work_dir
):
    (tmp_path / "work").mkdir()
    killed(steps, work_dir=str(tmp_path / "work") if work_dir else None)
    closed()
    assert mounts(host) == []
    assert os.listdir(str(tmp_path / "work")) == []
    assert not os.path.exists(host.run_directory) or os.listdir(host.run_directory) == []


@pytest.mark.parametrize("steps", range(1, 7))
def test_the_next_opening_tidies_up_and_opens(host, killed, opened, closed, steps):
    killed(steps)
    assert opened(access="scratch").changed
    closed()
    assert not os.path.exists(host.run_directory)


@pytest.mark.parametrize("steps", range(2, 8))
def test_cleanup_finds_what_a_killed_run_left(host, killed, steps):
    killed(steps)
    assert closing.close_everything(host, True)
    assert os.path.exists(host.run_directory)
    closing.close_everything(host, False)
    assert mounts(host) == []
    assert not os.path.exists(host.run_directory)


def test_cleanup_closes_all_and_then_has_nothing_to_do(host, web, opened):
    opened()
    opened("db")
    assert {one.container_id for one in closing.close_everything(host, False)} == {WEB, ident("db")}
    assert mounts(host) == []
    assert closing.close_everything(host, False) == []


def test_cleanup_goes_on_after_one_that_cannot_be_closed(host, web, opened, monkeypatch):
    opened()
    opened("db")
    unmount = host.unmount

    def busy(target):
        if target.endswith("/db"):
            raise CommandFailed("cannot unmount " + target)
        unmount(target)

    monkeypatch.setattr(host, "unmount", busy)
    with pytest.raises(CommandFailed) as failure:
        closing.close_everything(host, False)
    assert "/db" in failure.value.message
    assert set(mounts(host)) == {host.run_directory + "/db"}


def test_mounts_of_others_below_run_drydock_are_let_alone(host, web, closed):
    path = host.run_directory + "/web"
    os.makedirs(path)
    host.sees_mount("90 22 0:9 / %s rw - ext4 /dev/sdb rw" % path)
    label = _ours.Label(ident("x"), "x", "merge", "scratch", "")
    host.sees_mount("91 22 0:9 / /srv rw - ext4 %s rw" % _ours.label_source(label))
    with contextlib.suppress(CommandFailed):  # its directory is in use
        closed()
    assert mounts(host) == [path, "/srv"]


# -- what is asked for -------------------------------------------------------------------------------------


def test_an_unknown_container(web, opened):
    with pytest.raises(NotFound):
        opened("none")


def test_a_driver_that_is_not_opened_here(docker, opened):
    docker.container("web", driver="windowsfilter")
    with pytest.raises(Refused) as failure:
        opened()
    assert "windowsfilter" in failure.value.message
    assert "overlay, overlay2" in failure.value.hint


def test_all_missing_tools_are_named_before_anything_is_done(host, docker, opened):
    docker.loop_pool()
    docker.container("web", driver="devicemapper")
    docker.device_file(LAYER, 8)
    host.missing_tools = {"dmsetup", "thin_check"}
    with pytest.raises(MissingTools) as failure:
        opened()
    assert sorted(failure.value.tools) == ["dmsetup", "thin_check"]
    assert not os.path.exists(host.run_directory)


def test_a_work_dir_that_is_missing(host, web, opened, tmp_path):
    with pytest.raises(Refused):
        opened(access="scratch", work_dir=str(tmp_path / "none"))
    assert not os.path.exists(host.run_directory)


def test_in_place_holds_docker_and_closing_releases_it(host, web, opened, closed):
    host.unit("docker.service")
    host.unit("docker.socket", loaded=False)
    host.answer("systemctl daemon-reload")
    opened(access="in_place")
    assert os.path.exists(_ours.drop_in(host.units_directory, "docker.service", "web"))
    closed()
    assert os.listdir(host.units_directory) == []


def test_in_place_that_fails_lets_docker_go(host, web, opened, monkeypatch):
    host.unit("docker.service")
    host.unit("docker.socket", loaded=False)
    host.answer("systemctl daemon-reload")
    mount = host.mount

    def fails(source, target, fs_type, options):
        if fs_type == "overlay":
            raise CommandFailed("no")
        mount(source, target, fs_type, options)

    monkeypatch.setattr(host, "mount", fails)
    with pytest.raises(CommandFailed) as failure:
        opened(access="in_place")
    assert os.listdir(host.units_directory) == []
    assert not os.path.exists(host.run_directory)
    assert "systemctl daemon-reload" in failure.value.undone


def test_a_scratch_that_a_power_cut_left_is_taken_over(web, opened, tmp_path):
    os.makedirs(str(tmp_path / "work" / ".drydock-web" / "upper"))
    assert opened(access="scratch", work_dir=str(tmp_path / "work")).changed


# -- who can look ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "link", "writable"])
def test_a_run_directory_that_is_not_ours_is_refused(host, web, opened, tmp_path, kind):
    if kind == "file":
        open(host.run_directory, "w").close()
    elif kind == "link":
        (tmp_path / "theirs").mkdir()
        os.symlink(str(tmp_path / "theirs"), host.run_directory)
    else:
        os.mkdir(host.run_directory)
        os.chmod(host.run_directory, 0o777)
    before = tree_of(tmp_path / "machine" / "run")
    with pytest.raises(CommandFailed) as failure:
        opened()
    assert host.run_directory + " is not a directory of root's alone" in failure.value.message
    assert (mounts(host), tree_of(tmp_path / "machine" / "run")) == ([], before)


def test_a_run_directory_that_others_can_enter_is_closed_to_them(host, web, opened):
    os.mkdir(host.run_directory)
    os.chmod(host.run_directory, 0o755)
    opened()
    assert os.stat(host.run_directory).st_mode & 0o777 == 0o700


def test_modes_do_not_depend_on_the_umask(host, web, opened):
    host.unit("docker.service")
    host.unit("docker.socket", loaded=False)
    host.answer("systemctl daemon-reload")
    old = os.umask(0)
    try:
        opened(access="in_place")
        opened("db", access="scratch")
    finally:
        os.umask(old)
    drop_in = _ours.drop_in(host.units_directory, "docker.service", "web")
    assert os.stat(drop_in).st_mode & 0o777 == 0o644
    assert os.stat(os.path.dirname(drop_in)).st_mode & 0o777 == 0o755
    for name in ("", "web", "db", ".drydock-db"):
        assert os.stat(os.path.join(host.run_directory, name)).st_mode & 0o777 == 0o700
