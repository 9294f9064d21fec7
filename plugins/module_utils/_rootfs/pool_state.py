# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a thin pool of ours to the state that is asked for: what thin_pool does. PRIVATE to the collection."""

import hashlib
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .. import _lock, _ours
from .._device_mapper import dmsetup, loop, pool
from .._device_mapper import parts as halves
from .._device_mapper.parts import Part
from .._docker import daemon, data_root
from .._errors import CommandFailed, NotFound, Refused
from .._host import Host
from .._plan import Plan
from . import devicemapper, found, thin_pools

TOOLS = ("dmsetup", "thin_check")


# The two halves of a pool, and what of ours lies over them.
class Target(NamedTuple):
    owner: str
    tree: str
    parts: Tuple[Part, Part]
    device: Optional[dmsetup.Device]

    @property
    def name(self) -> str:
        return _ours.device_name(self.tree, "pool")


def reach(host: Host, params: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
    """The result of thin_pool. Raises RescueError."""
    host.require(TOOLS)
    explicit = [params["data_device"], params["metadata_device"]]
    if any(explicit) and not all(explicit):
        raise Refused("data_device and metadata_device go together, and one is missing")
    if params["state"] == "inactive":
        target = _target(host, params["data_root"], explicit, True)
        return _closed(host, target, check_mode)
    target = _target(host, params["data_root"], explicit, False)
    return _opened(host, target, params["read_only"], check_mode)


def _target(host: Host, root_path: Optional[str], explicit: List[str], closing: bool) -> Target:
    if all(explicit):
        parts = (halves.of_path(explicit[0]), halves.of_path(explicit[1]))
        if not closing:
            _require_unused(host, parts)
    else:
        of_root = thin_pools.find(host, data_root.find(host, root_path))
        if of_root.active and not closing:
            raise Refused(
                "the pool of this data root is active as %s" % of_root.active.name,
                "Use it as it is: thin_device makes snapshots in it",
            )
        if of_root.parts is None:
            if of_root.active:  # and so there is none of ours
                return Target("", "", (Part(""), Part("")), None)
            raise NotFound(
                "the pool of this data root is neither active nor in its files",
                "Give `data_device` and `metadata_device`",
            )
        if not closing:
            thin_pools.require_free(of_root)
        parts = of_root.parts
    owner = hashlib.sha256(
        "\0".join(part.path for part in parts).encode("utf-8", "surrogateescape")
    ).hexdigest()
    tree = owner[:12]
    return Target(owner, tree, parts, dmsetup.named(dmsetup.devices(host), _ours.device_name(tree, "pool")))


def _require_unused(host: Host, parts: Tuple[Part, Part]) -> None:
    devices, loops = dmsetup.devices(host), loop.loops(host)
    ours = halves.under_ours(devices)
    for part in parts:
        over = [] if part.segments else loop.over(loops, part.path)
        users = [one.path for one in over if one.number not in ours] + halves.holders(host, part, devices)
        if users:
            raise Refused("%s is in use by %s" % (part.path, ", ".join(users)), "Close that first")


def _opened(host: Host, target: Target, read_only: bool, check_mode: bool) -> Dict[str, Any]:
    if target.device:
        is_read_only = "read_only" in target.device.table.split()
        if is_read_only != read_only:
            raise Refused(
                "%s is active already, and %s" % (target.name, "read-only" if is_read_only else "read-write"),
                "Make it inactive first",
            )
        return _result(host, target, False, read_only, [])
    if not read_only:
        _require_no_daemon(host)
    data, metadata = target.parts
    head = pool.verified(data, metadata)
    damage = pool.damage(host, head, metadata)
    if damage:
        raise pool.damaged(damage)
    mark = pool.fingerprint(head, data, metadata) if read_only else ""
    plan = pool.assemble_plan(target.tree, target.owner, mark, target.parts, head, read_only)
    if not read_only:
        plan.add(pool.AwaitHealthy(target.name, 0, head.block_sectors))
    return _applied(host, target, plan, read_only, check_mode)


def _require_no_daemon(host: Host) -> None:
    daemons = daemon.running(host)
    if daemons:
        raise Refused(
            "Docker runs (process %d), and a pool must not be opened for writing beside it" % daemons[0].pid,
            "Stop Docker, or leave `read_only` as it is",
        )


def _closed(host: Host, target: Target, check_mode: bool) -> Dict[str, Any]:
    if target.device is None:
        return _result(host, target, False, None, [])
    there = found.of_container(host, target.owner, target.tree)
    inside = [
        one.name for one in there.all_devices if one.table.split()[2:4] == ["thin", target.device.number]
    ]
    if inside:
        raise Refused(
            "%s is in use by %s" % (target.name, ", ".join(inside)), "Make those inactive first (thin_device)"
        )
    trouble = devicemapper.distrust(host, there)
    result = _applied(host, target, devicemapper.close_plan(host, there), None, check_mode)
    if trouble and not check_mode:
        failure = CommandFailed(
            "%s is inactive, but do not trust what was read from it: %s" % (target.name, trouble),
            "Read it again",
        )
        failure.ran = result["actions"]
        raise failure
    return result


def _applied(
    host: Host,
    target: Target,
    plan: Plan,
    read_only: Optional[bool],
    check_mode: bool,
) -> Dict[str, Any]:
    if check_mode:
        return _result(host, target, True, read_only, plan.shown())
    with _lock.held(host, target.owner, target.name):
        return _result(host, target, True, read_only, plan.apply(host).actions)


def _result(
    host: Host, target: Target, changed: bool, read_only: Optional[bool], actions: List[str]
) -> Dict[str, Any]:
    """``read_only`` is None for a pool that is not active."""
    active = read_only is not None
    state = "inactive" if not active else "active, read-only" if read_only else "active, read-write"
    before = state if not changed else "inactive" if active else "active"
    line = "%s %%s\n" % (target.name if target.tree else "pool")
    return {
        "changed": changed,
        "name": target.name if target.tree else None,
        "device": "/dev/mapper/" + target.name if active else None,
        "actions": actions,
        "diff": {"before": line % before, "after": line % state},
    }
