#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: thin_pool_info
short_description: Show the device-mapper thin pools of a host, active or not
version_added: 0.1.0
description:
  - Returns every thin pool of the target host and the one of its Docker, or with O(data_root) only the pool of that
    data root, also while it is not active.
  - Nothing is written, not even a metadata snapshot. Of an active pool only what its status, the device tables and
    Docker's files show is returned, the rest is null. Of an inactive one all, from its superblock and C(thin_ls).
author:
  - The drydock.rescue authors (@drydock-rescue)
requirements:
  - dmsetup (package dmsetup or device-mapper)
  - thin_ls (package thin-provisioning-tools or device-mapper-persistent-data), for a pool that is not active
extends_documentation_fragment:
  - drydock.rescue.attributes
  - drydock.rescue.attributes.info
  - drydock.rescue.selection
seealso:
  - module: drydock.rescue.container_info
"""

EXAMPLES = r"""
- name: How full are the pools of a host
  drydock.rescue.thin_pool_info:
  register: thin

- name: Warn of a pool that is nearly full
  ansible.builtin.debug:
    msg: "{{ item.name }} has {{ item.data.percent }} % of its data space in use"
  loop: "{{ thin.pools | selectattr('data') }}"
  loop_control:
    label: "{{ item.name }}"
  when: item.data.percent > 80
"""

RETURN = r"""
pools:
  description: The thin pools.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The device-mapper name; of an inactive pool the one that Docker would give it.
      type: str
      sample: docker-8:1-131103-pool
    active:
      description: Whether the kernel has it.
      type: bool
    owner:
      description: V(docker), V(lvm) or V(other).
      type: str
    mode:
      description: V(rw), V(ro), V(out_of_data_space) or V(fail); null for an inactive pool.
      type: str
    needs_check:
      description: Whether the kernel met damage in the metadata.
      type: bool
    transaction_id:
      description: The pool's transaction id.
      type: int
    block_sectors:
      description: The size of a data block in sectors of 512 bytes.
      type: int
    data:
      description: The use of the data device, null where it cannot be known.
      type: dict
      contains: &use
        used_bytes:
          description: Bytes in use.
          type: int
        total_bytes:
          description: Bytes in all.
          type: int
        percent:
          description: The part in use.
          type: float
    metadata:
      description: The use of the metadata device, null where it cannot be known.
      type: dict
      contains: *use
    data_device:
      description: The block device with the data, null while inactive.
      type: str
    metadata_device:
      description: The block device with the metadata, null while inactive.
      type: str
    data_file:
      description: The file behind the data device of a loop-backed pool, else null.
      type: str
    metadata_file:
      description: The file behind the metadata device of a loop-backed pool, else null.
      type: str
    backing:
      description: V(loop), V(lvm) or V(device).
      type: str
    held_metadata_snapshot:
      description: Whether a metadata snapshot is held.
      type: bool
    thin_devices:
      description: The thin devices that are known.
      type: list
      elements: dict
      contains:
        device_id:
          description: The thin id.
          type: int
        mapped_bytes:
          description: What it takes of the pool, shared blocks included; null where it cannot be known.
          type: int
        active_names:
          description: The device-mapper names under which it is active.
          type: list
          elements: str
        layer_id:
          description: The layer that Docker's device file names, V(base) for the base device, null without such a file.
          type: str
    orphans:
      description: What is in the pool or in Docker's device files but not in both; null for an active pool.
      type: list
      elements: dict
      contains:
        device_id:
          description: The thin id.
          type: int
        layer_id:
          description: The layer, where there is a device file.
          type: str
        reason:
          description: V(no_file) for a device without a device file, V(no_device) for a device file without a device.
          type: str
problems:
  description: What is damaged or could not be listed.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: A fixed word for the kind of problem.
      type: str
    subject:
      description: The pool or the data root.
      type: str
    message:
      description: What is wrong.
      type: str
"""

from ansible_collections.drydock.rescue.plugins.module_utils import _ansible
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.pool_facts import pool_facts


def main():
    _ansible.run(_ansible.DATA_ROOT, lambda host, params, check_mode: pool_facts(host, params["data_root"]))


if __name__ == "__main__":
    main()
