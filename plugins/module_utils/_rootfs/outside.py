# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which volumes and binds of a container are shown in its open tree, and how. PRIVATE to the collection.

They lie outside of its layer. What is mounted in the tree is ours (see _ours).
"""

import os
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .. import _mountinfo
from .._docker import volumes
from .._docker.containers import Container
from .._docker.daemon import RunningDaemon
from .._docker.data_root import DataRoot
from .._docker.volumes import can_be_path, is_kernels
from .._errors import NotFound, Refused
from .._host import Host
from .._plan import Plan
from .._text import few, printable
from .._tree.inside import Inside
from .alive import Alive
from .driver import SAFE_OPTIONS
from .outer_mounts import HideOuter, Outer, OwnPeerGroup, ShowOuter, mount_point, named, not_shown

_LISTED = 5


class Outside:
    """What one container mounts, and how it is shown in its tree where that is ``wanted``."""

    def __init__(
        self,
        host: Host,
        root: DataRoot,
        everyone: Sequence[Container],
        container: Container,
        daemons: Sequence[RunningDaemon],
        wanted: bool,
    ) -> None:
        self._host, self._root, self._everyone, self._container = host, root, everyone, container
        self._look = volumes.look(host, root, daemons)
        self._mounts = host.mounts()
        self._outer = self._outer_of(container)
        self._steps: List[ShowOuter] = []
        self.wanted = wanted
        self.warnings: List[str] = []

    def plan(self, path: str, access: str, stops_docker: bool = False) -> Plan:
        """Shows everything in a tree that is opened at ``path`` just before."""
        return self._plan([(path, self._outer)], access, stops_docker)

    def plan_missing(self, paths: Sequence[str], access: str) -> Plan:
        """Shows what is not shown yet in a tree that is open at ``paths``."""
        plan = self._plan([(path, self._missing(path)) for path in paths], access, False)
        for one in self._outer if self.wanted else ():
            hopeless = not (one.facts["reason"] or self._refusal(one) or self._seen(paths[0], one))
            if hopeless and not any(step.outer is one for step in self._steps):
                reason = mount_point(self._host, paths[0], one)[1]
                self.warnings.append(not_shown(one, reason))
        return plan

    def plan_again(self, tree: str, path: str) -> Plan:
        """Shows at ``path``, where a bind of the ``tree`` is made just before, what is or will be shown in that. One
        by one: a recursive bind would be copied whole to mount namespaces where nobody takes it away again."""
        plan = Plan()
        for one in self._outer:
            planned = next((step for step in self._steps if step.outer is one and step.path == tree), None)
            mount = self._seen(tree, one)
            if planned is None and mount is None:
                continue
            read_only = "ro" in (planned.options if planned else mount.options.split(",") if mount else ())
            step = ShowOuter(path, one, (("ro",) if read_only else ()) + SAFE_OPTIONS, planned)
            if not plan.steps:
                plan.add(OwnPeerGroup(path))
            plan.add(step, HideOuter(step))
            self._steps.append(step)
        return plan

    def facts(self, path: str, planned: bool) -> List[Dict[str, Any]]:
        """What container_rootfs returns of every mount: as it is at ``path``, or will be after what is planned."""
        found = []
        for one in sorted(self._outer, key=lambda outer: str(outer.facts["destination"])):
            step = next((step for step in self._steps if step.outer is one and step.path == path), None)
            mount = self._seen(path, one)
            options = mount.options.split(",") if mount else step.options if step else ()
            shown, read_only = mount is not None or (planned and step is not None), "ro" in options
            reason = one.facts["reason"] or (step.left_out if step else "") or self._refusal(one)
            if not reason and not shown:
                asked = mount_point(self._host, path, one)[1] if self.wanted else ""
                reason = asked or "it was not asked for (`volumes: true`)"
            facts = {key: _one_line(value) for key, value in one.facts.items()}
            facts.update(shown=shown, read_only=read_only if shown else None)
            found.append(dict(facts, reason=None if shown else printable(reason)))
        return found

    def _outer_of(self, container: Container) -> List[Outer]:
        """In the order that Docker mounts them: parents before what is in them."""
        found = []
        for facts in self._look.of(container.recorded_root, container.record):
            source = os.path.realpath(facts["source"]) if facts["source"] and facts["available"] else ""
            place = _mountinfo.place_of(self._mounts, source) if source else ("", "")
            destination = facts["destination"] if can_be_path(facts["destination"]) else ""
            # Without `..`, as Docker cleans it; links come later.
            parts = tuple(part for part in os.path.normpath("/" + destination).split("/") if part)
            found.append(Outer(facts, source, place, parts))
        return sorted(found, key=lambda one: (len(one.parts), one.parts))

    def _plan(self, wanted: Sequence[Tuple[str, List[Outer]]], access: str, stops_docker: bool) -> Plan:
        plan = Plan()
        self._steps, self.warnings = [], []
        if not self.wanted:
            return plan
        living = self._living() if access == "in_place" and not stops_docker else []
        for one in self._outer:
            reason = one.facts["reason"] or self._refusal(one)
            if reason and one.facts["type"] != "tmpfs":
                self.warnings.append(not_shown(one, reason))
            elif not reason:
                self.warnings += self._inner_mounts(one)
        read_only = [one for one in self._outer if self._is_read_only(one, access, living)]
        for path, outer in wanted:
            steps = [
                ShowOuter(path, one, (("ro",) if one in read_only else ()) + SAFE_OPTIONS)
                for one in outer
                if not one.facts["reason"] and not self._refusal(one)
            ]
            # Once: namespaces that copied the tree with what was shown then would not let go of that.
            if steps and not _mountinfo.below(self._mounts, path):
                plan.add(OwnPeerGroup(path))
            for step in steps:
                plan.add(step, HideOuter(step))
            self._steps += steps
        return plan

    @staticmethod
    def _refusal(one: Outer) -> str:
        """Why something is never shown, though it can be had."""
        if not one.parts:
            return "its destination %r is not a path below /" % one.facts["destination"][:80]
        if one.source and is_kernels(one.source):
            return "%s is the kernel's, not data" % one.source
        return ""

    def _is_read_only(self, one: Outer, access: str, living: List[Tuple[str, Optional[Outer]]]) -> bool:
        """Only in place is anything written, only what the container itself may write, and nothing beside a living
        container. Adds a warning where that is why."""
        if access != "in_place" or not one.facts["read_write"] or not one.source:
            return True
        names = sorted({name for name, other in living if other is None or _overlap(one.place, other.place)})
        if names:
            self.warnings.append(
                "%s is shown read-only: it is mounted in %s, which is alive, or may be"
                % (named(one), ", ".join(names[:_LISTED]))
            )
        return bool(names)

    def _living(self) -> List[Tuple[str, Optional[Outer]]]:
        """What every other living container mounts, with its name; None for one whose record does not say it."""
        alive = Alive(self._host, self._root)
        found: List[Tuple[str, Optional[Outer]]] = []
        for other in self._everyone:
            if other.id == self._container.id or not alive.of(other).reasons:
                continue
            name = printable(other.name) or other.id[:12]
            found += [(name, one) for one in self._outer_of(other) if one.source]
            if not other.record:
                found.append((name, None))
        return found

    def _inner_mounts(self, one: Outer) -> List[str]:
        """A warning where something else is mounted inside of what is shown: there, nothing is to be seen."""
        run = self._host.run_directory
        points = [mount.mount_point for mount in _mountinfo.below(self._mounts, one.source)]
        points = [point for point in points if point != run and not point.startswith(run + "/")]
        if not points:
            return []
        return ["%s is shown without what is mounted inside of it: %s" % (named(one), few(points))]

    def _missing(self, path: str) -> List[Outer]:
        """What is not shown in an open tree and can be, now or once what it lies in is shown."""
        missing: List[Outer] = []
        for one in self._outer:
            if self._seen(path, one) is not None:
                continue
            inside = any(other.parts == one.parts[: len(other.parts)] for other in missing)
            if inside or not mount_point(self._host, path, one)[1]:
                missing.append(one)
        return missing

    def _seen(self, path: str, one: Outer) -> Optional[_mountinfo.Mount]:
        """The mount that shows it in an open tree."""
        if not one.source or not one.parts:
            return None
        try:
            tree = Inside(path)
        except NotFound:
            return None
        try:
            parts = tree.resolve(one.parts)
        except (OSError, Refused):
            return None
        finally:
            tree.close()
        stack = _mountinfo.stacked_at(self._host.mounts(), os.path.join(path, *parts))
        return stack[-1] if stack and (stack[-1].device, stack[-1].root) == one.place else None


def _overlap(one: Tuple[str, str], other: Tuple[str, str]) -> bool:
    """Whether two directories of a file system are the same, or one lies in the other."""
    shorter, longer = sorted((one[1].rstrip("/") + "/", other[1].rstrip("/") + "/"), key=len)
    return one[0] == other[0] and longer.startswith(shorter)


def _one_line(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value
