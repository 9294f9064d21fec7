# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container records: what Docker wrote in `<data root>/containers/<id>/`. PRIVATE to the collection.

`config.v2.json` since 1.10, `config.json` before; after a migration both exist and the new one counts. A container
with the old one alone on a newer root was not migrated: Docker does not list it, its layer bears its id. One with both
and no mount in layerdb was migrated by half: Docker lists it and cannot start it.
"""

import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .._errors import Ambiguous, BadRecord, NotFound, RescueError
from .._text import name as one_line
from .._text import printable
from . import layers, records, run_config, volumes
from .containerd_store import OVERLAYFS, Store

FULL_ID = re.compile(r"[a-f0-9]{64}")
_DRIVER = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")  # it becomes a part of paths
_ID_PREFIX = re.compile(r"[a-f0-9]{1,64}")
_NEVER = "0001-01-01T00:00:00Z"  # Go's zero time
_LISTED = 20


class Problem(NamedTuple):
    code: str
    subject: str
    message: str


class Container:
    """One container as its files tell it. Whatever could not be read is empty, and said in ``problems``."""

    changes = True  # whether a process may write its layer

    def __init__(self, data_root: str, container_id: str, containerd: Optional[Store] = None) -> None:
        self.data_root = data_root
        self.containerd = containerd
        self.id = container_id
        self.problems: List[Problem] = []
        self.layout = "layerdb"
        self.record = self._read_record()
        self.name = records.text_of(self.record, "Name").lstrip("/")
        self.driver = self._driver()
        self.layer_id = self.init_layer_id = self.parent = ""
        self.snapshot = ""  # under containerd, the directory of its layer
        self._read_layer()

    def problem(self, code: str, message: str) -> None:
        self.problems.append(Problem(code, self.id, printable(message)))

    def image_layer_ids(self) -> List[str]:
        """The storage driver's ids of the image layers below the container, the nearest first and without the init
        layer; none of a container made FROM scratch. Raises NotFound or BadRecord."""
        broken = [one.message for one in self.problems if one.code in ("layer_unknown", "layer_incomplete")]
        if not self.parent and (broken or self.layout == "graph"):
            reason = "; ".join(broken) or "its record names none"
            raise BadRecord("the image of container %s is not known: %s" % (self.id[:12], reason))
        if self.layout == "graph":
            return layers.graph_layer_ids(self.data_root, self.parent)
        if self.containerd and self.layout == "containerd":
            return self.containerd.below(self.driver, self.parent) if self.parent else []
        return layers.image_layer_ids(self.data_root, self.driver, self.parent)

    @property
    def mark(self) -> str:
        """What a mount of its layer has in the names of its directories."""
        return "/snapshots/%s/fs" % os.path.basename(self.snapshot) if self.snapshot else self.layer_id

    @property
    def recorded_root(self) -> str:
        """The data root that the record's own paths speak of; another one than today's when the root was moved."""
        marker = "/containers/%s/" % self.id
        for key in ("LogPath", "HostnamePath", "HostsPath", "ResolvConfPath"):
            before, found, _after = records.text_of(self.record, key).partition(marker)
            if found and before.startswith("/"):
                return before
        # One that never ran has none of these yet.
        for point in records.mapping_of(self.record, "MountPoints").values():
            if isinstance(point, dict) and records.text_of(point, "Driver") == "local":
                place = "/volumes/%s/_data" % records.text_of(point, "Name")
                source = records.text_of(point, "Source")
                if source.startswith("/") and source.endswith(place) and source != place:
                    return source[: -len(place)]
        return self.data_root

    def state(self) -> Dict[str, Any]:
        """What Docker last wrote; not what is true now."""
        state = records.mapping_of(self.record, "State")
        return {
            "status": _status(state),
            "running": records.flag_of(state, "Running"),
            "exit_code": records.integer_of(state, "ExitCode"),
            "error": records.text_of(state, "Error"),
            "oom_killed": records.flag_of(state, "OOMKilled"),
            "pid": records.integer_of(state, "Pid"),
            "started_at": records.text_of(state, "StartedAt"),
            "finished_at": records.text_of(state, "FinishedAt"),
        }

    def config(self, include_env: bool) -> Dict[str, Any]:
        """How it was made to run; environment and labels, which may hold secrets, only on request."""
        return run_config.facts(records.mapping_of(self.record, "Config"), include_env)

    def summary(self) -> Dict[str, Any]:
        """What container_info returns of every container, text as it was found."""
        return {
            "id": self.id,
            "name": self.name,
            "image": records.text_of(records.mapping_of(self.record, "Config"), "Image"),
            "created": records.text_of(self.record, "Created"),
            "driver": self.driver,
            "layout": self.layout,
            "state": self.state(),
        }

    def facts(self, include_env: bool, look: volumes.Volumes) -> Dict[str, Any]:
        """All that container_info returns of the record itself."""
        recorded_root = self.recorded_root
        return {
            **self.summary(),
            "image_id": records.text_of(self.record, "Image"),
            "layer_id": self.layer_id,
            "init_layer_id": self.init_layer_id,
            "parent": self.parent,
            "mounts": look.of(recorded_root, self.record),
            "log_path": volumes.translated(
                records.text_of(self.record, "LogPath"), recorded_root, self.data_root
            ),
            "config": self.config(include_env),
        }

    def _read_record(self) -> Dict[str, Any]:
        new, old = self._file("config.v2.json"), self._file("config.json")
        try:
            return records.read_json(new)
        except RescueError as error:
            if not os.path.lexists(old):
                self.problem("config_broken", error.message)
                return {}
            if not isinstance(error, NotFound):
                return self._record_from_before(old, error)
        self.layout = "graph"
        if os.path.isdir(os.path.join(self.data_root, "image")):
            self.problem(
                "not_migrated",
                "%s: Docker 1.10 did not migrate this container and does not list it" % old,
            )
        try:
            return records.read_json(old)
        except RescueError as error:
            self.problem("config_broken", error.message)
            return {}

    def _record_from_before(self, old: str, error: RescueError) -> Dict[str, Any]:
        """The record that the migration of 1.10 left, where the newer one is damaged."""
        try:
            record = records.read_json(old)
        except RescueError:
            self.problem("config_broken", error.message)
            return {}
        self.problem(
            "config_broken", "%s; what is said here is from before Docker 1.10 (%s)" % (error.message, old)
        )
        return record

    def _driver(self) -> str:
        if self.record:
            driver = records.text_of(self.record, "Driver") or "aufs"  # "" was aufs in the oldest records
            if _DRIVER.fullmatch(driver):
                return driver
            self.problem("config_broken", "its record names %r as its storage driver" % driver[:80])
        if self.layout == "graph":
            return layers.driver_with_layer(self.data_root, self.id)
        return layers.driver_of(self.data_root, self.id) or self._snapshotter()

    def _snapshotter(self) -> str:
        try:
            return self.containerd.snapshotter_of(self.id) if self.containerd else ""
        except RescueError:
            return ""

    def _read_layer(self) -> None:
        if not self.driver:
            self.problem("driver_unknown", "no record says which storage driver holds container %s" % self.id)
        if self.layout == "graph":
            self._is_of_graph(self.record)
            return
        if not self.driver:
            return
        if self.driver == OVERLAYFS:  # no storage driver of Docker's own is called that
            self._read_snapshot()
            return
        try:
            mount = layers.layer_mount(self.data_root, self.driver, self.id)
        except NotFound as error:
            if self._snapshotter() == self.driver:
                self._read_snapshot()
            else:
                self._without_mount(error)
            return
        self.layer_id, self.init_layer_id, self.parent = mount.layer_id, mount.init_layer_id, mount.parent
        for message in mount.broken:
            self.problem("layer_unknown" if not mount.layer_id else "layer_incomplete", message)

    def _read_snapshot(self) -> None:
        self.layout = "containerd"
        if not self.containerd:
            self.problem(
                "layer_unknown", "no containerd was found that holds its snapshot: give containerd_root"
            )
            return
        try:
            parent = self.containerd.snapshot(self.driver, self.id).parent
            self.layer_id = self.id
            if parent == self.id + "-init":  # Docker 24 makes none
                self.init_layer_id = parent
                parent = self.containerd.snapshot(self.driver, parent).parent
            self.parent = parent
            self.snapshot = self.containerd.directory(self.driver, self.id)
        except RescueError as error:
            self.problem("layer_incomplete" if self.layer_id else "layer_unknown", error.message)

    def _is_of_graph(self, record: Dict[str, Any]) -> None:
        self.layout = "graph"
        self.layer_id, self.init_layer_id = self.id, self.id + "-init"
        self.parent = records.text_of(record, "Image")

    def _without_mount(self, error: NotFound) -> None:
        """Docker 1.10 wrote the new record before the mount: what stopped it in between left the old layer alone."""
        try:
            before = records.read_json(self._file("config.json"))
        except RescueError:
            self.problem("layer_unknown", error.message)
            return
        self._is_of_graph(before)
        self.problem("not_migrated", "%s: Docker 1.10 migrated this container by half" % error.message)

    def _file(self, name: str) -> str:
        return "%s/containers/%s/%s" % (self.data_root, self.id, name)


def ids(data_root: str) -> List[str]:
    """The ids of all containers of a data root, sorted."""
    names = records.names_in(os.path.join(data_root, "containers"))
    return [name for name in names if FULL_ID.fullmatch(name)]


def read_all(data_root: str, containerd: Optional[Store] = None) -> List[Container]:
    """Every container of a data root, ordered by id; a broken one never hides the others."""
    return [Container(data_root, container_id, containerd) for container_id in ids(data_root)]


def select(
    containers: Sequence[Container], wanted: Sequence[str], missing_ok: bool
) -> Tuple[List[Container], List[str]]:
    """The containers that names, full ids or unambiguous id prefixes choose, in that order of belief as Docker's own,
    and the words that chose none. Raises NotFound unless ``missing_ok``, and Ambiguous."""
    chosen: List[Container] = []
    not_found: List[str] = []
    for word in wanted:
        matches = _matching(containers, word)
        if len(matches) > 1:
            raise Ambiguous(
                "container %r is ambiguous: %s"
                % (word, _listed(matches, len({one.driver for one in matches}) > 1)),
                "Give the full id of the one that is meant",
            )
        if not matches:
            not_found.append(word)
        elif matches[0] not in chosen:
            chosen.append(matches[0])
    if not_found and not missing_ok:
        there = _listed(containers) if containers else "no container"
        words = ", ".join(repr(word) for word in not_found)
        raise NotFound("no container %s" % words, "This data root holds %s" % there)
    return chosen, not_found


def find(data_root: str, wanted: str, containerd: Optional[Store] = None) -> Container:
    """The one container that a name, full id or unambiguous id prefix chooses. Raises NotFound or Ambiguous."""
    if FULL_ID.fullmatch(wanted) and os.path.isdir(os.path.join(data_root, "containers", wanted)):
        return Container(data_root, wanted, containerd)
    return select(read_all(data_root, containerd), [wanted], False)[0][0]


def _matching(containers: Sequence[Container], word: str) -> List[Container]:
    exact = [one for one in containers if one.id == word]
    named = [one for one in containers if one.name and word.lstrip("/") in (one.name, one_line(one.name))]
    if exact or named:
        return exact or named
    return [one for one in containers if one.id.startswith(word)] if _ID_PREFIX.fullmatch(word) else []


def _listed(containers: Sequence[Container], with_driver: bool = False) -> str:
    shown = ", ".join(
        "%s (%s%s)"
        % (
            printable(one.name) or "no name",
            one.id[:12],
            " on %s" % (one.driver or "an unknown driver") if with_driver else "",
        )
        for one in containers[:_LISTED]
    )
    more = len(containers) - _LISTED
    return "%s and %d more" % (shown, more) if more > 0 else shown


def _status(state: Dict[str, Any]) -> str:
    """The word that `docker ps` would show, by the rules of State.StateString of moby."""
    if not state:
        return ""
    if records.flag_of(state, "Running"):
        if records.flag_of(state, "Paused"):
            return "paused"
        return "restarting" if records.flag_of(state, "Restarting") else "running"
    if records.flag_of(state, "RemovalInProgress"):
        return "removing"
    if records.flag_of(state, "Dead"):
        return "dead"
    started: Optional[Any] = state.get("StartedAt")
    return "created" if started in (None, "", _NEVER) else "exited"
