# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin ids of ours that no device names any more: left by a run killed before a reboot. PRIVATE to the collection.

They are known by the rule of _ours: in our window, in no device file, not transaction-metadata's, inactive. An id is
looked for by loading a table for it into a device of ours that is never resumed: that writes nothing to the pool.
"""

from typing import List, Sequence, Set

from .. import _ours
from .._device_mapper import dmsetup, pool, thin
from .._docker import data_root, device_files
from .._errors import CommandFailed, RescueError
from .._host import Host
from .._plan import Plan
from . import thin_pools

_PROBE = _ours.PREFIX + "probe"
_WINDOW = range(_ours.LOWEST_THIN_ID, _ours.HIGHEST_THIN_ID + 1)


def leftover_plans(host: Host, check_mode: bool) -> List[Plan]:
    """Plans, applied unless in check mode, that delete what is left in the active pool of this host's data root."""
    try:
        root = data_root.find(host, None)
        found = thin_pools.find(host, root)
        if found.active is None or found.status is None or pool.unhealthy(found.status):
            return []
    except RescueError:
        return []
    files, errors = device_files.read_all(root.path)
    if errors:  # a file that cannot be read may name any id
        return []
    claimed = set(device_files.claimed_ids(root.path, files))
    active = {
        thin.id_of(one) for one in found.devices if one.table.split()[2:4] == ["thin", found.active.number]
    }
    plans = []
    for device_id in sorted(existing(host, found.name) - claimed - active):
        plans.append(Plan().add(thin.delete(found.name, device_id)))
    for one in [] if check_mode else plans:
        one.apply(host)
    return plans


def existing(host: Host, pool_name: str, wanted: Sequence[int] = _WINDOW) -> Set[int]:
    """Those of some ids, of our window if nothing is said, that the pool has."""
    there: Set[int] = set()
    if dmsetup.named(dmsetup.devices(host), _PROBE):  # of a run that was killed
        host.run(["dmsetup", "remove", "--retry", _PROBE])
    host.run(["dmsetup", "create", _PROBE, "--notable"])
    try:
        for device_id in wanted:
            table = thin.table(128, pool_name, device_id)
            try:
                host.run(["dmsetup", "load", _PROBE, "--readonly", "--table", table])
                there.add(device_id)
            except CommandFailed:
                continue
    finally:
        host.run(["dmsetup", "remove", "--retry", _PROBE])
    return there
