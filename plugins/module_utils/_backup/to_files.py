# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores chosen files of a container's own into a directory, under their paths. PRIVATE to the collection."""

import os
import stat
from typing import Any, List, Sequence

from .._errors import Refused
from .._host import Host
from .._text import few
from .._tree import copying, private
from .._tree.inside import Entry, Inside, shown
from . import progress, staging
from .engine import Backup
from .progress import Progress
from .to_directory import BESIDE


def to_files(
    host: Host, engine: Any, backup: Backup, path: str, files: Sequence[str], overwrite: bool
) -> List[str]:
    """What had to be restored, as paths in the container. The files are extracted beside their places and moved there
    when all of them are whole. Raises NotFound, Refused, BadRecord."""
    beside = os.path.join(path, BESIDE)
    fresh = os.path.join(beside, "new")
    staging.remove(beside)
    private.make(fresh)
    try:
        progress.expect(host, 1)
        shown_as = Progress(host, "files", backup.container)
        engine.restore(backup, "rootfs", fresh, list(files), shown_as.watch_of_restore())
        tree = Inside(fresh)
        try:
            entries = [one for one in tree.walk(tree.entry(())) if one.parts]
        finally:
            tree.close()
        todo = [one for one in copying.missing(entries, path) if not _is_directory_there(one, path)]
        _require_free(todo, path, overwrite)
        host.sync(beside)
        for entry in todo:
            _move(entry, fresh, path)
        return [shown(one.parts) for one in todo]
    finally:
        staging.remove(beside)


def _require_free(todo: List[Entry], path: str, overwrite: bool) -> None:
    """Raises Refused where something else is in the place of one."""
    taken = []
    for entry in todo:
        place = os.path.join(path, *entry.parts)
        if not os.path.lexists(place):
            continue
        if not overwrite or entry.kind == "directory" or stat.S_ISDIR(os.lstat(place).st_mode):
            taken.append(place)
    if taken:
        raise Refused(
            "already there, and not as in the backup: %s" % few(taken),
            "Give another `path`, or `overwrite: true`, which replaces files, but no directories",
        )


def _is_directory_there(entry: Entry, path: str) -> bool:
    """Such a one is left as it is."""
    return entry.kind == "directory" and os.path.isdir(os.path.join(path, *entry.parts))


def _move(entry: Entry, fresh: str, path: str) -> None:
    source = os.path.join(fresh, *entry.parts)
    if os.path.lexists(source):  # not moved yet with its directory
        os.rename(source, os.path.join(path, *entry.parts))
