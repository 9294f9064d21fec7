#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: container_files
short_description: List, copy out or delete files in a container's open tree
version_added: 0.1.0
description:
  - Works inside a tree that M(drydock.rescue.container_rootfs) opened, or for listing and copying in any directory.
  - Links are resolved inside the tree as the container would resolve them, never on the host.
  - Volumes that are shown in the tree (O(drydock.rescue.container_rootfs#module:volumes)) are gone through like the
    rest of it. A directory that a volume lies in is never deleted, nor the volume; only what is in it, by its name.
  - Copies keep owners, modes, times, extended attributes, ACLs, hard links and holes. Sockets, devices and fifos are
    never opened and are left out.
author:
  - The drydock.rescue authors (@drydock-rescue)
requirements:
  - tar (GNU tar), for O(state=copied)
extends_documentation_fragment:
  - drydock.rescue.attributes
  - drydock.rescue.attributes.changes
options:
  container:
    description:
      - A container that is open, by its name, its ID or a prefix of it.
    type: str
  root:
    description:
      - The directory that is the root of the tree, instead of O(container).
    type: path
  state:
    description:
      - V(listed) returns the files.
      - V(copied) copies them to O(dest). Only what is not there yet, or differs, is copied.
      - V(absent) deletes them. Only in a tree that is open with access C(in_place) or C(scratch).
    type: str
    choices: [listed, copied, absent]
    default: listed
  paths:
    description:
      - Paths inside the tree, or globs. C(*), C(?) and C([...]) match in one directory, C(**) in any number of them.
      - A leading dot is matched only by a pattern that begins with one, as in a shell.
      - A directory means all that is in it.
      - A link is copied as a link, and what it leads to inside the tree with it; it is deleted alone.
      - By default V([/]) for O(state=listed), and required otherwise.
    type: list
    elements: str
  dest:
    description:
      - A directory on the target host. Files appear in it under their path inside the tree. Made for root alone if it
        is missing.
      - With O(archive=true) the file to write.
    type: path
  archive:
    description:
      - Whether to write one tar at O(dest) instead. The same tree gives the same bytes.
    type: bool
    default: false
  largest:
    description:
      - Only for O(state=listed). Returns this many files that take the most room on the disk, the largest first.
    type: int
"""

EXAMPLES = r"""
- name: What fills the container
  drydock.rescue.container_files:
    container: payroll-db
    largest: 20

- name: Copy the database out
  drydock.rescue.container_files:
    container: payroll-db
    state: copied
    paths:
      - /var/lib/mysql
      - /etc/my*.cnf
    dest: /srv/rescued/payroll-db

- name: Make room (the container was opened with access in_place)
  drydock.rescue.container_files:
    container: payroll-db
    state: absent
    paths:
      - /var/log/**/*.log.*
"""

RETURN = r"""
root:
  description: The root of the tree on the target host.
  returned: success
  type: str
  sample: /run/drydock/payroll-db
not_matched:
  description: What in O(paths) names nothing.
  returned: success
  type: list
  elements: str
files:
  description: The files, with O(state=listed).
  returned: when O(state=listed)
  type: list
  elements: dict
  contains:
    path:
      description: The path inside the tree, control characters escaped.
      type: str
      sample: /var/log/mysqld.log
    type:
      description: V(file), V(directory), V(link), V(character_device), V(block_device), V(fifo) or V(socket).
      type: str
    size_bytes:
      description: The size.
      type: int
    disk_bytes:
      description: The room it takes on the disk; less than the size where it has holes.
      type: int
    mode:
      description: The mode in octal digits.
      type: str
      sample: "0644"
    uid:
      description: The owner's number.
      type: int
    gid:
      description: The group's number.
      type: int
    mtime:
      description: The time of the last change, in seconds since 1970.
      type: int
    target:
      description: What a link says.
      type: str
copied:
  description: The paths that were copied, or would be.
  returned: when O(state=copied)
  type: list
  elements: str
left_out:
  description: Sockets, devices and fifos that were left out.
  returned: when O(state=copied)
  type: list
  elements: str
dest:
  description: Where the copy is.
  returned: when O(state=copied)
  type: str
sha256:
  description: The checksum of the tar, null in check mode.
  returned: when O(archive=true)
  type: str
size_bytes:
  description: The size of the tar, null in check mode.
  returned: when O(archive=true)
  type: int
deleted:
  description: The paths that were deleted, or would be.
  returned: when O(state=absent)
  type: list
  elements: str
freed_bytes:
  description: The room that they took on the disk.
  returned: when O(state=absent)
  type: int
actions:
  description: What was done, or would be done, as shell commands. Empty when nothing changed.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.drydock.rescue.plugins.module_utils import _ansible
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import files


def main():
    _ansible.run(
        dict(
            container=dict(type="str"),
            root=dict(type="path"),
            state=dict(type="str", choices=["listed", "copied", "absent"], default="listed"),
            paths=dict(type="list", elements="str"),
            dest=dict(type="path"),
            archive=dict(type="bool", default=False),
            largest=dict(type="int"),
        ),
        work,
        required_one_of=[("container", "root")],
        mutually_exclusive=[("container", "root")],
        required_if=[("state", "copied", ("paths", "dest")), ("state", "absent", ("paths",))],
    )


def work(host, params, check_mode):
    wanted = files.Wanted(
        params["container"],
        params["root"],
        params["state"],
        params["paths"] or ["/"],
        params["dest"],
        params["archive"],
        params["largest"],
    )
    result = files.work(host, wanted, check_mode)
    result.setdefault("actions", [])
    names = result.pop("diff", [])
    gone = wanted.state == "absent"
    result["diff"] = _ansible.state_diff(names if gone else [], [] if gone else names)
    return result


if __name__ == "__main__":
    main()
