# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

from ansible_collections.drydock.rescue.plugins.module_utils._errors import MissingTools, RescueError


def test_a_hint_follows_the_message():
    assert str(RescueError("it is broken", "mend it")) == "it is broken. mend it"
    assert str(RescueError("it is broken.", "mend it")) == "it is broken. mend it"
    assert str(RescueError("it is broken")) == "it is broken"


def test_all_missing_tools_are_named_at_once_with_their_packages():
    error = MissingTools(["dmsetup", "thin_check"], ["dmsetup", "thin-provisioning-tools"])
    assert "dmsetup, thin_check" in error.message
    assert "thin-provisioning-tools" in error.hint
