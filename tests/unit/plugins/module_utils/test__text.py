# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import json

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("web\nok: [host]", r"web\nok: [host]"),
        ("a\r\tb", r"a\r\tb"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("a\u2028b\ufeff", r"a\u2028b\ufeff"),
        ("\udcff", r"\udcff"),
        ("caf\u00e9 \u65e5\u672c", "caf\u00e9 \u65e5\u672c"),
    ],
)
def test_what_could_drive_a_terminal_is_escaped(text, shown):
    assert _text.printable(text) == _text.name(text) == shown
    json.dumps(shown, ensure_ascii=False).encode("utf-8")


def test_data_keeps_its_lines_and_nothing_else():
    value = {"cmd": ["sh", "-c", "a\n\tb\x1b]0;x\x07\r"], "n": 1, "none": None, "\x1bkey": ("\x9b", True)}
    assert _text.data(value) == {
        "cmd": ["sh", "-c", "a\n\tb\\x1b]0;x\\x07\\r"],
        "n": 1,
        "none": None,
        "\\x1bkey": ["\\x9b", True],
    }


@pytest.mark.parametrize("text", ["a\nb", "\t", "\x7f", "\x9b", "\udcff", "\u202e", 'a\\"', "caf\u00e9"])
def test_json_of_one_line_each_but_where_several_are_wanted(text):
    item = {text: {text: [text]}, "config": [text, {text: 1}], "n": None}
    data = _text.data(text)
    assert json.loads(_text.as_json(item, ["config"])) == {
        _text.name(text): {_text.name(text): [_text.name(text)]},
        "config": [data, {data: 1}],
        "n": None,
    }


def test_an_ordinary_odd_name_of_a_file_stays_itself():
    """A hard space, and a joiner as Persian and emoji have it, harm nobody."""
    assert _text.name("Program\u00a0Files \u200d") == "Program\u00a0Files \u200d"


def test_a_word_that_needs_no_quoting_gets_none():
    assert _text.shell_word("/run/drydock/web") == "/run/drydock/web"
    assert _text.shell_word("a\x1b") == "\"$(printf 'a\\033')\""
