#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: container_rescue
short_description: Open the disks of containers, copy and delete in them, and close them
version_added: 0.1.0
description:
  - Does in one task what M(drydock.rescue.container_info), M(drydock.rescue.container_rootfs) and
    M(drydock.rescue.container_files) do one after the other, for each of the containers that a host has, and says what
    was done in RV(report). That costs the controller less time than a task for each, which counts with many hosts.
  - Every disk is closed before the next is opened, also after a failure. After a failure no other is opened.
  - A host that has none of the containers is no failure, nor is one without Docker.
  - It is the work of the role drydock.rescue.rescue.
author:
  - The drydock.rescue authors (@drydock-rescue)
requirements:
  - those of M(drydock.rescue.container_rootfs) and M(drydock.rescue.container_files)
extends_documentation_fragment:
  - drydock.rescue.attributes
  - drydock.rescue.attributes.changes
  - drydock.rescue.selection
  - drydock.rescue.selection.containerd_root
options:
  container:
    description:
      - Names, full IDs or unambiguous prefixes of IDs.
    type: list
    elements: str
    required: true
  access:
    description:
      - As M(drydock.rescue.container_rootfs) has it.
    type: str
    choices: [read_only, scratch, in_place]
    default: read_only
  method:
    description:
      - As M(drydock.rescue.container_rootfs) has it.
    type: str
    default: auto
  device_id:
    description:
      - As M(drydock.rescue.container_rootfs) has it.
    type: int
  path:
    description:
      - As M(drydock.rescue.container_rootfs) has it. Only for a single container.
    type: path
  volumes:
    description:
      - As M(drydock.rescue.container_rootfs) has it.
    type: bool
    default: false
  work_dir:
    description:
      - As M(drydock.rescue.container_rootfs) has it.
    type: path
  scratch_size:
    description:
      - As M(drydock.rescue.container_rootfs) has it.
    type: str
    default: 1G
  stop_docker:
    description:
      - As M(drydock.rescue.container_rootfs) has it.
    type: bool
    default: false
  largest:
    description:
      - How many of the files that take the most room are reported, the largest first.
    type: int
    default: 0
  copy:
    description:
      - Paths or globs inside the container that are copied to O(dest).
    type: list
    elements: str
    default: []
  dest:
    description:
      - Where the copies go; required with O(copy).
      - A directory on the host, in which the files of a container appear below its name.
      - With O(fetch=true), a directory on the controller, in which each container is C(HOST/NAME.tar).
    type: path
  fetch:
    description:
      - Whether the copies go to the controller, as one tar for each container, over the connection's own transfer and
        checked by its sha256. It is there whole or not at all, only for its owner, and what is there already is not
        sent again.
      - Until then the tar is in a directory of its own below C(/var/tmp) on the host, which needs room for it.
    type: bool
    default: false
  delete:
    description:
      - Paths or globs inside the container that are deleted. Needs another O(access) than V(read_only).
    type: list
    elements: str
    default: []
  keep_mounted:
    description:
      - Whether the disks stay open in the end. M(drydock.rescue.container_rootfs) closes them.
    type: bool
    default: false
  part:
    description:
      - Which part of the work is done.
      - For tasks of your own in an open tree, V(find) comes first, and then for each of RV(containers) V(begin), which
        ends with the disk open, your tasks, and V(end), which closes it (or with O(keep_mounted) says where it is).
    type: str
    choices: [all, find, begin, end]
    default: all
  earlier:
    description:
      - With O(part=begin) and O(part=end), what the part before returned on this host, with which this one goes on.
    type: dict
    default: {}
  tasks:
    description:
      - What your own tasks are called where check mode reports that they are skipped.
    type: str
notes:
  - In check mode the plan for opening is reported; what needs the open tree is skipped, and RV(report) says so.
  - To open and close for reading is no change.
seealso:
  - module: drydock.rescue.container_rootfs
  - module: drydock.rescue.container_files
"""

EXAMPLES = r"""
- name: Copy a database to the controller
  drydock.rescue.container_rescue:
    container: [payroll-db]
    copy: [/var/lib/mysql]
    dest: ./rescued
    fetch: true
  register: rescue

- name: Show what was done
  ansible.builtin.debug:
    msg: "{{ rescue.report }}"
"""

RETURN = r"""
report:
  description: What was found and done, line by line, with the commands.
  returned: when the host was reached
  type: list
  elements: str
  sample:
    - data root /var/lib/docker
    - "payroll-db: opened read_only at /run/drydock/payroll-db by merge"
found:
  description: How many of the containers the host has.
  returned: when the host was reached
  type: int
data_root:
  description: The data root; empty where there is none.
  returned: when the host was reached
  type: str
  sample: /var/lib/docker
containers:
  description: The containers that the host has.
  returned: when the host was reached
  type: list
  elements: dict
  contains:
    id:
      description: The full ID.
      type: str
    name:
      description: The name, or the ID where there is none.
      type: str
      sample: payroll-db
opened:
  description: Those that were opened, or in check mode would be.
  returned: when the host was reached
  type: list
  elements: dict
  contains:
    id:
      description: The full ID.
      type: str
    container:
      description: The name, or the ID where there is none.
      type: str
      sample: payroll-db
    method:
      description: As M(drydock.rescue.container_rootfs) returns it.
      type: str
      sample: merge
    path:
      description: Where the container's C(/) is, or was.
      type: str
      sample: /run/drydock/payroll-db
refused:
  description: >-
    The IDs of those whose opening was refused. Their disks were not touched, and what somebody else has open is not
    closed.
  returned: when the host was reached
  type: list
  elements: str
started:
  description: When this began (UTC).
  returned: when the host was reached
  type: str
  sample: "2026-11-22T03:00:00Z"
actions:
  description: What the step that failed had done, as shell commands.
  returned: failure
  type: list
  elements: str
undone:
  description: The commands by which the failure was undone.
  returned: failure
  type: list
  elements: str
"""
