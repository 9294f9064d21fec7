# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine `archive`: plain tar files in a directory, readable without this collection. PRIVATE to the collection.

`<location>/<host>/<container>/<backup id>/` holds `rootfs.tar.zst`, `volume-1.tar.zst` and so on, `container.json`, and
`manifest.json` with the sha256 of each file. It is written under a name that begins with `.partial-` and renamed when
all of it is on the disk, so what has its final name is whole.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
from typing import Any, Dict, List
from urllib.parse import quote, unquote_to_bytes

from .. import _files, _utc
from .._docker import records
from .._errors import BadRecord, CommandFailed, NoRepository, NotFound, Refused, RescueError
from .._host import Host
from .._tree import private
from . import manifest as manifests
from . import tar
from .engine import Backup, Compression, Draft, Finish, Repository, Stored, Unreadable, Watch, WatchOfRestore
from .pace import Pace

_PARTIAL = ".partial-"
_MANIFEST, _PASSPORT = "manifest.json", "container.json"
_VERIFIED, _DAMAGED = "verified", "damaged"
_FREE = Pace(None)
_FILE = re.compile(r"(rootfs|volume-\d+)\.tar(\.zst|\.gz)?")
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP)  # of a directory, on some network file systems
_README = """Backups of Docker containers, made by drydock.rescue.

HOST/CONTAINER/TIME-ID/ is one backup:
  rootfs.tar.zst     the container's files
  volume-N.tar.zst   its volumes; manifest.json says which is which
  container.json     how the container was made and run
  manifest.json      what is in each file, with its sha256

To read one without drydock.rescue, as root:
  sha256sum rootfs.tar.zst     (compare it with manifest.json)
  mkdir rootfs
  tar --zstd -xpf rootfs.tar.zst -C rootfs --numeric-owner --xattrs --xattrs-include='*' --acls --selinux

What begins with .partial- was being written when its run ended. It is no backup, and the next run removes it.
"""


class Archives:
    """A directory of archives."""

    encrypts = False

    def __init__(self, host: Host, repository: Repository, compression: Compression) -> None:
        self._host, self.location = host, os.path.normpath(repository.location)
        self._compressor = tar.compressor(host, compression)
        self._pace = Pace(repository.rate_limit)
        self.warnings: List[str] = []
        self.unreadable: List[Unreadable] = []
        if repository.password or repository.password_file or repository.password_command:
            self.warnings.append("the engine archive does not encrypt: the password is not used")
        if not os.path.isabs(repository.location):
            raise Refused("the location %r is not an absolute path" % repository.location)

    def prepare(self, make: bool = True) -> None:
        """Raises MissingTools, Refused, CommandFailed or NoRepository."""
        self._host.require(["tar"] + self._compressor.argv[:1])
        tar.require_options(self._host)
        if not make and not os.path.isdir(self.location):
            raise NoRepository("there is no directory %s" % self.location, NoRepository.HINT)
        try:
            private.make(self.location)
            _files.write_whole(os.path.join(self.location, "README.txt"), _README)
        except OSError as error:
            raise CommandFailed(
                "the repository %s cannot be written: %s" % (self.location, _said(error)),
                "Give another `location`, or make room in it",
            )

    def backups(self) -> List[Backup]:
        found = []
        self.unreadable = []
        for host in _directories_in(self.location):
            for container in _directories_in(host):
                for directory in _directories_in(container):
                    if manifests.ID.fullmatch(os.path.basename(directory)):
                        try:
                            found.append(self._backup(directory))
                        except RescueError as error:
                            if os.path.isdir(directory):  # another run may have removed it
                                self._note_unreadable(directory, error)
        return sorted(found, key=lambda one: (one.time, one.backup_id))

    def manifest(self, backup: Backup) -> Dict[str, Any]:
        return self._manifest(self._directory(backup))

    def passport(self, backup: Backup) -> Dict[str, Any]:
        path = os.path.join(self._directory(backup), _PASSPORT)
        if _sha256(path) != self.manifest(backup).get("passport_sha256"):
            raise BadRecord("%s is damaged: its sha256 is not that of the manifest" % path)
        return records.read_json(path)

    def files(self, backup: Backup) -> List[Dict[str, str]]:
        directory = self._directory(backup)
        sums = {os.path.basename(one["file"]): one["sha256"] for one in self.manifest(backup)["parts"]}
        for name in (_PASSPORT, _MANIFEST):
            sums[name] = _sha256(os.path.join(directory, name))
        below = os.path.relpath(directory, self.location)
        return [{"path": os.path.join(below, name), "sha256": sums[name]} for name in sums]

    def store(self, draft: Draft, finish: Finish, watch: Watch) -> Stored:
        """Raises CommandFailed, MissingTools or Refused, and leaves nothing then."""
        manifest = draft.manifest
        above = os.path.join(self.location, _name(manifest["host"]), _name(manifest["container"]))
        for part in draft.parts:
            if _files.is_in(os.path.realpath(above), os.path.realpath(part.path)) and not part.only:
                raise Refused("the repository %s lies in %s, which it is to hold" % (above, part.path))
        try:
            private.make(above)
            for name in records.names_in(above):
                if name.startswith(_PARTIAL):  # of a run that was killed: ours has the container's lock
                    shutil.rmtree(os.path.join(above, name))
            partial = os.path.join(above, _PARTIAL + manifest["backup_id"])
            os.mkdir(partial, 0o700)
            try:
                return self._write(draft, finish, watch, above, partial)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        except OSError as error:
            raise CommandFailed("%s: %s" % (above, _said(error)), "Make room there, or give another location")

    def restore(
        self, backup: Backup, part: str, target: str, files: List[str], watch: WatchOfRestore
    ) -> List[str]:
        """Raises BadRecord where a byte of it is not as it was stored."""
        stored = manifests.part_of(self.manifest(backup), part)
        if stored is None:
            raise NotFound("backup %s has no %s" % (backup.backup_id, part))
        tar.require_options(self._host)
        path = os.path.join(self._directory(backup), stored["file"])
        return tar.extract(self._host, path, stored["sha256"], target, files, self._pace, watch)

    def verify(self, backups: List[Backup], full: bool) -> Dict[str, str]:
        """Looks whether every file is there with its size, and ``full``, with every byte."""
        wrong = {}
        for backup in backups:
            try:
                self._verify(backup, full)
            except (RescueError, OSError) as error:
                wrong[backup.backup_id] = str(error)
                self._mark(backup, _DAMAGED)
        return wrong

    def remove(self, backups: List[Backup]) -> None:
        for backup in backups:
            directory = self._directory(backup)
            gone = os.path.join(os.path.dirname(directory), _PARTIAL + backup.backup_id)
            os.rename(directory, gone)  # half of one is never taken for whole
            shutil.rmtree(gone)

    def _write(self, draft: Draft, finish: Finish, watch: Watch, above: str, partial: str) -> Stored:
        compressor = self._compressor
        warnings: List[str] = []
        described = []
        for number, part in enumerate(draft.parts):
            name = ("volume-%d" % number if number else "rootfs") + ".tar" + compressor.suffix
            before = sum(one.survey.bytes for one in draft.parts[:number])
            path = os.path.join(partial, name)
            told = _from(before, watch)
            written = tar.create(self._host, part, compressor.argv, path, told, self._pace)
            warnings += written.warnings
            described.append(
                dict(part.described(), file=name, sha256=written.sha256, bytes_stored=written.bytes)
            )
        warnings += finish()
        stored = sum(one["bytes_stored"] for one in described)
        status = "partial" if warnings else "stored"
        manifest = dict(
            draft.manifest,
            parts=described,
            status=status,
            bytes_stored=stored,
            warnings=draft.manifest["warnings"] + warnings,
        )
        _files.write_whole(os.path.join(partial, _PASSPORT), _json(draft.passport))
        manifest["passport_sha256"] = _sha256(os.path.join(partial, _PASSPORT))
        _files.write_whole(os.path.join(partial, _MANIFEST), _json(manifests.sealed(manifest)))
        _sync(partial)
        os.rename(partial, os.path.join(above, manifest["backup_id"]))
        _sync(above)
        return Stored(manifest["backup_id"], status, stored, warnings)

    def _verify(self, backup: Backup, full: bool) -> None:
        directory = self._directory(backup)
        for part in self.manifest(backup)["parts"]:
            path = os.path.join(directory, part["file"])
            if os.path.getsize(path) != part["bytes_stored"]:
                raise BadRecord(
                    "%s has %d bytes, not %d" % (path, os.path.getsize(path), part["bytes_stored"])
                )
            if full and _sha256(path, self._pace) != part["sha256"]:
                raise BadRecord("%s is damaged: its sha256 is not that of the manifest" % path)
        self.passport(backup)
        if full:
            self._mark(backup, _VERIFIED)

    def _mark(self, backup: Backup, word: str) -> None:
        """Leaves a word of a verification beside the backup, where the repository can be written."""
        directory = self._directory(backup)
        with contextlib.suppress(OSError):
            _files.write_whole(os.path.join(directory, word), _utc.stamp() + "\n")
            if word == _VERIFIED:
                os.unlink(os.path.join(directory, _DAMAGED))

    def _backup(self, directory: str) -> Backup:
        manifest = self._manifest(directory)
        try:
            verified = records.read_text(os.path.join(directory, _VERIFIED)).strip()
        except RescueError:
            verified = ""
        damaged = os.path.lexists(os.path.join(directory, _DAMAGED))
        return manifests.backup_of(manifest, verified or None, "damaged" if damaged else "")

    def _manifest(self, directory: str) -> Dict[str, Any]:
        """Raises NotFound or BadRecord, also for one that speaks of another backup than that in the directory."""
        path = os.path.join(directory, _MANIFEST)
        manifest = manifests.read(path)
        manifests.require_seal(manifest, path)
        says = [_name(manifest["host"]), _name(manifest["container"]), manifest["backup_id"]]
        if os.path.join(self.location, *says) != directory:
            raise BadRecord("%s is of another backup: %s" % (path, "/".join(says)))
        for part in manifest["parts"]:
            file, size, digest = part.get("file"), part.get("bytes_stored"), part.get("sha256")
            fits = isinstance(file, str) and _FILE.fullmatch(file) and isinstance(size, int)
            if not (fits and isinstance(digest, str) and manifests.DIGEST.fullmatch(digest)):
                raise BadRecord("%s does not say where %s is" % (path, part["name"]))
        return manifest

    def _note_unreadable(self, directory: str, error: RescueError) -> None:
        reason = "the backup at %s cannot be read: %s" % (directory, error)
        host, container, backup_id = directory.split("/")[-3:]
        self.unreadable.append(Unreadable(_read_name(host), _read_name(container), backup_id, reason))
        if reason not in self.warnings:
            self.warnings.append(reason)

    def _directory(self, backup: Backup) -> str:
        return os.path.join(self.location, _name(backup.host), _name(backup.container), backup.backup_id)


def _from(before: int, watch: Watch) -> Watch:
    return lambda count: watch(before + count)


def _name(text: str) -> str:
    """A directory's name for it."""
    return (
        quote(os.fsencode(text), safe="").replace(".", "%2E", 1)
        if text.startswith(".")
        else quote(os.fsencode(text), safe="")
    )


def _read_name(directory: str) -> str:
    return os.fsdecode(unquote_to_bytes(os.fsencode(directory)))


def _json(value: Dict[str, Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def _sync(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def _sha256(path: str, pace: Pace = _FREE) -> str:
    """Raises BadRecord where there is no such file."""
    digest = hashlib.sha256()
    with tar.open_stored(path) as stream:
        for chunk in pace.chunks(stream):
            digest.update(chunk)
    return digest.hexdigest()


def _directories_in(directory: str) -> List[str]:
    """The paths of those in it, links left out: a repository may have come from anywhere."""
    paths = [os.path.join(directory, name) for name in records.names_in(directory)]
    return [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]


def _said(error: OSError) -> str:
    return error.strerror or str(error)
