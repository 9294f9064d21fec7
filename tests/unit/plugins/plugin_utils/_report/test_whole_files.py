# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import tracemalloc

import pytest

from ansible_collections.drydock.rescue.plugins.plugin_utils._report import whole_files


def test_a_small_file_takes_little_memory_whatever_the_limit(tmp_path):
    (tmp_path / "file").write_bytes(b"text")
    tracemalloc.start()
    assert whole_files.read(str(tmp_path / "file"), 10**9) == b"text"
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_what_is_larger_than_the_limit_is_not_read(tmp_path):
    (tmp_path / "file").write_bytes(b"text")
    assert whole_files.read(str(tmp_path / "file"), 4) == b"text"
    with pytest.raises(ValueError, match="has more than 0 MiB"):
        whole_files.read(str(tmp_path / "file"), 3)


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_what_is_no_file(tmp_path, kind):
    if kind == "pipe":
        os.mkfifo(tmp_path / "file")
    else:
        (tmp_path / "file").symlink_to("/etc/passwd")
    with pytest.raises((OSError, ValueError)):
        whole_files.read(str(tmp_path / "file"), 100)
