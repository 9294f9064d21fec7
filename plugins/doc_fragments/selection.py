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
