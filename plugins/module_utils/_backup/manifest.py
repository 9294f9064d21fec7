# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest of a backup, which another host may have written: nothing in it is believed unseen. PRIVATE to the
collection."""

import hashlib
import json
import os
import re
from typing import Any, Dict, Optional

from .._docker import records
from .._docker.containers import FULL_ID
from .._docker.volumes import can_be_path
from .._errors import BadRecord
from .engine import Backup

FORMAT = 1
ID = re.compile(r"\d{8}T\d{6}Z-[a-f0-9]{12}")
DIGEST = re.compile(r"[a-f0-9]{64}")
KINDS = ("files", "directories", "links", "devices", "fifos", "sockets")
_TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T\d\d:\d\d:\d\dZ")
_TEXTS = ("backup_id", "host", "container", "container_id", "image", "time", "engine", "status", "state")
_NUMBERS = ("bytes_read", "bytes_stored")
_FORM = {"backup_id": ID, "container_id": FULL_ID, "time": _TIME, "state": DIGEST}


def sealed(manifest: Dict[str, Any]) -> Dict[str, Any]:
    """With a digest of itself."""
    return dict(manifest, sha256=_digest(manifest))


def require_seal(manifest: Dict[str, Any], where: str) -> None:
    """Raises BadRecord where it is not what was sealed."""
    if manifest.get("sha256") != _digest(manifest):
        raise BadRecord("%s is damaged: it does not have its own sha256" % where, "Take another backup")


def checked(manifest: Dict[str, Any], where: str) -> Dict[str, Any]:
    """The same manifest. Raises BadRecord where it cannot be one of ours."""
    number = manifest.get("format")
    if number != FORMAT:
        raise BadRecord(
            "%s has the format %.20r, not %d" % (where, number, FORMAT), "A newer drydock.rescue may read it"
        )
    for name in _TEXTS:
        text = manifest.get(name)
        form = _FORM.get(name)
        _require(isinstance(text, str) and (form is None or form.fullmatch(text)), where, name, text)
    for name in ("host", "container"):
        _require(manifest[name] and can_be_path(manifest[name]), where, name, manifest[name])
    _require(manifest["status"] in ("stored", "partial"), where, "status", manifest["status"])
    for name in _NUMBERS:
        _require(_is_count(manifest.get(name)), where, name, manifest.get(name))
    parts = manifest.get("parts")
    _require(isinstance(parts, list) and parts, where, "parts", parts)
    names = []
    for part in parts if isinstance(parts, list) else ():
        _require(isinstance(part, dict), where, "parts", part)
        _check_part(part, where)
        names.append(part["name"])
    _require(len(set(names)) == len(names) and "rootfs" in names, where, "parts", names)
    return manifest


def part_of(manifest: Dict[str, Any], name: str) -> Optional[Dict[str, Any]]:
    found = [one for one in manifest["parts"] if one["name"] == name]
    return found[0] if found else None


def backup_of(manifest: Dict[str, Any], verified: Optional[str], status: str = "") -> Backup:
    """What a checked manifest says; ``status`` where that is another by now."""
    fields = {name: manifest[name] for name in _TEXTS + _NUMBERS}
    return Backup(**dict(fields, verified=verified, status=status or manifest["status"]))


def _check_part(part: Dict[str, Any], where: str) -> None:
    name, counts, exclude = part.get("name"), part.get("counts"), part.get("exclude")
    only = part.get("only")
    _require(isinstance(name, str) and _is_place(name), where, "name", name)
    known = isinstance(counts, dict) and set(counts) == set(KINDS)
    _require(known and all(map(_is_count, counts.values())) if counts else False, where, "counts", counts)
    _require(_is_count(part.get("bytes")), where, "bytes", part.get("bytes"))
    _require(_is_digest(part.get("listing")), where, "listing", part.get("listing"))
    paths = isinstance(exclude, list) and all(isinstance(one, str) and can_be_path(one) for one in exclude)
    _require(paths, where, "exclude", exclude)
    _require(isinstance(only, str) and can_be_path(only) and _is_name(only or "-"), where, "only", only)


def _is_place(name: str) -> bool:
    """A part's name is its place below the directory that it is restored to."""
    plain = os.path.normpath("/" + name)[1:] == name
    return can_be_path(name) and plain and (name == "rootfs" or name.startswith("volumes/"))


def _is_name(text: str) -> bool:
    return "/" not in text and text not in (".", "..")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and bool(DIGEST.fullmatch(value))


def _require(holds: Any, where: str, name: str, value: Any) -> None:
    if not holds:
        raise BadRecord("%s: %s cannot be %.80r" % (where, name, value), "Take another backup")


def _digest(manifest: Dict[str, Any]) -> str:
    told = {name: value for name, value in manifest.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def read(path: str) -> Dict[str, Any]:
    """Raises NotFound or BadRecord."""
    return checked(records.read_json(path), path)
