# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps Docker from starting while a container's own layer is written. PRIVATE to the collection.

A drop-in below /run for each of Docker's units, with an assertion that is never true: `systemctl start docker` and
the socket's activation fail with a clear message, and a reboot takes it away. Its comments record whether the unit
was active and which containers ran, so that closing needs no other memory.
"""

import contextlib
import os
import re
import time
from typing import Dict, List, NamedTuple, Optional, Sequence

from .. import _ours
from .._docker import daemon
from .._docker import services as docker_services
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._errors import CommandFailed, Refused, RescueError
from .._host import Host, quote
from .._plan import Action, Context, Plan, Run
from .._text import printable
from .alive import Alive

_SERVICE = re.compile(r"/([^/\s]+\.service)\b")
_BACK_WITHIN = 10.0  # seconds for a container that Docker itself restarts
_TEXT = """# drydock.rescue holds this unit off while the disk of container {name} is open for writing.
# `state: unmounted` of that container, or drydock.rescue.cleanup, takes this file away.
# was active: {active}
# running: {running}
[Unit]
AssertPathExists=!/
"""


# Whether the unit was active when it was first held, and the ids of the containers that ran then.
class Record(NamedTuple):
    active: bool
    running: List[str]


class Hold(NamedTuple):
    plan: Plan
    warnings: List[str]
    stops_docker: bool


def plan(
    host: Host, root: DataRoot, name: str, alive: Alive, containers: Sequence[Container], stop_docker: bool
) -> Hold:
    """The steps that hold Docker off. Refuses to stop a running one unless told, and one that would come back."""
    daemons = alive.liveness.daemons
    running = [one for one in containers if alive.of(one).reasons] if daemons else []
    if daemons and not stop_docker:
        names = ", ".join(printable(one.name) or one.id[:12] for one in running)
        raise Refused(
            "Docker runs on %s (process %d), and a layer must not be written beside it. %s"
            % (
                root.path,
                daemons[0].pid,
                "These containers would stop with it: " + names if names else "No container runs",
            ),
            "Give `stop_docker: true`; Docker and what ran are started again on closing",
        )
    if not os.path.isdir(host.units_directory):
        if daemons:
            raise Refused(
                "Docker runs (process %d) and no service manager can hold it off" % daemons[0].pid,
                "Stop it by hand",
            )
        return Hold(
            Plan(), ["No service manager runs here: nothing keeps Docker from being started meanwhile"], False
        )
    units = _units(host, root, daemons)
    steps = Plan()
    if not units:
        return Hold(steps, [], False)
    for unit in units:
        record = Record(_is_active(host, unit), [one.id for one in running])
        path = _ours.drop_in(host.units_directory, unit, name)
        steps.add(WriteDropIn(path, name, record), Release(root, [path]))
    steps.add(Run("systemctl", "daemon-reload"))
    active = [unit for unit in units if _is_active(host, unit)]
    if active:
        # The socket first, else a client's call in between would start the service again.
        steps.add(Run("systemctl", "stop", *sorted(active, key=lambda unit: not unit.endswith(".socket"))))
        # Restart=always and friends have nothing to say after a stop, but a broken unit may: look again.
        steps.add(AssertStopped(root.path))
    return Hold(_one_release(steps, root), [], bool(daemons))


def drop_ins(host: Host, name: str = "") -> List[str]:
    """The drop-ins of one tree, or all of ours."""
    found = []
    wanted = _ours.PREFIX + name + ".conf" if name else ""
    directory = host.units_directory
    for unit in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
        if unit.endswith(".d"):
            for file in sorted(os.listdir(os.path.join(directory, unit))):
                if file == wanted or (
                    not wanted and file.startswith(_ours.PREFIX) and file.endswith(".conf")
                ):
                    found.append(os.path.join(directory, unit, file))
    return found


class WriteDropIn(Action):
    def __init__(self, path: str, name: str, record: Record) -> None:
        self.path, self.name, self.record = path, name, record

    def shown(self, outputs: object) -> List[str]:
        directory = os.path.dirname(self.path)
        text = "[Unit]\nAssertPathExists=!/\n"
        return [quote(["mkdir", "-p", directory]), "printf %%s %s > %s" % (quote([text]), quote([self.path]))]

    def perform(self, context: Context) -> None:
        os.makedirs(os.path.dirname(self.path), mode=0o755, exist_ok=True)
        _write(self.path, self.name, self.record)


class AssertStopped(Action):
    """Fails when a Docker of this data root still runs, or runs again."""

    def __init__(self, data_root: str) -> None:
        self.data_root = data_root

    def shown(self, outputs: object) -> List[str]:
        return []

    def perform(self, context: Context) -> None:
        for one in daemon.running(context.host):
            if one.data_root == self.data_root:
                raise CommandFailed(
                    "Docker cannot be held off: process %d runs on %s" % (one.pid, self.data_root)
                )


class Release(Action):
    """Takes drop-ins away, and where nobody else holds the units, starts what was active and what ran. The names of
    the containers that did not come back are left in ``not_back``."""

    def __init__(self, root: Optional[DataRoot], paths: Sequence[str]) -> None:
        self.root, self.paths = root, list(paths)
        self.not_back: List[str] = []
        self._commands: List[str] = []

    def shown(self, outputs: object) -> List[str]:
        if self._commands:
            return self._commands
        commands = [quote(["rm", path]) for path in self.paths] + ["systemctl daemon-reload"]
        records = {path: _read(path) for path in self.paths if not _others(path)}
        active = [_unit_of(path) for path, record in records.items() if record.active]
        running = sorted({one for record in records.values() for one in record.running})
        commands += [quote(["systemctl", "start"] + active)] if active else []
        return commands + ([quote(["docker", "start"] + running)] if running and active else [])

    def perform(self, context: Context) -> None:
        host = context.host
        start: List[str] = []
        running: List[str] = []
        for path in self.paths:
            record = _read(path)
            others = _others(path)
            if others:  # whoever closes last starts it
                passed_on = _read(others[0])
                merged = Record(
                    passed_on.active or record.active, sorted(set(passed_on.running) | set(record.running))
                )
                _write(others[0], os.path.basename(others[0])[len(_ours.PREFIX) : -len(".conf")], merged)
            elif record.active:
                start.append(_unit_of(path))
                running = record.running
            _remove(path)
            self._commands.append(quote(["rm", path]))
        self._do(host, ["systemctl", "daemon-reload"])
        if start:
            self._do(host, ["systemctl", "start"] + start)
            self._bring_back(host, running)

    def _do(self, host: Host, argv: List[str]) -> None:
        host.run(argv)
        self._commands.append(quote(argv))

    def _bring_back(self, host: Host, running: List[str]) -> None:
        missing = self._dead(host, running)
        for container_id in missing:
            try:
                self._do(host, ["docker", "start", container_id])
            except RescueError:
                continue
        end = time.time() + _BACK_WITHIN
        while missing:
            missing = self._dead(host, running)
            if not missing or time.time() > end:
                break
            time.sleep(0.5)
        root = self.root.path if self.root else ""
        self.not_back = [printable(Container(root, one).name) if root else one[:12] for one in missing]

    def _dead(self, host: Host, running: List[str]) -> List[str]:
        if not running:
            return []
        groups = " ".join(process.cgroup for process in host.processes())
        return [one for one in running if one not in groups]


def _units(host: Host, root: DataRoot, daemons: Sequence[daemon.RunningDaemon]) -> List[str]:
    """The units that would start a Docker on this data root: of a running one by its cgroup, else those whose files
    say so; with the sockets that would start them, whatever they are called."""
    services: List[str] = []
    for one in daemons:
        if not one.trusted:
            raise Refused(
                "process %d calls itself a Docker of %s, and not root started it: its service is not stopped"
                % (one.pid, root.path),
                "Stop it by hand",
            )
        cgroup = next((process.cgroup for process in host.processes() if process.pid == one.pid), "")
        match = _SERVICE.search(cgroup)
        if not match or match.group(1).startswith("user@"):  # stopping that would end a whole session
            raise Refused(
                "Docker runs outside of any service (process %d): nothing can hold it off" % one.pid,
                "Stop it by hand",
            )
        services.append(match.group(1))
    services += docker_services.services(root.path)
    if not services and os.path.realpath(root.settings.data_root) == root.path:
        services = ["docker.service"]
    units: List[str] = []
    for service in services:
        if service not in units and _property(host, service, "LoadState") == "loaded":
            units.append(service)
            triggers = _property(host, service, "TriggeredBy").split()
            units += [one for one in triggers if one not in units]
    return units


def _one_release(steps: Plan, root: DataRoot) -> Plan:
    """One undo for all drop-ins, on the first step: it runs last, when everything else is undone."""
    paths = [step.do.path for step in steps.steps if isinstance(step.do, WriteDropIn)]
    joined = Plan()
    for number, step in enumerate(steps.steps):
        joined.add(step.do, Release(root, paths) if number == 0 else None)
    return joined


def _is_active(host: Host, unit: str) -> bool:
    return _property(host, unit, "ActiveState") in ("active", "activating", "reloading")


def _property(host: Host, unit: str, name: str) -> str:
    return host.run(["systemctl", "show", "--property=" + name, unit]).out.strip().partition("=")[2]


def _unit_of(path: str) -> str:
    return os.path.basename(os.path.dirname(path))[: -len(".d")]


def _others(path: str) -> List[str]:
    directory = os.path.dirname(path)
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    return [
        os.path.join(directory, name)
        for name in names
        if name.startswith(_ours.PREFIX) and name.endswith(".conf") and name != os.path.basename(path)
    ]


def _read(path: str) -> Record:
    fields: Dict[str, str] = {}
    try:
        with open(path) as stream:
            for line in stream:
                key, _colon, value = line.lstrip("# ").partition(":")
                fields.setdefault(key.strip(), value.strip())
    except OSError:
        pass
    return Record(fields.get("was active") == "yes", fields.get("running", "").split())


def _write(path: str, name: str, record: Record) -> None:
    text = _TEXT.format(name=name, active="yes" if record.active else "no", running=" ".join(record.running))
    temporary = path + ".new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(
        os.open(temporary, flags, 0o644), "w"
    ) as stream:  # whatever the umask: systemctl shows it to all
        stream.write(text)
    os.replace(temporary, path)


def _remove(path: str) -> None:
    for remove, target in ((os.unlink, path), (os.unlink, path + ".new"), (os.rmdir, os.path.dirname(path))):
        with contextlib.suppress(OSError):
            remove(target)
