# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What container_backup does: every chosen container of a host into a repository. PRIVATE to the collection."""

import fnmatch
import hashlib
import json
import os
import platform
import time
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from .. import _lock, _ours, _parallel, _utc
from .._docker import containers, data_root, volumes
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._docker.liveness import daemons_of
from .._errors import NotFound, Refused, RescueError
from .._host import Host
from .._rootfs import closing
from .._text import few
from .._tree.surveying import survey
from . import engines, keeping, progress
from .engine import Backup, Compression, Draft, Part, Repository, Stored
from .keeping import Keep
from .parts import Choice, parts_of, require_paths
from .passport import passport
from .progress import Progress
from .reading import Reading, reading

_GLOB = frozenset("*?[")


class Wanted(NamedTuple):
    data_root: Optional[str]
    containers: Optional[List[str]]  # names, ids, prefixes, globs; None: all
    exclude_containers: List[str]
    repository: Repository
    compression: Compression
    volumes: bool
    binds: bool
    exclude: List[str]  # paths in the container
    consistency: str
    pause_limit: int  # seconds
    keep: Keep
    verify: str
    jobs: int
    fail_on: str
    include_env: bool
    containerd_root: Optional[str] = None
    make_repository: bool = True


def work(host: Host, wanted: Wanted, check_mode: bool) -> Dict[str, Any]:
    """The result of container_backup. Raises RescueError where no container was touched."""
    _require_sense(wanted)
    root = data_root.find(host, wanted.data_root, wanted.containerd_root)
    everyone = containers.read_all(root.path, root.containerd)
    chosen = _chosen(everyone, wanted)
    engine = engines.engine_for(host, _shared(wanted, len(chosen)), wanted.compression)
    if check_mode:
        return _result(wanted, [_planned(one) for one in chosen], engine.warnings)
    engine.prepare(wanted.make_repository)
    run = _Run(host, root, everyone, wanted, engine, engine.backups())
    progress.expect(host, len(chosen))
    results = _parallel.each(chosen, run.back_up, wanted.jobs, run.lost)
    if wanted.verify != "none":
        run.verify(results)
    return _result(wanted, results, engine.warnings + run.forget(chosen))


def _shared(wanted: Wanted, containers: int) -> Repository:
    """For each of the processes that work at a time: what they send together stays below the limit."""
    rate = wanted.repository.rate_limit
    at_a_time = max(1, min(wanted.jobs, containers))
    return wanted.repository._replace(rate_limit=rate // at_a_time if rate else None)


class _Run:
    """What all containers of one call share."""

    def __init__(
        self,
        host: Host,
        root: DataRoot,
        everyone: List[Container],
        wanted: Wanted,
        engine: Any,
        backups: List[Backup],
    ) -> None:
        self._host, self._root, self._everyone = host, root, everyone
        self._wanted, self._engine, self._backups = wanted, engine, backups
        self._name = platform.node()
        self._volumes = volumes.look(host, root, daemons_of(host, root.path))
        self._open_before = {one.label.container_id for one in _ours.trees(host.mounts())}
        apart = {host.run_directory: "what drydock.rescue has open"}
        if os.path.isabs(wanted.repository.location):
            apart[wanted.repository.location] = "the repository"
        self._choice = Choice(wanted.volumes, wanted.binds, wanted.exclude, root.path, apart)

    def back_up(self, container: Container) -> Dict[str, Any]:
        """One container, in a process of its own; what goes wrong is its result and no other's."""
        start = time.monotonic()
        shown = Progress(self._host, container.id, container.name or container.id[:12])
        try:
            with _lock.held(self._host, "backup-" + container.id, "the backup of %s" % container.id[:12]):
                result = self._back_up(container, shown)
        except (RescueError, OSError) as error:
            result = _failed(container, str(error))
        except Exception as error:  # a fault of ours must not stop the others
            result = _failed(container, "%s: %s" % (type(error).__name__, error))
        shown.end(result["status"])
        result["seconds"] = round(time.monotonic() - start, 3)
        return result

    def _back_up(self, container: Container, shown: Progress) -> Dict[str, Any]:
        wanted = self._wanted
        newest = self._newest(container)
        with reading(
            self._host, self._root, self._everyone, container, wanted.consistency, wanted.pause_limit
        ) as tree:
            facts = dict(container.facts(True, self._volumes))
            parts, left_out = parts_of(self._host, tree.path, facts["mounts"], self._choice, tree.left_out)
            secrets = wanted.include_env or self._engine.encrypts
            about = passport(container, facts, left_out, secrets)
            state = _digest(about, parts)
            result: Dict[str, Any] = _about(container)
            result.update(
                status="unchanged",
                backup_id=newest.backup_id if newest else "",
                method=tree.method,
                consistency=tree.consistency,
                files=sum(part.survey.counts["files"] for part in parts),
                bytes_read=0,
                bytes_stored=0,
                warnings=tree.warnings + [one for part in parts for one in part.survey.warnings],
            )
            if newest and newest.state == state and newest.status == "stored":
                tree.finish()
                return result
            draft = Draft(self._manifest(container, tree, parts, about, state, result), about, parts)
            watch = shown.watch(sum(part.survey.bytes for part in parts))
            missing = _missing(container)
            stored: Stored = self._engine.store(
                draft, lambda: tree.finish() + self._changed(tree, parts) + missing, watch
            )
            result.update(
                status=stored.status,
                backup_id=stored.backup_id,
                bytes_read=sum(part.survey.bytes for part in parts),
                bytes_stored=stored.bytes_stored,
            )
            result["warnings"] += stored.warnings
            return result

    def _changed(self, tree: Reading, parts: Sequence[Part]) -> List[str]:
        """What is not any more as it was when it was looked at: nothing could prove a restore of it. What nobody could
        write to is not looked at again; volumes may be those of other containers too."""
        warnings = []
        for part in parts:
            if part.name == "rootfs" and tree.consistency != "live":
                continue
            try:
                now = survey(self._host, part.path, part.exclude, part.only).state
            except NotFound:  # removed with its container
                now = ""
            if now != part.survey.state:
                warnings.append("%s changed while it was read" % part.name)
        return warnings

    def _manifest(
        self,
        container: Container,
        tree: Reading,
        parts: List[Part],
        about: Dict[str, Any],
        state: str,
        result: Dict[str, Any],
    ) -> Dict[str, Any]:
        now = _new_time(self._backups, container.id)
        return {
            "format": 1,
            "backup_id": _backup_id(now, container.id),
            "host": self._name,
            "container": tree.name,
            "container_id": container.id,
            "image": about["image"],
            "time": _utc.stamp(now),
            "engine": self._wanted.repository.engine,
            "consistency": tree.consistency,
            "state": state,
            "bytes_read": sum(part.survey.bytes for part in parts),
            "warnings": list(result["warnings"]),
        }

    def _newest(self, container: Container) -> Optional[Backup]:
        of_it = [one for one in self._backups if one.host == self._name and one.container_id == container.id]
        return of_it[-1] if of_it else None

    def lost(self, container: Container) -> Dict[str, Any]:
        """The result of one whose process was killed."""
        reason = "the process that backed it up was killed"
        if container.id not in self._open_before:
            try:
                closing.close_container(self._host, container.id, self._root)
            except RescueError as error:
                reason += ", and what it had open is not closed yet: %s" % error
        return dict(_failed(container, reason), seconds=0.0)

    def verify(self, results: List[Dict[str, Any]]) -> None:
        """Looks at the backups that hold the containers now. One that is wrong is the container's failure, and is not
        believed by the next run."""
        ids = {one["backup_id"] for one in results}
        there = [one for one in self._engine.backups() if one.host == self._name and one.backup_id in ids]
        wrong = self._engine.verify(there, self._wanted.verify == "full")
        for result in results:
            if result["backup_id"] in wrong:
                reason = "backup %s is damaged: %s" % (result["backup_id"], wrong[result["backup_id"]])
                result.update(status="failed", warnings=[reason] + result["warnings"])

    def forget(self, chosen: Sequence[Container]) -> List[str]:
        """Removes what `keep` does not keep of the containers that were asked for; warnings."""
        if not any(self._wanted.keep):
            return []
        ids = {one.id for one in chosen}
        by_container: Dict[str, List[Backup]] = {}
        for one in self._engine.backups():
            if one.host == self._name and one.container_id in ids:
                by_container.setdefault(one.container_id, []).append(one)
        gone = [one for group in by_container.values() for one in keeping.expired(group, self._wanted.keep)]
        try:
            self._engine.remove(gone)
        except (RescueError, OSError) as error:
            return ["old backups could not be removed: %s" % error]
        return []


def _require_sense(wanted: Wanted) -> None:
    """Raises Refused for options that no run could follow, before anything is touched."""
    require_paths(wanted.exclude)
    numbers = {"jobs": wanted.jobs, "pause_limit": wanted.pause_limit}
    for name, number in sorted(numbers.items()):
        if number < 1:
            raise Refused("%s %d is not a number from 1" % (name, number))
    for rule, number in sorted(wanted.keep._asdict().items()):
        if number is not None and number < 0:
            raise Refused("keep: %s %d is not a number of backups" % (rule, number))


def _chosen(everyone: List[Container], wanted: Wanted) -> List[Container]:
    """Raises NotFound and Ambiguous."""
    chosen = everyone if wanted.containers is None else []
    for word in wanted.containers or []:
        chosen = chosen + _matching(everyone, word)
    excluded = {one.id for word in wanted.exclude_containers for one in _globbed(everyone, word)}
    return [one for one in dict.fromkeys(chosen) if one.id not in excluded]


def _matching(everyone: List[Container], word: str) -> List[Container]:
    if _GLOB.intersection(word):
        return _globbed(everyone, word)
    return containers.select(everyone, [word], False)[0]


def _globbed(everyone: List[Container], pattern: str) -> List[Container]:
    return [one for one in everyone if fnmatch.fnmatchcase(one.name, pattern) or one.id == pattern]


def _new_time(backups: Sequence[Backup], container_id: str) -> time.struct_time:
    """Now, in a second in which there is no backup of the container yet: its name is made of that."""
    there = {one.backup_id for one in backups}
    while True:
        now = time.gmtime()
        if _backup_id(now, container_id) not in there:
            return now
        time.sleep(0.05)


def _backup_id(when: time.struct_time, container_id: str) -> str:
    return "%s-%s" % (time.strftime("%Y%m%dT%H%M%SZ", when), container_id[:12])


def _digest(about: Dict[str, Any], parts: Sequence[Part]) -> str:
    told = [about] + [[part.name, part.exclude, part.survey.state] for part in parts]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _missing(container: Container) -> List[str]:
    """What could not be known of it: which volumes it has, or how it was made."""
    broken = [one.message for one in container.problems if one.code == "config_broken"]
    return (
        ["its record could not be read, and what only that tells is not stored: %s" % few(broken)]
        if broken
        else []
    )


def _about(container: Container) -> Dict[str, Any]:
    return {"container": container.name or container.id, "id": container.id}


def _planned(container: Container) -> Dict[str, Any]:
    return dict(_about(container), status="planned", warnings=[])


def _failed(container: Container, reason: str) -> Dict[str, Any]:
    return dict(
        _about(container),
        status="failed",
        backup_id="",
        method="",
        consistency="",
        files=0,
        bytes_read=0,
        bytes_stored=0,
        warnings=[reason],
    )


def _result(wanted: Wanted, results: List[Dict[str, Any]], warnings: List[str]) -> Dict[str, Any]:
    bad = [one["container"] for one in results if one["status"] == "failed"]
    partial = [one["container"] for one in results if one["status"] == "partial"]
    counts = {
        status: sum(one["status"] == status for one in results)
        for status in ("stored", "unchanged", "partial", "failed")
    }
    found: Dict[str, Any] = {
        "changed": any(one["status"] in ("stored", "partial", "planned") for one in results),
        "results": results,
        "totals": dict(
            counts,
            bytes_read=sum(one.get("bytes_read", 0) for one in results),
            bytes_stored=sum(one.get("bytes_stored", 0) for one in results),
        ),
        "warnings": list(warnings),
    }
    ends = {"any": bool(bad), "all": bool(bad) and len(bad) == len(results), "never": False}
    if ends[wanted.fail_on]:
        first = next(one for one in results if one["status"] == "failed")
        found.update(
            failed=True,
            msg="%d of %d containers could not be backed up: %s; the first: %s"
            % (len(bad), len(results), ", ".join(bad), first["warnings"][0]),
        )
    elif bad or partial:
        found["warnings"] += ["not stored: %s" % ", ".join(bad)] if bad else []
        found["warnings"] += ["stored in part: %s" % ", ".join(partial)] if partial else []
    return found
