# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module of the same name as a job that is followed and outlives a lost connection."""

from __future__ import annotations

from ansible_collections.drydock.rescue.plugins.plugin_utils._following import Following


class ActionModule(Following):
    pass
