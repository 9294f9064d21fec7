# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a container's tree to the state that is asked for: what container_rootfs does. PRIVATE to the collection."""

import re
from typing import Any, Dict

from .._errors import Refused
from .._host import Host
from . import closing, opening
from .driver import Known

_SIZE = re.compile(r"^([0-9]+)([KMGT]?)(i?B)?$", re.IGNORECASE)
_SMALLEST = 16 * 1024 * 1024


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
    wanted = opening.Wanted(
        params["container"],
        params["data_root"],
        _known(params),
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


def _known(params: Dict[str, Any]) -> Known:
    devices = [params["data_device"] or "", params["metadata_device"] or ""]
    if bool(devices[0]) != bool(devices[1]):
        raise Refused("data_device and metadata_device go together, and one is missing")
    return Known(params["device_id"], *devices)


def size_bytes(text: str) -> int:
    """`512M` in bytes, with factors of 1024. Raises Refused for another form, or less than 16 MiB."""
    match = _SIZE.match(text.strip())
    size = int(match.group(1)) * 1024 ** " KMGT".index(match.group(2).upper() or " ") if match else 0
    if size < _SMALLEST:
        raise Refused("scratch_size %r is not a size of at least 16M" % text, "Give it as in 512M or 4G")
    return size


def _diff(before: str, after: str) -> Dict[str, str]:
    return {"before": before + "\n", "after": after + "\n"}
