# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container mounts: the data that is not in its layer. PRIVATE to the collection.

`MountPoints` since 1.7; `Volumes` and `VolumesRW` before. The source of an anonymous volume is empty on disk even
while it runs, and is found by its name: `<data root>/volumes/<name>/_data`.
"""

from typing import Any, Dict, List

from . import records


def mounts(data_root: str, recorded_root: str, record: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Every mount point with its source as it was recorded and as it is on this host today, ordered by destination."""
    found = []
    for destination, point in records.mapping_of(record, "MountPoints").items():
        if isinstance(point, dict):
            found.append(_mount_point(data_root, recorded_root, destination, point))
    volumes = records.mapping_of(record, "Volumes")
    known = {mount["destination"] for mount in found} if volumes else set()
    writable = records.mapping_of(record, "VolumesRW")
    for destination, source in volumes.items():
        if isinstance(source, str) and destination not in known:
            inside = source == recorded_root or source.startswith(recorded_root + "/")
            found.append(
                {
                    "destination": destination,
                    "source": translated(source, recorded_root, data_root),
                    "recorded_source": source,
                    "type": "volume" if inside else "bind",
                    "name": "",
                    "driver": "local" if inside else "",
                    "read_write": writable.get(destination) is not False,
                }
            )
    return sorted(found, key=lambda mount: str(mount["destination"]))


def _mount_point(
    data_root: str, recorded_root: str, destination: str, point: Dict[str, Any]
) -> Dict[str, Any]:
    name, driver = records.text_of(point, "Name"), records.text_of(point, "Driver")
    recorded = records.text_of(point, "Source")
    kind = records.text_of(point, "Type") or ("volume" if name else "bind")  # no Type before 1.13
    source = translated(recorded, recorded_root, data_root)
    if not recorded and kind == "volume" and driver in ("", "local") and _is_file_name(name):
        source = "%s/volumes/%s/_data" % (data_root, name)
    return {
        "destination": destination,
        "source": source,
        "recorded_source": recorded,
        "type": kind,
        "name": name,
        "driver": driver,
        "read_write": records.flag_of(point, "RW"),
    }


def translated(path: str, recorded_root: str, data_root: str) -> str:
    """A recorded path where it lies today: below today's data root if it lay below the recorded one. A path that
    climbs (`..`) is left as it is recorded: it would lead out of today's root to somewhere else."""
    inside = path == recorded_root or path.startswith(recorded_root + "/")
    if recorded_root != data_root and inside and ".." not in path.split("/"):
        return data_root + path[len(recorded_root) :]
    return path


def _is_file_name(name: str) -> bool:
    return bool(name) and "/" not in name and name not in (".", "..")
