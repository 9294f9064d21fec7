# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one Docker daemon is told: by its command line, its environment and daemon.json. PRIVATE to the collection."""

import os
import re
from typing import Any, Dict, List, NamedTuple

from .._errors import RescueError
from . import records

DEFAULT_DATA_ROOT = "/var/lib/docker"
DAEMON_JSON = "/etc/docker/daemon.json"
# dockerd, and what distributions call it: dockerd-current, dockerd-latest (Red Hat), dockerd-ce, dockerd-20.10.
_DAEMON_NAME = re.compile(r"dockerd(-[a-z0-9][a-z0-9.+~_-]*)?")
# One program for both, told apart by its first words: `docker daemon` (1.8 to 1.11) and `docker -d` (before).
_OLD_NAME = re.compile(r"docker(\.io|-current|-latest|-[0-9][a-z0-9.+~_-]*)?")
_DAEMON_FLAGS = ("-d", "--daemon", "-d=true", "--daemon=true")
_FLAGS = {
    "-g": "root",
    "--graph": "root",
    "--data-root": "root",
    "-s": "driver",
    "--storage-driver": "driver",
    "--storage-opt": "option",
    "--userns-remap": "remap",
    "--config-file": "config",
}


class Settings(NamedTuple):
    data_root: str
    storage_driver: str
    storage_options: Dict[str, str]
    source: str  # in words
    userns_remap: str = ""  # the user whose subordinate ids containers have, as it was said


def is_daemon(argv: List[str]) -> bool:
    """Whether a command line is a daemon's. Of the client's own, `docker run -d` must not count."""
    name = os.path.basename(argv[0])
    if _DAEMON_NAME.fullmatch(name):
        return not name.endswith(".sh")
    words = argv[1:]
    flags_alone = any(flag in words for flag in _DAEMON_FLAGS) and all(
        word.startswith("-") or before.startswith("-") for before, word in zip([""] + words, words)
    )
    return bool(_OLD_NAME.fullmatch(name)) and (words[:1] == ["daemon"] or flags_alone)


def from_arguments(argv: List[str], source: str) -> Settings:
    """Reads the flags of a daemon's command line, in the forms `--flag value` and `--flag=value`."""
    values = _flags(argv)
    return Settings(
        _usable((values["root"] or [""])[-1]),
        (values["driver"] or [""])[-1],
        _options(values["option"]),
        source,
        (values["remap"] or [""])[-1],
    )


def from_daemon_json(path: str, follow: bool = True) -> Settings:
    """Reads daemon.json; a file that is missing or broken says nothing (dockerd does not start with a broken one)."""
    try:
        record: Dict[str, Any] = records.read_json(path, follow)
    except RescueError:
        record = {}
    root = records.text_of(record, "data-root") or records.text_of(record, "graph")
    return Settings(
        _usable(root),
        records.text_of(record, "storage-driver"),
        _options(records.texts_of(record, "storage-opts")),
        path,
        records.text_of(record, "userns-remap"),
    )


def config_file(argv: List[str]) -> str:
    """The daemon.json that a command line names, empty if none."""
    return _usable((_flags(argv)["config"] or [""])[-1])


def joined(sources: List[Settings]) -> Settings:
    """What the strongest source, which is the first, says, filled up from the weaker ones. The source is the one of
    the data root."""
    options: Dict[str, str] = {}
    for source in reversed(sources):
        options.update(source.storage_options)
    believed = next((source for source in sources if source.data_root), sources[-1])
    return Settings(
        believed.data_root,
        next((source.storage_driver for source in sources if source.storage_driver), ""),
        options,
        believed.source,
        next((source.userns_remap for source in sources if source.userns_remap), ""),
    )


def _flags(argv: List[str]) -> Dict[str, List[str]]:
    values: Dict[str, List[str]] = {kind: [] for kind in _FLAGS.values()}
    position = 1
    while position < len(argv):
        flag, equals, value = argv[position].partition("=")
        position += 1
        if flag[:2] in _FLAGS and len(flag) > 2:  # -g/srv
            flag, equals, value = flag[:2], "=", argv[position - 1][2:]
        if flag in _FLAGS:
            if not equals:
                value = argv[position] if position < len(argv) else ""
                position += 1
            values[_FLAGS[flag]].append(value)
    return values


def _usable(path: str) -> str:
    """A path that a file can have: what no system call takes would end in an error far from here."""
    try:
        return "" if b"\0" in os.fsencode(path) else path
    except UnicodeError:
        return ""


def _options(texts: List[str]) -> Dict[str, str]:
    pairs = (text.partition("=") for text in texts)
    return {name.strip(): value.strip() for name, _equals, value in pairs}
