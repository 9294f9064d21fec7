#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: container_backup
short_description: Back up containers of a host whose Docker may or may not run
version_added: 0.1.0
description:
  - Stores all chosen containers of a host in a repository, in one call. Docker is not asked, it may run or not.
  - A backup holds the files as the container sees them, its volumes, how it was made and run (C(container.json)), and a
    manifest with counts and sha256. Owners, modes, times, extended attributes with capabilities, ACLs and SELinux
    labels, hard links, holes, devices, fifos and names that are not UTF-8 come back as they were. Sockets are counted
    and left out.
  - A container that did not change since its newest backup in the repository is V(unchanged) and nothing is written.
  - One container that fails never stops the others.
author:
  - The drydock.rescue authors (@drydock-rescue)
options:
  exclude_containers:
    description:
      - Names, globs or full IDs of containers that are left out.
    type: list
    elements: str
    default: []
  volumes:
    description:
      - Whether the data of its volumes is stored with a container. A volume that several containers mount is stored
        with each.
    type: bool
    default: true
  binds:
    description:
      - Whether the directories and files of the host that a container mounts are stored with it. One that holds the
        data root, the repository or file systems of the kernel is left out, and the passport says so.
    type: bool
    default: false
  exclude:
    description:
      - Absolute paths in the container that are left out, with all below. V(*) and V(?) stand for a part of one name.
    type: list
    elements: str
    default: []
  compression:
    description:
      - How archives are compressed. restic has a way of its own, which O(compression.method=none) turns off.
    type: dict
    suboptions:
      method:
        description:
          - By default V(zstd) where the target host has it, else V(gzip).
        type: str
        choices:
          - zstd
          - gzip
          - none
      level:
        description:
          - From 1 to 19 for V(zstd), from 1 to 9 for V(gzip). By default the program's own default.
        type: int
  consistency:
    description:
      - How a container that lives is read. A dead one needs nothing; should it be started meanwhile, its backup is
        V(partial).
      - V(auto) takes a snapshot where the storage driver has one (devicemapper, btrfs, zfs), else reads the living
        files.
      - V(snapshot) fails for a living container whose driver has none.
      - V(pause) freezes the processes of a living container while it is read, as C(docker pause) does, by its own
        cgroup and for at most O(pause_limit) seconds. They go on within a second when the module ends, by whatever
        death. A container that is paused already stays so.
      - V(live) reads the living files also where there could be a snapshot of them; devicemapper has no other way than
        its snapshot.
      - On btrfs a snapshot needs the program C(btrfs). Subvolumes that lie in the container are not in it, and
        a warning and the passport name them.
      - Volumes and binds are in no snapshot. Only V(pause) reads them as they were at one moment.
    type: str
    choices:
      - auto
      - snapshot
      - pause
      - live
    default: auto
  pause_limit:
    description:
      - For so many seconds a container is frozen at most. A backup that takes longer reads the rest of the living files
        and is V(partial).
    type: int
    default: 60
  keep:
    description:
      - Which older backups of these containers are kept. By default all. The newest whole one is always kept.
    type: dict
    suboptions:
      last:
        description: So many of the newest.
        type: int
      daily:
        description: The newest of each of so many days (UTC).
        type: int
      weekly:
        description: The newest of each of so many weeks.
        type: int
      monthly:
        description: The newest of each of so many months.
        type: int
  verify:
    description:
      - Looks at the backups that hold the containers now, V(quick) whether all of it is there, V(full) at every byte. A
        backup that is damaged makes its container V(failed), and the next run stores it anew.
    type: str
    choices:
      - none
      - quick
      - full
    default: none
  jobs:
    description:
      - How many containers are read at a time.
    type: int
    default: 2
  fail_on:
    description:
      - When the task fails, V(any) or V(all) of the containers having failed. RV(results) is returned all the same.
    type: str
    choices:
      - any
      - all
      - never
    default: any
  include_env:
    description:
      - Whether environment variables, labels and the options of log and volume drivers, which may hold secrets, are
        stored in a repository that is not encrypted.
    type: bool
    default: false
  make_repository:
    description:
      - Whether a repository is made where there is none. V(false) is for who gave one that is there, so that a location
        with a fault in it is a failure and no new, empty repository.
      - Where several hosts find that a repository of restic is not there yet, the collection's action plugin lets one
        of them make it, among all runs of a user on this controller.
    type: bool
    default: true
extends_documentation_fragment:
  - drydock.rescue.selection
  - drydock.rescue.selection.containerd_root
  - drydock.rescue.selection.containers
  - drydock.rescue.repository
  - drydock.rescue.repository.archives
  - drydock.rescue.progress
  - drydock.rescue.attributes
  - drydock.rescue.attributes.changes
"""

EXAMPLES = r"""
- name: Every container of the host
  drydock.rescue.container_backup:
    repository:
      location: /srv/backup

- name: Some of them, two weeks of backups
  drydock.rescue.container_backup:
    containers:
      - payroll-*
      - web
    exclude_containers:
      - payroll-cache
    repository:
      location: /srv/backup
    exclude:
      - /var/cache/*
      - /tmp/*
    keep:
      daily: 14

- name: Every container of every host into one encrypted repository
  drydock.rescue.container_backup:
    repository:
      engine: restic
      location: s3:https://s3.example.org/backup
      password: "{{ vault_restic_password }}"
      environment:
        AWS_ACCESS_KEY_ID: "{{ vault_s3_key_id }}"
        AWS_SECRET_ACCESS_KEY: "{{ vault_s3_key }}"
"""

RETURN = r"""
results:
  description: One for each chosen container, also when the task fails.
  returned: when the containers were looked at
  type: list
  elements: dict
  contains:
    container:
      description: The name, or the ID of one without a name.
      type: str
    id:
      description: The container's ID.
      type: str
    status:
      description:
        - V(stored), V(unchanged), V(partial), V(failed), or in check mode V(planned).
        - A container whose record or C(hostconfig.json) cannot be read is V(partial), as only they tell which volumes
          it has and how it was made.
      type: str
    backup_id:
      description: The backup that holds it now.
      type: str
    method:
      description: How the container was opened, see M(drydock.rescue.container_rootfs).
      type: str
    consistency:
      description: V(stopped), V(snapshot), V(pause) or V(live).
      type: str
    files:
      description: How many regular files it has.
      type: int
    bytes_read:
      description: The size of what was read, in bytes.
      type: int
    bytes_stored:
      description: The size of what was written, in bytes.
      type: int
    seconds:
      description: How long it took.
      type: float
    warnings:
      description: What is not in the backup as it was; for V(failed) the reason.
      type: list
      elements: str
totals:
  description: How many are V(stored), V(unchanged), V(partial) and V(failed), with C(bytes_read) and C(bytes_stored).
  returned: when the containers were looked at
  type: dict
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
from ansible_collections.drydock.rescue.plugins.module_utils._backup import backup, repositories
from ansible_collections.drydock.rescue.plugins.module_utils._backup.engine import Compression
from ansible_collections.drydock.rescue.plugins.module_utils._backup.keeping import Keep


def main():
    _ansible.run(
        dict(
            _ansible.CONTAINERS,
            **_ansible.PROGRESS,
            repository=repositories.REPOSITORY,
            exclude_containers=dict(type="list", elements="str", default=[]),
            volumes=dict(type="bool", default=True),
            binds=dict(type="bool", default=False),
            exclude=dict(type="list", elements="str", default=[]),
            compression=dict(
                type="dict",
                options=dict(
                    method=dict(type="str", choices=["zstd", "gzip", "none"]), level=dict(type="int")
                ),
            ),
            consistency=dict(type="str", choices=["auto", "snapshot", "pause", "live"], default="auto"),
            pause_limit=dict(type="int", default=60),
            keep=dict(type="dict", options={name: dict(type="int") for name in Keep._fields}),
            verify=dict(type="str", choices=["none", "quick", "full"], default="none"),
            jobs=dict(type="int", default=2),
            fail_on=dict(type="str", choices=["any", "all", "never"], default="any"),
            include_env=dict(type="bool", default=False),
            make_repository=dict(type="bool", default=True),
        ),
        work,
        reach=_jobs.reach,
    )


def work(host, params, check_mode):
    wanted = backup.Wanted(
        params["data_root"],
        params["containers"],
        params["exclude_containers"],
        repositories.given(params),
        Compression(**params["compression"] or {}),
        params["volumes"],
        params["binds"],
        params["exclude"],
        params["consistency"],
        params["pause_limit"],
        Keep(**params["keep"] or {}),
        params["verify"],
        params["jobs"],
        params["fail_on"],
        params["include_env"],
        params["containerd_root"],
        params["make_repository"],
    )
    return backup.work(host, wanted, check_mode)


if __name__ == "__main__":
    main()
