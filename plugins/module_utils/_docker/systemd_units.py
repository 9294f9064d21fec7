# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of systemd, from their files: which there are, and what they would run. PRIVATE to the collection."""

import glob
import os
from typing import Dict, List, NamedTuple, Set, Tuple

from .._errors import RescueError
from . import records, unit_text

# Strongest first.
PATHS = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)


# What a service runs. ``complete`` is false where a part of the environment is made only when the unit starts.
class Command(NamedTuple):
    argv: List[str]
    environment: Dict[str, str]
    complete: bool


class Units:
    """The unit files of this host. Their directories are listed once, their files read when they are asked for."""

    def __init__(self) -> None:
        self._names = [(directory, set(records.names_in(directory))) for directory in PATHS]

    def services(self) -> List[str]:
        """The names of all services, sorted; templates are none."""
        found = {name for _directory, names in self._names for name in names}
        return sorted(name for name in found if name.endswith(".service") and not name.endswith("@.service"))

    def wanted(self) -> Set[str]:
        """The units that some other unit starts: those that are enabled."""
        found: Set[str] = set()
        for directory, names in self._names:
            for name in names:
                if name.endswith((".wants", ".requires")):
                    found.update(records.names_in(os.path.join(directory, name)))
        return found

    def command(self, unit: str) -> Command:
        """The command line that systemd would run for a unit with its drop-ins, its variables expanded; empty where
        there is none. A file that cannot be read says nothing."""
        settings = self._settings(unit)
        variables: Dict[str, str] = {}
        files: List[str] = []
        line = ""
        complete = True
        for key, value in settings:  # of each, an empty value takes back what was said before
            if key == "ExecStart":
                line = value
            elif key == "Environment":
                variables = dict(variables, **_assigned(value, unit)) if value else {}
            elif key == "EnvironmentFile":
                files = files + [unit_text.specified(value, unit)] if value else []
            elif key == "PassEnvironment" and value:
                complete = False
        for file in files:  # stronger than Environment=, wherever they stand
            texts = _environment_texts(file.lstrip("-"))
            complete = complete and (bool(texts) or file.startswith("-"))
            for text in texts:
                variables.update(unit_text.environment(text))
        for key, value in settings:
            for name in unit_text.words(value, strict=False) if key == "UnsetEnvironment" else []:
                variables.pop(name, None)
        return Command(_arguments(line, unit, variables), variables, complete)

    def _settings(self, unit: str) -> List[Tuple[str, str]]:
        """The settings of the section Service, of the unit and then of its drop-ins."""
        aliases = [unit]
        if "@" in unit:
            aliases.append(unit.partition("@")[0] + "@.service")
        found = ((name, self._path(name)) for name in aliases)
        _name, path = next((one for one in found if one[1]), ("", ""))
        if os.path.islink(path):  # an alias has the drop-ins of both names
            aliases.append(os.path.basename(os.path.realpath(path)))
        texts = [_read(one) for one in [path] + self._drop_ins(aliases) if one]
        entries = [entry for text in texts for entry in unit_text.entries(text)]
        return [(key, value) for section, key, value in entries if section == "Service"]

    def _path(self, name: str) -> str:
        paths = (os.path.join(directory, name) for directory, names in self._names if name in names)
        return next((path for path in paths if os.path.exists(path)), "")

    def _drop_ins(self, aliases: List[str]) -> List[str]:
        """The drop-ins of a unit under all its names, and those of all units whose names begin alike, in order."""
        places = ["service.d"]
        for name in reversed(aliases):
            parts = name.split("-")
            places += ["-".join(parts[:count]) + "-.service.d" for count in range(1, len(parts))]
            places.append(name + ".d")
        found: Dict[str, str] = {}
        for (
            place
        ) in places:  # the same name nearer to the unit, or in a stronger directory, replaces the weaker one
            for directory, names in reversed(self._names):
                for name in records.names_in(os.path.join(directory, place)) if place in names else []:
                    if name.endswith(".conf"):
                        found[name] = os.path.join(directory, place, name)
        return [found[name] for name in sorted(found)]


def _arguments(line: str, unit: str, variables: Dict[str, str]) -> List[str]:
    bare = line.lstrip("-@:+!|")
    prefixes = line[: len(line) - len(bare)]
    try:
        argv = [unit_text.specified(word, unit) for word in unit_text.words(bare)]
    except ValueError:
        return []
    if "@" in prefixes:  # the second word is what the program is told that it is called
        argv = argv[:1] + argv[2:]
    return argv if ":" in prefixes else unit_text.expanded(argv, variables)


def _assigned(value: str, unit: str) -> Dict[str, str]:
    try:
        found = unit_text.words(value)
    except ValueError:
        return {}
    return unit_text.assignments([unit_text.specified(word, unit) for word in found])


def _environment_texts(pattern: str) -> List[str]:
    """The texts of the environment files that a pattern finds, a plain path mostly."""
    if "\0" in pattern or not pattern.startswith("/"):
        return []
    return [text for text in map(_read, sorted(glob.glob(pattern))) if text]


def _read(path: str) -> str:
    try:
        return records.read_text(path, follow=True)
    except RescueError:
        return ""
