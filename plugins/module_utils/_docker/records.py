# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the small files that Docker keeps its records in. PRIVATE to the collection.

Docker up to 1.11 rewrote its JSON in place, and a crash or a full disk leaves such a file empty or cut; a file
system that lost power leaves files of zero bytes at any version.
"""

import errno
import json
import os
import stat
from typing import Any, Dict, List, Tuple

from .._errors import BadRecord, NotFound

_LIMIT = 16 * 1024 * 1024
_DIGITS = 400  # no number of Docker's has a tenth of them
_FOLLOW = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


def read_text(path: str, follow: bool = False) -> str:
    """The text of a regular file of at most 16 MiB. Raises NotFound or BadRecord, both with the path."""
    return read_bytes(path, follow).decode("utf-8", "replace")


def read_bytes(path: str, follow: bool = False) -> bytes:
    """The bytes of a regular file of at most 16 MiB. Raises NotFound or BadRecord, both with the path.

    Docker writes its records as files; a link in the place of one is not followed, it would show another file.
    """
    descriptor, facts = _opened(path, follow)
    try:
        size = facts.st_size
        data = os.read(descriptor, size + 1 if size < _LIMIT else _LIMIT + 1)
        if len(data) != size:  # it grew or shrank meanwhile, or its file system gives it in pieces
            data += _rest(descriptor, len(data))
    except OSError as error:
        raise BadRecord("%s cannot be read: %s" % (path, error.strerror))
    finally:
        os.close(descriptor)
    if len(data) > _LIMIT:
        raise BadRecord("%s is larger than %d bytes" % (path, _LIMIT))
    return data


def open_regular(path: str) -> int:
    """A regular file, opened for reading; no link in the place of one is followed. Raises NotFound or BadRecord."""
    return _opened(path, False)[0]


def _opened(path: str, follow: bool) -> Tuple[int, os.stat_result]:
    try:
        # Looked at before it is opened: to open a device can do anything. Should it become a fifo just then, the
        # opening does not wait for a writer.
        facts = os.stat(path) if follow else os.lstat(path)
        if stat.S_ISLNK(facts.st_mode):
            raise BadRecord("%s is a link, not a file" % path)
        if not stat.S_ISREG(facts.st_mode):
            raise BadRecord("%s is not a regular file" % path)
        return os.open(path, _FOLLOW if follow else _FOLLOW | os.O_NOFOLLOW), facts
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise NotFound("%s is missing" % path)
        raise BadRecord("%s cannot be read: %s" % (path, error.strerror))


def _integer(digits: str) -> int:
    """Python before 3.11 takes time by the square for digits, hours for a record that is full of them."""
    if len(digits) > _DIGITS:
        raise ValueError("a number of %d digits" % len(digits))
    return int(digits)


_DECODER = json.JSONDecoder(parse_int=_integer)


def _rest(descriptor: int, length: int) -> bytes:
    """What is left of a file of which ``length`` bytes were read, up to one byte over the limit."""
    parts = [b""]
    while length <= _LIMIT:
        part = os.read(descriptor, _LIMIT + 1 - length)
        if not part:
            break
        parts.append(part)
        length += len(part)
    return b"".join(parts)


def read_json(path: str, follow: bool = False) -> Dict[str, Any]:
    """The JSON object in a file. Raises NotFound or BadRecord."""
    return json_object(path, read_text(path, follow))


def json_object(path: str, text: str) -> Dict[str, Any]:
    """The JSON object that the text of a file is. Raises BadRecord."""
    value = json_value(path, text)
    if not isinstance(value, dict):
        raise BadRecord("%s holds no JSON object" % path)
    return value


def json_value(path: str, text: str) -> Any:
    """What the text of a file is as JSON. Raises BadRecord."""
    if not text.strip("\0 \t\r\n"):
        raise BadRecord("%s is empty" % path)
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise BadRecord("%s is not whole JSON (%s)" % (path, error))


def text_of(record: Dict[str, Any], key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""


def integer_of(record: Dict[str, Any], key: str) -> int:
    value = record.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def flag_of(record: Dict[str, Any], key: str) -> bool:
    return record.get(key) is True


def mapping_of(record: Dict[str, Any], key: str) -> Dict[str, Any]:
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def texts_of(record: Dict[str, Any], key: str) -> List[str]:
    """A list of text; a single text (as Entrypoint was written once) is a list of one."""
    value = record.get(key)
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def names_in(directory: str) -> List[str]:
    """The sorted names in a directory; empty where there is none."""
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []
