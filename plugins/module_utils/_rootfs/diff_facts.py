# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What container_diff_info tells. PRIVATE to the collection."""

import contextlib
from typing import Any, Dict, List, Optional

from .. import _text
from .._docker import containers, data_root
from .._host import Host
from .._tree import union
from .._tree.changes import Changes
from .._tree.inside import Inside
from . import opened_trees
from .driver import Compared
from .drivers import driver_for


def diff_facts(
    host: Host, data_root_path: Optional[str], word: str, containerd_root: Optional[str] = None
) -> Dict[str, Any]:
    """The result of container_diff_info. ``changes`` are JSON, one text for each, fit for the result; other text is as
    it was found. Raises RescueError."""
    root = data_root.find(host, data_root_path, containerd_root)
    container = containers.find(root.path, word, root.containerd)
    warnings: List[str] = []
    compared = driver_for(container).compared(host, root, container)
    if compared is not None:
        changes = _changes(compared)
    else:
        with opened_trees.both(host, root, container, warnings) as (after, before):
            changes = _changes(Compared([after], [before], union.NONE))
    return {
        "container": container.id,
        "driver": container.driver,
        "changes": [_text.as_json(one._asdict()) for one in changes.found],
        "totals": changes.totals,
        "warnings": warnings,
    }


def _changes(compared: Compared) -> Changes:
    """The branches are held open by their paths: those that both sides have are one."""
    with contextlib.ExitStack() as stack:
        held: Dict[str, Inside] = {}
        for path in compared.after + compared.before:
            if path not in held:
                held[path] = Inside(path)
                stack.callback(held[path].close)
        after, before = (
            union.Union([held[path] for path in paths], compared.marks)
            for paths in (compared.after, compared.before)
        )
        changes = Changes(after, before)
        changes.compare()
    return changes
