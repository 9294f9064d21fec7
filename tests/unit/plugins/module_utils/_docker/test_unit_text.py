# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import unit_text


def test_entries_of_a_unit():
    text = """# Environment=A=1
[Unit]
Description=Docker
  ; ExecStart=/no
[Service]
ExecStart = /usr/bin/dockerd \\
  # between the parts
  -g /x
Environment=
nonsense
[Install]
WantedBy=multi-user.target"""
    assert unit_text.entries(text) == [
        ("Unit", "Description", "Docker"),
        ("Service", "ExecStart", "/usr/bin/dockerd    -g /x"),
        ("Service", "Environment", ""),
        ("Install", "WantedBy", "multi-user.target"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  a\t b\n", ["a", "b"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("--data-root='/a b'/c", ["--data-root=/a b/c"]),
        ("'' \"\"", ["", ""]),
        (r"a\x20b \143 \u00e4 \s", ["a b", "c", "\u00e4", " "]),
        (r"'\'' \" \\ ", ["'", '"', "\\"]),
        (r"\q \xzz \U99999999", [r"\q", r"\xzz", "\ufffd"]),
    ],
)
def test_words(text, expected):
    assert unit_text.words(text) == expected


def test_an_open_quote():
    with pytest.raises(ValueError, match="not closed"):
        unit_text.words("a 'b")
    assert unit_text.words("a 'b c", strict=False) == ["a", "b c"]


def test_words_without_escapes():
    assert unit_text.words(r"a\ b\x20 \\ " + "\\", escapes=False) == ["a bx20", "\\", ""]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1", {"A": "1"}),
        (" A = 1 2  \n\nB=2", {"A": "1 2", "B": "2"}),
        ("# A=1\n;B=2\nC=3", {"C": "3"}),
        ("# goes on \\\nA=1\nB=2", {"B": "2"}),
        ("no assignment\nA=1", {"A": "1"}),
        ("1A=1\n=2\nexport B=3\nC-D=4", {}),
        ("A='a b'\nB=\"c d\"", {"A": "a b", "B": "c d"}),
        ("A='a'  \"b\" c ", {"A": "abc"}),
        ("A=-x='a b'", {"A": "-x='a b'"}),
        (r'A="a \" \$ \x"', {"A": r'a " $ \x'}),
        (r"A='a \ b'", {"A": r"a \ b"}),
        ("A=a \\\n  b\nB=2", {"A": "a   b", "B": "2"}),
        ('A="a\nb"\nB=2', {"A": "a\nb", "B": "2"}),
        ('A="a \\\n b"', {"A": "a  b"}),
        ("A=a\\ ", {"A": "a "}),
        ("A=' a '", {"A": " a "}),
        ("A='open\nB=2", {"A": "open\nB=2"}),
        ("A=\nB=", {"A": "", "B": ""}),
        ("A=$B ${C}", {"A": "$B ${C}"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=\\", {"A": ""}),
        ("#", {}),
        ("# end \\", {}),
    ],
)
def test_environment_files(text, expected):
    assert unit_text.environment(text) == expected


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["d", "$A"], ["d", "-g", "/x y"]),
        (["d", "${A}"], ["d", "-g '/x y'"]),
        (["d", "--root=${B}/c", "x$B"], ["d", "--root=/b/c", "x$B"]),
        (["d", "$NONE", "${NONE}", "e"], ["d", "", "e"]),
        (["d", "$$B", "$${B}", "$"], ["d", "$B", "${B}", "$"]),
        (["$B", "$B"], ["$B", "/b"]),
        ([], []),
    ],
)
def test_variables_of_a_command_line(argv, expected):
    assert unit_text.expanded(argv, {"A": "-g '/x y'", "B": "/b"}) == expected


def test_what_a_value_holds_is_not_expanded_again():
    assert unit_text.expanded(["d", "${A}", "$A"], {"A": "${B}", "B": "x"}) == ["d", "${B}", "${B}"]


def test_specifiers():
    text = "%%n %n %N %p %i %S/docker %H"
    expected = "%n docker@a-b.service docker@a-b docker a-b /var/lib/docker %H"
    assert unit_text.specified(text, "docker@a-b.service") == expected


def test_assignments():
    assert unit_text.assignments(["A=1=2", "B", "=3", "C="]) == {"A": "1=2", "C": ""}
