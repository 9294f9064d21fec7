# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Closes what is open of a container, or everything of ours: by name alone. PRIVATE to the collection."""

import contextlib
import os
from typing import List, NamedTuple, Optional

from .. import _lock
from .._docker import containers, data_root
from .._docker.data_root import DataRoot
from .._errors import CommandFailed, RescueError
from .._host import Host
from .._plan import Plan
from . import drivers, found, hold, scratch, thin_ids, tree
from .driver import Found
from .own_directory import RemoveOwnDirectory


class Closed(NamedTuple):
    changed: bool
    container_id: str
    path: str
    actions: List[str]
    warnings: List[str]


def plan(host: Host, open_now: Found, root: Optional[DataRoot], keep_images: bool = False) -> Plan:
    """The way back from whatever is there: trees, devices and scratch of every driver, then Docker's hold."""
    steps = tree.unmount_plan(host, open_now.trees)
    steps += drivers.close_plan(host, open_now)
    if not keep_images:
        steps += scratch.remove_plan(host, open_now)
    steps += tree.remove_plan(host, open_now.trees, open_now.name)
    if open_now.drop_ins:
        steps.add(hold.Release(root, open_now.drop_ins))
    if not steps.steps:
        return steps
    if os.path.isdir(host.image_directory):
        steps.add(RemoveOwnDirectory(host.image_directory))
    return steps.add(RemoveOwnDirectory(host.run_directory))


def close_rootfs(host: Host, word: str, data_root_path: Optional[str], check_mode: bool) -> Closed:
    """Closes what ``word`` (a name, an ID or a path) has open; changes nothing where nothing is open.
    Raises CommandFailed, after closing, where what was read cannot be trusted."""
    root = _root(host, data_root_path)
    open_now = _matching(host, word, root)
    if open_now is None or found.is_empty(host, open_now):
        return Closed(False, open_now.container_id if open_now else "", "", [], [])
    if check_mode:
        return _close(host, open_now, root, True)
    with _locked(host, open_now):
        # What another run did before it let go of the lock.
        return _close(host, _matching(host, word, root) or open_now, root, False)


def close_container(host: Host, container_id: str, root: DataRoot) -> Closed:
    """The same for a container of a data root that was found already."""
    with _lock.held(host, container_id, "container %s" % container_id[:12]):
        open_now = _matching(host, container_id, root)
        if open_now is None or found.is_empty(host, open_now):
            return Closed(False, container_id, "", [], [])
        return _close(host, open_now, root, False)


def close_everything(host: Host, check_mode: bool) -> List[Closed]:
    """Closes all of ours on this host, and deletes thin ids of ours that a reboot left in an active pool. Raises
    CommandFailed with what could not be closed, after everything else was."""
    closed: List[Closed] = []
    errors: List[RescueError] = []
    root = _root(host, None)
    # A pool of its own (thin_pool) goes after the devices in it.
    for one in sorted(found.everything(host, root), key=found.is_pool_alone):
        try:
            if check_mode:
                closed.append(_close(host, one, root, True))
                continue
            with _locked(host, one):
                closed.append(_close(host, one, root, False))
        except RescueError as error:  # the others are closed all the same
            errors.append(error)
    try:
        closed += [Closed(True, "", "", one.shown(), []) for one in thin_ids.leftover_plans(host, check_mode)]
    except RescueError as error:
        errors.append(error)
    if errors:
        failure = CommandFailed("; ".join(str(error) for error in errors))
        failure.ran = [line for one in closed for line in one.actions]
        failure.ran += [line for error in errors if not error.undone for line in error.ran]
        raise failure
    return [one for one in closed if one.changed]


def _close(host: Host, open_now: Found, root: Optional[DataRoot], check_mode: bool) -> Closed:
    path = tree.path_of(host, open_now.name)
    trouble = ""
    if any(one.mount for one in open_now.trees):  # of a run that was killed before that, nobody read anything
        trouble = drivers.distrust(host, open_now)
    steps = plan(host, open_now, root)
    if check_mode:
        return Closed(bool(steps.steps), open_now.container_id, path, steps.shown(), [])
    applied = steps.apply(host)
    if trouble:
        failure = CommandFailed(
            "container %s is closed, but do not trust what was copied from it: %s" % (open_now.name, trouble),
            "Copy it again",
        )
        failure.ran = applied.actions
        raise failure
    missing = [name for step in steps.steps if isinstance(step.do, hold.Release) for name in step.do.not_back]
    warnings = (
        ["These containers ran before and did not come back: %s" % ", ".join(missing)] if missing else []
    )
    return Closed(bool(steps.steps), open_now.container_id, path, applied.actions, warnings)


def _locked(host: Host, open_now: Found) -> "contextlib.AbstractContextManager[None]":
    return _lock.held(host, open_now.container_id or open_now.name, "container %s" % open_now.name)


def _matching(host: Host, word: str, root: Optional[DataRoot]) -> Optional[Found]:
    return found.matching(host, word, root) or _by_record(host, word, root)


def _by_record(host: Host, word: str, root: Optional[DataRoot]) -> Optional[Found]:
    """For a name that is not its tree's (not unique, not fit for a path): the record says the ID."""
    if root is None:
        return None
    try:
        container = containers.find(root.path, word)
    except RescueError:
        return None
    return found.matching(host, container.id, root)


def _root(host: Host, path: Optional[str]) -> Optional[DataRoot]:
    try:
        return data_root.find(host, path)
    except RescueError:  # closing needs no record
        return None
