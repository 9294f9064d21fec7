# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    # Where backups are: every module that writes or reads them.
    DOCUMENTATION = r"""
options:
  repository:
    description:
      - Where the backups are, as the target host reaches it.
    type: dict
    required: true
    suboptions:
      engine:
        description:
          - V(archive) writes plain tar files into a directory of the target host (a disk, or a mounted network file
            system). They can be read without this collection; a C(README.txt) there says how. They are not encrypted.
          - V(restic) stores in a repository of the program restic, 0.14 or newer, which must be installed on the target
            host. It is encrypted, what is there already is not stored again, and it can be on another host. It is made
            if it is missing. Several hosts can share one.
        type: str
        choices:
          - archive
          - restic
        default: archive
      location:
        description:
          - For V(archive) an absolute path. It is made, for root alone, if it is missing.
          - For V(restic) an absolute path, or what restic itself takes, as C(sftp:user@host:/path),
            C(rest:https://host/) or C(s3:https://host/bucket). Give a user name and a password in
            O(repository.environment), not here.
        type: str
        required: true
      password:
        description:
          - What a repository of restic is encrypted with. There is no way into it without. One of this,
            O(repository.password_file) and O(repository.password_command) is needed for V(restic); V(archive) ignores
            them with a warning.
        type: str
      password_file:
        description:
          - A file on the target host whose first line is the password.
        type: path
      password_command:
        description:
          - A command on the target host that prints the password.
        type: str
      environment:
        description:
          - Variables that restic is started with, as C(AWS_ACCESS_KEY_ID), C(AWS_SECRET_ACCESS_KEY) or
            C(RESTIC_REST_PASSWORD). Of the environment of the task it gets nothing.
          - Ansible takes every value in it for a secret and hides it wherever it shows up in a result, so put nothing
            here that is short or common.
        type: dict
        default: {}
      options:
        description:
          - What restic takes with C(-o), as V(sftp.command=ssh -i /root/.ssh/backup backup@vault -s sftp).
        type: list
        elements: str
        default: []
      rate_limit:
        description:
          - So many bytes per second a host reads from the repository and writes to it at most, 1024 or more. By
            default there is no limit.
          - It counts what is compressed already, and is divided evenly among the containers that are read at a time.
            Who is frozen by V(pause) or held by a snapshot stays so for longer.
        type: int
notes:
  - restic before 0.15 writes files with holes in full when it restores them, and before 0.17 does not say afterwards
    how much a backup added to the repository.
  - restic cannot make a repository from two hosts at the same time. M(drydock.rescue.container_backup) lets one do it
    first, but the runs of several controllers do not know of each other, so begin with one of them.
  - A restic that cannot reach its repository in the middle tries for up to 15 minutes before it gives up.
"""

    # What reads and writes its archives.
    ARCHIVES = r"""
options: {}
notes:
  - The engine V(archive) needs GNU tar 1.27 or newer, or that of EL 7, and zstd or gzip, on the target host.
"""
