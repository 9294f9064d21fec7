# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every storage driver is asked for and answers with. PRIVATE to the collection.

A driver is one module with METHODS (for each access), TOOLS (programs that opening needs on the host, by method),
and

- ``locate(root, container, known) -> Layer``: ids and paths, from Docker's files and what is ``known`` alone;
- ``image_directory(root, layer_id) -> str``: where the files of an image's layer are, empty where it is no directory.
  Raises NotFound or BadRecord where the layer is not there;
- ``stored_layers(root) -> List[str]``: the ids of all layers that are there;
- ``present(host, layer) -> State``: what is open now;
- ``open_plan(layer, state, request) -> Opening``: from there to a tree at ``request.path``; a pure function;
- ``close_plan(host, found) -> Plan``: takes away what is of this driver's kind among ``found``;
- ``distrust(host, found) -> str``: why what is read from the open tree may be wrong; empty when all is well;
- ``after_docker_stops(state) -> State``: what a clean stop of Docker will leave, for showing a plan before it;
- ``compared(host, root, container) -> Optional[Compared]``: the directories that show what the container changed;
  None where they have to be opened;
- ``not_in_snapshot(host, root, container) -> List[str]``, where there is such a thing: what of a container no snapshot
  shows, as absolute paths of its tree. Raises NotFound, BadRecord or Refused.

Layer and State are the driver's own types; a Layer can say its ``storage()`` for container_info.
"""

from typing import List, NamedTuple, Optional, Sequence

from .. import _ours
from .._device_mapper import dmsetup
from .._docker.containers import Container
from .._docker.liveness import Life
from .._plan import Plan
from .._tree.union import Marks

SAFE_OPTIONS = ("nosuid", "nodev", "noexec")


class Request(NamedTuple):
    container: Container
    name: str  # of the tree: see _ours.tree_name
    path: str  # /run/drydock/<name>
    access: str
    method: str  # auto, or the one that is forced
    work_dir: str
    image_dir: str  # the same for what is too large for memory
    scratch_size: int  # bytes
    life: Life


class Opening(NamedTuple):
    method: str
    plan: Plan
    device: Optional[str]  # None where there is none, or it is known only when the plan was carried out
    work_dir: str = ""  # where a method other than the access decides it


# What the operator knows where Docker's records, or the host, do not say it any more.
class Known(NamedTuple):
    device_id: Optional[int] = None
    data_device: str = ""
    metadata_device: str = ""


NOTHING = Known()


# What makes up a container's tree, and the tree that it began with; directories, the top ones first.
class Compared(NamedTuple):
    after: List[str]
    before: List[str]
    marks: Marks


# Everything of ours that one container has on the host.
class Found(NamedTuple):
    container_id: str
    name: str
    trees: List[_ours.Tree]
    devices: List[dmsetup.Device]
    all_devices: List[dmsetup.Device]
    drop_ins: List[str]
    snapshots: Sequence[str] = ()  # of btrfs
