# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine `restic`: deduplicated and encrypted, wherever restic itself can put it. PRIVATE to the collection.

A backup is one snapshot of `/run/drydock/<container>` with `rootfs`, `volume-1` and so on, `container.json` and
`manifest.json`: the same paths every time, so that restic finds what it had read before. restic alone is shown these
paths (in a mount namespace of its own). What is said of it besides stands in tags (restic_tags.py).
"""

import contextlib
import fnmatch
import json
import os
import re
import tempfile
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from .. import _utc
from .._docker import records
from .._errors import BadRecord, CommandFailed, NoRepository, NotFound, RescueError
from .._host import Host
from .._text import few_lines
from . import manifest as manifests
from . import restic_tags
from .engine import Backup, Compression, Draft, Finish, Repository, Stored, Watch, WatchOfRestore
from .restic_program import Message, Restic, Told, plain
from .restic_tags import DAMAGED, PARTIAL, REJECTED, VERIFIED, Key, Note, key_of

_HAS_SPARSE, _SAYS_PROGRESS = (0, 15), (0, 16)
_MANIFEST, _PASSPORT = "manifest.json", "container.json"
_NAMED_IN_A_TAG = 1000  # the kernel takes no longer argument
_STARS = re.compile(r"\*+")
_PACK = re.compile(r"(?:pack |Pack ID does not match, want )([0-9a-f]{64})")
_ADVICE = re.compile(
    r"Fatal: repository contains errors|The repository contains damaged pack files|The repository is "
    r"damaged|Damaged pack files can|restic repair |Load\("
)
_DAMAGE = re.compile(
    r"verification failed|not match|not found in|no such file|does not exist|unexpected EOF|decrypt"
)


class ResticRepository:
    """A repository of restic."""

    encrypts = True

    def __init__(self, host: Host, repository: Repository, compression: Compression) -> None:
        self._host, self._restic = host, Restic(host, repository)
        self._compress = ["--compression", "off"] if compression.method == "none" else []
        self._writes = False
        self._snapshots: Dict[Key, str] = {}
        self._notes: List[Note] = []
        self._read: Dict[str, Dict[str, Dict[str, Any]]] = {}
        self._fetched: Dict[str, str] = {}  # by snapshot: where what `fetch` fetched of it lies
        self.warnings = (
            ["restic has its own compression: only the method none is used"]
            if compression.method in ("zstd", "gzip") or compression.level is not None
            else []
        )

    def prepare(self, make: bool = True) -> None:
        """Raises MissingTools, CommandFailed and NoRepository."""
        self._writes = True
        self._host.require(["restic"])
        try:
            self._restic.open()
        except NotFound as error:
            if not make:
                raise NoRepository(error.message, NoRepository.HINT)
            self._restic.run(["init"])

    def backups(self) -> List[Backup]:
        """Raises NotFound where there is no repository."""
        found: Dict[Key, Backup] = {}
        self._notes = []
        # Where the password is wrong, who only reads hears it now, and who writes then.
        none = self._writes and self._restic.has_none("snapshots")
        for snapshot in [] if none else self._restic.snapshots():
            with contextlib.suppress(KeyError, ValueError):  # tagged like ours, and not ours
                one = restic_tags.read(snapshot)
                if isinstance(one, Note):
                    self._notes.append(one)
                else:
                    found[key_of(one)] = one
                    self._snapshots[key_of(one)] = snapshot["id"]
        every = [self._noted(one) for key, one in found.items() if not self._is_rejected(key)]
        return sorted(every, key=lambda one: (one.time, one.backup_id))

    def _noted(self, backup: Backup) -> Backup:
        """With what turned out later."""
        times = {DAMAGED: "", VERIFIED: ""}
        for note in self._notes:
            if note.kind in times and (
                key_of(backup) in note.of or (not note.of and backup.time < note.time)
            ):
                times[note.kind] = max(times[note.kind], note.time)
        partial = any(note.kind == PARTIAL and key_of(backup) in note.of for note in self._notes)
        status = "damaged" if times[DAMAGED] > times[VERIFIED] else "partial" if partial else "stored"
        return backup._replace(status=status, verified=times[VERIFIED] or None)

    def _is_rejected(self, key: Key) -> bool:
        return any(note.kind == REJECTED and key in note.of for note in self._notes)

    def manifest(self, backup: Backup) -> Dict[str, Any]:
        return self._described(backup)[_MANIFEST]

    def passport(self, backup: Backup) -> Dict[str, Any]:
        return self._described(backup)[_PASSPORT]

    def store(self, draft: Draft, finish: Finish, watch: Watch) -> Stored:
        """Raises CommandFailed, and leaves nothing then that counts."""
        key = (draft.manifest["host"], draft.manifest["backup_id"])
        snapshot, size, warnings = self._write(draft, watch)
        try:
            warnings = warnings + finish()
        except BaseException:
            self._reject(key, snapshot)
            raise
        status = "partial" if warnings else "stored"
        if warnings:
            self._note(PARTIAL, [key], warnings)
        return Stored(draft.manifest["backup_id"], status, size, warnings)

    def restore(
        self, backup: Backup, part: str, target: str, files: List[str], watch: WatchOfRestore
    ) -> List[str]:
        """Raises BadRecord where a byte of it is not as it was stored: restic checks each blob by its sha256."""
        names = [one["name"] for one in self.manifest(backup)["parts"]]
        if part not in names:
            raise NotFound("backup %s has no %s" % (backup.backup_id, part))
        directory = _directory(names.index(part))
        fetched = self._fetched.get(self._snapshot(backup))
        if fetched and not files and os.path.isdir(os.path.join(fetched, directory)):
            os.rename(os.path.join(fetched, directory), target)
            return []
        with tempfile.TemporaryDirectory(dir=os.path.dirname(target)) as beside:
            wanted = [directory + "/" + one for one in map(_pattern, files)] or [directory]
            there = os.path.join(self._take_watched(backup, wanted, beside, watch), directory)
            missing = [one for one in files if not _is_there(there, one)]
            if missing:
                raise NotFound("not in the backup: %s" % few_lines(missing))
            os.rename(there, target)
        return []

    def fetch(self, backup: Backup, beside: str, watch: WatchOfRestore) -> None:
        """By one process, where else there is one for the manifest and one for the rootfs; each takes about a second,
        and more where the repository is far. Raises BadRecord and CommandFailed."""
        wanted = [_MANIFEST, _PASSPORT, _directory(0)]
        self._fetched[self._snapshot(backup)] = self._take_watched(backup, wanted, beside, watch)

    def verify(self, backups: List[Backup], full: bool) -> Dict[str, str]:
        """By `restic check`; where that finds damage, what it cannot tie to certain backups counts for all of them."""
        start = _utc.stamp()
        said = self._restic.judged(["check"] + (["--read-data"] if full else []))
        if said.code == 0:
            if full:
                self._note(VERIFIED, [], [], start)
            return {}
        lines = [line for line in said.err.splitlines() if line.strip()]
        snapshots = self._harmed_by(lines)
        harmed = [key for key, one in self._snapshots.items() if snapshots is None or one in snapshots]
        problem = "restic check: %s" % few_lines(lines)
        with contextlib.suppress(RescueError):  # a repository that nothing can be written to
            self._note(DAMAGED, harmed if snapshots and len(harmed) <= _NAMED_IN_A_TAG else [], [problem])
        return {one.backup_id: problem for one in backups if key_of(one) in harmed}

    def remove(self, backups: List[Backup]) -> None:
        """Frees their space too. What was rejected goes as well."""
        keys = {key_of(one) for one in backups}
        keys.update(key for note in self._notes if note.kind == REJECTED for key in note.of)
        gone = [snapshot for key, snapshot in self._snapshots.items() if key in keys]
        gone += [note.snapshot for note in self._notes if note.of and note.of <= keys]
        verified = sorted((note.time, note.snapshot) for note in self._notes if note.kind == VERIFIED)
        gone += [snapshot for _when, snapshot in verified[:-1]]
        if gone:
            self._restic.run(["forget", "--prune"] + gone)

    def _write(self, draft: Draft, watch: Watch) -> Tuple[str, int, List[str]]:
        """The new snapshot, what it added to the repository in bytes, and what is not in it."""
        place = _place(draft.manifest["container"])
        trees = {_directory(number): (part.path, part.only) for number, part in enumerate(draft.parts)}
        manifest = manifests.sealed(dict(draft.manifest, parts=[part.described() for part in draft.parts]))
        texts = {_MANIFEST: _json(manifest), _PASSPORT: _json(draft.passport)}
        total = sum(part.survey.bytes for part in draft.parts)
        summary: Message = {}

        def told(message: Message) -> None:
            if message.get("message_type") == "status":
                watch(min(int(message.get("bytes_done", 0)), total))
            elif message.get("message_type") == "summary":
                summary.update(message)

        argv = ["--host", draft.manifest["host"], "--ignore-inode"] + self._compress
        argv += restic_tags.of_backup(draft.manifest)
        for number, part in enumerate(draft.parts):
            above = "%s/%s/" % (place, _directory(number))
            argv += ["--exclude=" + above + one for one in map(_pattern, part.exclude) if one]
        said = self._restic.backup(argv + [place], lambda: self._host.stage(place, texts, trees), told)
        if "snapshot_id" not in summary:
            raise CommandFailed("restic made no snapshot: %s" % few_lines(said.err.splitlines()))
        size = summary.get("data_added_packed") or summary.get("data_added") or 0
        return summary["snapshot_id"], size, _warnings(said.err, place) if said.code else []

    def _reject(self, key: Key, snapshot: str) -> None:
        """What was read is not to be trusted. While others work in the repository nothing can be removed from it."""
        try:
            self._restic.run(["forget", snapshot], wait=0)
        except RescueError:
            self._note(REJECTED, [key], [])

    def _note(self, kind: str, of: Sequence[Key], words: Sequence[str], when: str = "") -> None:
        with tempfile.TemporaryFile() as text:
            text.write(_json({"note": kind, "warnings": list(words)}))
            text.flush()
            text.seek(0)
            argv = ["backup", "--quiet", "--stdin", "--stdin-filename", "note.json"]
            self._restic.run(argv + restic_tags.of_note(kind, of, when or _utc.stamp()), stdin=text.fileno())

    def _harmed_by(self, lines: Sequence[str]) -> Optional[Set[str]]:
        """The snapshots that need what was found damaged; None where that is not known."""
        packs = [match.group(1) for match in map(_PACK.match, lines) if match]
        if not packs or any(not _PACK.match(line) and not _ADVICE.match(line) for line in lines):
            return None
        said = self._restic.judged(["find", "--json", "--pack"] + packs)
        try:
            found = {one["snapshot"] for one in json.loads(said.out)}
        except (ValueError, KeyError, TypeError):
            return None
        return found if found and said.code == 0 else None

    def _described(self, backup: Backup) -> Dict[str, Dict[str, Any]]:
        """Manifest and passport, both by one process, which takes about a second."""
        snapshot = self._snapshot(backup)
        if snapshot not in self._read:
            names = (_MANIFEST, _PASSPORT)
            with tempfile.TemporaryDirectory() as beside:
                there = self._fetched.get(snapshot) or self._take(backup, names, beside)
                found = {name: records.read_json(os.path.join(there, name)) for name in names}
            self._read[snapshot] = dict(found, **{_MANIFEST: _believed(found[_MANIFEST], backup)})
        return self._read[snapshot]

    def _take_watched(self, backup: Backup, wanted: Sequence[str], target: str, watch: WatchOfRestore) -> str:
        version = self._restic.version()
        more = ["--sparse"] if version >= _HAS_SPARSE else []
        told = _told_by(watch) if version >= _SAYS_PROGRESS else None
        return self._take(backup, wanted, target, more, told)

    def _take(
        self,
        backup: Backup,
        wanted: Sequence[str],
        target: str,
        more: Sequence[str] = (),
        told: Optional[Told] = None,
    ) -> str:
        """Restores some of a backup below a directory: where it is then. Raises BadRecord and CommandFailed."""
        place = _place(backup.container)
        include = [word for one in wanted for word in ("--include", place + "/" + one)]
        argv = ["restore", self._snapshot(backup), "--target", target] + include + list(more)
        said = self._restic.judged(argv, told)
        if said.code:
            raise _not_restored(said.err)
        return target + place

    def _snapshot(self, backup: Backup) -> str:
        return self._snapshots[key_of(backup)]


def _told_by(watch: WatchOfRestore) -> Told:
    def told(message: Message) -> None:
        if message.get("message_type") == "status":
            total = int(message.get("total_bytes", 0))
            watch(min(int(message.get("bytes_restored", 0)), total), total)

    return told


def _place(container: str) -> str:
    return "/run/drydock/" + container


def _directory(number: int) -> str:
    return "volume-%d" % number if number else "rootfs"


def _believed(manifest: Dict[str, Any], backup: Backup) -> Dict[str, Any]:
    """With what is known since it was written. Raises BadRecord where it is not the backup's."""
    where = "the manifest of backup %s" % backup.backup_id
    manifests.require_seal(manifest, where)
    names = ("backup_id", "host", "container", "container_id", "state")
    if any(manifest.get(name) != getattr(backup, name) for name in names):
        raise BadRecord("%s is of another backup" % where)
    partial = "partial" if backup.status == "partial" else "stored"
    return manifests.checked(dict(manifest, status=partial, bytes_stored=backup.bytes_stored or 0), where)


def _pattern(path: str) -> str:
    """For restic, by the same rule as surveying: `*` and `?` stand for a part of one name, all else as it stands."""
    words = "/".join(word for word in path.split("/") if word not in ("", "."))
    return _STARS.sub("*", words.replace("\\", "\\\\").replace("[", "\\["))


def _is_there(directory: str, path: str) -> bool:
    """Whether a path of that kind names anything below a directory; no link is followed."""
    found = [directory]
    for word in path.split("/"):
        if word not in ("", "."):
            matches = re.compile(fnmatch.translate(word.replace("[", "[[]")), re.DOTALL).match
            found = [
                os.path.join(one, name)
                for one in found
                if os.path.isdir(one) and not os.path.islink(one)
                for name in os.listdir(one)
                if matches(name)
            ]
    return bool(found) and os.path.lexists(found[0])


def _warnings(said: str, place: str) -> List[str]:
    """What could not be read, with the reason where restic tells it."""
    told = []
    for line in said.splitlines():
        with contextlib.suppress(ValueError, AttributeError):
            message = json.loads(line)
            if message.get("message_type") == "error" and message.get("during") == "archival":
                told.append("%s: %s" % (str(message["item"])[len(place) + 1 :], _reason(message["error"])))
    return (
        ["not stored: %s" % few_lines(told)]
        if told
        else ["not all could be stored: %s" % few_lines(said.splitlines())]
    )


def _reason(error: Dict[str, Any]) -> str:
    if "message" in error:
        return str(error["message"]).rpartition(": ")[2]
    return os.strerror(error["Err"]) if "Err" in error else "it could not be read"


def _not_restored(said: str) -> RescueError:
    lines = [plain(line) for line in said.splitlines() if line.strip() and "retrying after" not in line]
    if _DAMAGE.search(said):
        return BadRecord("the repository is damaged: %s" % few_lines(lines), "Take another backup")
    return CommandFailed("restic could not restore it: %s" % few_lines(lines))


def _json(value: Dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
