# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Docker used a data root. PRIVATE to the collection.

Docker writes its version nowhere there, but each of these names only since a version. One that is older keeps what a
newer one left, so it is the newest Docker that ever ran there that is told.
"""

import os

_SINCE = (
    ("engine-id", "23.0"),
    ("buildkit", "18.06"),
    ("overlay2", "1.12"),
    ("volumes/metadata.db", "1.11"),
    ("image", "1.10"),
    ("volumes", "1.7"),
    ("devicemapper/metadata/deviceset-metadata", "1.4"),
)


def at_least(data_root: str) -> str:
    """The first version that makes what is there; empty where nothing tells."""
    for name, version in _SINCE:
        if os.path.lexists(os.path.join(data_root, name)):
            return version
    return ""
