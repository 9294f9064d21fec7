# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What container_info tells of every container. PRIVATE to the collection."""

import os
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence

from .. import _parallel, _text
from .._docker import containers, data_root, docker_version, volumes
from .._docker.containers import Container
from .._errors import RescueError
from .._host import Host
from . import orphans
from .alive import Alive
from .drivers import known_driver

_SEVERAL_LINES = ("config",)  # what of a container may have them


class _Told(NamedTuple):
    containers: List[str]  # as JSON
    problems: List[Dict[str, str]]


def container_facts(
    host: Host,
    data_root_path: Optional[str],
    wanted: Optional[Sequence[str]],
    missing_ok: bool,
    include_env: bool,
    with_orphans: bool,
    containerd_root: Optional[str] = None,
    details: bool = True,
) -> Dict[str, Any]:
    """The result of container_info. Raises NotFound and BadRecord for a data root or a container that is not there;
    a container that is broken is listed with its problem. ``containers`` are JSON, one text for each, fit for the
    result; other text is as it was found."""
    root = data_root.find(host, data_root_path, containerd_root)
    alive = Alive(host, root)
    look = volumes.look(host, root, alive.liveness.daemons)

    def tell(chosen: Iterable[Container]) -> _Told:
        """One container after the other: as text they take the least memory."""
        told = _Told([], [])
        for container in chosen:
            facts = container.facts(include_env, look) if details else container.summary()
            facts["alive"] = bool(alive.of(container).reasons)
            storage = _storage(root, container)  # it finds problems, too
            if details:
                facts["storage"] = storage
            facts["problems"] = [one._asdict() for one in container.problems]
            told.problems.extend(facts["problems"])
            told.containers.append(_text.as_json(facts, _SEVERAL_LINES))
        return told

    not_found: List[str] = []
    if wanted is None:
        parts = _parallel.in_parts(
            containers.ids(root.path),
            lambda ids: tell(Container(root.path, one, root.containerd) for one in ids),
        )
    else:
        chosen, not_found = containers.select(
            containers.read_all(root.path, root.containerd), wanted, missing_ok
        )
        parts = [tell(chosen)]
    problems = [one for part in parts for one in part.problems]
    return {
        "data_root": root.path,
        "data_root_source": root.source,
        "storage_drivers": root.storage_drivers,
        "docker_at_least": docker_version.at_least(root.path),
        "kernel": os.uname().release,
        "containers": [one for part in parts for one in part.containers],
        "orphans": _orphans(root, problems) if with_orphans else None,
        "not_found": not_found,
        "problems": problems,
    }


def _orphans(root: data_root.DataRoot, problems: List[Dict[str, str]]) -> List[Dict[str, Any]]:
    try:
        return orphans.orphans(root)
    except RescueError as error:
        problems.append({"code": "orphans_unknown", "subject": "", "message": str(error)})
        return []


def _storage(root: data_root.DataRoot, container: Container) -> Dict[str, Any]:
    driver = known_driver(container)
    if driver is None:
        if container.driver:
            container.problem(
                "driver_unsupported", "the storage driver %s is not read here" % container.driver
            )
        return {}
    try:
        return dict(driver.locate(root, container).storage())
    except RescueError as error:
        container.problem("storage_unknown", str(error))
        return {}
