# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _syscalls


@pytest.mark.parametrize(
    ("options", "flags", "data"),
    [
        ((), 0, ""),
        (("ro", "nosuid", "nodev", "noexec"), 15, ""),
        (("bind", "ro"), 4097, ""),
        (("rw", "nouuid"), 0, "nouuid"),
        (("ro", "lowerdir=/a:/b", "index=off"), 1, "lowerdir=/a:/b,index=off"),
        (("bind", "remount", "ro"), 4129, ""),
        (("rbind",), 4096 + 16384, ""),
    ],
)
def test_options_of_mount_8_become_flags_and_data_of_mount_2(options, flags, data):
    assert _syscalls.split_options(options) == (flags, data)


def test_a_call_that_fails_says_why(tmp_path):
    with pytest.raises(OSError) as failure:
        _syscalls.unmount(str(tmp_path / "none"))
    assert failure.value.strerror
