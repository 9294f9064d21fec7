# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as results and files say them. PRIVATE to the collection."""

import time
from typing import Optional


def stamp(moment: Optional[time.struct_time] = None) -> str:
    """A moment of UTC, by default now, in ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", moment or time.gmtime())
