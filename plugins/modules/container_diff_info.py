#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: container_diff_info
short_description: Show what a container changed against its image, without a Docker daemon
version_added: 0.1.0
description:
  - Compares the files of a container with those that it began with, and returns what it added, changed and deleted. The
    answer is that of C(docker diff), and no Docker daemon is needed or asked.
  - A file counts as changed when its mode, owner, device number, size, time of the last change or capability is
    another; a directory when its mode, owner or capability is, or when something in it was added, changed or deleted.
    What was in a deleted directory is not listed. Files in volumes do not belong to the container's layer.
  - Nothing of Docker's is changed. On overlay2, overlay, fuse-overlayfs, aufs, btrfs and vfs the directories of the
    layers are read as they lie there, also while the container lives; what it changes meanwhile may or may not be in
    the result. No link in them is followed.
  - On devicemapper the container's device and that of its C(-init) layer are opened read-only for the moment, as
    M(drydock.rescue.container_rootfs) does it and also in check mode, or used as they are where it has them open
    already. Where the pool is active and they are not open, the module fails, since only a snapshot, which writes to
    the pool, would show them.
  - Containers on zfs are not compared; the failure names the command that does it.
author:
  - The drydock.rescue authors (@drydock-rescue)
requirements:
  - for devicemapper, what M(drydock.rescue.container_rootfs) needs
extends_documentation_fragment:
  - drydock.rescue.attributes
  - drydock.rescue.attributes.info
  - drydock.rescue.selection
  - drydock.rescue.selection.containerd_root
  - drydock.rescue.selection.container
notes:
  - Where Docker's own storage driver aufs answered C(docker diff), files that were opened for writing and not written
    were changed ones, and of directories above a change only the nearest one was listed. Here all storage drivers
    have the same rules.
seealso:
  - module: drydock.rescue.container_info
  - module: drydock.rescue.container_files
"""

EXAMPLES = r"""
- name: See what an intruder, or a hasty repair, left in a container
  drydock.rescue.container_diff_info:
    container: payroll-db
  register: diff

- name: Show the files that were not in the image, as docker diff would
  ansible.builtin.debug:
    msg: "{{ diff.changes | selectattr('kind', 'eq', 'added') | map(attribute='path') | list }}"

- name: Show what takes the room
  ansible.builtin.debug:
    msg: "{{ (diff.changes | sort(attribute='size_bytes', reverse=true))[:20] }}"
"""

RETURN = r"""
container:
  description: The full ID of the container.
  returned: success
  type: str
driver:
  description: The storage driver that holds the container's layer.
  returned: success
  type: str
  sample: overlay2
changes:
  description: What is not as it was in the image, sorted by path.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The path inside the container, control characters escaped.
      type: str
      sample: /var/log/mysqld.log
    kind:
      description: V(added), V(changed) or V(deleted), which C(docker diff) shows as C(A), C(C) and C(D).
      type: str
    type:
      description:
        - V(file), V(directory), V(link), V(character_device), V(block_device), V(fifo) or V(socket). Of what was
          deleted, what it had been.
      type: str
    size_bytes:
      description:
        - The size of a file, or the length of a link, 0 for all others. Of what was deleted, the size that it had.
        - What was in a deleted directory is neither listed nor counted.
      type: int
totals:
  description: How many there are of each kind, and how large they are together.
  returned: success
  type: dict
  contains:
    added: &total
      description: Of this kind.
      type: dict
      contains:
        count:
          description: How many.
          type: int
        size_bytes:
          description: The sum of their sizes; a file that has several names is counted once, unless it was deleted.
          type: int
    changed: *total
    deleted: *total
"""

from ansible_collections.drydock.rescue.plugins.module_utils import _ansible
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.diff_facts import diff_facts


def main():
    _ansible.run(
        _ansible.CONTAINER,
        lambda host, params, check_mode: diff_facts(
            host, params["data_root"], params["container"], params["containerd_root"]
        ),
        bulk="changes",
    )


if __name__ == "__main__":
    main()
