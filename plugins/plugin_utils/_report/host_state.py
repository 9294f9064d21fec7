# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the state of one host and of its containers is, from its result files. PRIVATE to the collection."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import fields, pools, result_files, text
from .result_files import BACKUP, RESCUE, SURVEY, VERIFY, Result
from .states import (
    ABSENT,
    FAILED,
    FINDINGS,
    GOOD,
    MISSED,
    NOT_REPORTED,
    OK,
    STATUSES,
    WARNING,
    WRONG,
    Document,
)

_LOOKED_BACK = 30  # files, for the last good backup
_SKEW = 300  # seconds that the clocks of two controllers may differ


class Wanted(NamedTuple):
    directory: str
    hosts: list[str]
    kinds: list[str]  # of which every host must have a result within max_age
    max_age: int  # seconds
    pool_limit: float  # percent
    now: int
    since: int = 0  # what ended before is no result either


class HostState:
    """Of one host; what is wrong with its files is a finding of it and stops nothing."""

    def __init__(self, wanted: Wanted, name: str, before: Document | None) -> None:
        self.wanted, self.name = wanted, name
        self.findings: list[Document] = []
        self.containers: dict[str, Document] = {}
        self.drivers: list[str] = []
        self.data_root, self.docker_at_least, self.kernel = "", "", ""
        self.no_docker = False
        self.pools: list[Document] = []
        self.rescued: list[Document] = []
        self.runs: dict[str, Document] = {}
        self._before = {one["id"]: one for one in before["containers"]} if before else {}
        self._failed_as_a_whole = False
        self._notes = fields.Notes()
        self._names = result_files.names(wanted.directory, name)

    def document(self) -> Document:
        for kind, take in (
            (BACKUP, self._backup),
            (SURVEY, self._survey),
            (VERIFY, self._verify),
            (RESCUE, self._rescue),
        ):
            if self._names[kind]:
                self._newest(kind, take)
        missing = [kind for kind in self.wanted.kinds if not self.runs.get(kind, {}).get("fresh")]
        self._look_back()
        containers = sorted(self.containers.values(), key=lambda one: (_rank(one), one["name"], one["id"]))
        _name(containers)
        for note in self._notes.all():
            self._find(WRONG, "a result that is not as it should be: " + note)
        status = OK
        if missing:
            status = NOT_REPORTED
        elif any(one["level"] == WRONG for one in self.findings + containers):
            status = FAILED
        elif self.findings or any(one["level"] == WARNING for one in containers):
            status = WARNING
        return {
            "name": self.name,
            "status": status,
            "missing": missing,
            "reason": self._reason(missing, containers),
            "reported": max((one["ended"] for one in self.runs.values() if one["ended"]), default=None),
            "runs": self.runs,
            "no_docker": self.no_docker,
            "data_root": self.data_root,
            "docker_at_least": self.docker_at_least,
            "kernel": self.kernel,
            "drivers": self.drivers,
            "pools": self.pools,
            "rescued": self.rescued,
            "findings": self.findings[:FINDINGS],
            "more_findings": max(0, len(self.findings) - FINDINGS),
            "containers": containers,
        }

    def _reason(self, missing: list[str], containers: list[Document]) -> str:
        """In one line, what is the matter."""
        if missing and not result_files.is_file_name(self.name):
            return "its name cannot be that of a directory, so it has no results: give it another one in the inventory"
        if missing:
            return "; ".join("%s: %s" % (kind, self._last(kind)) for kind in missing)
        for level in (WRONG, WARNING):
            texts = [one["text"] for one in self.findings if one["level"] == level]
            if texts:
                return texts[0] + (" (and %d more)" % (len(texts) - 1) if texts[1:] else "")
            names = [one["name"] for one in containers if one["level"] == level]
            if names:
                said = "wrong with" if level == WRONG else "warnings of"
                share = "%d of %d containers" % (len(names), len(containers))
                return "%s %s: %s" % (said, share, fields.line(", ".join(names)))
        return "no Docker here" if self.no_docker else ""

    def _last(self, kind: str) -> str:
        if kind not in self.runs:
            return "no result at all"
        ended = self.runs[kind]["ended"]
        ago = text.duration(self.wanted.now - fields.moment(ended))
        return "the last is of %s, %s ago" % (text.time(ended), ago)

    def _newest(self, kind: str, take: Any) -> None:
        name = self._names[kind][0]
        ended = result_files.time_of(name)
        run: Document = {"ended": ended, "seconds": None, "error": "", "fresh": False}
        self.runs[kind] = run
        try:
            result = self._read(name)
            age = self.wanted.now - result.ended
            run["ended"] = fields.written(result.ended)
            if age < -_SKEW:
                raise ValueError("is of the future: a clock is wrong")
        except ValueError as error:
            # It came, and cannot be trusted: not the same as no result, but no good one either.
            run["fresh"] = True
            run["error"] = "its newest result %s %s" % (name, error)
            self._find(WRONG, run["error"])
            return
        run["fresh"] = age <= self.wanted.max_age and result.ended >= self.wanted.since
        run["error"] = result.error
        if result.started is not None:
            run["seconds"] = max(0, result.ended - result.started)
        if result.error and (kind != RESCUE or run["fresh"]):
            self._find(WRONG, "%s failed: %s" % (kind, result.error))
        take(result)

    def _read(self, name: str, notes: fields.Notes | None = None) -> Result:
        return result_files.read(self.wanted.directory, self.name, name, notes or self._notes)

    def _find(self, level: str, said: str) -> None:
        self.findings.append({"level": level, "text": fields.line(said, fields.MESSAGE)})

    def _container(self, container_id: str, name: str) -> Document:
        key = container_id or name
        return self.containers.setdefault(
            key,
            {
                "id": key,
                "name": name,
                "status": ABSENT,
                "level": OK,
                "last_good": None,
                "late": False,
                "backup_id": "",
                "method": "",
                "consistency": "",
                "bytes_read": None,
                "bytes_stored": None,
                "seconds": None,
                "image": "",
                "driver": "",
                "created": "",
                "alive": None,
                "rehearsed": None,
                "findings": [],
            },
        )

    def _backup(self, result: Result) -> None:
        self.no_docker = result.fields.text("code") == "no_data_root"
        for warning in result.fields.texts("warnings", FINDINGS):
            # It says again what the containers say.
            if not warning.startswith(("not stored: ", "stored in part: ")):
                self._find(WARNING, warning)
        if not result.fields.is_list("results"):
            if not self.no_docker and not result.error:
                self._notes.add("backup.result.results is no list")
            self._missed()
            return
        for one in result.fields.each("results", result_files.CONTAINERS):
            self._backed_up(one, result.ended)

    def _backed_up(self, one: fields.Fields, ended: int) -> None:
        container_id, name, status = one.text("id"), one.text("container"), one.text("status")
        found = self._container(container_id, name)
        found.update(
            status=status,
            backup_id=one.text("backup_id"),
            method=one.text("method"),
            consistency=one.text("consistency"),
            bytes_read=one.number("bytes_read"),
            bytes_stored=one.number("bytes_stored"),
            seconds=one.number("seconds"),
        )
        warnings = one.texts("warnings", FINDINGS)
        if status in GOOD:
            found["last_good"] = ended
        elif status not in STATUSES:
            found["status"] = "failed"
            warnings.insert(0, "its status is %s" % (status or "missing"))
        if found["status"] == "failed":
            _say(found, WRONG, warnings or ["failed without a reason"])
        else:
            _say(found, WARNING, warnings or ["stored in part"] if status == "partial" else warnings)

    def _missed(self) -> None:
        """The containers are those of the newest run that saw them."""
        self._failed_as_a_whole = True
        for older in self._older():
            if older.fields.is_list("results"):
                for one in older.fields.each("results", result_files.CONTAINERS):
                    self._container(one.text("id"), one.text("container"))["status"] = MISSED
                return
        for container_id, one in self._before.items():
            self._container(container_id, one["name"])["status"] = MISSED

    def _older(self) -> Iterator[Result]:
        for name in self._names[BACKUP][1 : _LOOKED_BACK + 1]:
            try:
                # What was wrong with it then was said then.
                yield self._read(name, fields.Notes())
            except ValueError:
                continue

    def _look_back(self) -> None:
        """When the last good backup of those was that have none in the newest run."""
        without = {
            key
            for key, one in self.containers.items()
            if one["last_good"] is None and one["status"] != ABSENT
        }
        for older in self._older() if without else ():
            for one in older.fields.each("results", result_files.CONTAINERS):
                container_id = one.text("id")
                if container_id in without and one.text("status") in GOOD:
                    self.containers[container_id]["last_good"] = older.ended
                    without.discard(container_id)
            if not without:
                break
        for one in self.containers.values():
            if one["last_good"] is None:
                one["last_good"] = self._before.get(one["id"], {}).get("last_good")
            last = one["last_good"]
            one["late"] = BACKUP in self.wanted.kinds and (
                last is None or self.wanted.now - last > self.wanted.max_age
            )
            if one["status"] == ABSENT and self._failed_as_a_whole:
                one["status"] = MISSED
            elif one["status"] == ABSENT and BACKUP in self.wanted.kinds:
                _say(one, WARNING, ["is not among those that were backed up"])

    def _survey(self, result: Result) -> None:
        there = result.fields
        self.no_docker = self.no_docker or there.text("code") == "no_data_root"
        self.data_root = there.text("data_root", fields.MESSAGE)
        self.docker_at_least, self.kernel = there.text("docker_at_least"), there.text("kernel")
        driver = there.texts("driver", 10) if there.is_list("driver") else [there.text("driver")]
        for one in there.each("containers", result_files.CONTAINERS):
            found = self._container(one.text("id"), one.text("name"))
            found.update(
                image=one.text("image"),
                driver=one.text("driver"),
                created=one.text("created")[:10],
                alive=one.flag("alive"),
            )
            _say(
                found,
                WRONG,
                [each.text("message", fields.MESSAGE) for each in one.each("problems", FINDINGS)],
            )
        self.drivers = sorted({*driver, *(one["driver"] for one in self.containers.values())} - {""})
        self._pools(there)

    def _pools(self, there: fields.Fields) -> None:
        self.pools, findings = pools.of(there, self.wanted.pool_limit)
        for level, said in findings:
            self._find(level, said)

    def _verify(self, result: Result) -> None:
        for one in result.fields.each("rehearsed", result_files.CONTAINERS):
            restored = one.flag("restored")
            found = self._container(one.text("container_id"), one.text("container"))
            found["rehearsed"] = {"time": result.ended, "restored": bool(restored)}
            if not restored:
                _say(found, WRONG, ["could not be restored: " + (one.text("reason", fields.MESSAGE) or "?")])

    def _rescue(self, result: Result) -> None:
        for one in result.fields.each("containers", FINDINGS):
            self.rescued.append({"container": one.text("container"), "method": one.text("method")})


def _say(container: Document, level: str, texts: list[str]) -> None:
    room = FINDINGS - len(container["findings"])
    container["findings"] += [{"level": level, "text": one} for one in texts[:room]]
    if texts and container["level"] != WRONG:
        container["level"] = level


def _rank(container: Document) -> tuple[bool, bool, bool]:
    """What is in trouble comes first."""
    return container["level"] != WRONG, not container["late"], container["level"] != WARNING


def _name(containers: list[Document]) -> None:
    """By what a container is called: its name, or its ID where the name is missing or not the only one."""
    names = collections.Counter(one["name"] for one in containers)
    for one in containers:
        if not one["name"] or names[one["name"]] > 1:
            one["name"] = one["id"]
