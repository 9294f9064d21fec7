# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes and JSON that are nearly right: real samples with something wrong in them."""

import copy
import json

from hypothesis import strategies as st

# What has broken parsers before: numbers that are none, or too large, of other scripts; ends of text; ways out.
EVIL = [
    b"",
    b"\0",
    b"\n",
    b" ",
    b"-",
    b"-1",
    b"0",
    b"1e400",
    b"18446744073709551616",
    b"9" * 400,
    b"9" * 5000,
    "\u00b2".encode(),  # isdigit(), and no int()
    "\u0663".encode(),
    b"../..",
    b"/",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",  # a line for splitlines()
    b"\x1b[2J",
    b"\\",
    b"\\134",
    b"\\777",
    b'"',
    b"'",
    b"${x}",
    b"%n",
    b"[" * 3000,
    b'{"a":' * 3000,
    b"x" * 5000,
]
HUGE = 100_000  # bytes: what takes time by the square is seen to
LARGE = 10_000  # where a text is looked at many times


@st.composite
def nearly(draw, *samples, most=HUGE):
    """One of the samples with one to four changes."""
    data = draw(st.sampled_from(samples))
    for _change in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from((0, 0, 1, 1, 2, 4, 8, 16, 64, 4096))))
        kind = draw(st.integers(0, 5))
        if kind == 0:
            middle = draw(st.sampled_from(EVIL))
        elif kind == 1:
            middle = draw(st.binary(max_size=8))
        elif kind == 2:
            middle = data[start:end] * draw(st.integers(2, 4))
        elif kind == 3:
            middle, end = b"", len(data) if draw(st.booleans()) else end
        elif kind == 4:
            other = draw(st.sampled_from(samples))
            middle = other[draw(st.integers(0, len(other))) :][:64]
        else:
            middle = bytes(byte ^ (1 << draw(st.integers(0, 7))) for byte in data[start:end][:4])
            middle += data[start + len(middle) : end]
        data = data[:start] + middle + data[end:]
    if draw(st.integers(0, 99)) == 0:  # seldom, for it takes time
        start = draw(st.integers(0, len(data)))
        piece = data[start : start + draw(st.integers(1, 64))]
        data = data[:start] + piece * (most // max(1, len(piece))) + data[start:]
    return data


def bytes_like(*samples, most=HUGE):
    changed = nearly(*samples, most=most)
    return st.one_of(changed, changed, changed, st.binary(max_size=200), st.sampled_from(EVIL))


def text_like(*samples):
    """As the output of a tool and the files of /proc are decoded."""
    return bytes_like(*samples).map(lambda data: data.decode("utf-8", "surrogateescape"))


_TEXTS = st.one_of(
    st.text(st.characters(codec=None), max_size=20),
    st.sampled_from(
        [one.decode("utf-8", "surrogatepass" if one[:1] == b"\xed" else "replace") for one in EVIL]
    ),
    st.sampled_from(
        [
            "/",
            "/..",
            "..",
            ".",
            "a/b",
            "/\0",
            "\ud800",
            "/\udcff",
            "/" + "x" * 300,
            "a" * 64,
            "sha256:" + "a" * 64,
        ]
    ),
)
_NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([0, -1, 1, 2**24, 2**31, 2**63, 2**64, 10**400, 0.5, float("nan"), float("inf"), 1e308]),
)
_LEAVES = st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS)
_SHALLOW = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=6,
)
DEEPEST = 700  # json reads about a thousand lists in each other


def _nested(depth):
    value = []
    for _level in range(depth):
        value = [value]
    return value


VALUES = st.one_of(_SHALLOW, _SHALLOW, _SHALLOW, st.integers(100, DEEPEST).map(_nested))


@st.composite
def objects_like(draw, *samples):
    """One of the samples with one to three values replaced, left out or put in, at any depth."""
    changed = copy.deepcopy(draw(st.sampled_from(samples)))
    for _change in range(draw(st.integers(1, 3))):
        places = list(_places(changed))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        kind = draw(st.integers(0, 5))
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[draw(_TEXTS)] = holder.pop(key)
        elif kind == 2 and isinstance(holder, dict):
            holder[draw(_TEXTS)] = draw(VALUES)
        else:
            holder[key] = draw(VALUES)
    return changed


def _places(value):
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield value, key
        yield from _places(one)


def as_json(value):
    # Lone surrogates are written as \\udXXX: so JSON can have what no text in UTF-8 has.
    return json.dumps(value).encode()


def json_like(*samples, most=HUGE):
    """The JSON of changed objects, and changed JSON."""
    changed = objects_like(*samples).map(as_json)
    return st.one_of(changed, changed, changed, bytes_like(*map(as_json, samples), most=most))
