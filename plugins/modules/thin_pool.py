#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: thin_pool
short_description: Activate the thin pool of a stopped Docker under a name of its own
version_added: 0.1.0
description:
  - A single step of M(drydock.rescue.container_rootfs), for those who work with thin devices themselves.
  - Verifies the superblock of the pool's metadata (magic, checksum, sizes) and the metadata itself (C(thin_check)),
    and creates the pool as C(drydock-ID-pool), with the length that the superblock says. A pool whose superblock does
    not verify, or whose metadata is damaged, is refused.
  - With O(state=inactive) it takes away that pool and what lies below it, and nothing else.
author:
  - The drydock.rescue authors (@drydock-rescue)
requirements:
  - dmsetup (package dmsetup or device-mapper)
  - thin_check (package thin-provisioning-tools or device-mapper-persistent-data)
  - for a pool of LVM, lvs and pvs (package lvm2)
extends_documentation_fragment:
  - drydock.rescue.attributes
  - drydock.rescue.attributes.changes
  - drydock.rescue.selection
options:
  data_device:
    description:
      - The file or block device with the pool's data, instead of those of O(data_root). Goes together with
        O(metadata_device).
    type: path
  metadata_device:
    description:
      - The file or block device with the pool's metadata.
    type: path
  read_only:
    description:
      - Whether nothing can be written to the pool. A pool that can be written is refused beside a running Docker.
    type: bool
    default: true
  state:
    description:
      - Whether the pool is to be there.
    type: str
    choices: [active, inactive]
    default: active
notes:
  - A pool of LVM is read through devices of this collection over its hidden volumes. LVM activates nothing; its own
    check could clear the mark that the pool needs one.
seealso:
  - module: drydock.rescue.thin_device
  - module: drydock.rescue.thin_pool_info
"""

EXAMPLES = r"""
- name: Activate the pool of a Docker that is stopped, for reading
  drydock.rescue.thin_pool:
  register: pool

- name: The same for a pool on two plain devices
  drydock.rescue.thin_pool:
    data_device: /dev/sdb1
    metadata_device: /dev/sdc1

- name: Take it away again
  drydock.rescue.thin_pool:
    state: inactive
"""

RETURN = r"""
name:
  description: The name of the pool in device-mapper, null where there can be none.
  returned: success
  type: str
  sample: drydock-5f0a1be0c2d4-pool
device:
  description: The device of an active pool, else null. It shows the pool's raw blocks; do not write to it.
  returned: success
  type: str
  sample: /dev/mapper/drydock-5f0a1be0c2d4-pool
actions:
  description: What was done, or would be done in check mode, as shell commands. Empty when nothing changed.
  returned: always
  type: list
  elements: str
undone:
  description: The commands by which a failure was undone.
  returned: failure
  type: list
  elements: str
"""

from ansible_collections.drydock.rescue.plugins.module_utils import _ansible
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import pool_state


def main():
    _ansible.run(
        dict(
            _ansible.DATA_ROOT,
            data_device=dict(type="path"),
            metadata_device=dict(type="path"),
            read_only=dict(type="bool", default=True),
            state=dict(type="str", choices=["active", "inactive"], default="active"),
        ),
        pool_state.reach,
    )


if __name__ == "__main__":
    main()
