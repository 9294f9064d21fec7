# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts that systemd reads: units, environment files, command lines with variables. PRIVATE to the collection.

As systemd.unit(5), systemd.service(5) and systemd.exec(5) have it, where a shell would do something else.
"""

import re
from typing import Dict, List, Optional, Tuple

_SPACE = " \t\n\r"
_ESCAPES = dict(zip("abfnrtvs", "\a\b\f\n\r\t\v "))
_NUMBER = re.compile(r"x([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IN_BRACES = re.compile(r"\$\$|\$\{([^{}]*)\}")
_SPECIFIER = re.compile(r"%(.)", re.DOTALL)
_SPECIFIERS = {
    "S": "/var/lib",
    "C": "/var/cache",
    "L": "/var/log",
    "E": "/etc",
    "t": "/run",
    "T": "/tmp",
    "V": "/var/tmp",
    "h": "/root",
    "u": "root",
    "U": "0",
    "g": "root",
    "G": "0",
    "%": "%",
}


def entries(text: str) -> List[Tuple[str, str, str]]:
    """The settings of a unit file in their order: section, key, value."""
    found: List[Tuple[str, str, str]] = []
    section = ""
    parts: List[str] = []
    for line in text.split("\n"):
        if line.lstrip().startswith(("#", ";")):  # also between the parts of a long line
            continue
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        line = " ".join(parts + [line]).strip()
        parts = []
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        key, equals, value = line.partition("=")
        if equals:
            found.append((section, key.strip(), value.strip()))
    return found


def words(text: str, escapes: bool = True, strict: bool = True) -> List[str]:
    r"""The words of a line. Quotes of both kinds hold words together and fall away. ``escapes`` are C's (``\x20``),
    else a backslash only takes the next character as it is. Raises ValueError for an open quote if ``strict``."""
    found: List[str] = []
    word: Optional[List[str]] = None
    quote = ""
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if not quote and char in _SPACE:
            if word is not None:
                found.append("".join(word))
            word = None
            continue
        word = [] if word is None else word
        if char == "\\":
            piece, position = _unescaped(text, position, escapes)
            word.append(piece)
        elif char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote = char
        else:
            word.append(char)
    if quote and strict:
        raise ValueError("a quote is not closed")
    if word is not None:
        found.append("".join(word))
    return found


def _unescaped(text: str, position: int, escapes: bool) -> Tuple[str, int]:
    """What stands for the characters after a backslash, and where the next one is."""
    char = text[position : position + 1]
    if not escapes or char in ("", "\\", '"', "'"):
        return char, position + 1
    if char in _ESCAPES:
        return _ESCAPES[char], position + 1
    match = _NUMBER.match(text, position)
    if match is None:
        return "\\" + char, position + 1
    hexadecimal, octal = match.group(1) or match.group(3) or match.group(4), match.group(2)
    number = int(octal, 8) if octal else int(hexadecimal, 16)
    return chr(number) if number <= 0x10FFFF else "\ufffd", match.end()


def assignments(texts: List[str]) -> Dict[str, str]:
    """The variables of words such as NAME=value; what is none is left out."""
    pairs = (text.partition("=") for text in texts)
    return {name: value for name, equals, value in pairs if equals and _NAME.fullmatch(name)}


def environment(text: str) -> Dict[str, str]:
    """The variables of an environment file (EnvironmentFile=). Nothing in it is expanded. A value that begins with a
    quote ends at the next one; in any other, quotes are characters like all others."""
    found: Dict[str, str] = {}
    position = 0
    while position < len(text):
        while text[position : position + 1] in tuple(_SPACE):
            position += 1
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        equals = text.find("=", position, end)
        if text[position : position + 1] in ("#", ";"):
            while text[end - 1 : end] == "\\" and end < len(text):  # a comment goes on in the next line
                following = text.find("\n", end + 1)
                end = len(text) if following < 0 else following
            equals = -1
        if equals < 0:
            position = end + 1
            continue
        name = text[position:equals].rstrip(_SPACE)
        value, position = _value(text, equals + 1)
        if _NAME.fullmatch(name):
            found[name] = value
    return found


def _value(text: str, position: int) -> Tuple[str, int]:
    """The value that begins at a position of an environment file, and where the next line begins."""
    value: List[str] = []
    solid = 0  # how many characters of it stay: white space at the end goes, unless it was quoted or escaped
    quote, bare = "", False
    while position < len(text):
        char = text[position]
        position += 1
        if char == "\n" and not quote:
            break
        if char == "\\" and quote != "'":
            following = text[position : position + 1]
            position += 1
            if quote and following not in tuple('"\\`$\n'):
                value.append("\\")
            if following != "\n":  # else the line goes on
                value.append(following)
            bare = bare or not quote
            solid = len(value)
        elif quote:
            if char == quote:
                quote = ""
            else:
                value.append(char)
            solid = len(value)
        elif not bare and char in "\"'":
            quote = char
        elif bare or char not in _SPACE:
            bare = True
            value.append(char)
            if char not in _SPACE:
                solid = len(value)
    return "".join(value[:solid]), position


def specified(text: str, unit: str) -> str:
    """A setting with its specifiers (``%n`` and so on) replaced; those that this machine alone knows stay."""
    name = unit.rpartition(".")[0]
    prefix, _at, instance = name.partition("@")
    known = dict(_SPECIFIERS, n=unit, N=name, p=prefix, i=instance, I=instance.replace("-", "/"))
    return _SPECIFIER.sub(lambda match: known.get(match.group(1), match.group()), text)


def expanded(argv: List[str], variables: Dict[str, str]) -> List[str]:
    """A command line with its variables: ``$NAME`` as a word of its own becomes any number of words, ``${NAME}`` a
    part of one; ``$NAME`` inside of a word stays. The program itself is never a variable."""
    found = argv[:1]
    for word in argv[1:]:
        if word.startswith("$") and word[1:2] not in ("", "{", "$"):
            found += words(variables.get(word[1:], ""), escapes=False, strict=False)
        else:
            found.append(
                _IN_BRACES.sub(
                    lambda match: "$" if match.group(1) is None else variables.get(match.group(1), ""), word
                )
            )
    return found
