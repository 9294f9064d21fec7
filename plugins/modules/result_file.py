#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: result_file
short_description: Write what became of a host into a file on the controller
version_added: 0.1.0
description:
  - Writes one file for the host and the run that ends now, C(DIRECTORY/HOST/TIME-KIND.json), of which
    M(drydock.rescue.report) makes the report on the fleet. The roles of this collection do it when a variable, as
    C(backup_results) of the role C(drydock.rescue.backup), names the directory.
  - It runs on the controller alone. The host is not asked, so that a failure of the host can be written too.
  - The file is there whole or not at all, and its mode is C(0600). Runs that go on side by side can write into the same
    directory. Of a host and kind the newest hundred files are kept.
  - Only what a report needs of O(result) is written; what modules were called with is not.
author:
  - The drydock.rescue authors (@drydock-rescue)
options:
  directory:
    description:
      - The directory of all results, on the controller. It is made if it is missing.
    type: path
    required: true
  kind:
    description:
      - What was done.
    type: str
    choices: [backup, verify_backups, rescue, survey]
    required: true
  started:
    description:
      - When it began, in UTC.
    type: str
    required: true
  error:
    description:
      - Why the host failed. Empty where it did not.
    type: str
    default: ""
  result:
    description:
      - What the module returned.
      - For O(kind=backup) that is M(drydock.rescue.container_backup).
      - For O(kind=survey) that is C(containers), C(data_root) and C(driver) of M(drydock.rescue.container_info), and in
        C(pools) what M(drydock.rescue.thin_pool_info) returned.
      - For O(kind=verify_backups) that is C(rehearsed), a list of C(container), C(container_id), C(backup_id),
        C(restored) and C(reason).
      - For O(kind=rescue) that is C(containers), a list of C(container), C(id), C(method) and C(path).
    type: dict
    default: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and does nothing then, since a run in check mode did nothing either.
    support: full
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  platform:
    description: Target hosts that the module works on.
    platforms: all
    support: full
seealso:
  - module: drydock.rescue.report
"""

EXAMPLES = r"""
- name: Note when it begins
  ansible.builtin.set_fact:
    began: "{{ now(utc=true).strftime('%Y-%m-%dT%H:%M:%SZ') }}"

- name: Back up
  drydock.rescue.container_backup:
    repository:
      location: /srv/backup
  register: backup
  ignore_errors: true

- name: Keep what became of it
  drydock.rescue.result_file:
    directory: /var/lib/drydock/results
    kind: backup
    started: "{{ began }}"
    error: "{{ backup.msg if backup is failed else '' }}"
    result: "{{ backup }}"
"""

RETURN = r"""
path:
  description: The file that was written.
  returned: when it was written
  type: str
  sample: /var/lib/drydock/results/web7/20261122T030512Z-backup.json
"""
