# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What container_info tells of every container. PRIVATE to the collection."""

from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence

from .._docker import containers, data_root, volumes
from .._docker.containers import Container
from .._errors import RescueError
from .._host import Host
from . import orphans
from .alive import Alive
from .drivers import DRIVERS


def container_facts(
    host: Host,
    data_root_path: Optional[str],
    wanted: Optional[Sequence[str]],
    missing_ok: bool,
    include_env: bool,
    with_orphans: bool,
) -> Dict[str, Any]:
    """The result of container_info. Raises NotFound and BadRecord for a data root or a container that is not there;
    a container that is broken is listed with its problem. ``containers`` is an iterator; ``problems`` fills with it.
    Text is as it was found."""
    root = data_root.find(host, data_root_path)
    chosen: Iterable[Container] = containers.each(root.path)
    not_found: List[str] = []
    if wanted is not None:
        chosen, not_found = containers.select(list(chosen), wanted, missing_ok)
    problems: List[Dict[str, str]] = []
    alive = Alive(host, root)
    look = volumes.look(host, root, alive.liveness.daemons)
    return {
        "data_root": root.path,
        "data_root_source": root.source,
        "storage_drivers": root.storage_drivers,
        "containers": _facts(root, alive, look, chosen, include_env, problems),
        "orphans": orphans.orphans(root) if with_orphans else None,
        "not_found": not_found,
        "problems": problems,
    }


def _facts(
    root: data_root.DataRoot,
    alive: Alive,
    look: volumes.Volumes,
    chosen: Iterable[Container],
    include_env: bool,
    problems: List[Dict[str, str]],
) -> Iterator[Dict[str, Any]]:
    """One container after the other, so that a host with ten thousand needs no memory for all of them."""
    for container in chosen:
        facts = container.facts(include_env, look)
        facts["alive"] = bool(alive.of(container).reasons)
        facts["storage"] = _storage(root, container)
        facts["problems"] = [one._asdict() for one in container.problems]
        problems += facts["problems"]
        yield facts


def _storage(root: data_root.DataRoot, container: Container) -> Dict[str, Any]:
    if container.driver not in DRIVERS:
        if container.driver:
            container.problem(
                "driver_unsupported", "the storage driver %s is not read here" % container.driver
            )
        return {}
    try:
        return dict(DRIVERS[container.driver].locate(root, container).storage())
    except RescueError as error:
        container.problem("storage_unknown", str(error))
        return {}
