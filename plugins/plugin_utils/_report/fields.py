# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON that hostile hosts had a hand in: what is of another type than it should be is left out and noted, never an
exception; texts are bounded and fit for one line. PRIVATE to the collection."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.drydock.rescue.plugins.module_utils import _text

NAME, MESSAGE = 200, 1000  # characters
NOTES = 10
_LARGEST = 2**63
_DIGITS = 20
_UTC = "%Y-%m-%dT%H:%M:%SZ"
_MOMENT = re.compile("([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z", re.ASCII)


def parsed(content: bytes) -> Any:
    """The value of JSON. Raises ValueError with what is wrong."""
    try:
        # A number of a million digits takes minutes to read, and none of ours is so long.
        return json.loads(
            content, parse_int=lambda digits: int(digits) if len(digits) <= _DIGITS else math.inf
        )
    except RecursionError:
        raise ValueError("is nested too deeply")
    except ValueError:
        raise ValueError("is not whole JSON")


def line(value: str, limit: int = NAME) -> str:
    """A text fit for one line, cut where it is long."""
    shown = _text.printable(value[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "\u2026"


def moment(text: str) -> int:
    """Seconds since 1970 of a time as we write it. Raises ValueError."""
    match = _MOMENT.fullmatch(text)
    if not match:
        raise ValueError(text)
    # strptime() takes ten times as long, and a fleet has many files.
    numbers = [int(group) for group in match.groups()]
    return int(datetime.datetime(*numbers, tzinfo=datetime.timezone.utc).timestamp())  # type: ignore[arg-type]


def written(seconds: float) -> str:
    """The reverse of moment()."""
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime(_UTC)


class Notes:
    """What was left out."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._more = 0

    def add(self, text: str) -> None:
        if len(self._texts) < NOTES:
            self._texts.append(text)
        else:
            self._more += 1

    def all(self) -> list[str]:
        return self._texts + (["and %d more of this kind" % self._more] if self._more else [])


class Fields:
    """A mapping. A field that is missing or null is not noted."""

    def __init__(self, value: Any, where: str, notes: Notes) -> None:
        self._where, self._notes = where, notes
        self._value: dict[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            notes.add("%s is no mapping" % where)

    def has(self, key: str) -> bool:
        return self._value.get(key) is not None

    def text(self, key: str, limit: int = NAME) -> str:
        value = self._value.get(key)
        if value is None or isinstance(value, str):
            return line(value or "", limit)
        return self._wrong(key, "text", "")

    def exact(self, key: str) -> str:
        """A text that is compared, not shown."""
        value = self._value.get(key)
        return value if isinstance(value, str) else self._wrong(key, "text", "")

    def number(self, key: str) -> float | None:
        """Of a count, a size, a duration."""
        value = self._value.get(key)
        if value is None:
            return None
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LARGEST:
            return value
        return self._wrong(key, "number", None)

    def flag(self, key: str) -> bool | None:
        value = self._value.get(key)
        return value if value is None or isinstance(value, bool) else self._wrong(key, "boolean", None)

    def moment(self, key: str) -> int | None:
        value = self._value.get(key)
        try:
            return None if value is None else moment(value)
        except (TypeError, ValueError, OverflowError):
            return self._wrong(key, "time", None)

    def mapping(self, key: str) -> Fields:
        value = self._value.get(key)
        return Fields({} if value is None else value, self._name(key), self._notes)

    def each(self, key: str, limit: int) -> Iterator[Fields]:
        """The mappings of a list."""
        for number, one in enumerate(self._list(key, limit)):
            yield Fields(one, "%s[%d]" % (self._name(key), number), self._notes)

    def texts(self, key: str, limit: int) -> list[str]:
        found = []
        for one in self._list(key, limit):
            if isinstance(one, str):
                found.append(line(one, MESSAGE))
            else:
                self._wrong(key, "list of texts", None)
        return found

    def is_list(self, key: str) -> bool:
        return isinstance(self._value.get(key), list)

    def _list(self, key: str, limit: int) -> list[Any]:
        value = self._value.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            return self._wrong(key, "list", [])
        if len(value) > limit:
            self._notes.add("%s has %d entries, only %d are shown" % (self._name(key), len(value), limit))
        return value[:limit]

    def _wrong(self, key: str, kind: str, instead: Any) -> Any:
        self._notes.add("%s is no %s" % (self._name(key), kind))
        return instead

    def _name(self, key: str) -> str:
        return "%s.%s" % (self._where, key)
