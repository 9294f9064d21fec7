# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that others wrote, made fit for a terminal and for a shell. PRIVATE to the collection.

What a container calls itself, its paths, and what a tool says about them can hold anything: escape sequences, line
breaks that forge a second line, marks that turn the direction of reading.
"""

import json
import re
import shlex
from typing import Any, Dict, Sequence

# What moves a terminal or misleads the reader, of what a file may be named: control characters (C0, C1) and line
# separators, marks of direction, and undecodable bytes. Other odd characters (a hard space) are left as they are.
_DANGEROUS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
)
_IN_DATA = re.compile("[%s]" % _DANGEROUS)
_ENCODER = json.JSONEncoder(check_circular=False)
_DIGITS = 20  # 64 bits
_FEW = 5
_IN_NAMES = re.compile("[\t\n%s]" % _DANGEROUS)


def printable(text: str) -> str:
    """Fit for one line of a message: whatever is not printable is escaped."""
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def few(texts: Sequence[str], between: str = ", ") -> str:
    """The first five, fit for one line of a message, and how many more there are."""
    more = len(texts) - _FEW
    return printable(between.join(texts[:_FEW])) + (" and %d more" % more if more > 0 else "")


def few_lines(lines: Sequence[str]) -> str:
    """The same of what a tool said."""
    more = len(lines) - _FEW
    shown = printable("; ".join(line.strip() for line in lines[:_FEW]))
    return shown + ("; and %d more" % more if more > 0 else "")


def name(text: str) -> str:
    """Fit for a result that is one line: a name, an ID, a path."""
    return text if text.isprintable() else _IN_NAMES.sub(lambda match: _escaped(match.group()), text)


def data(value: Any) -> Any:
    """Fit for a result that may have several lines: every text in lists and mappings, line breaks and tabs kept."""
    return _mapped(value, _clean)


def as_json(item: Dict[str, Any], several_lines: Sequence[str] = ()) -> str:
    """A mapping as JSON: every text in it fit for one line, but what is under the keys ``several_lines``."""
    encoded = _ENCODER.encode(item)
    # In ASCII, JSON has a backslash for all that is dangerous but DEL. Most items are clean, and to look through
    # their JSON is ten times as fast as to go through them.
    if "\\" not in encoded and "\x7f" not in encoded:
        return encoded
    return json.dumps(
        {name(key): _mapped(value, _clean if key in several_lines else name) for key, value in item.items()}
    )


def is_number(text: str) -> bool:
    """Whether a text is a number that int() takes and that a count or an id can be."""
    return text.isdecimal() and len(text) <= _DIGITS


def _clean(text: str) -> str:
    return text if text.isprintable() else _IN_DATA.sub(lambda match: _escaped(match.group()), text)


def shell_word(word: str) -> str:
    """One word for a POSIX shell, on one line and printable."""
    if word.isprintable():
        return shlex.quote(word)
    # A command substitution loses line breaks at the end; those of a fresh shell's IFS stand in for them.
    body = word.rstrip("\n")
    end = "${IFS#??}" * (len(word) - len(body))
    return "\"$(printf '%s')%s\"" % ("".join(_for_printf(char) for char in body), end)


def _for_printf(char: str) -> str:
    if char.isprintable() and char not in "%\\'$`-":
        return char
    try:
        encoded = char.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        encoded = char.encode("utf-8", "surrogatepass")
    return "".join("\\%03o" % byte for byte in encoded)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _mapped(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_mapped(key, change): _mapped(one, change) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mapped(one, change) for one in value]
    return value
