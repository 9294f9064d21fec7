# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores a backup into a directory. PRIVATE to the collection.

There lie `rootfs/`, `volumes/<destination>/` and `container.json`. A part is extracted beside its place and put there
when it is proven. A part that is there already and proven is left alone, so that a run that was stopped can go on.
"""

import contextlib
import json
import os
import shutil
from typing import Any, Dict, List
from urllib.parse import quote, unquote_to_bytes

from .._errors import Refused, RescueError
from .._host import Host
from .._tree import private
from . import progress, staging
from .engine import Backup
from .progress import Progress

BESIDE = ".drydock-restoring"
_OLD = "old-"
_PLACES = ("rootfs", "volumes", "container.json")


class ToDirectory:
    """One restore. What was in ``path`` is as it was when this fails."""

    def __init__(
        self, host: Host, engine: Any, backup: Backup, path: str, overwrite: bool, check_mode: bool
    ) -> None:
        self._host, self._engine, self._backup = host, engine, backup
        self._path, self._overwrite, self._check_mode = path, overwrite, check_mode
        self._beside = os.path.join(path, BESIDE)
        self.warnings: List[str] = []

    def everything(self) -> List[str]:
        """What had to be restored."""
        if not self._check_mode:
            self._put_back()
        try:
            if not self._check_mode:
                self._fetch()
            about = self._engine.passport(self._backup)
            # What is mounted in a volume comes after it.
            parts = sorted(self._engine.manifest(self._backup)["parts"], key=lambda one: str(one["name"]))
            progress.expect(self._host, len(parts))
            done = [one["name"] for number, one in enumerate(parts) if self._part_shown(number, one)]
            if self._passport(about):
                done.append("container.json")
        finally:
            if not self._check_mode:
                self._put_back()
        return done

    def _fetch(self) -> None:
        """What is asked for first at once, where nothing is there yet and the engine is faster so."""
        fetch = getattr(self._engine, "fetch", None)
        if fetch is None or any(os.path.lexists(os.path.join(self._path, name)) for name in _PLACES):
            return
        progress.expect(self._host, 1)  # so far
        directory = os.path.join(self._beside, "first")
        private.make(directory)
        fetch(self._backup, directory, self._shown(0, "rootfs").watch_of_restore())

    def _part_shown(self, number: int, described: Dict[str, Any]) -> bool:
        shown = self._shown(number, described["name"])
        done = self._part(described, shown)
        shown.end("done")
        return done

    def _shown(self, number: int, name: str) -> Progress:
        return Progress(self._host, "part-%d" % number, name)

    def _part(self, described: Dict[str, Any], shown: Progress) -> bool:
        """Whether anything had to be done for a part."""
        target = os.path.join(self._path, described["name"])
        self._require_no_link(target)
        if self._is_there(target, described):
            return False
        if os.path.lexists(target) and not self._overwrite:
            raise Refused(
                "%s is there already, and it is not what backup %s holds" % (target, self._backup.backup_id),
                "Give another `path`, or `overwrite: true`",
            )
        if self._check_mode:
            return True
        fresh = os.path.join(self._beside, "new")
        watch = shown.watch_of_restore()
        staging.stage(self._host, self._engine, self._backup, described, fresh, self.warnings, watch)
        self._put(os.path.join(fresh, described["only"]) if described["only"] else fresh, target, described)
        return True

    def _put(self, fresh: str, target: str, described: Dict[str, Any]) -> None:
        """In one step, and on the disk. The directory that it comes into may be another part's and keeps its times."""
        self._host.sync(self._beside)
        above = os.path.dirname(target)
        while not os.path.isdir(above):
            above = os.path.dirname(above)
        before = os.stat(above)
        private.make(os.path.dirname(target))
        if os.path.lexists(target):
            os.rename(target, os.path.join(self._beside, _OLD + quote(described["name"], safe="")))
        os.rename(fresh, target)
        os.utime(above, ns=(before.st_atime_ns, before.st_mtime_ns))

    def _put_back(self) -> None:
        """What was moved out of the way, and nothing came into its place: the run was killed, or could not go on."""
        if os.path.islink(self._beside) or not os.path.isdir(self._beside):
            return
        for name in os.listdir(self._beside):
            if name.startswith(_OLD):
                target = os.path.join(self._path, os.fsdecode(unquote_to_bytes(name[len(_OLD) :])))
                if not os.path.lexists(target) and os.path.isdir(os.path.dirname(target)):
                    os.rename(os.path.join(self._beside, name), target)
        shutil.rmtree(self._beside)

    def _require_no_link(self, target: str) -> None:
        """A part lies in another where a volume is mounted in a volume: that one's links may lead anywhere."""
        above = os.path.dirname(target)
        inside = os.path.relpath(above, self._path)
        if os.path.realpath(above) != os.path.normpath(os.path.join(os.path.realpath(self._path), inside)):
            raise Refused("%s leads through a link to %s" % (above, os.path.realpath(above)))

    def _is_there(self, target: str, described: Dict[str, Any]) -> bool:
        if os.path.islink(target) or not os.path.exists(target):
            return False
        place = dict(described, only=os.path.basename(target)) if described["only"] else described
        path = os.path.dirname(target) if described["only"] else target
        with contextlib.suppress(RescueError):
            return staging.look(self._host, path, place).listing == described["listing"]
        return False

    def _passport(self, about: Dict[str, Any]) -> bool:
        path = os.path.join(self._path, "container.json")
        text = json.dumps(about, indent=1, sort_keys=True) + "\n"
        with contextlib.suppress(OSError, UnicodeError), open(
            os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        ) as stream:
            if stream.read() == text:
                return False
        if os.path.lexists(path) and not self._overwrite:
            raise Refused(
                "%s is there already, and it is not what backup %s holds" % (path, self._backup.backup_id),
                "Give another `path`, or `overwrite: true`",
            )
        if not self._check_mode:
            private.make(self._beside)
            fresh = os.path.join(self._beside, "container.json")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with open(descriptor, "w") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            os.rename(fresh, path)
        return True
