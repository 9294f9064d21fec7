# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What little of a shell's language stands around a Docker daemon's options. PRIVATE to the collection.

Files of assignments such as `/etc/default/docker`, which init scripts read, and the text after `sh -c` in a unit.
Nothing is run: what is more than a variable (`$(...)`, `if`) stays as it is written.
"""

import re
import shlex
from typing import Dict, List

_ASSIGNMENT = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_LONGEST = 65536  # characters; shlex takes minutes for megabytes, and no file of options has them
_ENDS = re.compile(r"[|&;<>]")


def variables(text: str, known: Dict[str, str]) -> Dict[str, str]:
    """The variables that a file of assignments leaves, with those that were ``known`` before it. One of more than
    64 KiB says nothing."""
    found = dict(known)
    if len(text) > _LONGEST:
        return found
    for line in re.sub(r"\\\n", "", text).splitlines():
        match = _ASSIGNMENT.match(line.strip())
        if match is None:
            continue
        try:
            values = shlex.split(match.group(2), comments=True)
        except ValueError:  # a quote that goes on in the next line
            continue
        value = values[0] if values else ""
        if not match.group(2).startswith("'"):
            value = with_variables(value, found)
        found[match.group(1)] = value
    return found


def with_variables(text: str, known: Dict[str, str]) -> str:
    """A text with its variables; empty if that is more than 64 KiB: values can grow from line to line."""
    values = [known.get(match.group(1) or match.group(2), "") for match in _VARIABLE.finditer(text)]
    if len(text) + sum(map(len, values)) > _LONGEST:
        return ""
    left = iter(values)
    return _VARIABLE.sub(lambda _match: next(left), text)


def split(text: str) -> List[str]:
    """The words of a text; none of one that no shell could read, or of more than 64 KiB."""
    try:
        return shlex.split(text) if len(text) <= _LONGEST else []
    except ValueError:
        return []


def command(text: str, known: Dict[str, str]) -> List[str]:
    """The first command of a line, without what redirects it."""
    found: List[str] = []
    for word in split(re.sub(r"(?=[;&|])", " ", with_variables(text, known))):
        if _ENDS.search(word):
            break
        if found or (word != "exec" and not _ASSIGNMENT.fullmatch(word)):
            found.append(word)
    return found
