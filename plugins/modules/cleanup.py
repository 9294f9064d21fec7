#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: cleanup
short_description: Remove everything that drydock.rescue has on a host
version_added: 0.1.0
description:
  - Closes every tree, removes every device, loop, snapshot and scratch directory of this collection on the target host,
    and lets a Docker that is held off start again.
  - The status and results of backups that ended in the background are removed too. Those that still work are not.
  - It is for what runs that were killed left behind. What is of this collection is known by its name alone, and nothing
    else is touched.
  - Trees that somebody still works with are closed too. List them first, in check mode.
author:
  - The drydock.rescue authors (@drydock-rescue)
extends_documentation_fragment:
  - drydock.rescue.attributes
  - drydock.rescue.attributes.changes
notes:
  - To find snapshots of this collection that a reboot left in an active thin pool, a device of its own is made for a
    moment, in check mode too. Nothing is written to the pool for it.
  - Snapshots on btrfs that a reboot left are looked for in the data root that this host's Docker uses. In another one
    they go with the next backup of their container.
seealso:
  - module: drydock.rescue.container_rootfs
"""

EXAMPLES = r"""
- name: List what there is, changing nothing
  drydock.rescue.cleanup:
  check_mode: true

- name: Remove it
  drydock.rescue.cleanup:
"""

RETURN = r"""
removed:
  description: The containers of which something was removed, or would be.
  returned: success
  type: list
  elements: dict
  contains:
    container:
      description: The full ID, empty where it is not known.
      type: str
    path:
      description: Where the tree was.
      type: str
actions:
  description: What was done, or would be done, as shell commands. Empty when nothing changed.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.drydock.rescue.plugins.module_utils import _ansible, _jobs
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import closing


def main():
    _ansible.run({}, work)


def work(host, params, check_mode):
    closed = closing.close_everything(host, check_mode)
    actions = [line for one in closed for line in one.actions] + _jobs.remove_ended(host, check_mode)
    return dict(
        changed=bool(actions),
        removed=[dict(container=one.container_id, path=one.path) for one in closed],
        actions=actions,
        warnings=[line for one in closed for line in one.warnings],
        diff=_ansible.state_diff([one.path for one in closed if one.path], []),
    )


if __name__ == "__main__":
    main()
