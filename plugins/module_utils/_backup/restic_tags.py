# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What restic's snapshots say in their tags. PRIVATE to the collection.

What a list of backups says stands in them, so that one process lists them all.

What turns out when a snapshot is made already is said by a *note*, a snapshot of one small file with a tag: to change
the tags of a snapshot restic wants the repository for itself, and other backups may be running.
"""

import os
import re
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Set, Tuple, Union
from urllib.parse import quote, unquote_to_bytes

from .. import _ours
from .._docker.containers import FULL_ID
from . import manifest as manifests
from .engine import Backup

PARTIAL, REJECTED, DAMAGED, VERIFIED = "partial", "rejected", "damaged", "verified"  # kinds of notes
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-.*")

Key = Tuple[str, str]  # host and backup id


class Note(NamedTuple):
    kind: str
    of: Set[Key]  # none: of all that were there
    snapshot: str
    time: str


def key_of(backup: Backup) -> Key:
    return backup.host, backup.backup_id


def of_backup(manifest: Dict[str, Any]) -> List[str]:
    """Arguments for restic."""
    names = ("backup_id", "container", "container_id", "image", "state", "bytes_read")
    return _arguments("%s=%s" % (name, _quoted(str(manifest[name]))) for name in names)


def of_note(kind: str, of: Sequence[Key], when: str) -> List[str]:
    """The same; ``when`` in UTC."""
    keys = " ".join("%s/%s" % (quote(os.fsencode(host), safe=""), backup_id) for host, backup_id in of)
    return _arguments(["note=" + kind, "of=" + _quoted(keys), "time=" + when])


def read(snapshot: Dict[str, Any]) -> Union[Backup, Note]:
    """Raises KeyError or ValueError for what is none of ours: a name may become a path."""
    pairs = (tag.partition("=") for tag in snapshot.get("tags") or [])
    tags = {name: os.fsdecode(unquote_to_bytes(value)) for name, equals, value in pairs if equals}
    if "note" in tags:
        of = {_read_key(one) for one in tags["of"].split()}
        return Note(tags["note"], of, snapshot["id"], tags["time"])
    return _backup(snapshot, tags)


def _arguments(tags: Iterable[str]) -> List[str]:
    return [word for tag in ["drydock", *tags] for word in ("--tag", tag)]


def _quoted(text: str) -> str:
    """A tag cannot hold a comma, and blanks around it are lost."""
    return quote(os.fsencode(text), safe="/:")


def _read_key(text: str) -> Key:
    host, _slash, backup_id = text.partition("/")
    return os.fsdecode(unquote_to_bytes(host)), backup_id


def _backup(snapshot: Dict[str, Any], tags: Dict[str, str]) -> Backup:
    summary = snapshot.get("summary") or {}  # since 0.17
    container_id, name = tags["container_id"], tags["container"]
    forms = ((manifests.ID, tags["backup_id"]), (FULL_ID, container_id), (manifests.DIGEST, tags["state"]))
    if not all(form.fullmatch(text) for form, text in forms):
        raise ValueError(tags)
    if name not in (container_id, _ours.tree_name(container_id, name, True)):
        raise ValueError(name)
    return Backup(
        tags["backup_id"],
        str(snapshot["hostname"]),
        name,
        container_id,
        tags["image"],
        _TIME.sub(r"\1-\2-\3T\4:\5:\6Z", tags["backup_id"]),
        "restic",
        "stored",
        tags["state"],
        int(tags["bytes_read"]),
        summary.get("data_added_packed"),
        None,
    )
