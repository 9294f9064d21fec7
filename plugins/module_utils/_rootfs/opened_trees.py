# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of a container on devicemapper and the one that it began with, open for the moment. PRIVATE to the
collection.

Trees that container_rootfs opened are used as they are and stay. The others are opened read-only and closed again in
every case; what a killed run leaves of them, cleanup finds by its name. Nothing is written to Docker's pool: where it
is active, only a snapshot in it would show the device, so that is left to the operator.
"""

import contextlib
from typing import Iterator, List

from .. import _ours
from .._docker.bare_layer import BareLayer
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._errors import CommandFailed, Refused
from .._host import Host
from . import closing, devicemapper, drivers, found, layered, opening, tree
from .driver import NOTHING

_SCRATCH_BYTES = 2**30  # at most, for journal replay


@contextlib.contextmanager
def both(host: Host, root: DataRoot, container: Container, warnings: List[str]) -> Iterator[List[str]]:
    """The paths of the container's tree and of the one that it began with. Raises RescueError, also at the end, when
    what was read is not to be trusted."""
    # What is refused, is before anything is opened.
    ways = [_way(host, root, one, warnings) for one in (container, layered.init_layer(container))]
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(way) for way in ways]


def _way(
    host: Host, root: DataRoot, container: Container, warnings: List[str]
) -> "contextlib.AbstractContextManager[str]":
    there, _binds = tree.find(host, container.id)
    if there and there.mount:
        _require_plain(there)
        return _as_it_is(host, there)
    layer = container.layer_id if isinstance(container, BareLayer) else ""
    wanted = opening.Wanted(
        container="" if layer else container.id,
        layer=layer,
        data_root=root.path,
        known=NOTHING,
        path=None,
        access="read_only",
        method=_method(host, root, container),
        work_dir=None,
        scratch_size=_SCRATCH_BYTES,
        stop_docker=False,
    )
    return _for_the_moment(host, wanted, warnings)


@contextlib.contextmanager
def _as_it_is(host: Host, there: _ours.Tree) -> Iterator[str]:
    yield there.path
    trouble = drivers.distrust(host, found.of_container(host, there.label.container_id, there.label.name))
    if trouble:
        raise CommandFailed("do not trust what was read from %s: %s" % (there.path, trouble))


@contextlib.contextmanager
def _for_the_moment(host: Host, wanted: opening.Wanted, warnings: List[str]) -> Iterator[str]:
    opened = opening.open_rootfs(host, wanted, False)
    try:
        warnings += opened.warnings
        yield opened.path
    finally:
        closing.close_rootfs(host, opened.path, wanted.data_root, False)


def _method(host: Host, root: DataRoot, container: Container) -> str:
    """One that does not touch an active pool, even if Docker starts meanwhile."""
    state = devicemapper.present(host, devicemapper.locate(root, container))
    if state.pool.active:
        raise Refused(
            "pool %s is active, and what shows the device of %s there is a snapshot, which would be written to it"
            % (state.pool.name, container.layer_id),
            "Where Docker runs, ask `docker diff`; else open the container and, as a `layer`, its init layer with"
            " drydock.rescue.container_rootfs before",
        )
    return devicemapper.method_for(state, "read_only")


def _require_plain(there: _ours.Tree) -> None:
    """Raises Refused for a tree that shows other files than the container's own."""
    if there.label.access == "scratch":
        shows = "with access scratch: it shows what was written there"
    elif there.below:
        shows = "with volumes in it"
    else:
        return
    raise Refused("%s is open %s" % (there.path, shows), "Close it: `state: unmounted`")
