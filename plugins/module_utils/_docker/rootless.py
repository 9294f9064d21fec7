# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Docker that a user runs for themselves (rootless mode) keeps its data. PRIVATE to the collection."""

import os
import pwd
from typing import Dict, List

from .._errors import RescueError
from . import records

PASSWD = "/etc/passwd"


def is_rootless(environment: Dict[str, str]) -> bool:
    """Whether a daemon has this environment because RootlessKit started it: so dockerd asks itself."""
    return bool(environment.get("ROOTLESSKIT_STATE_DIR"))


def data_root(environment: Dict[str, str], uid: int) -> str:
    """What such a daemon uses where nothing names another: `$XDG_DATA_HOME/docker`, or below the user's home. Empty
    where that is not known."""
    given = environment.get("XDG_DATA_HOME", "")
    home = environment.get("HOME", "") or _home(uid)
    data_home = given or (home and os.path.join(home, ".local/share"))
    return os.path.join(data_home, "docker") if data_home.startswith("/") else ""


def config_file(uid: int) -> str:
    """The daemon.json of a user's Docker, in the home that the system gives the user, wherever their environment may
    point to: root does not open what a user names. Empty where the home is not known."""
    home = _home(uid)
    return os.path.join(home, ".config/docker/daemon.json") if home else ""


def on_disk() -> List[str]:
    """The data roots in the usual place of every user of this machine."""
    try:
        lines = records.read_text(PASSWD, follow=True).splitlines()
    except RescueError:
        return []
    homes = sorted({fields[5] for fields in (line.split(":") for line in lines) if len(fields) > 5})
    paths = [
        os.path.join(home, ".local/share/docker") for home in homes if home[:1] == "/" and "\0" not in home
    ]
    return [path for path in paths if os.path.isdir(os.path.join(path, "containers"))]


def _home(uid: int) -> str:
    try:
        home = pwd.getpwuid(uid).pw_dir
    except (KeyError, OverflowError, OSError):
        return ""
    return home if home.startswith("/") else ""
