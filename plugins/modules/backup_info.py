#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: backup_info
short_description: List the backups in a repository
version_added: 0.1.0
description:
  - Lists what M(drydock.rescue.container_backup) stored in a repository, of this host and of others.
author:
  - The drydock.rescue authors (@drydock-rescue)
options:
  container:
    description:
      - Only backups of this container, by its name, its ID or at least 12 characters of it.
    type: str
  host:
    description:
      - Only backups of this host, by the name that it calls itself (C(uname -n)).
    type: str
  backup_ids:
    description:
      - Only these backups.
    type: list
    elements: str
  files:
    description:
      - Whether RV(backups[].files) is returned, for what copies a repository. Only for the engine V(archive).
    type: bool
    default: false
  verify:
    description:
      - V(quick) looks whether every file of these backups is there, V(full) whether every byte of it is as it was
        stored. What is wrong is said in RV(backups[].problem). The repository remembers both, see
        RV(backups[].verified) and RV(backups[].status).
      - A repository of restic is looked at as a whole, with C(restic check), and V(full) reads all that is in it.
    type: str
    choices:
      - none
      - quick
      - full
    default: none
extends_documentation_fragment:
  - drydock.rescue.repository
  - drydock.rescue.attributes
  - drydock.rescue.attributes.info
"""

EXAMPLES = r"""
- name: What is there of the database
  drydock.rescue.backup_info:
    repository:
      location: /srv/backup
    container: payroll-db
  register: payroll
"""

RETURN = r"""
backups:
  description: The oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    backup_id:
      description: Names it, together with container and host.
      type: str
      sample: 20261121T031500Z-68bdfbdb1b89
    host:
      description: The host that the container was on.
      type: str
    container:
      description: The container's name, or its ID where it had none that is unique.
      type: str
    container_id:
      description: The container's ID.
      type: str
    image:
      description: The image that it was made from.
      type: str
    time:
      description: When it was made, UTC.
      type: str
    engine:
      description: Which engine wrote it.
      type: str
    status:
      description: V(stored), V(partial), or V(damaged) if it did not stand a verification.
      type: str
    state:
      description: A digest of all that was read. Two backups with the same are the same.
      type: str
    bytes_read:
      description: The size of what was read, in bytes.
      type: int
    bytes_stored:
      description: The size of what was written, in bytes; null where the engine does not say it.
      type: int
    verified:
      description: When every byte of it was last looked at, UTC; null if never.
      type: str
    problem:
      description: What is wrong with it; null where nothing is, or O(verify=none).
      type: str
    files:
      description: The files that it is, that which makes it whole the last.
      returned: when O(files=true)
      type: list
      elements: dict
      contains:
        path:
          description: Where it is below the repository's location.
          type: str
        sha256:
          description: That of the file as it was stored.
          type: str
problems:
  description:
    - All that is wrong, one line each. A backup whose manifest cannot be read is named here, whatever O(verify) is, and
      is not among RV(backups).
  returned: success
  type: list
  elements: str
"""

from ansible_collections.drydock.rescue.plugins.module_utils import _ansible
from ansible_collections.drydock.rescue.plugins.module_utils._backup import repositories, stored


def main():
    _ansible.run(
        dict(
            repository=repositories.REPOSITORY,
            container=dict(type="str"),
            host=dict(type="str"),
            backup_ids=dict(type="list", elements="str"),
            files=dict(type="bool", default=False),
            verify=dict(type="str", choices=["none", "quick", "full"], default="none"),
        ),
        lambda host, params, check_mode: stored.facts(
            host,
            repositories.given(params),
            params["container"],
            params["host"],
            params["verify"],
            params["backup_ids"],
            params["files"],
        ),
    )


if __name__ == "__main__":
    main()
