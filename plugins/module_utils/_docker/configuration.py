# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data root and storage options this host's Docker has, of all that says something. PRIVATE to the collection.

Order of belief: a running daemon, which is all there is to know of it; the service of systemd with what it reads,
daemon.json too; the files of init scripts, before any service where systemd does not run; daemon.json; the default.
A flag and the same key of daemon.json together stop dockerd, so the sources do not contradict each other.
"""

import os
from typing import Dict

from .._host import Host
from . import daemon, device_files, services, settings, userns
from .settings import Settings


def configured(host: Host) -> Settings:
    """What the first source that names a data root says, filled up from the later ones. A daemon that root did not
    start is no source: it still counts as one that may hold a data root (see daemon.running)."""
    running = daemon.believed(host)
    found = running or _stopped(host)
    options = found.storage_options
    if not any(name.startswith("dm.") for name in options):
        found = found._replace(storage_options=dict(_left_behind(found.data_root), **options))
    return found


def _stopped(host: Host) -> Settings:
    sources = services.configured()
    if not sources or not os.path.isdir(host.units_directory):
        sources = services.from_init_files() + (sources or [settings.from_daemon_json(settings.DAEMON_JSON)])
    found = settings.joined(sources + [Settings(settings.DEFAULT_DATA_ROOT, "", {}, "the default")])
    root = userns.remapped(found.data_root, found.userns_remap)
    return found._replace(data_root=root)


def _left_behind(data_root: str) -> Dict[str, str]:
    """The pool that a devicemapper Docker of before was told to use: its file of options stays when a newer Docker
    has come, whose service does not read it. Not where the data root holds a pool itself."""
    if os.path.exists(device_files.pool_files(data_root)[0]):
        return {}
    options = settings.joined(services.from_init_files() + [Settings("", "", {}, "")]).storage_options
    return {name: value for name, value in options.items() if name.startswith("dm.")}
