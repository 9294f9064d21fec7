# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that tell this host's Docker its settings."""

import os

import pytest


@pytest.fixture
def write(tmp_path):
    """Writes a file below tmp_path/etc."""

    def to(name, text):
        path = tmp_path / "etc" / name
        os.makedirs(str(path.parent), exist_ok=True)
        path.write_text(text)
        return str(path)

    return to


@pytest.fixture
def unit(write):
    """Writes a unit with these lines in its section Service."""

    def to(name, *lines, **options):
        text = "[Unit]\nDescription=x\n[Service]\nType=notify\n" + "".join(line + "\n" for line in lines)
        return write("%s/%s" % (options.get("place", "usr-units"), name), text)

    return to
