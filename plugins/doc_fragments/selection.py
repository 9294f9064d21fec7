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
      - By default it is taken from, in this order, the command line of a running Docker daemon, its systemd unit with
        drop-ins, C(/etc/docker/daemon.json), and V(/var/lib/docker).
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
