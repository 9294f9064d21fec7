# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What device-mapper holds on this host, as dmsetup(8) shows it. PRIVATE to the collection."""

import os
from typing import Dict, List, NamedTuple, Optional

from .._errors import CommandFailed
from .._host import Host
from .._text import is_number


class Device(NamedTuple):
    name: str
    uuid: str
    number: str  # major:minor
    open_count: int  # of every namespace: mounts, other devices, programs
    suspended: bool
    table: str  # the one line of its table; empty where no table is loaded


_GONE = "No such device or address"
_ASKED_AGAIN = 10  # times
_SEPARATOR = "|"  # in no dm name or UUID that dmsetup prints: it is mangled to \x7c


def present(host: Host) -> bool:
    """Whether the kernel's device-mapper is loaded. Where it is not, there are no devices."""
    try:
        with open(os.path.join(host.proc, "misc")) as stream:
            return any(line.split()[1:] == ["device-mapper"] for line in stream)
    except OSError:
        return False


def loadable(host: Host) -> bool:
    """Whether the kernel has device-mapper as a module that is not loaded yet."""
    if host.tool("modprobe") is None:
        return False
    return host.run(["modprobe", "--dry-run", "--quiet", "dm-thin-pool"], ok=range(256)).code == 0


def devices(host: Host) -> List[Device]:
    """Every device with its table. Reads only: neither a flush nor a commit is caused."""
    if not present(host):
        return []
    argv = ["dmsetup", "info", "--columns", "--noheadings", "--separator", _SEPARATOR]
    shown = _of_all(host, argv + ["--options", "name,uuid,major,minor,open,attr"])
    tables = _by_name(_of_all(host, ["dmsetup", "table"]))
    found = []
    for line in shown.splitlines():
        fields = [field.strip() for field in line.split(_SEPARATOR)]
        if len(fields) == 6 and is_number(fields[4]):
            name, uuid, major, minor, opened, attributes = fields
            found.append(
                Device(name, uuid, major + ":" + minor, int(opened), "s" in attributes, tables.get(name, ""))
            )
    return found


def named(found: List[Device], name: str) -> Optional[Device]:
    return next((device for device in found if device.name == name), None)


def target(device: Device) -> str:
    """The target of the device's first line (`thin-pool`, `thin`, `snapshot`...), empty without a table."""
    words = device.table.split()
    return words[2] if len(words) > 2 else ""


def status(host: Host, name: str) -> str:
    """The status line of one device, without the commit that a plain `dmsetup status` causes on a thin pool."""
    return host.run(["dmsetup", "status", "--noflush", name]).out.strip()


def statuses(host: Host, of_target: str) -> Dict[str, str]:
    """The status line of every device of one target, by name."""
    if not present(host):
        return {}
    return _by_name(_of_all(host, ["dmsetup", "status", "--noflush", "--target", of_target]))


def _of_all(host: Host, argv: List[str]) -> str:
    """What dmsetup says of all devices. It fails where one of them is taken away meanwhile, by another run or Docker;
    then it is asked again."""
    for _time in range(_ASKED_AGAIN):
        try:
            return host.run(argv).out
        except CommandFailed as error:
            if _GONE not in error.message:
                raise
    return host.run(argv).out


def _by_name(text: str) -> Dict[str, str]:
    """Reads lines of the form `name: 0 2048 target ...`; the first line of each device."""
    lines: Dict[str, str] = {}
    for line in text.splitlines():
        name, colon, rest = line.partition(": ")
        if colon:
            lines.setdefault(name, rest.strip())
    return lines
