# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores a rootfs into the layer of a container that is there and dead. PRIVATE to the collection.

1. The backup is extracted to a work directory and proven; nothing is touched yet.
2. The container is opened ``in_place``, and what is in it now is kept aside: one archive in the work directory.
3. Its tree is made what the backup is. Only what differs is written, so that thin pools and upper directories stay
   small.
4. When the tree is proven to be what the backup holds, the container is closed, and what was aside is deleted.

A run that was killed is taken up by the next one: the archive aside has its name only when it is whole, and from then
on it is the old content, whatever the tree looks like. What cannot be completed is taken back from it.
"""

import os
import shutil
import time
from typing import Any, Dict, List, NamedTuple, Optional

from .. import _lock, _utc
from .._docker import containers, data_root
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._errors import CommandFailed, Refused, RescueError
from .._host import Host
from .._plan import Plan
from .._rootfs import tree
from .._rootfs.closing import close_container
from .._rootfs.driver import NOTHING
from .._rootfs.opening import Wanted, open_rootfs
from .._rootfs.own_directory import KeepDirectory, MakeOwnDirectory
from .._tree.mirroring import mirror
from .._tree.surveying import survey
from . import archive, progress, staging
from . import manifest as manifests
from .engine import Backup, Compression, Draft, Part, Repository
from .progress import Progress
from .reading import reading

_SCRATCH = 1024**3  # bytes


class Into(NamedTuple):
    container: Optional[str]  # None: that of the backup's name
    data_root: Optional[str]
    work_dir: Optional[str]
    stop_docker: bool
    containerd_root: Optional[str] = None


def to_container(host: Host, engine: Any, backup: Backup, into: Into, check_mode: bool) -> Dict[str, Any]:
    """A part of the result of container_restore. Raises RescueError, and the container is as it was then, or the error
    says where its content is."""
    manifest = engine.manifest(backup)
    root = data_root.find(host, into.data_root, into.containerd_root)
    everyone = containers.read_all(root.path, root.containerd)
    container = containers.select(everyone, [into.container or backup.container], False)[0][0]
    described = next(one for one in manifest["parts"] if one["name"] == "rootfs")
    restoring = _Restoring(host, root, everyone, container, into)
    with _lock.held(host, "restore-" + container.id, "the restore into %s" % container.id[:12]):
        changed = restoring.needed(described)
        if changed and check_mode:
            restoring.plan()
        elif changed:
            restoring.restore(engine, backup, described)
        elif not check_mode:
            restoring.clean()
    others = [one["name"] for one in manifest["parts"] if one["name"] != "rootfs"]
    if others:
        restoring.warnings.append(
            "the layer alone is restored; restore these with `to: directory`: %s" % ", ".join(others)
        )
    return {
        "container": container.id,
        "restored": ["rootfs"] if changed else [],
        "actions": restoring.actions,
        "warnings": restoring.warnings,
    }


class _Restoring:
    def __init__(
        self, host: Host, root: DataRoot, everyone: List[Container], container: Container, into: Into
    ) -> None:
        self._host, self._root, self._everyone, self._container = host, root, everyone, container
        self._above = into.work_dir or host.restore_directory
        self._own_above = into.work_dir is None
        self._work = os.path.join(self._above, "drydock-restore-" + container.id)
        self._aside = _Aside(host, os.path.join(self._work, "aside"), container)
        self._open = Wanted(
            container.id,
            "",
            root.path,
            NOTHING,
            None,
            "in_place",
            "auto",
            None,
            _SCRATCH,
            into.stop_docker,
            containerd_root=into.containerd_root,
        )
        self.actions: List[str] = []
        self.warnings: List[str] = []
        if into.work_dir and not os.path.isdir(into.work_dir):
            raise Refused("work_dir %s is not a directory" % into.work_dir, "Make it, or leave work_dir out")

    def needed(self, described: Dict[str, Any]) -> bool:
        """Whether the container is not what the backup holds, or a run was killed before it was sure."""
        opened, _binds = tree.find(self._host, self._container.id)
        if os.path.isdir(self._work) or (opened and opened.mount):
            return True
        try:
            with reading(self._host, self._root, self._everyone, self._container, "live", 1.0) as now:
                return bool(staging.look(self._host, now.path, described).listing != described["listing"])
        except RescueError:  # what cannot be read is not what the backup holds; opening in place has its say
            return True

    def plan(self) -> None:
        opened = open_rootfs(self._host, self._open, True)
        self.warnings += opened.warnings
        self.actions += opened.actions + ["# the backup's files into %s" % opened.path]

    def restore(self, engine: Any, backup: Backup, described: Dict[str, Any]) -> None:
        open_rootfs(self._host, self._open, True)  # what is refused is refused before any work
        self._make_work()
        new = os.path.join(self._work, "new")
        progress.expect(self._host, 1)
        shown = Progress(self._host, self._container.id, backup.container)
        try:
            watch = shown.watch_of_restore()
            wanted = staging.stage(self._host, engine, backup, described, new, self.warnings, watch)
            self.warnings += self._aside.set_apart_stale()
            opened = open_rootfs(self._host, self._open, False)
        except (RescueError, OSError):
            self.clean()
            raise
        self.actions += opened.actions
        self.warnings += opened.warnings
        path, exclude = opened.path, described["exclude"]
        try:
            self._aside.keep(path, exclude)
        except (RescueError, OSError) as error:
            self._close()
            self.clean()
            raise _not_restored(error, "Nothing was changed in the container")
        try:
            self._make_it(new, path, exclude, wanted.listing)
        except (RescueError, OSError) as error:
            self._take_back(error, path)
        self.actions.append("# the files of backup %s into %s" % (backup.backup_id, path))
        self._close()
        self._aside.drop()
        self.clean()

    def _make_it(self, source: str, path: str, exclude: List[str], listing: str) -> None:
        """Makes the tree what ``source`` is, and proves it."""
        self.warnings += mirror(self._host, source, path, exclude)
        if survey(self._host, path, exclude).listing != listing:
            raise CommandFailed("the tree at %s is not what the backup holds" % path)
        os.sync()  # all of them: a mount of FUSE does not hand it on to the file system of the layer

    def _take_back(self, error: Exception, path: str) -> None:
        """Always raises."""
        old = os.path.join(self._work, "old")
        try:
            listing, exclude = self._aside.extract(old)
            self._make_it(old, path, exclude, listing)
        except (RescueError, OSError) as another:
            raise _not_restored(
                error,
                "Its old content could not be taken back either: %s. It is in %s, a repository of the engine archive."
                " The container stays open, so that Docker does not start it: make room, and run it again, or restore"
                " that" % (another, self._aside.location),
            )
        self._close()
        self._aside.drop()
        self.clean()
        raise _not_restored(error, "The container has its old content again")

    def _close(self) -> None:
        closed = close_container(self._host, self._container.id, self._root)
        self.actions += closed.actions
        self.warnings += closed.warnings

    def _make_work(self) -> None:
        plan = Plan()
        if self._own_above:
            plan.add(MakeOwnDirectory(self._above))
        plan.add(KeepDirectory(self._work)).apply(self._host)

    def clean(self) -> None:
        """Removes what is ours, but never what was kept aside."""
        if not self._aside.newest():
            staging.remove(self._work)
            if self._own_above:
                try:
                    os.rmdir(self._above)
                except OSError:  # of another container
                    return


class _Aside:
    """The old content of one container: a repository with one backup."""

    def __init__(self, host: Host, location: str, container: Container) -> None:
        self._host, self._container, self.location = host, container, location
        self._engine = archive.Archives(host, Repository("archive", location), Compression(None, 1))

    def newest(self) -> Optional[Backup]:
        """None where there is none, or none that is whole."""
        found = self._engine.backups()
        return found[-1] if found else None

    def keep(self, path: str, exclude: List[str]) -> None:
        """Stores the tree as it is now, unless a run that was killed did so. Raises RescueError or OSError."""
        if self.newest():
            return
        self._engine.prepare()
        part = Part("rootfs", path, exclude, survey(self._host, path, exclude))
        now = time.gmtime()
        manifest = {
            "format": manifests.FORMAT,
            "backup_id": time.strftime("%Y%m%dT%H%M%SZ-", now) + self._container.id[:12],
            "host": "aside",
            "container": self._container.id,
            "container_id": self._container.id,
            "image": "",
            "time": _utc.stamp(now),
            "engine": "archive",
            "consistency": "stopped",
            "state": part.survey.state,
            "bytes_read": part.survey.bytes,
            "warnings": [],
        }
        draft = Draft(manifest, {"started_at": self._started_at()}, [part])
        stored = self._engine.store(draft, list, lambda _count: None)
        if stored.status != "stored" or part.survey.warnings:
            self.drop()
            raise CommandFailed(
                "what is in the container could not be kept aside whole: %s"
                % "; ".join(stored.warnings + part.survey.warnings)
            )

    def extract(self, fresh: str) -> "tuple[str, List[str]]":
        """The old content into a directory, proven; its listing, and what it never had."""
        backup = self.newest()
        if backup is None:
            raise CommandFailed("what was kept aside at %s is gone" % self.location)
        described = self._engine.manifest(backup)["parts"][0]
        found = staging.stage(
            self._host, self._engine, backup, described, fresh, [], lambda _done, _total: None
        )
        return found.listing, described["exclude"]

    def set_apart_stale(self) -> List[str]:
        """Where the container ran since, what is aside is not its old content any more. A warning."""
        backup = self.newest()
        if backup is None or self._engine.passport(backup).get("started_at") == self._started_at():
            return []
        place = "%s-%s" % (os.path.dirname(self.location), backup.backup_id)
        os.rename(self.location, place)
        return [
            "a restore into this container was killed, and the container ran since; what it held before that restore"
            " is in %s, a repository of the engine archive: delete it when it is not needed" % place
        ]

    def drop(self) -> None:
        """In one step: half of it must never be taken for the old content."""
        gone = self.location + ".gone"
        staging.remove(gone)
        if os.path.isdir(self.location):
            os.rename(self.location, gone)
            shutil.rmtree(gone)

    def _started_at(self) -> str:
        return str(self._container.state()["started_at"])


def _not_restored(error: Exception, what_now: str) -> CommandFailed:
    failure = CommandFailed("the backup could not be restored: %s" % str(error).rstrip("."), what_now)
    if isinstance(error, RescueError):
        failure.ran, failure.undone = error.ran, error.undone
    return failure
