# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._errors import Refused
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import sizes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("16M", 16 * 2**20),
        ("1G", 2**30),
        ("1g", 2**30),
        (" 4GiB ", 4 * 2**30),
        ("512MB", 512 * 2**20),
        ("2T", 2 * 2**40),
        ("16777216", 16 * 2**20),
        ("16777216B", 16 * 2**20),
        ("16384K", 16 * 2**20),
    ],
)
def test_a_size(text, size):
    assert sizes.size_bytes("size", text, 16 * 2**20) == size


@pytest.mark.parametrize(
    "text", ["", "G", "-1G", "1.5G", "1 G", "1P", "15M", "16777215", "0", "1GG", "\u0661G"]
)
def test_what_is_no_size_or_too_small(text):
    with pytest.raises(Refused):
        sizes.size_bytes("size", text, 16 * 2**20)
