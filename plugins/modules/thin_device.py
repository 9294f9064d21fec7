#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: thin_device
short_description: Open a thin device, or a snapshot of one, under a name of its own
version_added: 0.1.0
description:
  - A single step of M(drydock.rescue.container_rootfs), for those who work with thin devices themselves.
  - A snapshot gets a thin id of this collection (16776960 to 16777215); a thin id of Docker's is opened only
    read-only, in a read-only pool that M(drydock.rescue.thin_pool) made, and is never deleted.
author:
  - The drydock.rescue authors (@drydock-rescue)
requirements:
  - dmsetup (package dmsetup or device-mapper)
extends_documentation_fragment:
  - drydock.rescue.attributes
  - drydock.rescue.attributes.changes
  - drydock.rescue.selection
options:
  pool:
    description:
      - The active thin pool, Docker's or one of M(drydock.rescue.thin_pool), by its name in device-mapper.
    type: str
    required: true
  name:
    description:
      - The name of the device in device-mapper. It begins with C(drydock-).
    type: str
    required: true
  device_id:
    description:
      - The thin id to open. For a snapshot by default one that is free.
      - With O(state=absent) by default the one that O(name) has open.
    type: int
  snapshot_of:
    description:
      - Makes a snapshot of this thin id and opens that. Where the origin is active, it is suspended for that moment;
        a process of its own resumes it within a second should this module be killed meanwhile.
      - Refused on a pool that is not well or of which less than 15 % of data or metadata is free.
    type: int
  size:
    description:
      - The size of the device, such as V(10G), or bytes; a multiple of 512. By default what Docker recorded for
        O(device_id) or O(snapshot_of).
    type: str
  read_only:
    description:
      - Whether the device can only be read.
    type: bool
    default: true
  state:
    description:
      - V(inactive) closes the device; a snapshot stays in the pool until it is V(absent), or until
        M(drydock.rescue.cleanup) finds it.
      - V(absent) closes it and deletes the thin id from the pool, if that is one of this collection which is in no
        record of Docker's.
    type: str
    choices: [active, inactive, absent]
    default: active
seealso:
  - module: drydock.rescue.thin_pool
  - module: drydock.rescue.thin_pool_info
"""

EXAMPLES = r"""
- name: Open a snapshot of thin device 7 beside a running Docker
  drydock.rescue.thin_device:
    pool: docker-8:1-131103-pool
    name: drydock-look
    snapshot_of: 7
    read_only: false

- name: Delete it again
  drydock.rescue.thin_device:
    pool: docker-8:1-131103-pool
    name: drydock-look
    state: absent
"""

RETURN = r"""
name:
  description: The name in device-mapper.
  returned: success
  type: str
device:
  description: The device, null where it is not active.
  returned: success
  type: str
  sample: /dev/mapper/drydock-look
device_id:
  description: The thin id that is open, or was; null where none is known.
  returned: success
  type: int
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
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import thin_state


def main():
    _ansible.run(
        dict(
            _ansible.DATA_ROOT,
            pool=dict(type="str", required=True),
            name=dict(type="str", required=True),
            device_id=dict(type="int"),
            snapshot_of=dict(type="int"),
            size=dict(type="str"),
            read_only=dict(type="bool", default=True),
            state=dict(type="str", choices=["active", "inactive", "absent"], default="active"),
        ),
        thin_state.reach,
    )


if __name__ == "__main__":
    main()
