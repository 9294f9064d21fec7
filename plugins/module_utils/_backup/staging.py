# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of a backup, extracted to an empty directory and proven. PRIVATE to the collection.

Proven is: every byte has the stored sha256, and a survey of what was extracted is that of what was backed up.
"""

import os
import shutil
from typing import Any, Dict, List

from .._errors import CommandFailed
from .._host import Host
from .._tree import private
from .._tree.surveying import Survey, survey
from .engine import Backup, WatchOfRestore


def stage(
    host: Host,
    engine: Any,
    backup: Backup,
    described: Dict[str, Any],
    fresh: str,
    warnings: List[str],
    watch: WatchOfRestore,
) -> Survey:
    """``described`` is the manifest's word of the part. Raises CommandFailed or BadRecord where it is not what was
    stored; a partial backup cannot be proven, which is a warning."""
    remove(fresh)
    private.make(fresh)
    warnings += engine.restore(backup, described["name"], fresh, [], watch)
    found = look(host, fresh, described)
    if found.listing == described["listing"]:
        return found
    if backup.status == "partial":
        warnings.append("%s was stored in part, it cannot be proven" % described["name"])
        return found
    counts = ", ".join(
        "%d %s instead of %d" % (found.counts[kind], kind, described["counts"][kind])
        for kind in sorted(found.counts)
        if kind != "sockets" and found.counts[kind] != described["counts"][kind]
    )
    raise CommandFailed(
        "%s did not come back as it was stored%s" % (described["name"], ": " + counts if counts else ""),
        "A file system without what it needs (owners, extended attributes, times in ns) cannot take it",
    )


def look(host: Host, path: str, described: Dict[str, Any]) -> Survey:
    """A survey of what may be a copy of the part. Raises NotFound."""
    return survey(host, path, described["exclude"], described["only"])


def remove(directory: str) -> None:
    """A directory of ours, with all that is in it."""
    if os.path.isdir(directory) and not os.path.islink(directory):
        shutil.rmtree(directory)
