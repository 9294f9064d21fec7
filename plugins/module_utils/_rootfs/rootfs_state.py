# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a container's tree to the state that is asked for: what container_rootfs does. PRIVATE to the collection."""

from typing import Any, Dict

from .._docker import device_files
from .._docker.bare_layer import name_of
from .._errors import Refused
from .._host import Host
from . import closing, opening, sizes
from .driver import Known

_SMALLEST = 16 * 1024 * 1024


def reach(host: Host, params: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
    """The result of container_rootfs. Raises RescueError."""
    layer = params["layer"] or ""
    if params["state"] == "unmounted":
        word = name_of(layer) if layer else params["container"]
        closed = closing.close_rootfs(host, word, params["data_root"], check_mode)
        return {
            "changed": closed.changed,
            "container": "" if layer else closed.container_id,
            "path": closed.path,
            "method": None,
            "access": None,
            "device": None,
            "mounts": [],
            "actions": closed.actions,
            "warnings": closed.warnings,
            "diff": _diff("mounted" if closed.changed else "unmounted", "unmounted"),
        }
    if layer and params["access"] != "read_only":
        raise Refused(
            "layer %r is opened read_only, not %s: others may lie above it" % (layer[:80], params["access"]),
            "Leave `access` out, and copy what is needed",
        )
    device_id = params["device_id"]
    if device_id is not None and not 0 <= device_id <= device_files.HIGHEST_DEVICE_ID:
        raise Refused(
            "device_id %d is not a number from 0 to %d" % (device_id, device_files.HIGHEST_DEVICE_ID),
            "drydock.rescue.thin_pool_info lists the devices of a pool",
        )
    wanted = opening.Wanted(
        params["container"] or "",
        layer,
        params["data_root"],
        _known(params),
        params["path"],
        params["access"],
        params["method"],
        params["work_dir"],
        sizes.size_bytes("scratch_size", params["scratch_size"], _SMALLEST),
        params["stop_docker"],
        bool(params["volumes"]),
        params["containerd_root"],
    )
    opened = opening.open_rootfs(host, wanted, check_mode)
    after = "mounted at %s, access %s, method %s" % (opened.path, opened.access, opened.method)
    return {
        "changed": opened.changed,
        "container": "" if layer else opened.container.id,
        "path": opened.path,
        "method": opened.method,
        "access": opened.access,
        "device": opened.device,
        "mounts": opened.mounts,
        "actions": opened.actions,
        "warnings": opened.warnings,
        "diff": _diff("unmounted" if opened.changed else after, after),
    }


def _known(params: Dict[str, Any]) -> Known:
    devices = [params["data_device"] or "", params["metadata_device"] or ""]
    if bool(devices[0]) != bool(devices[1]):
        raise Refused("data_device and metadata_device go together, and one is missing")
    return Known(params["device_id"], *devices)


def _diff(before: str, after: str) -> Dict[str, str]:
    return {"before": before + "\n", "after": after + "\n"}
