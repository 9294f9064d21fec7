#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: survey
short_description: Look what Docker a host has, for planning a migration
version_added: 0.1.0
description:
  - Asks M(drydock.rescue.container_info) and, where there is anything of devicemapper,
    M(drydock.rescue.thin_pool_info), in one task, and returns what a plan needs of it. That costs the controller less
    time and memory than two tasks, which counts with a thousand hosts.
  - A host without Docker is no failure. Nothing is changed on the host.
author:
  - The drydock.rescue authors (@drydock-rescue)
options:
  results:
    description:
      - A directory on the controller. What the modules returned is written there, as M(drydock.rescue.result_file) does
        it, for M(drydock.rescue.report), also where the host failed or was not reached.
    type: path
extends_documentation_fragment:
  - drydock.rescue.attributes
  - drydock.rescue.attributes.info
  - drydock.rescue.selection
  - drydock.rescue.selection.containerd_root
seealso:
  - module: drydock.rescue.survey_summary
  - module: drydock.rescue.report
"""

EXAMPLES = r"""
- name: Look for containers and pools
  drydock.rescue.survey:
    results: ./results
  register: survey

- name: Warn of a host that is to be migrated
  ansible.builtin.debug:
    msg: "{{ survey.old_drivers }}"
  when: survey.old_drivers
"""

RETURN = r"""
docker:
  description: Whether a data root was found.
  returned: when the host was reached
  type: bool
containers:
  description: How many containers there are.
  returned: when the host was reached
  type: int
alive:
  description: How many of them are alive.
  returned: when the host was reached
  type: int
old_drivers:
  description:
    - How many containers each of devicemapper, aufs and overlay has, of those of which there is anything in the
      data root.
  returned: when the host was reached
  type: dict
  sample:
    devicemapper: 12
data_percent:
  description: How full with data the fullest pool of Docker is; null where there is none or it cannot be known.
  returned: when the host was reached
  type: float
metadata_percent:
  description: The same of its metadata.
  returned: when the host was reached
  type: float
docker_at_least:
  description: As M(drydock.rescue.container_info) returns it.
  returned: when the host was reached
  type: str
kernel:
  description: As M(drydock.rescue.container_info) returns it.
  returned: when the host was reached
  type: str
last_change:
  description:
    - When a container was last made, started or ended (UTC), as Docker wrote it; empty where nothing says so.
  returned: when the host was reached
  type: str
  sample: "2023-06-01T00:00:00Z"
problems:
  description: How many problems were found.
  returned: when the host was reached
  type: int
"""
