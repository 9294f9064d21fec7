# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker daemon of this host, running or configured: its data root and storage options. PRIVATE to the collection.

Order of belief: the command line of a running daemon, the systemd unit with its drop-ins, daemon.json, the default.
A flag and the same key of daemon.json together stop dockerd, so the sources do not contradict each other.
"""

import os
import re
import shlex
from typing import Any, Dict, List, NamedTuple

from .._errors import RescueError
from .._host import Host
from . import records

DEFAULT_DATA_ROOT = "/var/lib/docker"
DAEMON_JSON = "/etc/docker/daemon.json"
_UNIT_PATHS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_UNITS = ("docker.service",)
_DAEMON_NAMES = ("dockerd", "dockerd-current", "dockerd-ce")
_SNAP = "docker.dockerd"  # `snap run docker.dockerd`
_OLD_NAMES = ("docker", "docker-current")  # `docker daemon` (1.8 to 1.11) and `docker -d` (before)


class Settings(NamedTuple):
    data_root: str
    storage_driver: str
    storage_options: Dict[str, str]
    source: str


class RunningDaemon(NamedTuple):
    pid: int
    argv: List[str]
    data_root: str
    trusted: bool  # root started it: any other user can call a program dockerd


def running(host: Host) -> List[RunningDaemon]:
    """The Docker daemons that run on this host, each with its data root (links resolved)."""
    found = []
    for process in host.processes():
        if is_daemon(process.argv) and host.shares_our_root(process.pid):  # not one inside a container
            trusted = process.uid == 0
            config = _config_file(process.argv) if trusted else DAEMON_JSON  # not to open what a user names
            data_root = from_arguments(process.argv, "").data_root or from_daemon_json(config).data_root
            real = os.path.realpath(data_root or DEFAULT_DATA_ROOT)
            found.append(RunningDaemon(process.pid, process.argv, real, trusted))
    return found


def is_daemon(argv: List[str]) -> bool:
    """Whether a command line is a daemon's. Of the client's own, `docker run -d` must not count."""
    name = os.path.basename(argv[0])
    if name in _DAEMON_NAMES:
        return True
    words = argv[1:]
    flags_alone = "-d" in words and all(
        word.startswith("-") or before.startswith("-") for before, word in zip([""] + words, words)
    )
    return name in _OLD_NAMES and (words[:1] == ["daemon"] or flags_alone)


def services(data_root: str) -> List[str]:
    """The systemd services, whatever their names, that would start a Docker on a data root. One whose command line
    holds variables that may say another data root counts as well."""
    names = {
        name for directory in _UNIT_PATHS for name in records.names_in(directory) if name.endswith(".service")
    }
    found = []
    for unit in sorted(names):
        argv = _unit_arguments(unit)
        if not argv or not (is_daemon(argv) or _SNAP in argv[1:]):
            continue
        said = from_arguments(argv, unit).data_root
        told = said or from_daemon_json(_config_file(argv)).data_root or DEFAULT_DATA_ROOT
        unknown = not said and any("$" in word for word in argv[1:])
        if unknown or _SNAP in argv or os.path.realpath(told) == data_root:
            found.append(unit)
    return found


def configured(host: Host) -> Settings:
    """What the first source that names a data root says, filled up from the later ones. A daemon that root did not
    start is no source: it still counts as one that may hold a data root (see running)."""
    daemons = [one for one in running(host) if one.trusted][:1]
    sources = [
        from_arguments(one.argv, "process %d" % one.pid)._replace(data_root=one.data_root) for one in daemons
    ]
    sources += [from_arguments(_unit_arguments(unit), unit) for unit in _UNITS]
    sources.append(from_daemon_json(DAEMON_JSON))
    sources.append(Settings(DEFAULT_DATA_ROOT, "", {}, "the default"))
    options: Dict[str, str] = {}
    for source in reversed(sources):
        options.update(source.storage_options)
    believed = next(source for source in sources if source.data_root)
    driver = next((source.storage_driver for source in sources if source.storage_driver), "")
    return Settings(believed.data_root, driver, options, believed.source)


def from_arguments(argv: List[str], source: str) -> Settings:
    """Reads the flags of a daemon's command line, in the forms `--flag value` and `--flag=value`."""
    flags = {
        "-g": "root",
        "--graph": "root",
        "--data-root": "root",
        "-s": "driver",
        "--storage-driver": "driver",
        "--storage-opt": "option",
    }
    values: Dict[str, List[str]] = {"root": [], "driver": [], "option": []}
    position = 1
    while position < len(argv):
        flag, equals, value = argv[position].partition("=")
        position += 1
        if flag[:2] in flags and len(flag) > 2:  # -g/srv
            flag, equals, value = flag[:2], "=", argv[position - 1][2:]
        if flag in flags:
            if not equals:
                value = argv[position] if position < len(argv) else ""
                position += 1
            values[flags[flag]].append(value)
    return Settings(
        (values["root"] or [""])[-1], (values["driver"] or [""])[-1], _options(values["option"]), source
    )


def from_daemon_json(path: str) -> Settings:
    """Reads daemon.json; a file that is missing or broken says nothing (dockerd does not start with a broken one)."""
    try:
        record: Dict[str, Any] = records.read_json(path, follow=True)
    except RescueError:
        record = {}
    root = records.text_of(record, "data-root") or records.text_of(record, "graph")
    return Settings(
        root,
        records.text_of(record, "storage-driver"),
        _options(records.texts_of(record, "storage-opts")),
        path,
    )


def _config_file(argv: List[str]) -> str:
    for position, word in enumerate(argv):
        if word.startswith("--config-file="):
            return word.partition("=")[2]
        if word == "--config-file" and position + 1 < len(argv):
            return argv[position + 1]
    return DAEMON_JSON


def _options(texts: List[str]) -> Dict[str, str]:
    pairs = (text.partition("=") for text in texts)
    return {name.strip(): value.strip() for name, _equals, value in pairs}


def _unit_arguments(unit: str) -> List[str]:
    """The command line that systemd would run: the last ExecStart of the unit and its drop-ins."""
    files = [os.path.join(directory, unit) for directory in _UNIT_PATHS]
    texts = [next((_read(path) for path in files if os.path.exists(path)), "")]
    drop_ins: Dict[str, str] = {}
    for directory in reversed(_UNIT_PATHS):  # the same name in a stronger directory replaces the weaker one
        for name in records.names_in(os.path.join(directory, unit + ".d")):
            if name.endswith(".conf"):
                drop_ins[name] = os.path.join(directory, unit + ".d", name)
    texts += [_read(drop_ins[name]) for name in sorted(drop_ins)]
    argv: List[str] = []
    for line in re.sub(r"\\\n", " ", "\n".join(texts)).splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and key.strip() == "ExecStart":
            try:
                argv = shlex.split(value.strip().lstrip("-@:+!"))
            except ValueError:
                argv = []
    return argv


def _read(path: str) -> str:
    try:
        return records.read_text(path, follow=True)
    except RescueError:
        return ""
