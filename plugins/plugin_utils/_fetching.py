# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of a host to the controller, by the connection's own transfer: whole, proven and private, or not at all.
PRIVATE to the collection.

`ansible.builtin.fetch` with privilege escalation takes the whole file into memory, and compares it with what it reads
on the host itself.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from typing import Any

from ansible.errors import AnsibleActionFail

from ansible_collections.drydock.rescue.plugins.module_utils._text import printable

CHUNK = 1024 * 1024
DIGITS = frozenset("0123456789abcdef")


def fetch(connection: Any, src: str, dest: str, sha256: str) -> bool:
    """Whether it had to be sent. Raises AnsibleError."""
    if len(sha256) != 64 or not DIGITS.issuperset(sha256):
        raise AnsibleActionFail(
            "the host says that the sha256 of %s is %s, and that is none"
            % (printable(src), printable(sha256[:80]))
        )
    try:
        if _sha256_of(dest) == sha256:
            os.chmod(dest, 0o600)
            return False
        _fetch(connection, src, dest, sha256)
    except OSError as error:
        raise AnsibleActionFail("%s on the controller: %s" % (printable(dest), error.strerror))
    return True


def _fetch(connection: Any, src: str, dest: str, sha256: str) -> None:
    directory = os.path.dirname(dest)
    before = os.umask(0o077)  # for all of the directories that are made
    try:
        os.makedirs(directory, exist_ok=True)
    finally:
        os.umask(before)
    # Nobody else reads it on its way, and nothing is left of one that was cut off.
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=directory) as place:
        arrived = os.path.join(place, "file")
        connection.fetch_file(src, arrived)
        found = _sha256_of(arrived)
        if found != sha256:
            raise AnsibleActionFail(
                "%s did not arrive as it was on the host: its sha256 is %s, not %s. Run it again"
                % (printable(src), found or "missing", sha256)
            )
        os.chmod(arrived, 0o600)
        with open(arrived, "rb") as stream:
            os.fsync(stream.fileno())
        os.rename(arrived, dest)


def _sha256_of(path: str) -> str:
    """Of a file; empty where there is none."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            for chunk in iter(lambda: stream.read(CHUNK), b""):
                digest.update(chunk)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()
