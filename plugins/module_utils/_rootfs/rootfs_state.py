# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a container's tree to the state that is asked for: what container_rootfs does. PRIVATE to the collection."""

import re
from typing import Any, Dict

from .._docker import device_files
from .._errors import Refused
from .._host import Host
from . import closing, opening

_SIZE = re.compile(r"^([0-9]+)([KMGT]?)(i?B)?$", re.IGNORECASE)
_SMALLEST, _LARGEST = 16 * 1024 * 1024, device_files.HIGHEST_SIZE


def reach(host: Host, params: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
    """The result of container_rootfs. Raises RescueError."""
    if params["state"] == "unmounted":
        closed = closing.close_rootfs(host, params["container"], params["data_root"], check_mode)
        return {
            "changed": closed.changed,
            "container": closed.container_id,
            "path": closed.path,
            "method": None,
            "access": None,
            "device": None,
            "actions": closed.actions,
            "warnings": closed.warnings,
            "diff": _diff("mounted" if closed.changed else "unmounted", "unmounted"),
        }
    device_id = params["device_id"]
    if device_id is not None and not 0 <= device_id <= device_files.HIGHEST_DEVICE_ID:
        raise Refused(
            "device_id %d is not a number from 0 to %d" % (device_id, device_files.HIGHEST_DEVICE_ID),
            "drydock.rescue.thin_pool_info lists the devices of a pool",
        )
    wanted = opening.Wanted(
        params["container"],
        params["data_root"],
        device_id,
        params["path"],
        params["access"],
        params["method"],
        params["work_dir"],
        size_bytes(params["scratch_size"]),
        params["stop_docker"],
    )
    opened = opening.open_rootfs(host, wanted, check_mode)
    after = "mounted at %s, access %s, method %s" % (opened.path, opened.access, opened.method)
    return {
        "changed": opened.changed,
        "container": opened.container.id,
        "path": opened.path,
        "method": opened.method,
        "access": opened.access,
        "device": opened.device,
        "actions": opened.actions,
        "warnings": opened.warnings,
        "diff": _diff("unmounted" if opened.changed else after, after),
    }


def size_bytes(text: str) -> int:
    """`512M` in bytes, with factors of 1024. Raises Refused for another form, less than 16 MiB, or
    more than the kernel can count."""
    match = _SIZE.match(text.strip())
    size = int(match.group(1)) * 1024 ** " KMGT".index(match.group(2).upper() or " ") if match else 0
    if not _SMALLEST <= size <= _LARGEST:
        raise Refused(
            "scratch_size %r is not a size from 16M to less than 8388608T" % text, "Give it as in 512M or 4G"
        )
    return size


def _diff(before: str, after: str) -> Dict[str, str]:
    return {"before": before + "\n", "after": after + "\n"}
