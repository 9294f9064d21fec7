# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of bbolt: made of mappings, and recorded ones.

Those in containerd/ are a copy of what containerd 1.7.24 wrote in a guest `box@trixie` of the lab, under Docker 26.1.5
with `{"features": {"containerd-snapshotter": true}}`: `docker import` of an image, four containers of it (c1 running,
c4, early) and of a second image that `docker commit` made of c1 (c2); then 150 snapshots `filler-N` that `ctr -n moby
snapshots --snapshotter overlayfs prepare` made, of which two thirds were removed again.
"""

import lzma
import os
import struct

IMAGE = "sha256:afd6a8066dea623fd731518a6eeeb7d87e5040e4f760583ba115c7561bfad0e8"
SECOND_IMAGE = "sha256:571876bfd2abddc412020e5a0db4affa4aa873f2d6943aafa933d09be0b4eb05"
C1 = "5c4216a60c7f7a3224748f6775dfb4461195577978bbcf6824153ff52c870996"
C2 = "d7fd1fa272a4b70669831cebc5d4f067ada3b39aff729192e189166b05e6c71a"
C4 = "3ff46ad0dc8ebc3ad1264288ef37c3d5312a2fb6fe700749f1bc66486f354f05"
EARLY = "f7c4d4ca154289ea4c51b9673d3251ba63df541ee656e94ba113ee577919c40a"
_BRANCH, _LEAF, _META, _FREELIST = 1, 2, 4, 16


def recorded(name):
    with lzma.open(os.path.join(os.path.dirname(__file__), "containerd", name + ".xz")) as stream:
        return stream.read()


def written(tree, page_size=4096, order="<", transaction=7):
    """The bytes of a file that holds a mapping of bytes to bytes, or to mappings of the same kind."""
    writer = _Writer(page_size, order)
    root = writer.tree(writer.items(tree))
    pages = len(writer.data) // page_size
    for number in (0, 1):
        text = meta(page_size, root, pages, transaction - number, order)
        head = struct.pack(order + "QHHI", number, _META, 0, 0)
        writer.data[number * page_size : number * page_size + len(head + text)] = head + text
    return bytes(writer.data)


def meta(page_size, root, pages, transaction, order="<", magic=0xED0CDAED, version=2):
    """What follows the header in one of the first two pages."""
    text = struct.pack(order + "IIIIQQQQQ", magic, version, page_size, 0, root, 0, 2, pages, transaction)
    return text + struct.pack(order + "Q", _fnv1a(text))


def _fnv1a(data):
    found = 14695981039346656037
    for byte in data:
        found = ((found ^ byte) * 1099511628211) % 2**64
    return found


class _Writer:
    def __init__(self, page_size, order):
        self.page_size, self.order = page_size, order
        self.data = bytearray(2 * page_size)
        self.page(_FREELIST, 0, b"")

    def items(self, tree):
        """Sorted elements: flags, key and value."""
        found = []
        for key, value in sorted(tree.items()):
            if isinstance(value, dict):
                items = self.items(value)
                body = self.leaf(items)
                small = len(body) + 16 <= self.page_size // 4 and not any(
                    flags for flags, _key, _value in items
                )
                if small:
                    inline = struct.pack(self.order + "QHHI", 0, _LEAF, len(items), 0) + body
                    found.append((1, key, struct.pack(self.order + "QQ", 0, 0) + inline))
                else:
                    found.append((1, key, struct.pack(self.order + "QQ", self.tree(items), 0)))
            else:
                found.append((0, key, value))
        return found

    def tree(self, items):
        """Writes the pages of one tree; the number of its root."""
        groups = self.groups(items, lambda one: 16 + len(one[1]) + len(one[2]))
        level = [
            (group[0][1] if group else b"", self.page(_LEAF, len(group), self.leaf(group)))
            for group in groups
        ]
        while len(level) > 1:
            level = [
                (group[0][0], self.page(_BRANCH, len(group), self.branch(group)))
                for group in self.groups(level, lambda one: 16 + len(one[0]))
            ]
        return level[0][1]

    def groups(self, items, size):
        found, room = [[]], self.page_size - 16
        for item in items:
            if found[-1] and size(item) > room:
                found.append([])
                room = self.page_size - 16
            found[-1].append(item)
            room -= size(item)
        return found

    def leaf(self, items):
        heads, data = b"", b""
        for index, (flags, key, value) in enumerate(items):
            offset = 16 * (len(items) - index) + len(data)
            heads += struct.pack(self.order + "IIII", flags, offset, len(key), len(value))
            data += key + value
        return heads + data

    def branch(self, items):
        heads, data = b"", b""
        for index, (key, number) in enumerate(items):
            offset = 16 * (len(items) - index) + len(data)
            heads += struct.pack(self.order + "IIQ", offset, len(key), number)
            data += key
        return heads + data

    def page(self, flags, count, body):
        number = len(self.data) // self.page_size
        overflow = (len(body) + 15) // self.page_size
        text = struct.pack(self.order + "QHHI", number, flags, count, overflow) + body
        self.data += text.ljust((overflow + 1) * self.page_size, b"\0")
        return number
