# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a repository holds: the result of backup_info. PRIVATE to the collection."""

from typing import Any, Dict, List, Optional

from .._errors import NotFound, Refused
from .._host import Host
from . import engines
from .engine import Backup, Repository, Unreadable

_LISTED = 20


def facts(
    host: Host,
    repository: Repository,
    container: Optional[str],
    of_host: Optional[str],
    verify: str,
    backup_ids: Optional[List[str]] = None,
    files: bool = False,
) -> Dict[str, Any]:
    """``verify`` is none, quick or full: what is wrong stands in ``problems``, in any case what
    cannot be read. With ``files``, which files each is."""
    engine = engines.engine_for(host, repository)
    if files and not hasattr(engine, "files"):
        raise Refused("a backup of the engine %s is no files of its own" % repository.engine)
    found = _asked(engine, container, of_host, backup_ids)
    wrong = engine.verify(found, verify == "full") if verify != "none" else {}
    if verify == "full":
        found = _asked(engine, container, of_host, backup_ids)
    shown = [dict(one._asdict(), problem=wrong.get(one.backup_id)) for one in found]
    if files:
        shown = [dict(one, files=engine.files(backup)) for one, backup in zip(shown, found)]
    unreadable = [
        one for one in getattr(engine, "unreadable", ()) if _is_asked(one, container, of_host, backup_ids)
    ]
    wrong.update((one.backup_id, one.reason) for one in unreadable)
    reasons = {one.reason for one in unreadable}
    return {
        "backups": shown,
        "problems": ["%s: %s" % item for item in sorted(wrong.items())],
        "warnings": [one for one in engine.warnings if one not in reasons],
    }


def _is_asked(
    one: Unreadable, container: Optional[str], of_host: Optional[str], backup_ids: Optional[List[str]]
) -> bool:
    """As of a backup; of the ID there is the beginning in its name."""
    beginning = one.backup_id.rpartition("-")[2]
    named = container is None or one.container == container or container.startswith(beginning)
    return named and of_host in (None, one.host) and (backup_ids is None or one.backup_id in backup_ids)


def _asked(
    engine: Any, container: Optional[str], of_host: Optional[str], backup_ids: Optional[List[str]]
) -> List[Backup]:
    found = matching(engine.backups(), container, of_host)
    return found if backup_ids is None else [one for one in found if one.backup_id in backup_ids]


def matching(backups: List[Backup], container: Optional[str], of_host: Optional[str]) -> List[Backup]:
    """Those of a container (its name, its ID or the beginning of it) and of a host; None means any."""
    return [
        one
        for one in backups
        if (of_host is None or one.host == of_host)
        and (
            container is None
            or one.container == container
            or (len(container) >= 12 and one.container_id.startswith(container))
        )
    ]


def choose(backups: List[Backup], container: str, of_host: str, backup_id: Optional[str]) -> Backup:
    """The one to restore: the newest whole one, or ``backup_id``. Raises NotFound that lists what there is."""
    found = matching(backups, container, of_host)
    if backup_id is not None:
        found = [one for one in found if one.backup_id == backup_id]
    best = [one for one in found if one.status == "stored"] or found
    if best:
        return best[-1]
    there = sorted({"%s of %s" % (one.container, one.host) for one in backups})
    shown = ", ".join(there[:_LISTED]) or "nothing"
    raise NotFound(
        "no backup%s of container %r of host %r" % (" " + backup_id if backup_id else "", container, of_host),
        "The repository holds %s" % shown,
    )
