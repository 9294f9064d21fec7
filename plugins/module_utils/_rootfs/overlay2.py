# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage driver overlay2. PRIVATE to the collection.

`overlay2/<layer id>/{diff,link,lower,work,merged}`; `lower` is ``l/A:l/B...``, the nearest first, each a link in
`overlay2/l` to a `diff` (daemon/graphdriver/overlay2 of moby). Where these are damaged, layerdb has the same list.
"""

import functools
import os
import re
from typing import List

from .._docker import layers, records
from .._docker.containers import Container
from .._docker.data_root import DataRoot
from .._errors import BadRecord, NotFound, RescueError
from .._host import Host
from . import kernel_overlay, layered, real_paths
from .driver import NOTHING, Compared, Known

_SHORT_LINK = re.compile(r"l/[A-Z0-9]+")
_LINK = re.compile(r"\.\./([A-Za-z0-9][^/]*)/diff")  # as Docker makes them
# The rest of what a driver is asked for.
METHODS, TOOLS, open_plan, close_plan = layered.METHODS, layered.TOOLS, layered.open_plan, layered.close_plan
present, after_docker_stops, distrust = layered.present, layered.after_docker_stops, layered.distrust


def locate(root: DataRoot, container: Container, known: Known = NOTHING) -> layered.Layer:
    """The layers of a container. Raises NotFound or BadRecord."""
    return layers_in(os.path.join(root.path, "overlay2"), container, known, kernel_overlay.plan)


def image_directory(root: DataRoot, layer_id: str) -> str:
    """Where the files of an image's layer are. Raises NotFound or BadRecord."""
    return directory_in(os.path.join(root.path, "overlay2"), layer_id)


def stored_layers(root: DataRoot) -> List[str]:
    """The ids of all layers that are there."""
    return layers.in_directory(os.path.join(root.path, "overlay2"))


def compared(host: Host, root: DataRoot, container: Container) -> Compared:
    """The directories that show what a container changed. Raises NotFound or BadRecord."""
    layer = locate(root, container)
    return layered.compared(layer, kernel_overlay.marks(host, [layer.upper_dir] + layer.lower_dirs))


def layers_in(
    home: str,
    container: Container,
    known: Known,
    union: layered.Union,
    fs_type: str = "",
) -> layered.Layer:
    """The same for any driver with this layout in ``home``."""
    layer_id = layered.require_layer_id(container, known)
    upper = directory_in(home, layer_id)
    try:
        lower = _from_links(home, layer_id)
    except RescueError as error:
        lower = layered.recorded_below(container, lambda one: "%s/%s/diff" % (home, one), error)
    work, merged = "%s/%s/work" % (home, layer_id), "%s/%s/merged" % (home, layer_id)
    return layered.Layer(upper, lower, work, merged, union, fs_type)


def directory_in(home: str, layer_id: str) -> str:
    """The files of one layer alone. Raises NotFound or BadRecord."""
    directory = "%s/%s/diff" % (home, layer_id)
    real_paths.require_directory(directory)
    return directory


def _from_links(home: str, layer_id: str) -> List[str]:
    try:
        text = records.read_text("%s/%s/lower" % (home, layer_id)).strip("\n\0")
    except NotFound:
        if os.path.isdir(os.path.join(home, layer_id, "work")):
            raise  # only a layer without lower ones has no `work`
        return []
    words = text.split(":")
    found = [_directory_of(home, word) for word in words]
    if "" in found:
        raise BadRecord("%s: %r in `lower` is no link" % (layer_id, words[found.index("")][:80]))
    return found


@functools.lru_cache(maxsize=4096)  # the layers of an image are those of all its containers
def _directory_of(home: str, word: str) -> str:
    """The directory that a word of `lower` leads to, empty if it is no link. Raises BadRecord."""
    link = home + "/" + word
    try:
        target = os.readlink(link) if _SHORT_LINK.fullmatch(word) else ""
    except OSError:
        target = ""
    if not target:
        return ""
    usual = _LINK.fullmatch(target)
    if usual and _links_are_plain(home):
        directory = "%s/%s/diff" % (home, usual.group(1))
        if real_paths.is_directory_of_layer(directory):
            return directory
    directory = os.path.realpath(link)
    if not os.path.isdir(directory) or os.path.dirname(os.path.dirname(directory)) != os.path.realpath(home):
        raise BadRecord("%s leads to %s, which is no layer" % (link, directory))
    return directory


@functools.lru_cache(maxsize=16)
def _links_are_plain(home: str) -> bool:
    """Whether the directory of links is one itself: else they lead from another place."""
    return real_paths.is_directory(home + "/l")
