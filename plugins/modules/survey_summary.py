#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: survey_summary
short_description: Sum up which hosts are to be migrated
version_added: 0.1.0
description:
  - Makes of what M(drydock.rescue.survey) returned on many hosts a page for planning a migration. It says which hosts
    still have the storage drivers devicemapper, aufs or overlay, which a Docker of today has no more, how full their
    pools are, and how old they are.
  - Runs on the controller alone and connects to no host. The playbook C(drydock.rescue.survey) uses it.
author:
  - The drydock.rescue authors (@drydock-rescue)
options:
  hosts:
    description:
      - The names of the hosts.
    type: list
    elements: str
    required: true
  surveys:
    description:
      - For each of O(hosts), the result of M(drydock.rescue.survey), also where it failed; empty where there is none.
    type: list
    elements: dict
    required: true
extends_documentation_fragment:
  - drydock.rescue.attributes.info
seealso:
  - module: drydock.rescue.survey
"""

EXAMPLES = r"""
- name: Look for containers and pools
  drydock.rescue.survey:
  register: survey
  ignore_errors: true

- name: Sum it up
  drydock.rescue.survey_summary:
    hosts: "{{ ansible_play_hosts_all }}"
    surveys: "{{ ansible_play_hosts_all | map('extract', hostvars) | map(attribute='survey', default={}) | list }}"
  run_once: true
  register: summary
"""

RETURN = r"""
lines:
  description:
    - The page, line by line. The sum, then each host with an old storage driver, the one with the fullest pool first,
      then those that could not be looked at. Control characters are escaped.
  returned: success
  type: list
  elements: str
  sample:
    - 3 hosts looked at, 1 with an old storage driver
    - "devicemapper (in no Docker after 24.0): 1 host, 12 containers"
    - "web7: devicemapper 12 containers, 10 of 12 containers alive, pool data 93.1 %, pool metadata 41.0 %, Docker 1.10
      or newer, kernel 3.10.0-1160.el7.x86_64, last change 2023-06-01"
errors:
  description: Why hosts could not be looked at, by host. One without a Docker is none of them.
  returned: success
  type: dict
  sample: {}
"""
