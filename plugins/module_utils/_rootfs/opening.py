# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens a container's disk: read the state, make a plan, apply it, verify. PRIVATE to the collection."""

import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .. import _lock, _ours
from .._device_mapper.thin import IdTaken
from .._docker import containers, data_root
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._docker.liveness import daemons_of
from .._errors import CommandFailed, Refused, RescueError
from .._host import Host
from .._plan import Plan, Undoable
from . import closing, found, hold, orphans, tree
from .alive import Alive
from .driver import Found, Known, Opening, Request
from .drivers import driver_for
from .outside import Outside

_TRIES = 8  # for a thin id that another run took first


class Wanted(NamedTuple):
    container: str
    layer: str  # instead of a container
    data_root: Optional[str]
    known: Known
    path: Optional[str]
    access: str
    method: str
    work_dir: Optional[str]
    scratch_size: int  # bytes
    stop_docker: bool
    volumes: bool = False
    containerd_root: Optional[str] = None


class Target(NamedTuple):
    """What is to be opened, found in its data root."""

    root: DataRoot
    everyone: List[Container]  # of the data root
    container: Container
    name: str  # of its tree


class Opened(NamedTuple):
    changed: bool
    container: Container
    path: str
    method: str
    access: str
    device: Optional[str]
    actions: List[str]
    warnings: List[str]
    mounts: List[Dict[str, Any]]


def open_rootfs(host: Host, wanted: Wanted, check_mode: bool) -> Opened:
    """Opens a container at /run/drydock/<name>, and at ``wanted.path`` too. Raises RescueError, and leaves nothing."""
    root = data_root.find(host, wanted.data_root, wanted.containerd_root)
    everyone = containers.read_all(root.path, root.containerd)
    container: Container
    if wanted.layer:
        container = orphans.find(root, wanted.layer)
        name = container.name
    else:
        container = containers.select(everyone, [wanted.container], False)[0][0]
        same = sum(one.name == container.name for one in everyone)
        name = _ours.tree_name(container.id, container.name, same == 1)
    return open_container(host, wanted, Target(root, everyone, container, name), check_mode)


def open_container(host: Host, wanted: Wanted, target: Target, check_mode: bool) -> Opened:
    """The same for one that was found already."""
    if check_mode:
        return _open(host, wanted, target, True)
    with _lock.held(host, target.container.id, "container %s" % target.name):
        return _open(host, wanted, target, False)


def _open(host: Host, wanted: Wanted, target: Target, check_mode: bool) -> Opened:
    root, everyone, container, name = target
    before = found.of_container(host, container.id, name, root)
    opened, binds = tree.find(host, container.id)
    if opened and opened.mount:
        daemons = daemons_of(host, root.path)
        outside = Outside(host, root, everyone, container, daemons, wanted.volumes)
        return _open_already(host, wanted, container, outside, opened, binds, check_mode)
    if any(one.label.container_id != container.id for one in before.trees):
        raise Refused(
            "%s shows another container: %s" % (tree.path_of(host, name), before.trees[0].label.container_id)
        )
    tidied = _tidy(host, before, root, wanted.method, check_mode)
    driver = driver_for(container)
    host.require(driver.TOOLS.get(wanted.method, driver.TOOLS.get("auto", ())))
    if wanted.work_dir and not os.path.isdir(wanted.work_dir):
        raise Refused("work_dir %s is not a directory" % wanted.work_dir, "Make it, or leave work_dir out")
    alive = Alive(host, root)
    layer = driver.locate(root, container, wanted.known)
    request = Request(
        container,
        name,
        tree.path_of(host, name),
        wanted.access,
        wanted.method,
        wanted.work_dir or host.run_directory,
        wanted.work_dir or host.image_directory,
        wanted.scratch_size,
        alive.of(container),
    )
    outside = Outside(host, root, everyone, container, alive.liveness.daemons, wanted.volumes)
    holding = hold.Hold(Plan(), [], False)
    if wanted.access == "in_place":
        holding = hold.plan(host, root, name, alive, everyone, wanted.stop_docker)
    if check_mode:
        opening = _planned(host, driver, layer, request, holding.stops_docker)
        whole = _whole_plan(host, request, wanted.path, opening, outside, holding.stops_docker)
        actions = (holding.plan + whole).shown()
    else:
        opening, actions, warnings = _opened_under(
            host, root, driver, layer, request, wanted.path, outside, holding.plan
        )
        holding.warnings.extend(warnings)
    return Opened(
        True,
        container,
        request.path,
        opening.method,
        wanted.access,
        opening.device or _device_of(tree.find(host, container.id)[0]),
        tidied + actions,
        holding.warnings + outside.warnings,
        outside.facts(request.path, check_mode),
    )


def _tidy(host: Host, before: Found, root: DataRoot, method: str, check_mode: bool) -> List[str]:
    """Takes away what a run that was killed left of this container; what that did, as commands. An image that was
    being extracted stays, to go on with it."""
    if found.is_empty(host, before):
        return []
    extracting = method == "extract" or any(one.label.method == "extract" for one in before.trees)
    keep_images = extracting and method in ("auto", "extract")
    leftovers = closing.plan(host, before, root, keep_images)
    return leftovers.shown() if check_mode else leftovers.apply(host).actions


def _opened_under(
    host: Host,
    root: DataRoot,
    driver: Any,
    layer: Any,
    request: Request,
    path: Optional[str],
    outside: Outside,
    holding: Plan,
) -> Tuple[Opening, List[str], List[str]]:
    """Holds Docker off first, where that is asked for, and lets it go again when opening fails."""
    held = holding.apply(host)
    try:
        if holding.steps:  # what was alive may have stopped with Docker
            request = request._replace(life=Alive(host, root).of(request.container))
        applied, opening = _apply(host, driver, layer, request, path, outside)
    except RescueError as error:
        error.ran = held.actions + error.ran
        undone, left = held.undo()
        error.undone += undone
        if left:
            error.message += ". Docker is not as it was: %s" % "; ".join(left)
        raise
    return opening, held.actions + applied.actions, applied.warnings


def _apply(
    host: Host, driver: Any, layer: Any, request: Request, path: Optional[str], outside: Outside
) -> Tuple[Undoable, Opening]:
    for attempt in range(_TRIES):
        opening = driver.open_plan(layer, driver.present(host, layer), request)
        host.require(driver.TOOLS.get(opening.method, ()))
        try:
            applied = _whole_plan(host, request, path, opening, outside).apply(host)
        except IdTaken as error:
            if attempt == _TRIES - 1:
                raise
            layer.avoid_id(error.device_id)
            continue
        _verify(host, driver, request, applied)
        return applied, opening
    raise AssertionError  # the loop returns or raises


def _planned(host: Host, driver: Any, layer: Any, request: Request, stops_docker: bool) -> Opening:
    """The plan as it would be; one that stops Docker first is made for what that leaves."""
    state = driver.present(host, layer)
    if stops_docker:
        return driver.open_plan(
            layer,
            driver.after_docker_stops(state),
            request._replace(life=request.life._replace(reasons=[], pids=[])),
        )
    return driver.open_plan(layer, state, request)


def _whole_plan(
    host: Host,
    request: Request,
    path: Optional[str],
    opening: Opening,
    outside: Outside,
    stops_docker: bool = False,
) -> Plan:
    work_dir = opening.work_dir or request.work_dir
    extra = "" if work_dir == host.run_directory else work_dir
    label = _ours.Label(request.container.id, request.name, opening.method, request.access, extra)
    plan = tree.label_plan(host, label) + opening.plan
    volumes = outside.plan(request.path, request.access, stops_docker)
    plan += volumes
    return plan + _second_place(host, label, path, outside) if path else plan


def _second_place(host: Host, label: _ours.Label, path: str, outside: Outside) -> Plan:
    """The tree at one more place, with what is shown in it."""
    bind = tree.bind_plan(host, label, path)
    return bind + outside.plan_again(tree.path_of(host, label.name), path.rstrip("/"))


def _verify(host: Host, driver: Any, request: Request, applied: Undoable) -> None:
    """The tree is there, can be listed, and nothing happened to what it came from."""
    opened, _binds = tree.find(host, request.container.id)
    now = found.of_container(host, request.container.id, request.name)
    trouble = ""
    try:
        if not opened or not opened.mount:
            trouble = "nothing is mounted at %s" % request.path
        elif not os.listdir(request.path):
            trouble = "the tree at %s is empty" % request.path
        else:
            trouble = driver.distrust(host, now)
    except OSError as error:
        trouble = "the tree at %s cannot be read: %s" % (request.path, error.strerror)
    if trouble:
        undone, left = applied.undo()
        failure = CommandFailed("container %s was opened, but %s" % (request.container.id[:12], trouble))
        failure.ran, failure.undone = applied.actions, undone
        if left:
            failure.message += ". Not everything could be undone: %s" % "; ".join(left)
        raise failure


def _open_already(
    host: Host,
    wanted: Wanted,
    container: Container,
    outside: Outside,
    opened: _ours.Tree,
    binds: List[_ours.Tree],
    check_mode: bool,
) -> Opened:
    """Nothing to do but, perhaps, to show the volumes in it, and the tree at one more place."""
    label = opened.label
    if label.access != wanted.access or wanted.method not in ("auto", label.method):
        raise Refused(
            "container %s is already open at %s with access %s and method %s"
            % (container.id[:12], opened.path, label.access, label.method),
            "Close it first: `state: unmounted`",
        )
    missing = wanted.path and not any(one.path == wanted.path.rstrip("/") and one.mount for one in binds)
    places = [opened.path] + [one.path for one in binds if one.mount]
    plan = outside.plan_missing(places, label.access)
    if missing and wanted.path:
        plan += _second_place(host, label, wanted.path, outside)
    warnings = list(outside.warnings)
    if check_mode:
        actions = plan.shown()
    else:
        applied = plan.apply(host)
        actions, warnings = applied.actions, warnings + applied.warnings
    return Opened(
        bool(actions),
        container,
        opened.path,
        label.method,
        label.access,
        _device_of(opened),
        actions,
        warnings,
        outside.facts(opened.path, check_mode),
    )


def _device_of(opened: Optional[_ours.Tree]) -> Optional[str]:
    """The block device that is mounted, if one is."""
    source = opened.mount.source if opened and opened.mount else ""
    return source if source.startswith("/dev/") else None
