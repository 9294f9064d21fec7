# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What starts a Docker on this host, and with which settings: services of systemd, and the files that the init scripts
of older systems read. PRIVATE to the collection."""

import os
from typing import Dict, List, NamedTuple, Tuple

from .._errors import RescueError
from . import records, settings, shell_text, userns
from .settings import Settings
from .systemd_units import Units

UNIT = "docker.service"
# What the init scripts of Red Hat, Debian and OpenRC read, in the order in which they do.
INIT_FILES = (
    "/etc/sysconfig/docker",
    "/etc/sysconfig/docker-storage",
    "/etc/sysconfig/docker-network",
    "/etc/default/docker",
    "/etc/conf.d/docker",
)
_INIT_VARIABLES = (
    "OPTIONS",
    "other_args",
    "DOCKER_STORAGE_OPTIONS",
    "DOCKER_NETWORK_OPTIONS",
    "DOCKER_OPTS",
)
_SHELLS = ("sh", "bash", "dash")
_SNAP = "docker.dockerd"  # `snap run docker.dockerd`; its wrapper gives these
_SNAP_ARGUMENTS = [
    "dockerd",
    "--data-root=/var/snap/docker/common/var-lib-docker",
    "--config-file=/var/snap/docker/current/config/daemon.json",
]


class _Service(NamedTuple):
    unit: str
    argv: List[str]
    environment: Dict[str, str]
    complete: bool


def services(data_root: str) -> List[str]:
    """The systemd services, whatever their names, that would start a Docker on a data root (links resolved). One
    whose data root is only known when it starts counts as well."""
    found = []
    units = Units()
    for service in _services(units, units.services()):
        told = settings.joined(_sources(service))
        unknown = not told.data_root and not service.complete
        root = told.data_root or settings.DEFAULT_DATA_ROOT
        if unknown or os.path.realpath(userns.remapped(root, told.userns_remap)) == data_root:
            found.append(service.unit)
    return found


def configured() -> List[Settings]:
    """What the service of this host's Docker is told, by its command line and by daemon.json, the strongest first;
    nothing where there is no such service. Of several it is one that is enabled, docker.service before others."""
    units = Units()
    names = units.services()
    # To read the few with such a name is much faster than to read all.
    found = _services(units, [name for name in names if "docker" in name]) or _services(units, names)
    wanted = units.wanted()

    def order(service: _Service) -> Tuple[bool, bool]:
        socket = service.unit[: -len("service")] + "socket"
        return service.unit not in wanted and socket not in wanted, service.unit != UNIT

    return _sources(min(found, key=order)) if found else []


def from_init_files() -> List[Settings]:
    """What the files say that init scripts read, the strongest first."""
    known: Dict[str, str] = {}
    found: List[Settings] = []
    for path in INIT_FILES:
        try:
            text = records.read_text(path, follow=True)
        except RescueError:
            continue
        before, known = known, shell_text.variables(text, known)
        new = [known[name] for name in _INIT_VARIABLES if known.get(name, "") != before.get(name, "")]
        argv = ["dockerd"] + [word for value in new for word in shell_text.split(value)]
        said = settings.from_arguments(argv, path)
        found.append(said._replace(storage_driver=known.get("DOCKER_DRIVER", "") or said.storage_driver))
    return found[::-1]


def _services(units: Units, names: List[str]) -> List[_Service]:
    """Those of some units that start a Docker daemon."""
    found = []
    for unit in names:
        argv, environment, complete = units.command(unit)
        if os.path.basename((argv or [""])[0]) in _SHELLS and argv[1:2] == ["-c"]:  # EL 7 before 7.3
            argv = shell_text.command((argv[2:] or [""])[0], environment)
        if _SNAP in argv[1:]:
            argv = _SNAP_ARGUMENTS
        if argv and settings.is_daemon(argv):
            found.append(_Service(unit, argv, environment, complete))
    return found


def _sources(service: _Service) -> List[Settings]:
    driver = service.environment.get("DOCKER_DRIVER", "")  # stronger than the flag
    return [
        Settings("", driver, {}, service.unit),
        settings.from_arguments(service.argv, service.unit),
        settings.from_daemon_json(settings.config_file(service.argv) or settings.DAEMON_JSON),
    ]
