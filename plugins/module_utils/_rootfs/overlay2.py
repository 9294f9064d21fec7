# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage driver overlay2. PRIVATE to the collection.

`overlay2/<layer id>/{diff,link,lower,work,merged}`; `lower` is ``l/A:l/B...``, the nearest first, each a link in
`overlay2/l` to a `diff` (daemon/graphdriver/overlay2 of moby). Where these are damaged, layerdb has the same list.

- ``live``: a read-only view of the merged mount that the container itself sees;
- ``merge``: a read-only overlay of all layers without an upper directory, which writes nothing; a single layer is
  a ``directory``; ``scratch`` puts an upper directory of ours on top;
- ``direct`` (``in_place``): the mount that Docker would make, of a container that nothing holds.
"""

import functools
import os
import re
import stat
from typing import Any, Dict, List, NamedTuple, Set, Tuple

from .. import _mountinfo, _ours
from .._docker import data_root as roots
from .._docker import layers, records
from .._docker.containers import Container
from .._errors import BadRecord, CommandFailed, NotFound, Refused, RescueError
from .._host import Host, quote
from .._plan import Action, Context, MakeDirectory, Mount, Plan, Unmount
from .driver import NOTHING, SAFE_OPTIONS, Found, Known, Opening, Request
from .scratch import MakeScratch, RemoveTree

METHODS = {
    "read_only": ("live", "merge", "directory"),
    "scratch": ("merge",),
    "in_place": ("direct",),
}
TOOLS: Dict[str, Tuple[str, ...]] = {}
_PAGE = 4096  # mount(2) takes one page of options
_SHORT_LINK = re.compile(r"l/[A-Z0-9]+")
_LINK = re.compile(r"\.\./([A-Za-z0-9][^/]*)/diff")  # as Docker makes them
_SPECIAL = (":", ",", "\\")  # separators of overlay's own options


class Layer:
    """The directories of one container, top first."""

    def __init__(self, home: str, layer_id: str, lower_dirs: List[str]) -> None:
        self.home = home
        self.layer_id = layer_id
        self.lower_dirs = lower_dirs
        directory = home + "/" + layer_id
        self.upper_dir = directory + "/diff"
        self.work_dir = directory + "/work"
        self.merged_dir = directory + "/merged"

    def storage(self) -> Dict[str, Any]:
        return {
            "upper_dir": self.upper_dir,
            "lower_dirs": self.lower_dirs,
            "work_dir": self.work_dir,
            "merged_dir": self.merged_dir,
        }


class State(NamedTuple):
    merged_here: str  # the driver's own merged mount as our namespace shows it, empty if it does not
    has_index: bool  # the kernel's overlay knows the option `index`


def locate(root: roots.DataRoot, container: Container, known: Known = NOTHING) -> Layer:
    """The layers of a container. Raises NotFound or BadRecord."""
    if known != NOTHING:
        raise Refused(
            "a device is given, but container %s is on overlay2" % container.id[:12], "Leave it out"
        )
    if not container.layer_id:
        reasons = "; ".join(one.message for one in container.problems)
        raise NotFound("the layer of container %s is not known: %s" % (container.id[:12], reasons))
    home = os.path.join(root.path, "overlay2")
    layer = Layer(home, container.layer_id, [])
    if not _is_directory_of_layer(layer.upper_dir) and not os.path.isdir(layer.upper_dir):
        raise NotFound("%s is missing" % layer.upper_dir)
    try:
        layer.lower_dirs = _from_links(home, container.layer_id)
    except RescueError as error:
        layer.lower_dirs = _from_layerdb(root.path, home, container, error)
    _check_inside(layer.upper_dir)
    return layer


def _check_inside(directory: str) -> None:
    """Docker makes every layer a directory of its own; a link in its place could show, or write, anything."""
    if _is_directory_of_layer(directory):
        return
    home, layer_id, name = directory.rsplit("/", 2)
    real = os.path.realpath(directory)
    if real != os.path.join(os.path.realpath(home), layer_id, name):
        raise BadRecord(
            "%s is a link to %s, where a layer belongs" % (directory, real),
            "Nothing was opened: this is not how Docker leaves a layer",
        )


def present(host: Host, layer: Layer) -> State:
    """Raises BadRecord."""
    if layer.lower_dirs:
        _check_inside(layer.work_dir)
    mounts = _mountinfo.stacked_at(host.mounts(), layer.merged_dir)
    index = os.path.join(host.sys, "module/overlay/parameters/index")
    return State(layer.merged_dir if mounts else "", os.path.exists(index))


def after_docker_stops(state: State) -> State:
    """What a clean stop of Docker will leave, for showing a plan before it."""
    return state._replace(merged_here="")


def open_plan(layer: Layer, state: State, request: Request) -> Opening:
    """From the state found to the mounted tree. Raises Refused for what cannot be had safely."""
    method = request.method if request.method != "auto" else _method_for(layer, request)
    if method not in METHODS[request.access]:
        raise Refused(
            "method %s cannot give access %s to an overlay2 container" % (method, request.access),
            "Use %s, or `method: auto`" % " or ".join(METHODS[request.access]),
        )
    alive = "; ".join(request.life.reasons)
    if alive and method == "direct":
        raise Refused(
            "container %s is alive: %s" % (request.container.id[:12], alive),
            "Stop the container, or give `stop_docker: true`",
        )
    if alive and method == "merge":
        raise Refused(
            "container %s is alive: its layers change under a merge (%s)"
            % (request.container.id[:12], alive),
            "Use `access: read_only` with `method: live`, or stop the container",
        )
    if method == "live":
        return Opening(method, _live_plan(state, request), None)
    if method == "directory":
        if layer.lower_dirs:
            raise Refused("the container has %d layers, a directory shows one" % (len(layer.lower_dirs) + 1))
        return Opening(method, Plan().add(*_bound(layer.upper_dir, request.path)), None)
    return Opening(method, _overlay_plan(layer, state, request), None)


def close_plan(host: Host, found: Found) -> Plan:
    """Removes links of ours that a killed run left."""
    links = _links_directory(host.run_directory, found.name)
    return Plan().add(RemoveTree(links)) if os.path.isdir(links) and not os.path.islink(links) else Plan()


def distrust(host: Host, found: Found) -> str:
    return ""


class MountLive(Action):
    """Shows the root of a living container through one of its processes, also out of another mount namespace."""

    def __init__(self, pids: List[int], layer_id: str, target: str) -> None:
        self.pids, self.layer_id, self.target = pids, layer_id, target
        self.pid = pids[0]

    def shown(self, outputs: object) -> List[str]:
        # mount(8) cannot do it; this is the nearest that a shell can: a copy of the mount, made inside, moved out.
        return [
            "# open_tree(CLONE) of / in the mount namespace of process %d, move_mount to %s"
            % (self.pid, self.target)
        ]

    def perform(self, context: Context) -> None:
        for pid in self.pids:
            roots = _mountinfo.stacked_at(context.host.mounts_of(pid), "/")
            if roots and self.layer_id in roots[-1].super_options:
                self.pid = pid
                context.host.mount_root_of_process(self.pid, self.target)
                return
        raise CommandFailed(
            "no process shows the container's own root any more (looked at %s)"
            % ", ".join(map(str, self.pids)),
            "It has ended meanwhile: run it again",
        )


class LinkLayers(Action):
    """Short links of ours to the layers, for a list that mount(2) would not take at full length or that has
    separators in its paths. They are needed during the mount alone."""

    def __init__(self, directory: str, layers_: List[str]) -> None:
        self.directory, self.layers = directory, layers_

    def shown(self, outputs: object) -> List[str]:
        lines = [quote(["mkdir", "-m", "0700", self.directory])]
        return lines + [
            quote(["ln", "-s", path, os.path.join(self.directory, str(number))])
            for number, path in enumerate(self.layers)
        ]

    def perform(self, context: Context) -> None:
        os.mkdir(self.directory, 0o700)
        for number, path in enumerate(self.layers):
            os.symlink(path, os.path.join(self.directory, str(number)))


class MakeUpper(MakeDirectory):
    """An upper directory: what the root of the merged tree looks like, hence owner and mode of the top layer's."""

    def __init__(self, path: str, like: str) -> None:
        super().__init__(path)
        self.like = like

    def shown(self, outputs: object) -> List[str]:
        same = ["--reference=" + self.like, self.path]
        return [quote(["mkdir", self.path]), quote(["chown", *same]), quote(["chmod", *same])]

    def perform(self, context: Context) -> None:
        super().perform(context)
        facts = os.stat(self.like)
        os.chown(self.path, facts.st_uid, facts.st_gid)
        os.chmod(self.path, facts.st_mode & 0o7777)


def _method_for(layer: Layer, request: Request) -> str:
    if request.access == "in_place":
        return "direct"
    if request.access == "scratch":
        return "merge"
    if request.life.reasons:
        return "live"
    return "merge" if layer.lower_dirs else "directory"


def _live_plan(state: State, request: Request) -> Plan:
    if state.merged_here:
        return Plan().add(*_bound(state.merged_here, request.path))
    if not request.life.pids:
        reasons = "; ".join(request.life.reasons) or "nothing"
        raise Refused(
            "no process of container %s was found to look through (seen: %s)"
            % (request.container.id[:12], reasons),
            "If it is dead, use `method: merge`",
        )
    return Plan().add(
        MountLive(request.life.pids, request.container.layer_id, request.path), Unmount(request.path)
    )


def _bound(source: str, path: str) -> Tuple[Mount, Unmount]:
    return Mount(source, path, "", ("bind", "ro") + SAFE_OPTIONS), Unmount(path)


def _overlay_plan(layer: Layer, state: State, request: Request) -> Plan:
    plan, options = Plan(), list(SAFE_OPTIONS)
    lower, upper = [layer.upper_dir] + layer.lower_dirs, ""
    if request.access == "in_place":
        lower, upper, work = layer.lower_dirs, layer.upper_dir, layer.work_dir
    elif request.access == "scratch":
        scratch = _ours.scratch_directory(request.work_dir, request.name)
        upper, work = os.path.join(scratch, "upper"), os.path.join(scratch, "work")
        plan.add(MakeScratch(scratch), RemoveTree(scratch))
        plan.add(MakeUpper(upper, lower[0])).add(MakeDirectory(work))
    else:
        options.insert(0, "ro")
    if not lower:
        if request.access == "in_place":  # a container without an image: its one directory is all there is
            return plan.add(Mount(upper, request.path, "", ("bind",) + SAFE_OPTIONS), Unmount(request.path))
        raise Refused("the container has a single layer", "Use `method: directory`")
    links = _links_directory(os.path.dirname(request.path), request.name)
    directory = ""
    paths = lower + ([upper, work] if upper else [])
    if sum(len(path) + 1 for path in paths) > _PAGE // 2 or any(
        mark in path for path in paths for mark in _SPECIAL
    ):
        plan.add(LinkLayers(links, paths), RemoveTree(links))
        paths, directory = [str(number) for number in range(len(paths))], links
    options.append("lowerdir=" + ":".join(paths[: len(lower)]))
    if upper:
        options += ["upperdir=" + paths[-2], "workdir=" + paths[-1]]
    if state.has_index:
        options.append("index=off")  # with it on, the kernel refuses layers that another mount has
    source = "drydock-" + request.container.id
    plan.add(Mount(source, request.path, "overlay", options, directory), Unmount(request.path))
    if directory:
        plan.add(RemoveTree(links))
    return plan


def _links_directory(run_directory: str, name: str) -> str:
    return os.path.join(run_directory, ".l-" + name)


def _from_links(home: str, layer_id: str) -> List[str]:
    try:
        text = records.read_text("%s/%s/lower" % (home, layer_id)).strip("\n\0")
    except NotFound:
        if os.path.isdir(os.path.join(home, layer_id, "work")):
            raise  # only a layer without lower ones has no `work`
        return []
    words = text.split(":")
    found = [_directory_of(home, word) for word in words]
    if "" in found:
        raise BadRecord("%s: %r in `lower` is no link" % (layer_id, words[found.index("")][:80]))
    return found


@functools.lru_cache(maxsize=4096)  # the layers of an image are those of all its containers
def _directory_of(home: str, word: str) -> str:
    """The directory that a word of `lower` leads to, empty if it is no link. Raises BadRecord."""
    link = home + "/" + word
    try:
        target = os.readlink(link) if _SHORT_LINK.fullmatch(word) else ""
    except OSError:
        target = ""
    if not target:
        return ""
    usual = _LINK.fullmatch(target)
    if usual:
        directory = "%s/%s/diff" % (home, usual.group(1))
        if _is_directory_of_layer(directory):
            return directory
    directory = os.path.realpath(link)
    if not os.path.isdir(directory) or os.path.dirname(os.path.dirname(directory)) != os.path.realpath(home):
        raise BadRecord("%s leads to %s, which is no layer" % (link, directory))
    return directory


@functools.lru_cache(maxsize=4)
def _real_layers(home: str) -> Set[str]:
    """The layers that are directories themselves. None where the way to them, or their links, leads through a link:
    then each is looked at by its real path."""
    if os.path.realpath(home) != home or not _is_directory(home + "/l"):
        return set()
    with os.scandir(home) as entries:
        return {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}


@functools.lru_cache(maxsize=4096)
def _is_directory_of_layer(path: str) -> bool:
    """Whether ``<home>/<layer>/<name>`` is a directory where it seems to be, without any link on the way."""
    home, layer_id, _name = path.rsplit("/", 2)
    return layer_id in _real_layers(home) and _is_directory(path)


def _is_directory(path: str) -> bool:
    """Whether it is one itself, not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _from_layerdb(data_root: str, home: str, container: Container, reason: RescueError) -> List[str]:
    try:
        broken = [one.message for one in container.problems if one.code == "layer_incomplete"]
        if broken:
            raise BadRecord("; ".join(broken))
        ids = [container.init_layer_id] if container.init_layer_id else []
        ids += layers.image_layer_ids(data_root, "overlay2", container.parent) if container.parent else []
        missing = [
            one
            for one in ids
            if not layers.LAYER_ID.fullmatch(one) or not os.path.isdir(os.path.join(home, one, "diff"))
        ]
        if missing:
            raise NotFound("%s is missing" % os.path.join(home, missing[0], "diff"))
    except RescueError as error:
        raise BadRecord(
            "the layers below container %s are not known: %s; and from layerdb: %s"
            % (container.id[:12], reason.message, error.message)
        )
    found = [os.path.join(home, one, "diff") for one in ids]
    for directory in found:
        _check_inside(directory)
    return found
