# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every backup engine is asked for and answers with. PRIVATE to the collection.

An engine is one module with a class of these methods, named in engines.py:

- ``encrypts``: whether secrets may be in what it stores; ``warnings`` about its options;
- ``prepare(make)``: makes the repository where there is none, or raises NoRepository; raises before any container is
  touched;
- ``backups() -> List[Backup]``: all that the repository holds, the oldest first;
- ``store(draft, finish, watch) -> Stored``: ``finish()`` is asked when all is read and before the backup counts,
  ``watch(count)`` is told about once a second how many bytes of the draft were read;
- ``manifest(backup)``, ``passport(backup)``: what was stored beside the data;
- ``restore(backup, part, target, files, watch)``: one part of it below an empty directory, every byte checked;
  warnings. ``watch(done, total)`` is told about once a second how far it is in bytes, as the engine counts them;
- ``fetch(backup, directory, watch)``, only where that at once takes less time than one by one: has manifest, passport
  and rootfs below an empty directory, of the file system that it is restored to, for what is asked from then on;
- ``verify(backups, full) -> Dict[str, str]``: what is wrong, by backup id. Such a backup is not ``stored`` any more;
- ``remove(backups)``: deletes these;
- ``unreadable``, only where a backup is files of its own: what the last ``backups()`` found and could not read;
- ``files(backup)``, only where a backup is files of its own: their `path` below the location and `sha256`, that which
  makes it whole the last.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Optional

from .._tree.surveying import Survey


# As the module is given it: `location` in the engine's own words.
class Repository(NamedTuple):
    engine: str
    location: str
    password: Optional[str] = None
    password_file: Optional[str] = None
    password_command: Optional[str] = None
    environment: Dict[str, str] = {}
    options: List[str] = []
    rate_limit: Optional[int] = None  # bytes per second


class Compression(NamedTuple):
    method: Optional[str] = None  # zstd, gzip or none; None: zstd where the host has it, else gzip
    level: Optional[int] = None


class Backup(NamedTuple):
    backup_id: str
    host: str
    container: str  # the name that it is filed under: see _ours.tree_name
    container_id: str
    image: str
    time: str  # UTC, ISO 8601
    engine: str
    status: str  # stored, partial, or damaged: it did not stand a verification
    state: str  # a digest of all that was read: the same is the same container, untouched
    bytes_read: int
    bytes_stored: Optional[int]  # None where the engine does not know it any more
    verified: Optional[str]  # when, UTC


# What has the place of a backup, by its place; nothing of it is believed.
class Unreadable(NamedTuple):
    host: str
    container: str
    backup_id: str
    reason: str


class Part(NamedTuple):
    name: str  # rootfs, or volumes/<destination>
    path: str  # the directory where it can be read now
    exclude: List[str]
    survey: Survey
    only: str = ""  # the name in ``path`` that is all of it: a bind of a single file

    def described(self) -> Dict[str, Any]:
        """What the manifest says of it, whatever the engine."""
        return {
            "name": self.name,
            "counts": self.survey.counts,
            "bytes": self.survey.bytes,
            "listing": self.survey.listing,
            "exclude": self.exclude,
            "only": self.only,
        }


class Draft(NamedTuple):
    manifest: Dict[str, Any]
    passport: Dict[str, Any]
    parts: List[Part]


# Asked when all parts are read: warnings that make the backup a partial one. Raises where nothing of it is to be kept.
Finish = Callable[[], List[str]]

Watch = Callable[[int], None]
WatchOfRestore = Callable[[int, int], None]


class Stored(NamedTuple):
    backup_id: str
    status: str
    bytes_stored: int
    warnings: List[str]
