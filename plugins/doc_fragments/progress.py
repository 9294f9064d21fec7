# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    # How work that takes longer than two seconds is followed.
    DOCUMENTATION = r"""
options:
  progress:
    description:
      - Whether Ansible's output shows how far it is, for what takes longer than two seconds. Where the output is no
        terminal, there is one line in ten seconds.
    type: bool
    default: true
  background:
    description:
      - Whether the module ends after two seconds and the work goes on by itself. RV(ignore:job) then says where its
        status is, and the same call again takes the result, up to an hour after the end.
      - The collection's action plugin sets it and waits for the result, so that the work outlives a lost connection. It
        does so neither in check mode nor with C(async), and not where this option is given.
    type: bool
    default: false
  throttle:
    description:
      - How many hosts work with the same O(repository) at a time, the others wait. All runs of a user on this
        controller count, so that slices of an inventory can run side by side. By default there is no limit.
      - It has no effect in check mode, with C(async) and with O(background).
      - Ansible's own C(throttle) counts one run alone, and with the strategies C(free) and C(host_pinned) it ends the
        run when a host is unreachable.
    type: int
    default: 0
notes:
  - A call whose connection was lost goes on on the host. The same call again takes its result, and
    RV(ignore:earlier_run) says when it began. A call that is in any option another one starts a work of its own.
"""
