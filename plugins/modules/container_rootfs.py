#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: container_rootfs
short_description: Open and close the disk of a container whose Docker cannot or must not run
version_added: 0.1.0
description:
  - Shows the file system of a container at C(/run/drydock/NAME) on the target host, whatever its storage driver is and
    whether its Docker runs or not, and takes it away again.
  - With O(access=read_only) and O(access=scratch) no layer, device or file of a container is written, not even a
    journal.
  - What cannot be had safely is refused with the reason and the way out. A failure leaves the host as it was found.
author:
  - The drydock.rescue authors (@drydock-rescue)
requirements:
  - for devicemapper, dmsetup (package dmsetup or device-mapper) and thin_check (package thin-provisioning-tools or
    device-mapper-persistent-data), for O(method=extract) thin_check and thin_dump
  - for fuse-overlayfs, and for aufs on a kernel without it, fuse-overlayfs; for zfs, zfs
extends_documentation_fragment:
  - drydock.rescue.attributes
  - drydock.rescue.attributes.changes
  - drydock.rescue.selection
  - drydock.rescue.selection.containerd_root
options:
  container:
    description:
      - The name, the full ID, or an unambiguous prefix of the ID of a container.
      - With O(state=unmounted) a path where a tree is mounted does as well. Closing needs no record of the container.
      - One of O(container) and O(layer) is needed.
    type: str
  layer:
    description:
      - Instead of a container, a layer to open with O(access=read_only) - one that lost its container (see
        O(drydock.rescue.container_info#module:orphans)), an C(-init) layer, the layer of an image, or V(base), the base
        device of devicemapper. The ID of the layer, or 12 or more digits of its beginning.
    type: str
  device_id:
    description:
      - Only for devicemapper. Opens this thin device where the container's own record of it is lost.
    type: int
  data_device:
    description:
      - Only for devicemapper. The file or block device with the data of a pool that is not active, where neither the
        data root nor LVM says it (C(dm.thinpooldev) on plain devices). Goes together with O(metadata_device).
    type: path
  metadata_device:
    description:
      - The same for the metadata of the pool.
    type: path
  state:
    description:
      - Whether the tree is to be there.
    type: str
    choices: [mounted, unmounted]
    default: mounted
  path:
    description:
      - Shows the tree at this place as well. A directory that is empty or not there yet.
    type: path
  access:
    description:
      - V(read_only) is a view.
      - V(scratch) can be written, and what was written is thrown away on closing.
      - V(in_place) writes to the container's own layer. It needs a container that nothing holds, and a Docker that
        cannot start meanwhile.
    type: str
    choices: [read_only, scratch, in_place]
    default: read_only
  method:
    description:
      - How to open it; V(auto) chooses by the state that is found.
      - V(snapshot) (devicemapper, the pool is active; zfs) makes a snapshot of its own, and deletes it on closing.
      - V(snapshot) (btrfs, with O(access=read_only)) does the same by C(btrfs), also of a container that is alive.
        Subvolumes in the container are empty directories there.
      - V(assemble) (devicemapper, no pool) puts together a read-only pool from the pool's files.
      - V(extract) (devicemapper) copies the device's blocks to a sparse image in O(work_dir), without the kernel's
        device-mapper and without using the pool. For pools that are damaged, full or read-only. It needs room for the
        blocks that the device has, takes as long as copying them, and goes on where a run that was killed had come to.
      - V(extract) (aufs, neither the kernel's aufs nor fuse-overlayfs is there) copies what the layers show together.
      - V(live) (all but devicemapper, alive) shows the mount that the container itself sees.
      - V(merge) (dead; overlay2, overlay, fuse-overlayfs, aufs) shows the merged layers, V(directory) the only one, as
        btrfs and vfs have it.
      - V(direct) is the method of O(access=in_place).
    type: str
    choices: [auto, snapshot, assemble, extract, live, merge, directory, direct]
    default: auto
  volumes:
    description:
      - Whether to show the container's volumes and binds in the tree, at their destinations. What is in them is not in
        the container's layer. RV(mounts) lists them in either case.
      - They are read-only, also with O(access=scratch). With O(access=in_place) those are writable that the container
        itself may write and that no other living container mounts.
      - What cannot be had, or has no mount point in the layer (a container that never ran), is not shown, and a warning
        says so. No mount point is made.
      - A tree that is open already gets them too. They stay until it is closed; V(false) takes nothing away.
    type: bool
    default: false
  work_dir:
    description:
      - Where the scratch file lies that takes journal replay and scratch writes. It needs room for what is written, not
        for O(scratch_size).
      - By default C(/run/drydock), which is in memory; for the image of O(method=extract) C(/var/tmp/drydock). An image
        must lie neither in memory nor inside the data root.
    type: path
  scratch_size:
    description:
      - The most that journal replay and scratch writes may take, such as V(512M) or V(4G). An overflow is a failure,
        never a silently wrong tree. Only for devicemapper.
    type: str
    default: 1G
  stop_docker:
    description:
      - With O(access=in_place), whether a running Docker may be stopped. It, and the containers that ran, are started
        again on closing.
    type: bool
    default: false
notes:
  - Trees are mounted C(nosuid), C(nodev) and C(noexec).
  - All that this module makes on a host is known by its name alone and, but for a snapshot inside the pool or on btrfs,
    gone after a reboot. M(drydock.rescue.cleanup) removes what runs that were killed left behind.
seealso:
  - module: drydock.rescue.container_files
  - module: drydock.rescue.cleanup
"""

EXAMPLES = r"""
- name: Open a container of a host whose Docker does not start
  drydock.rescue.container_rootfs:
    container: payroll-db
  register: disk

- name: Look into it
  ansible.builtin.command:
    cmd: ls -l {{ disk.path }}/var/lib/mysql
  changed_when: false

- name: Close it
  drydock.rescue.container_rootfs:
    container: payroll-db
    state: unmounted

- name: Open it with the data that is in its volumes
  drydock.rescue.container_rootfs:
    container: payroll-db
    volumes: true

- name: Open a full container to make room in it
  drydock.rescue.container_rootfs:
    container: payroll-db
    access: in_place
    stop_docker: true
"""

RETURN = r"""
container:
  description: The full ID of the container; empty where nothing was open, and of a layer.
  returned: success
  type: str
path:
  description: Where the container's C(/) is, or was.
  returned: success
  type: str
  sample: /run/drydock/payroll-db
method:
  description: The method that was used, null after closing.
  returned: success
  type: str
  sample: assemble
access:
  description: The access, null after closing.
  returned: success
  type: str
  sample: read_only
device:
  description: The block device that is mounted, null where there is none.
  returned: success
  type: str
  sample: /dev/mapper/drydock-payroll-db-view
mounts:
  description:
    - Which data lies outside of the container's layer, every volume, bind and tmpfs of it. Empty after closing.
    - The keys that M(drydock.rescue.container_info) returns of a mount, and these.
  returned: success
  type: list
  elements: dict
  contains:
    destination:
      description: The mount point inside the container.
      type: str
      sample: /var/lib/mysql
    source:
      description: Where the data lies on the host today, empty where that is not known.
      type: str
      sample: /var/lib/docker/volumes/payroll/_data
    available:
      description: Whether the data can be had there now.
      type: bool
    shown:
      description: Whether it is, or in check mode would be, shown in the tree.
      type: bool
    read_only:
      description: Whether it is shown read-only, null where it is not shown.
      type: bool
    reason:
      description: Why it is not shown, null where it is.
      type: str
      sample: "it was not asked for (`volumes: true`)"
actions:
  description:
    - What was done, or would be done in check mode, as shell commands in their order. Empty when nothing changed.
    - A system call is shown as the command that does the same.
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
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import rootfs_state


def main():
    _ansible.run(
        dict(
            _ansible.CONTAINER,
            container=dict(type="str"),
            layer=dict(type="str"),
            device_id=dict(type="int"),
            data_device=dict(type="path"),
            metadata_device=dict(type="path"),
            state=dict(type="str", choices=["mounted", "unmounted"], default="mounted"),
            path=dict(type="path"),
            access=dict(type="str", choices=["read_only", "scratch", "in_place"], default="read_only"),
            method=dict(
                type="str",
                choices=["auto", "snapshot", "assemble", "extract", "live", "merge", "directory", "direct"],
                default="auto",
            ),
            volumes=dict(type="bool", default=False),
            work_dir=dict(type="path"),
            scratch_size=dict(type="str", default="1G"),
            stop_docker=dict(type="bool", default=False),
        ),
        rootfs_state.reach,
        mutually_exclusive=[("container", "layer")],
        required_one_of=[("container", "layer")],
    )


if __name__ == "__main__":
    main()
