# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

from ansible_collections.drydock.rescue.plugins.module_utils._tree import private


def modes(*paths):
    return [os.stat(str(path)).st_mode & 0o7777 for path in paths]


def test_every_directory_that_was_missing_is_for_root_alone(tmp_path):
    os.chmod(str(tmp_path), 0o755)
    private.make(str(tmp_path / "a" / "b" / "c") + "/")
    assert modes(tmp_path, tmp_path / "a", tmp_path / "a/b", tmp_path / "a/b/c") == [
        0o755,
        0o700,
        0o700,
        0o700,
    ]
    os.chmod(str(tmp_path / "a"), 0o711)
    private.make(str(tmp_path / "a" / "d"))
    assert modes(tmp_path / "a", tmp_path / "a/d") == [0o711, 0o700]
