# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a layer is where it seems to be: no link stands in its place or on the way. PRIVATE to the collection.

Docker makes every layer a directory of its own. A link in its place could show, or write, anything.
"""

import functools
import os
import stat
from typing import Set

from .._errors import BadRecord, NotFound


def require_directory(path: str) -> None:
    """For ``<home>/<layer>/<name>``. Raises NotFound where there is none, BadRecord where a link leads elsewhere."""
    if is_directory_of_layer(path):
        return
    if not os.path.isdir(path):
        raise NotFound("%s is missing" % path)
    home, layer_id, name = path.rsplit("/", 2)
    real = os.path.realpath(path)
    if real != os.path.join(os.path.realpath(home), layer_id, name):
        raise BadRecord(
            "%s is a link to %s, where a layer belongs" % (path, real),
            "Nothing was opened: this is not how Docker leaves a layer",
        )


@functools.lru_cache(maxsize=4096)  # the layers of an image are those of all its containers
def is_directory_of_layer(path: str) -> bool:
    """Whether ``<home>/<layer>/<name>`` is a directory itself, and neither it nor the way to it a link."""
    home, layer_id, _name = path.rsplit("/", 2)
    return layer_id in _layers_of(home) and is_directory(path)


def is_directory(path: str) -> bool:
    """Whether it is one itself, not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


@functools.lru_cache(maxsize=16)
def _layers_of(home: str) -> Set[str]:
    """The layers that are directories themselves; none where the way to them leads through a link."""
    try:
        if os.path.realpath(home) != home:
            return set()
        with os.scandir(home) as entries:
            return {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
    except OSError:
        return set()
