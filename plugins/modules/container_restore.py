#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: container_restore
short_description: Restore a container's files from a backup
version_added: 0.1.0
description:
  - Restores what M(drydock.rescue.container_backup) stored, of this host or another one.
  - O(to=directory) restores all of a backup below O(path). C(rootfs/) holds the container's files,
    C(volumes/<destination>/) its volumes, and C(container.json) says how it was made and run. Each part is put in its
    place only when it is proven to be what was stored. A part that is there already and proven is left alone, so a run
    that was stopped goes on where it was.
  - O(to=files) restores chosen files of the container's own, under their paths below O(path).
  - O(to=container) makes the files of a container that is there and dead those of the backup, also by deleting what the
    backup does not have. What the backup was told to exclude stays as it is. What was in the container is kept aside
    until the new content is proven, and is taken back when that fails. A run that was killed is completed by running it
    again; until then Docker is held off where a service manager runs, and the old content is safe in O(work_dir).
author:
  - The drydock.rescue authors (@drydock-rescue)
options:
  container:
    description:
      - The container, by its name, its ID or at least 12 characters of it.
    type: str
    required: true
  host:
    description:
      - The host that it was on, by the name that it called itself (C(uname -n)). By default this one.
    type: str
  backup_id:
    description:
      - Which backup. By default the newest whole one.
    type: str
  to:
    description:
      - Where to.
    type: str
    choices:
      - directory
      - files
      - container
    default: directory
  path:
    description:
      - The directory on the target host, for O(to=directory) and O(to=files). It is made, for root alone, if it is
        missing.
    type: path
  files:
    description:
      - What O(to=files) restores, with all below. Absolute paths in the container; V(*) and V(?) stand for a part of
        one name.
    type: list
    elements: str
    default: []
  overwrite:
    description:
      - Whether what is under O(path) and not as the backup holds it is replaced. With O(to=directory) that is a whole
        C(rootfs) or volume, with O(to=files) a file. No directory is replaced by a file.
    type: bool
    default: false
  into:
    description:
      - The container on this host that O(to=container) restores into, by its name, its ID or the beginning of it. By
        default that with the name of the backup's container.
    type: str
  work_dir:
    description:
      - For O(to=container), a directory for the extracted backup and, compressed, for what was in the container. By
        default C(/var/tmp/drydock-restore). It must be able to hold all that files have (owners, extended attributes).
    type: path
  stop_docker:
    description:
      - For O(to=container), whether a Docker that runs may be stopped. Docker, and what ran, are started again at the
        end.
    type: bool
    default: false
extends_documentation_fragment:
  - drydock.rescue.selection
  - drydock.rescue.selection.containerd_root
  - drydock.rescue.repository
  - drydock.rescue.repository.archives
  - drydock.rescue.progress
  - drydock.rescue.attributes
  - drydock.rescue.attributes.changes
"""

EXAMPLES = r"""
- name: All of it
  drydock.rescue.container_restore:
    repository:
      location: /srv/backup
    container: payroll-db
    path: /srv/restored/payroll-db

- name: One file of last week
  drydock.rescue.container_restore:
    repository:
      location: /srv/backup
    container: payroll-db
    backup_id: 20261114T031500Z-68bdfbdb1b89
    to: files
    files:
      - /etc/my.cnf
    path: /srv/restored

- name: Back into the container, whose Docker may be stopped for it
  drydock.rescue.container_restore:
    repository:
      location: /srv/backup
    container: payroll-db
    to: container
    stop_docker: true
"""

RETURN = r"""
backup_id:
  description: The backup that was taken.
  returned: success
  type: str
path:
  description: The directory, empty with O(to=container).
  returned: success
  type: str
container:
  description: The ID of the container that it was restored into.
  returned: with O(to=container)
  type: str
restored:
  description:
    - The parts that were restored, or would be; not those that were there already. With O(to=files) the paths in the
      container, in check mode O(files).
  returned: success
  type: list
  elements: str
  sample: [rootfs, volumes/var/lib/mysql, container.json]
actions:
  description: What was done, or would be. Empty when nothing changed.
  returned: always
  type: list
  elements: str
job:
  description: Where the status of work that goes on is. Nothing else is returned then.
  returned: when O(background=true) and the work takes longer than two seconds
  type: dict
earlier_run:
  description: When the run began whose result this is, UTC.
  returned: when the result is that of an earlier run whose connection was lost
  type: str
"""

from ansible_collections.drydock.rescue.plugins.module_utils import _ansible, _jobs
from ansible_collections.drydock.rescue.plugins.module_utils._backup import (
    repositories,
    restore,
    to_container,
)


def main():
    _ansible.run(
        dict(
            _ansible.PROGRESS,
            repository=repositories.REPOSITORY,
            container=dict(type="str", required=True),
            host=dict(type="str"),
            backup_id=dict(type="str"),
            to=dict(type="str", choices=["directory", "files", "container"], default="directory"),
            path=dict(type="path"),
            files=dict(type="list", elements="str", default=[]),
            overwrite=dict(type="bool", default=False),
            into=dict(type="str"),
            work_dir=dict(type="path"),
            stop_docker=dict(type="bool", default=False),
            **_ansible.ROOTS,
        ),
        work,
        reach=_jobs.reach,
        required_if=[("to", "directory", ("path",)), ("to", "files", ("path", "files"))],
    )


def work(host, params, check_mode):
    wanted = restore.Wanted(
        repositories.given(params),
        params["container"],
        params["host"],
        params["backup_id"],
        params["to"],
        params["path"],
        params["files"],
        params["overwrite"],
        to_container.Into(
            params["into"],
            params["data_root"],
            params["work_dir"],
            params["stop_docker"],
            params["containerd_root"],
        ),
    )
    return restore.work(host, wanted, check_mode)


if __name__ == "__main__":
    main()
