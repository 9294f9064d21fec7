# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker daemons that run on this host, with what they were told. PRIVATE to the collection."""

import os
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .._host import Host, Process
from . import rootless, settings, userns
from .settings import Settings

# A snap's daemon sees another `/`, but the same data root: /var/snap is the host's own.
_SNAP = re.compile(r":/system\.slice/snap\.[^/\n]+\.service$", re.MULTILINE)


class RunningDaemon(NamedTuple):
    pid: int
    argv: List[str]
    data_root: str
    trusted: bool  # root started it: any other user can call a program dockerd
    uid: int = 0  # of who started it


def running(host: Host, processes: Optional[Sequence[Process]] = None) -> List[RunningDaemon]:
    """The Docker daemons that run on this host, each with its data root (links resolved, and where it remaps users,
    the directory of those); among ``processes`` where they were listed already."""
    return [
        RunningDaemon(process.pid, process.argv, found.data_root, process.uid == 0, process.uid)
        for process, found in _daemons(host.processes() if processes is None else processes, host)
    ]


def believed(host: Host) -> Optional[Settings]:
    """What the first running daemon was told that root started; its data root as above."""
    return next((found for process, found in _daemons(host.processes(), host) if process.uid == 0), None)


def _daemons(processes: Sequence[Process], host: Host) -> Iterator[Tuple[Process, Settings]]:
    for process in processes:
        if not settings.is_daemon(process.argv):
            continue
        # Not one inside a container.
        if host.shares_our_root(process.pid) or (process.uid == 0 and _SNAP.search(process.cgroup)):
            yield process, _settings(host, process)


def _settings(host: Host, process: Process) -> Settings:
    environment = host.environment(process.pid)
    source = "process %d" % process.pid
    sources = [settings.from_arguments(process.argv, source), _from_file(process, environment)]
    default = ""
    if rootless.is_rootless(environment):
        default = rootless.data_root(environment, process.uid)
    sources.append(Settings(default or settings.DEFAULT_DATA_ROOT, "", {}, source))
    found = settings.joined(sources)
    if process.uid == 0 and environment.get("DOCKER_DRIVER"):  # stronger than the flag
        found = found._replace(storage_driver=environment["DOCKER_DRIVER"])
    return found._replace(
        data_root=os.path.realpath(userns.remapped(found.data_root, found.userns_remap)), source=source
    )


def _from_file(process: Process, environment: Dict[str, str]) -> Settings:
    """What its daemon.json says. Of a user's daemon neither a file that it names is opened, nor a link followed."""
    if process.uid == 0:
        return settings.from_daemon_json(settings.config_file(process.argv) or settings.DAEMON_JSON)
    if rootless.is_rootless(environment):
        return settings.from_daemon_json(rootless.config_file(process.uid), follow=False)
    return settings.from_daemon_json(settings.DAEMON_JSON)
