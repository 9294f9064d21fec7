# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    # Which data root: every module that reads Docker's records.
    DOCUMENTATION = r"""
options:
  data_root:
    description:
      - Docker's data root on the target host.
      - By default it is taken from, in this order, a running Docker daemon; its systemd unit with drop-ins, environment
        files and the C(daemon.json) that it reads; V(/var/lib/docker). Where systemd does not run or has no such unit,
        the files that init scripts read come before these (C(/etc/sysconfig/docker), C(/etc/default/docker)).
      - Where Docker remaps users (C(userns-remap)), it is the directory C(UID.GID) below. A data root that is given and
        holds nothing but one such directory means that one.
      - A Docker that a user other than root started (rootless mode) is never chosen by default. Its data root can be
        given here, and a failure to find one lists it.
      - It need not be the host's own; the disk of another machine, mounted somewhere, is read as well.
    type: path
"""

    # Which containerd has its layers.
    CONTAINERD_ROOT = r"""
options:
  containerd_root:
    description:
      - The root of the containerd that holds the layers of the containers, for a Docker with the containerd image store
        (the default of new installations since Docker 29).
      - By default it is the one, of these, that has snapshots of the containers of the data root. C(containerd/daemon)
        in the data root, where dockerd runs a containerd of its own; the root of a running containerd; the one that
        C(/etc/containerd/config.toml) names, or V(/var/lib/containerd); C(containerd) beside the data root.
      - Where the data root is a copy, this one can be a copy too, at any place.
    type: path
"""

    # Which containers of it.
    CONTAINERS = r"""
options:
  containers:
    description:
      - Names, full IDs, or unambiguous prefixes of IDs. By default all containers of the data root.
    type: list
    elements: str
"""

    CONTAINER = r"""
options:
  container:
    description:
      - The name, the full ID, or an unambiguous prefix of the ID of a container.
    type: str
    required: true
"""

    # What was asked for and is not there.
    MISSING = r"""
options:
  missing:
    description:
      - What it means that nothing has a name or ID that was asked for.
      - With V(ignore) it is listed in RV(not_found). A prefix of several IDs is a failure always.
    type: str
    choices: [fail, ignore]
    default: fail
"""
