# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes as operators write them. PRIVATE to the collection."""

import re

from .._docker import device_files
from .._errors import Refused

_SIZE = re.compile(r"^([0-9]+)([KMGT]?)(i?B)?$", re.IGNORECASE)


def size_bytes(option: str, text: str, smallest: int) -> int:
    """`512M` in bytes, with factors of 1024. Raises Refused for another form, less than ``smallest`` bytes, or more
    than the kernel can count."""
    match = _SIZE.match(text.strip())
    size = int(match.group(1)) * 1024 ** " KMGT".index(match.group(2).upper() or " ") if match else 0
    if not smallest <= size <= device_files.HIGHEST_SIZE or size % 512:
        raise Refused(
            "%s %r is not a size from %d bytes to less than 8388608T, in whole sectors of 512"
            % (option, text, smallest),
            "Give it as in 512M or 4G",
        )
    return size
