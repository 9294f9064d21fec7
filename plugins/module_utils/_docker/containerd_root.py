# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the containerd is that keeps snapshots for a Docker. PRIVATE to the collection.

Either dockerd starts one of its own, with everything in `<data root>/containerd/daemon`, or it uses the system's, whose
root is that of a running one's flags or config.toml, else /var/lib/containerd. A host can have both, and the containerd
of a host may be there for something else: the right one knows the containers.
"""

import os
import re
from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Optional

from .._errors import BadRecord, NotFound, RescueError
from .._host import Host
from . import records, userns
from .containerd_store import META, NAMESPACE, OVERLAYFS, Store

DEFAULT = "/var/lib/containerd"
CONFIG = "/etc/containerd/config.toml"
_ROOT = re.compile(r"""\s*root\s*=\s*(?:"([^"\\\0]*)"|'([^'\0]*)')\s*(?:#.*)?""")
_FLAG = re.compile(r"--?(root|config|c)")
_LISTED = 12


class Found(NamedTuple):
    store: Optional[Store]
    is_used: bool  # whether Docker keeps its layers there


def find(host: Host, data_root: str, path: Optional[str], is_hosts: bool) -> Found:
    """The containerd at ``path``, or the one that holds the snapshots of a data root's containers. Where none does,
    that of its Docker: of another data root than this host's only one that its dockerd started. Raises NotFound or
    BadRecord for a path that is none."""
    ids = frozenset(records.names_in(os.path.join(data_root, "containers")))
    if path:
        store = Store(_checked(path))
        store.namespace = _namespace_with(store, ids) or _own_namespace(data_root)
        return Found(store, True)
    stores = [Store(root) for root in _candidates(host, data_root)]
    for store in stores:
        namespace = _namespace_with(store, ids)
        if namespace:
            store.namespace = namespace
            return Found(store, True)
    for store in stores:
        if is_hosts or store.root in _of_dockerd(data_root):
            store.namespace = _own_namespace(data_root)
            # Where Docker mounts them.
            return Found(store, os.path.isdir(os.path.join(data_root, "rootfs", OVERLAYFS)))
    return Found(None, False)


def _candidates(host: Host, data_root: str) -> List[str]:
    # Beside a data root that was moved, what else was moved.
    beside = os.path.join(os.path.dirname(data_root), "containerd")
    system = [*_running(host), _in_config(CONFIG) or DEFAULT, beside]
    roots = dict.fromkeys(os.path.realpath(one) for one in _of_dockerd(data_root) + system)
    return [root for root in roots if os.path.lexists(os.path.join(root, META))]


def _of_dockerd(data_root: str) -> List[str]:
    """Where a dockerd that starts a containerd of its own has it; it does so before it remaps users."""
    roots = [data_root] + ([os.path.dirname(data_root)] if _is_remapped(data_root) else [])
    return [os.path.join(root, "containerd/daemon") for root in roots]


def _namespace_with(store: Store, ids: FrozenSet[str]) -> str:
    try:
        return store.namespace_with(ids)
    except RescueError:  # each container says it
        return ""


def _own_namespace(data_root: str) -> str:
    return NAMESPACE + "-" + os.path.basename(data_root) if _is_remapped(data_root) else NAMESPACE


def _is_remapped(data_root: str) -> bool:
    return data_root in userns.directories(os.path.dirname(data_root))


def _running(host: Host) -> Iterator[str]:
    """The roots of the containerds that root started, outside of containers."""
    for process in host.processes():
        if os.path.basename(process.argv[0]) != "containerd" or process.uid != 0:
            continue
        if host.shares_our_root(process.pid):
            flags = _flags(process.argv)
            found = flags.get("root") or _in_config(flags.get("config") or flags.get("c") or CONFIG)
            yield found or DEFAULT


def _flags(argv: List[str]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for word, following in zip(argv[1:], argv[2:] + [""]):
        flag, equals, value = word.partition("=")
        match = _FLAG.fullmatch(flag)
        if match:
            found[match.group(1)] = value if equals else following
    return found


def _in_config(path: str) -> str:
    """The root that a config.toml names, empty if it names none."""
    try:
        text = records.read_text(path, follow=True)
    except RescueError:
        return ""
    for line in text.splitlines():
        if line.lstrip().startswith("["):  # below a heading it is another key
            return ""
        match = _ROOT.fullmatch(line)
        if match:
            return match.group(1) or match.group(2) or ""
    return ""


def _checked(path: str) -> str:
    try:
        root = os.path.realpath(path)
    except ValueError:  # with a zero byte
        raise NotFound("containerd_root %r is not a directory" % path, "Give another `containerd_root`")
    if not os.path.isdir(root):
        raise NotFound("containerd_root %s is not a directory" % path, "Give another, or leave it out")
    if not os.path.exists(os.path.join(root, META)):
        raise BadRecord(
            "containerd_root %s is not the root of a containerd: it holds %s"
            % (path, ", ".join(records.names_in(root)[:_LISTED]) or "nothing"),
            "It holds %s" % META,
        )
    return root
