# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the storage drivers whose layers are directories have in common. PRIVATE to the collection.

- ``live``: a read-only view of the merged mount that the container itself sees;
- ``merge``: a read-only union of all layers without an upper directory, which writes nothing; a single layer is a
  ``directory``; ``scratch`` puts an upper directory of ours on top;
- ``direct`` (``in_place``): the mount that Docker would make, of a container that nothing holds.
"""

import os
from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

from .. import _mountinfo, _ours
from .._docker import layers
from .._docker.bare_layer import BareLayer
from .._docker.containers import Container
from .._errors import BadRecord, NotFound, Refused, RescueError
from .._host import Host
from .._plan import MakeDirectory, Mount, Plan, Unmount
from .._tree import union as unions
from . import kernel_overlay, live, real_paths
from .branches import Branches, MakeUpper, links_directory
from .driver import NOTHING, SAFE_OPTIONS, Compared, Found, Known, Opening, Request
from .scratch import MakeScratch, RemoveTree

METHODS = {
    "read_only": ("live", "merge", "directory"),
    "scratch": ("merge",),
    "in_place": ("direct",),
}
TOOLS: Dict[str, Tuple[str, ...]] = {}
Union = Callable[[Branches, Tuple[str, ...], Request], Plan]


class Layer:
    """The directories of one container, top first. ``union`` mounts them as one tree."""

    def __init__(
        self,
        upper_dir: str,
        lower_dirs: Sequence[str] = (),
        work_dir: str = "",
        merged_dir: str = "",
        union: Union = kernel_overlay.plan,
        fs_type: str = "",
    ) -> None:
        self.upper_dir, self.lower_dirs = upper_dir, list(lower_dirs)
        self.work_dir, self.merged_dir = work_dir, merged_dir
        self.union, self.fs_type = union, fs_type

    def storage(self) -> Dict[str, Any]:
        return {
            "upper_dir": self.upper_dir,
            "lower_dirs": self.lower_dirs,
            "work_dir": self.work_dir,
            "merged_dir": self.merged_dir,
        }


class WholeLayer(Layer):
    """A container whose one directory is all of its tree."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory, merged_dir=directory)

    def storage(self) -> Dict[str, Any]:
        return {"directory": self.upper_dir}


class State(NamedTuple):
    merged_here: str  # the driver's own merged mount as our namespace shows it, empty if it does not
    options: Tuple[str, ...]  # what the kernel's overlay needs for these layers


def require_layer_id(container: Container, known: Known) -> str:
    """Raises Refused where a device is given, NotFound where no record says the layer."""
    if known != NOTHING:
        raise Refused(
            "a device is given, but container %s is on %s" % (container.id[:12], container.driver),
            "Leave it out",
        )
    if not container.layer_id:
        reasons = "; ".join(one.message for one in container.problems)
        raise NotFound("the layer of container %s is not known: %s" % (container.id[:12], reasons))
    return container.layer_id


def recorded_below(
    container: Container, directory_of: Callable[[str], str], reason: RescueError
) -> List[str]:
    """The directories below a container, the nearest first, from Docker's own records of its image: for a driver whose
    files do not say them, for the ``reason``. Raises BadRecord."""
    try:
        broken = [one.message for one in container.problems if one.code == "layer_incomplete"]
        if broken:
            raise BadRecord("; ".join(broken))
        ids = [container.init_layer_id] if container.init_layer_id else []
        ids += container.image_layer_ids()
        if not ids:
            raise NotFound("no record says what is below it")
        wrong = [one for one in ids if not layers.LAYER_ID.fullmatch(one)]
        if wrong:
            raise BadRecord("%r is no layer" % wrong[0][:80])
        found = [directory_of(one) for one in ids]
        for directory in found:
            real_paths.require_directory(directory)
    except RescueError as error:
        raise BadRecord(
            "the layers below container %s are not known: %s; and from the image's records: %s"
            % (container.id[:12], reason.message, error.message)
        )
    return found


def init_layer(container: Container) -> BareLayer:
    """What a container began with. Raises NotFound."""
    if not container.init_layer_id:
        reasons = "; ".join(one.message for one in container.problems) or "no record names it"
        raise NotFound(
            "the layer that container %s began with is not known: %s" % (container.id[:12], reasons)
        )
    return BareLayer(container.data_root, container.driver, container.init_layer_id, False)


def compared(layer: Layer, marks: unions.Marks) -> Compared:
    """Of a container over the layers that it began with."""
    return Compared([layer.upper_dir] + layer.lower_dirs, layer.lower_dirs, marks)


def whole_compared(layer: Layer, init: Layer) -> Compared:
    """Of a container that is a tree of its own, made as a copy."""
    return Compared([layer.upper_dir], [init.upper_dir], unions.NONE)


def present(host: Host, layer: Layer) -> State:
    """Raises NotFound or BadRecord."""
    if layer.lower_dirs and layer.work_dir:
        real_paths.require_directory(layer.work_dir)
    merged = layer.merged_dir
    # A whole layer is what its container sees, mounted or not.
    shown = merged == layer.upper_dir or _mountinfo.stacked_at(host.mounts(), merged)
    options = kernel_overlay.options(host, [layer.upper_dir] + layer.lower_dirs)
    return State(merged if shown else "", options)


def after_docker_stops(state: State) -> State:
    """What a clean stop of Docker will leave, for showing a plan before it."""
    return state._replace(merged_here="")


def open_plan(layer: Layer, state: State, request: Request) -> Opening:
    """From the state found to the mounted tree. Raises Refused for what cannot be had safely."""
    method = request.method if request.method != "auto" else _method_for(layer, request)
    require_method(METHODS, method, request)
    if method == "live":
        return Opening(method, live.plan(state.merged_here, request, layer.fs_type), None)
    if method == "directory":
        if layer.lower_dirs:
            raise Refused("the container has %d layers, a directory shows one" % (len(layer.lower_dirs) + 1))
        return Opening(method, bound(layer.upper_dir, request, read_only=True), None)
    if method == "direct":
        if not layer.lower_dirs:
            return Opening(method, bound(layer.upper_dir, request, read_only=False), None)
        own = Branches(layer.lower_dirs, layer.upper_dir, layer.work_dir)
        options = state.options
        if kernel_overlay.METACOPY in options and not kernel_overlay.has_metacopies(
            [layer.upper_dir] + layer.lower_dirs
        ):
            # As Docker mounts it: to copy up metadata alone would make files that its own mount may not read.
            options = tuple(one for one in options if one != kernel_overlay.METACOPY)
        return Opening(method, layer.union(own, options, request), None)
    if not layer.lower_dirs and request.access == "read_only":
        raise Refused("the container has a single layer", "Use `method: directory`")
    plan, branches = merged(layer, request)
    return Opening(method, plan + layer.union(branches, state.options, request), None)


def merged(layer: Layer, request: Request) -> Tuple[Plan, Branches]:
    """The layers for a view, with an upper directory of ours where it is to be written."""
    lower = [layer.upper_dir] + layer.lower_dirs
    if request.access != "scratch":
        return Plan(), Branches(lower)
    scratch = _ours.scratch_directory(request.work_dir, request.name)
    upper, work = os.path.join(scratch, "upper"), os.path.join(scratch, "work")
    plan = Plan().add(MakeScratch(scratch), RemoveTree(scratch))
    plan.add(MakeUpper(upper, lower[0])).add(MakeDirectory(work))
    return plan, Branches(lower, upper, work)


def bound(directory: str, request: Request, read_only: bool) -> Plan:
    """The directory itself."""
    options = ("bind",) + (("ro",) if read_only else ()) + SAFE_OPTIONS
    return Plan().add(Mount(directory, request.path, "", options), Unmount(request.path))


def require_method(methods: Dict[str, Tuple[str, ...]], method: str, request: Request) -> None:
    """Raises Refused for a method that does not give the access, or not of a container that lives."""
    container = request.container
    if method not in methods[request.access]:
        raise Refused(
            "method %s cannot give access %s to a container on %s"
            % (method, request.access, container.driver),
            "Use %s, or `method: auto`" % " or ".join(methods[request.access]),
        )
    alive = "; ".join(request.life.reasons)
    if alive and method == "direct":
        raise Refused(
            "container %s is alive: %s" % (container.id[:12], alive),
            "Stop the container, or give `stop_docker: true`",
        )
    if alive and method != "live":
        raise Refused(
            "container %s is alive: its layers change under a merge (%s)" % (container.id[:12], alive),
            "Use `access: read_only` with `method: live`, or stop the container",
        )


def close_plan(host: Host, found: Found) -> Plan:
    """Removes links of ours that a killed run left."""
    links = links_directory(host.run_directory, found.name)
    return Plan().add(RemoveTree(links)) if os.path.isdir(links) and not os.path.islink(links) else Plan()


def distrust(host: Host, found: Found) -> str:
    return ""


def _method_for(layer: Layer, request: Request) -> str:
    if request.access == "in_place":
        return "direct"
    if request.access == "scratch":
        return "merge"
    if request.life.reasons:
        return "live"
    return "merge" if layer.lower_dirs else "directory"
