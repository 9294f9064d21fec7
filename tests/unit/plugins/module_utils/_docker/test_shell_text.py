# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import shell_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('DOCKER_OPTS="-g /srv -s aufs"', {"DOCKER_OPTS": "-g /srv -s aufs"}),
        ("# A=1\nexport A=2 # B=3", {"A": "2"}),
        ("A='$B' \nB=/b\nC=$B/${B}/$D", {"A": "$B", "B": "/b", "C": "/b//b/"}),
        ('A="a"\nA="$A b"', {"A": "a b"}),
        ("A='a \\\n b'", {"A": "a  b"}),
        ("A=", {"A": ""}),
        ("A='open\nB=1", {"B": "1"}),
        ("if [ -x A=1 ]; then\n  A=1\nfi", {"A": "1"}),
    ],
)
def test_files_of_assignments(text, expected):
    assert shell_text.variables(text, {}) == expected


def test_variables_of_an_earlier_file():
    assert shell_text.variables("B=$A", {"A": "1"}) == {"A": "1", "B": "1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exec /usr/bin/docker daemon $OPTIONS 2>&1 | logger", ["/usr/bin/docker", "daemon", "-g", "/x"]),
        ("A=1 dockerd ${OPTIONS}; true", ["dockerd", "-g", "/x"]),
        ("dockerd -g '/a b' && true", ["dockerd", "-g", "/a b"]),
        ("dockerd 'open", []),
        ("", []),
    ],
)
def test_the_command_of_a_line(text, expected):
    assert shell_text.command(text, {"OPTIONS": "-g /x"}) == expected


def test_megabytes_say_nothing():
    """shlex would take minutes."""
    assert shell_text.variables("A=1\n" * 1000000, {"B": "2"}) == {"B": "2"}
    assert shell_text.command("dockerd " * 1000000, {}) == []


def test_a_value_that_grows_says_nothing_in_the_end():
    text = "A=0123456789\n" + "A=$A$A$A$A$A$A$A$A$A$A\n" * 9
    assert len(shell_text.variables(text, {})["A"]) <= 65536
