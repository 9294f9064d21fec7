# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import containers, data_root
from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Life
from ansible_collections.drydock.rescue.plugins.module_utils._errors import (
    BadRecord,
    CommandFailed,
    NotFound,
    Refused,
)
from ansible_collections.drydock.rescue.plugins.module_utils._plan import Context
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import layered, overlay2, scratch
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import DockerRoot, ident
from ansible_collections.drydock.rescue.tests.unit.support.host import ROOT_MOUNT, tree_of

WEB, LAYER = ident("web"), ident("layer of web")
ALIVE = Life(["process 900 is in its cgroup"], [900])


@pytest.fixture
def web(docker):
    docker.overlay_container("web", "app", "base")
    return docker


@pytest.fixture
def locate(root, request_for):
    return lambda: overlay2.locate(root(), request_for().container)


@pytest.fixture
def opening(host, root, request_for):
    def make(**changes):
        asked = request_for(**changes)
        layer = overlay2.locate(root(), asked.container)
        return overlay2.open_plan(layer, overlay2.present(host, layer), asked)

    return make


def diffs(docker, *layers):
    return [docker.join("overlay2", layer, "diff") for layer in layers]


LOWER = [LAYER + "-init", ident("app"), ident("base")]


# -- the layers --------------------------------------------------------------------------------------------


def test_the_layers_as_the_links_say(web, locate):
    layer = locate()
    assert layer.lower_dirs == diffs(web, *LOWER)
    assert layer.storage() == {
        "upper_dir": web.join("overlay2", LAYER, "diff"),
        "lower_dirs": layer.lower_dirs,
        "work_dir": web.join("overlay2", LAYER, "work"),
        "merged_dir": web.join("overlay2", LAYER, "merged"),
    }


def test_the_directory_of_the_driver_may_be_a_link(web, locate, tmp_path):
    os.rename(web.join("overlay2"), str(tmp_path / "moved"))
    os.symlink(str(tmp_path / "moved"), web.join("overlay2"))
    assert locate().lower_dirs == [str(tmp_path / "moved" / one / "diff") for one in LOWER]


def test_a_layer_that_is_a_link_to_elsewhere_is_refused(web, locate, tmp_path):
    os.rename(web.join("overlay2", LOWER[1]), str(tmp_path / "moved"))
    os.symlink(str(tmp_path / "moved"), web.join("overlay2", LOWER[1]))
    with pytest.raises(BadRecord) as failure:
        locate()
    assert "is a link to %s, where a layer belongs" % (tmp_path / "moved" / "diff") in failure.value.message


def break_links(docker, how):
    links = docker.join("overlay2", "l")
    first = os.path.join(docker.path, "overlay2", docker.short_link(LOWER[1]))
    if how == "link missing":
        os.unlink(first)
    elif how == "all links missing":
        os.rename(links, links + "-gone")
    elif how == "lower missing":
        os.unlink(docker.join("overlay2", LAYER, "lower"))
    elif how == "lower empty":
        docker.write("", "overlay2", LAYER, "lower")
    elif how == "lower cut":
        docker.write("l/ABC", "overlay2", LAYER, "lower")
    else:
        os.unlink(first)
        os.symlink(
            {"leads out": "/etc", "leads to no layer": "../../volumes", "dangles": "../x/diff"}[how], first
        )


BROKEN = [
    "link missing",
    "all links missing",
    "lower missing",
    "lower empty",
    "lower cut",
    "leads out",
    "leads to no layer",
    "dangles",
]


@pytest.mark.parametrize("how", BROKEN)
def test_where_the_links_are_broken_layerdb_has_the_same_list(web, locate, how):
    break_links(web, how)
    assert locate().lower_dirs == diffs(web, *LOWER)


@pytest.mark.parametrize("how", BROKEN)
def test_where_both_are_broken_nothing_is_guessed(web, locate, how):
    break_links(web, how)
    os.rename(web.join("image", "overlay2", "layerdb", "sha256"), web.join("gone"))
    with pytest.raises(BadRecord) as failure:
        locate()
    assert "the layers below container %s are not known" % WEB[:12] in failure.value.message
    assert "and from the image's records" in failure.value.message


@pytest.mark.parametrize("record", ["of the container", "of the image"])
def test_a_list_that_lost_its_end_is_not_taken_for_the_whole(web, locate, record):
    parent = web.join("image", "overlay2", "layerdb", "mounts", WEB, "parent")
    if record == "of the image":
        with open(parent) as stream:
            chain = stream.read()[len("sha256:") :]
        parent = web.join("image", "overlay2", "layerdb", "sha256", chain, "parent")
    break_links(web, "lower missing")
    open(parent, "w").close()
    with pytest.raises(BadRecord):
        locate()


def test_a_layer_that_layerdb_names_and_that_is_gone(web, locate):
    break_links(web, "lower missing")
    os.rename(web.join("overlay2", ident("base")), web.join("gone"))
    with pytest.raises(BadRecord):
        locate()


def test_a_container_whose_own_directory_is_gone(web, locate):
    os.rename(web.join("overlay2", LAYER), web.join("gone"))
    with pytest.raises(NotFound) as failure:
        locate()
    assert LAYER in failure.value.message


def test_a_container_whose_layer_is_not_known(web, locate):
    web.write("", "image", "overlay2", "layerdb", "mounts", WEB, "mount-id")
    with pytest.raises(NotFound) as failure:
        locate()
    assert "mount-id is empty" in failure.value.message


def test_a_device_id_makes_no_sense_here(web, root, request_for):
    with pytest.raises(Refused):
        overlay2.locate(root(), request_for().container, 8)


# -- the methods -------------------------------------------------------------------------------------------

SAFE = ("nosuid", "nodev", "noexec")


def overlay_options(host, opened):
    """What would be given to mount(2), with the plan carried out but for the mount itself."""
    os.makedirs(host.run_directory + "/web")
    opened.plan.apply(host)
    (mount,) = [one for one in host.mounted if one[2] == "overlay"]
    return mount


def test_a_dead_container_is_merged_without_an_upper_directory(host, web, opening):
    opened = opening()
    lower = ":".join(diffs(web, LAYER, *LOWER))
    assert opened.method == "merge"
    assert opened.plan.shown() == [
        "mount -t overlay -o ro,nosuid,nodev,noexec,lowerdir=%s drydock-%s %s/web"
        % (lower, WEB, host.run_directory)
    ]


def test_the_index_is_turned_off_where_the_kernel_has_one(host, web, opening):
    os.makedirs(host.sys + "/module/overlay/parameters")
    open(host.sys + "/module/overlay/parameters/index", "w").close()
    assert ",index=off drydock-" in opening().plan.shown()[0]


def test_a_scratch_has_an_upper_directory_of_ours(host, web, opening):
    upper = host.run_directory + "/.drydock-web/upper"
    os.makedirs(host.run_directory)
    mount = overlay_options(host, opening(access="scratch"))
    assert "upperdir=" + upper in mount[3]
    assert "workdir=%s/.drydock-web/work" % host.run_directory in mount[3]
    assert "lowerdir=" + ":".join(diffs(web, LAYER, *LOWER)) in mount[3]
    assert "ro" not in mount[3]


def test_the_root_of_a_scratch_looks_like_the_containers(host, web, opening):
    top = web.join("overlay2", LAYER, "diff")
    os.chmod(top, 0o751)
    os.utime(top, ns=(0, 1500000000123456789))
    os.makedirs(host.run_directory)
    overlay_options(host, opening(access="scratch"))
    upper = host.run_directory + "/.drydock-web/upper"
    facts = os.stat(upper)
    assert (facts.st_mode & 0o7777, facts.st_mtime_ns) == (0o751, 1500000000123456789)


def test_a_scratch_that_fails_leaves_nothing(host, web, opening):
    os.makedirs(host.run_directory + "/web")
    host.mount_errors[host.run_directory + "/web"] = CommandFailed("no")
    with pytest.raises(CommandFailed):
        opening(access="scratch").plan.apply(host)
    assert os.listdir(host.run_directory) == ["web"]


def test_in_place_is_the_mount_that_docker_makes(web, opening, host):
    opened = opening(access="in_place")
    layer = web.join("overlay2", LAYER)
    assert opened.method == "direct"
    assert opened.plan.shown() == [
        "mount -t overlay -o nosuid,nodev,noexec,lowerdir=%s,upperdir=%s/diff,workdir=%s/work drydock-%s %s/web"
        % (":".join(diffs(web, *LOWER)), layer, layer, WEB, host.run_directory)
    ]


def test_a_view_writes_nothing_into_the_data_root(host, web, opening):
    before = tree_of(web.path)
    overlay_options(host, opening())
    assert tree_of(web.path) == before


def from_scratch(docker):
    docker.container("web")
    docker.overlay_layer(LAYER)


def test_a_single_layer_is_a_directory(host, docker, opening):
    from_scratch(docker)
    upper = docker.join("overlay2", LAYER, "diff")
    opened = opening()
    assert opened.method == "directory"
    assert opened.plan.shown() == [
        "mount -o bind,ro,nosuid,nodev,noexec %s %s/web" % (upper, host.run_directory)
    ]


def test_in_place_of_a_single_layer(host, docker, opening):
    from_scratch(docker)
    upper = docker.join("overlay2", LAYER, "diff")
    assert opening(access="in_place").plan.shown() == [
        "mount -o bind,nosuid,nodev,noexec %s %s/web" % (upper, host.run_directory)
    ]


# -- a living container ------------------------------------------------------------------------------------


def test_its_merged_mount_where_we_see_it(host, web, opening):
    merged = web.join("overlay2", LAYER, "merged")
    host.sees_mount("600 22 0:55 / %s rw - overlay overlay rw" % merged)
    opened = opening(life=ALIVE)
    assert opened.method == "live"
    assert opened.plan.shown() == [
        "mount -o bind,ro,nosuid,nodev,noexec %s %s/web" % (merged, host.run_directory)
    ]


def container_root(layer):
    return "600 22 0:55 / / rw - overlay overlay rw,upperdir=/x/%s/diff\n" % layer


def test_through_one_of_its_processes_where_we_do_not(host, web, opening):
    os.makedirs(host.run_directory + "/web")
    host.process(899, ["gone"], mountinfo=ROOT_MOUNT)
    host.process(900, ["mysqld"], mountinfo=container_root(LAYER))
    opened = opening(life=Life(["x"], [899, 900]))
    opened.plan.apply(host)
    assert [one[0] for one in host.mounted] == ["root of process 900"]


def test_never_through_a_process_with_another_root(host, web, opening):
    """The pid was reused, or it is a process of the host in the container's cgroup."""
    os.makedirs(host.run_directory + "/web")
    host.process(900, ["sshd"], mountinfo=ROOT_MOUNT)
    with pytest.raises(CommandFailed):
        opening(life=ALIVE).plan.apply(host)
    assert host.mounted == []


def test_proc_root_is_never_bound(web, opening):
    assert not [line for line in opening(life=ALIVE).plan.shown() if line.startswith("mount")]


@pytest.mark.parametrize(
    ("access", "method"), [("read_only", "merge"), ("scratch", "auto"), ("in_place", "auto")]
)
def test_what_a_living_container_cannot_give(web, opening, access, method):
    with pytest.raises(Refused) as failure:
        opening(access=access, method=method, life=ALIVE)
    assert "is alive" in failure.value.message
    assert "process 900 is in its cgroup" in failure.value.message


def test_alive_but_nothing_to_look_through(web, opening):
    with pytest.raises(Refused) as failure:
        opening(life=Life(["its shim runs (process 800)"], []))
    assert "its shim runs (process 800)" in failure.value.message


@pytest.mark.parametrize(
    ("access", "method"),
    [("read_only", "direct"), ("scratch", "live"), ("in_place", "merge"), ("scratch", "snapshot")],
)
def test_a_method_that_does_not_go_with_the_access(web, opening, access, method):
    with pytest.raises(Refused) as failure:
        opening(access=access, method=method)
    assert "method %s cannot give access %s" % (method, access) in failure.value.message


def test_a_directory_cannot_show_several_layers(web, opening):
    with pytest.raises(Refused) as failure:
        opening(method="directory")
    assert "has 4 layers" in failure.value.message


# -- long lists and odd paths ------------------------------------------------------------------------------


def layers_behind(mount):
    """The directories that the lowerdir option means, and the option itself."""
    (lower,) = [option for option in mount[3] if option.startswith("lowerdir=")]
    return lower[len("lowerdir=") :].split(":")


@pytest.fixture
def links_at_mount(host, monkeypatch):
    """Where the links led while mount(2) ran: they are gone afterwards."""
    seen = []
    mount = host.mount

    def look(source, target, fs_type, options):
        seen.extend(os.path.realpath(path) for path in layers_behind((source, target, fs_type, options)))
        mount(source, target, fs_type, options)

    monkeypatch.setattr(host, "mount", look)
    return seen


def test_a_long_list_goes_through_short_links_of_ours(host, docker, opening, links_at_mount):
    words = ["image layer %d" % number for number in range(60)]
    docker.overlay_container("web", *words)
    before = tree_of(docker.path)
    mount = overlay_options(host, opening())
    assert links_at_mount == diffs(docker, LAYER, LAYER + "-init", *[ident(word) for word in words])
    assert len(",".join(mount[3]).replace(host.run_directory, "/run/drydock")) < 4096
    assert os.listdir(host.run_directory) == ["web"]
    assert tree_of(docker.path) == before


@pytest.mark.parametrize("access", ["read_only", "scratch", "in_place"])
@pytest.mark.parametrize("odd", ["a:b", "a,b", "a\\b"])
def test_separators_in_the_path_of_the_data_root(host, tmp_path, request_for, odd, access, links_at_mount):
    docker = DockerRoot(tmp_path / odd)
    docker.overlay_container("web", "app")
    asked = request_for(access=access)._replace(container=containers.Container(docker.path, WEB))
    layer = overlay2.locate(data_root.find(host, docker.path), asked.container)
    mount = overlay_options(host, overlay2.open_plan(layer, overlay2.present(host, layer), asked))
    assert not [option for option in mount[3] if odd in option]
    upper = [LAYER] if access != "in_place" else []
    assert links_at_mount == diffs(docker, *upper, LAYER + "-init", ident("app"))


def test_links_that_a_failed_mount_left_are_taken_away(host, docker, opening):
    docker.overlay_container("web", *["image layer %d" % number for number in range(60)])
    os.makedirs(host.run_directory + "/web")
    host.mount_errors[host.run_directory + "/web"] = CommandFailed("no")
    with pytest.raises(CommandFailed):
        opening().plan.apply(host)
    assert os.listdir(host.run_directory) == ["web"]


def test_removing_a_directory_of_ours_follows_no_link(host, tmp_path):
    for name in ("ours", "precious"):
        (tmp_path / name).mkdir()
    (tmp_path / "precious" / "file").write_text("")
    os.symlink(str(tmp_path / "precious"), str(tmp_path / "ours" / "link"))
    scratch.RemoveTree(str(tmp_path / "ours")).perform(Context(host))
    assert not (tmp_path / "ours").exists()
    assert (tmp_path / "precious" / "file").exists()


@pytest.mark.parametrize(("name", "count"), [("web", 126), ("n" * 100, 126), (WEB, 126)])
def test_dockers_deepest_image_fits_into_one_page(docker, request_for, name, count):
    docker.overlay_container("web")
    home = "/var/lib/docker/overlay2"
    lower = ["%s/%s/diff" % (home, ident(str(number))) for number in range(count)]
    own = "%s/%s/" % (home, LAYER)
    layer = layered.Layer(own + "diff", lower, own + "work", own + "merged")
    asked = request_for(name="web")._replace(name=name, path="/run/drydock/" + name)
    for access in ("read_only", "scratch", "in_place"):
        changed = asked._replace(access=access, work_dir="/run/drydock")
        plan = overlay2.open_plan(layer, layered.State("", ("index=off", "metacopy=on")), changed).plan
        (options,) = [step.do.options for step in plan.steps if getattr(step.do, "fs_type", "") == "overlay"]
        assert len(",".join(options)) < 4096


# -- layers that lead out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["diff", "directory", "lower", "work"])
@pytest.mark.parametrize("where", ["outside", "another layer"])
def test_a_link_in_the_place_of_a_layer_is_refused(web, host, locate, tmp_path, which, where):
    """Reading would show the host's files as the container's; writing in place would change them."""
    place = web.join("overlay2", LAYER)
    place = {"diff": place + "/diff", "directory": place, "work": place + "/work"}.get(
        which, web.join("overlay2", ident("base"), "diff")
    )
    target = str(tmp_path / "host") if where == "outside" else web.join("overlay2", ident("app"))
    os.makedirs(target + "/diff", exist_ok=True)
    if which == "directory":
        os.rename(place + "/lower", target + "/lower")
    os.rename(place, str(tmp_path / "away"))
    os.symlink(target, place)
    with pytest.raises(BadRecord) as failure:
        overlay2.present(host, locate())
    assert place in failure.value.message
    assert target in failure.value.message


def test_a_home_that_the_administrator_moved_is_followed(web, locate, tmp_path):
    os.rename(web.join("overlay2"), str(tmp_path / "disk"))
    os.symlink(str(tmp_path / "disk"), web.join("overlay2"))
    assert len(locate().lower_dirs) == 3


@pytest.mark.parametrize("word", ["l/../../../etc/x", "l/A/../B", "l/", "/etc/x", "l/\x1b"])
def test_a_lower_that_leads_out_is_no_link(web, locate, word):
    os.rename(web.join("image"), web.join("gone"))
    web.write(web.record("web", "overlay2"), "containers", WEB, "config.v2.json")
    web.write(word, "overlay2", LAYER, "lower")
    with pytest.raises(BadRecord) as failure:
        overlay2._from_links(web.join("overlay2"), LAYER)
    assert "is no link" in failure.value.message


def test_a_cache_id_that_leads_out_is_no_layer(web, locate, tmp_path):
    break_links(web, "lower missing")
    evil = ident("base") + "/../../../evil"
    os.makedirs(str(tmp_path / "evil" / "diff"))
    for place, _directories, names in os.walk(web.join("image", "overlay2", "layerdb", "sha256")):
        if "cache-id" in names:
            web.write(evil, os.path.join(place, "cache-id"))
    with pytest.raises(BadRecord) as failure:
        locate()
    assert "is missing" in failure.value.message
