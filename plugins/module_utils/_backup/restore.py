# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What container_restore does: a backup, or files of it, into a directory or into a container. PRIVATE to the
collection."""

import os
import platform
from typing import Any, Dict, List, NamedTuple, Optional

from .._errors import NotFound, Refused
from .._host import Host
from . import engines, stored
from .engine import Repository
from .to_container import Into, to_container
from .to_directory import ToDirectory
from .to_files import to_files


class Wanted(NamedTuple):
    repository: Repository
    container: str
    host: Optional[str]
    backup_id: Optional[str]
    to: str  # directory, files or container
    path: Optional[str]
    files: List[str]
    overwrite: bool
    into: Into


def work(host: Host, wanted: Wanted, check_mode: bool) -> Dict[str, Any]:
    """The result of container_restore. Raises RescueError."""
    path = _require_sense(wanted)
    engine = engines.engine_for(host, wanted.repository)
    backups = engine.backups()
    try:
        backup = stored.choose(backups, wanted.container, wanted.host or platform.node(), wanted.backup_id)
    except NotFound as error:
        error.message = "; ".join([error.message.rstrip(".")] + engine.warnings)
        raise
    result: Dict[str, Any] = {"backup_id": backup.backup_id, "path": path, "warnings": []}
    if wanted.to == "container":
        result.update(to_container(host, engine, backup, wanted.into, check_mode))
    elif wanted.to == "files":
        done = wanted.files
        if not check_mode:
            done = to_files(host, engine, backup, path, wanted.files, wanted.overwrite)
        result.update(restored=done)
    else:
        restoring = ToDirectory(host, engine, backup, path, wanted.overwrite, check_mode)
        result.update(restored=restoring.everything(), warnings=restoring.warnings)
    result["changed"] = bool(result["restored"])
    result.setdefault("actions", _shown(result["restored"], backup.backup_id))
    result["warnings"] += engine.warnings
    if backup.status != "stored":
        result["warnings"].append("backup %s is %s" % (backup.backup_id, backup.status))
    return result


def _shown(done: List[str], backup_id: str) -> List[str]:
    return ["# %s of backup %s" % (one, backup_id) for one in done]


def _require_sense(wanted: Wanted) -> str:
    """The path, empty where none is used. Raises Refused for options that do not go together."""
    if (wanted.to == "files") != bool(wanted.files):
        raise Refused("`to: files` and `files` go together, and one is missing")
    for one in wanted.files:
        words = [word for word in one.split("/") if word not in ("", ".")]
        if not one.startswith("/") or not words or ".." in words or "\0" in one:
            raise Refused("files: %r is not an absolute path in a container" % one[:200])
    if wanted.to == "container":
        return ""
    if not wanted.path or not os.path.isabs(wanted.path):
        raise Refused("path %r is not an absolute path" % (wanted.path or ""))
    if os.path.lexists(wanted.path) and not os.path.isdir(wanted.path):
        raise Refused("path %s is not a directory" % wanted.path)
    return os.path.normpath(wanted.path)
