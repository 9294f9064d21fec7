# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups of a container are kept. PRIVATE to the collection."""

import datetime
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from .engine import Backup


class Keep(NamedTuple):
    """How many of the newest, and of the newest of each of so many days, ISO weeks and months (UTC)."""

    last: Optional[int] = None
    daily: Optional[int] = None
    weekly: Optional[int] = None
    monthly: Optional[int] = None


def expired(backups: Sequence[Backup], keep: Keep) -> List[Backup]:
    """Those of one container that no rule keeps, as restic's `forget` counts; none where no rule is given. The newest
    one that is whole is always kept."""
    if not any(keep):
        return []
    newest_first = sorted(backups, key=lambda one: (one.time, one.backup_id), reverse=True)
    kept: Set[str] = {one.backup_id for one in newest_first[: keep.last or 0]}
    kept.update([one.backup_id for one in newest_first if one.status == "stored"][:1])
    rules: Sequence[Tuple[Optional[int], Callable[[str], object]]] = (
        (keep.daily, lambda when: when[:10]),
        (keep.weekly, _week),
        (keep.monthly, lambda when: when[:7]),
    )
    for count, period_of in rules:
        newest: Dict[object, str] = {}
        for one in newest_first:
            newest.setdefault(period_of(one.time), one.backup_id)
        kept.update(list(newest.values())[: count or 0])
    return [one for one in backups if one.backup_id not in kept]


def _week(when: str) -> object:
    return datetime.date(int(when[:4]), int(when[5:7]), int(when[8:10])).isocalendar()[:2]
