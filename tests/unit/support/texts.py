# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a terminal would be given."""

# Escape sequences of both kinds, a forged line, a mark that turns the direction of reading.
HOSTILE = "web\x1b[2J\x9b31m\r\nok: [host]\u202egnp"


def texts_in(value):
    """Every text in lists and mappings, one by one: repr() would escape what is looked for."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in texts_in(one)]
    if isinstance(value, (list, tuple)):
        return [text for one in value for text in texts_in(one)]
    return []


def dangerous(value, lines=False):
    """The texts that could do harm; line breaks are harmless where ``lines`` are expected."""
    return [
        text
        for text in texts_in(value)
        if not (text.replace("\n", "").replace("\t", "") if lines else text).isprintable()
    ]
