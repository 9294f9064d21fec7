#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: report
short_description: Report on the backups of a fleet
version_added: 0.1.0
description:
  - Makes one report of the result files that M(drydock.rescue.result_file) and the roles of this collection wrote, as a
    page for people (C(report.html)) and as data (C(report.json)).
  - It is truthful about what is not there. A host of the inventory without a new enough result did not report, and is
    named first.
  - The task fails exactly when the page says that something is wrong, after everything was written.
  - A host is V(not_reported) where a result of one of O(kinds) is missing or older than O(max_age) or O(since);
    V(failed) where a run failed, a container could not be backed up or restored, a record or a thin pool is damaged,
    or a pool is fuller than O(pool_limit); V(warning) where a container was stored in part or with warnings; else
    V(ok). Only the first two make the task fail.
  - Of each host the newest result of each kind counts, however old it is; a rescue only within O(max_age).
  - The page is one file. It loads nothing and has no script.
  - It runs on the controller alone, and works also when every host failed.
author:
  - The drydock.rescue authors (@drydock-rescue)
options:
  results:
    description:
      - The directory of the result files.
    type: path
    required: true
  dest:
    description:
      - The directory of the report. It is made if it is missing.
      - C(report.html) and C(report.json) are replaced. What changed since the report that is there is shown.
      - C(retry.txt) is for C(--limit @retry.txt). It holds the hosts that failed or did not report, and is removed when
        there are none.
    type: path
    required: true
  hosts:
    description:
      - The hosts that should have reported.
    type: list
    elements: str
    required: true
  kinds:
    description:
      - Of which kinds every host must have a result that is no older than O(max_age).
    type: list
    elements: str
    choices: [backup, verify_backups, rescue, survey]
    default: [backup]
  max_age:
    description:
      - How old a result may be, a number with V(s), V(m), V(h) or V(d).
      - A container whose last good backup is older is marked too.
    type: str
    default: 26h
  since:
    description:
      - When the run began that this report is on, in UTC. A result of an earlier run is no report then, however new
        it is.
      - Without it a host that was off last night has reported while what it said the night before is no older than
        O(max_age). With it, it is named in the first morning.
    type: str
  pool_limit:
    description:
      - How full the data or metadata of a thin pool may be, in percent.
    type: float
    default: 90.0
  metrics:
    description:
      - A file for the textfile collector of Prometheus' node_exporter, which is replaced. Its name must end with
        C(.prom).
    type: path
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would return otherwise, without writing anything.
    support: full
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  platform:
    description: Target hosts that the module works on.
    platforms: all
    support: full
seealso:
  - module: drydock.rescue.result_file
"""

EXAMPLES = r"""
- name: The report in the morning
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Report on all hosts of the inventory
      drydock.rescue.report:
        results: /var/lib/drydock/results
        dest: /srv/www/drydock
        hosts: "{{ groups['all'] }}"
        metrics: /var/lib/prometheus/node-exporter/drydock.prom
"""

RETURN = r"""
msg:
  description: The verdict in a line.
  returned: when there is a report
  type: str
totals:
  description: How many hosts are C(not_reported), C(failed), C(warning) and C(ok), and how many containers there are.
  returned: when there is a report
  type: dict
limit:
  description: The hosts that failed or did not report.
  returned: when there is a report
  type: list
  elements: str
changes:
  description: What changed since the report before, the worse first.
  returned: when there is a report
  type: list
  elements: dict
  contains:
    host:
      description: The host.
      type: str
    container:
      description: The container, empty where it is the host.
      type: str
    direction:
      description: V(worse), V(better) or V(other).
      type: str
    text:
      description: What is different.
      type: str
"""
