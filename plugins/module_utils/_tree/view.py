# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree, open for reading, as the kernel shows it without following any link, where it can. PRIVATE to the
collection."""

import contextlib
import os
from typing import Iterator, NamedTuple, Tuple

from .._host import Host

_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class View(NamedTuple):
    descriptor: int  # the root of the tree
    place: str  # the same for a tool
    keep: Tuple[int, ...]  # what that tool needs open
    follows_links: bool  # this kernel cannot do without


@contextlib.contextmanager
def opened(host: Host, root: str) -> Iterator[View]:
    """Raises OSError where it is no directory."""
    directory = os.open(root, _ROOT)
    view = None
    try:
        view = host.without_links(directory)
        if view is None:
            yield View(directory, root, (), True)
        else:
            yield View(view, "/proc/self/fd/%d" % view, (view,), False)
    finally:
        os.close(directory)
        if view is not None:
            os.close(view)
