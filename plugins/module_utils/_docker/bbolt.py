# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the key-value files of bbolt, in which containerd keeps its records. PRIVATE to the collection.

The format is that of internal/common of go.etcd.io/bbolt. Pages 0 and 1 each say which tree was the newest when they
were written; the valid one with the higher transaction id counts. A tree is made of branch pages and leaf pages with
sorted keys; a value of a leaf may be a bucket, which has a tree of its own or, when it is small, is a leaf page itself.
No page of a tree is written again before the next transaction has ended, which is how a copy is known to be whole.
"""

import bisect
import functools
import mmap
import os
import struct
import time
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from .._errors import BadRecord
from . import records

_MAGIC = 0xED0CDAED
_VERSION = 2
_PAGE_SIZES = (4096, 8192, 16384, 32768, 65536)
_HEAD = 2 * _PAGE_SIZES[-1]  # both of the first pages, whatever their size
_PAGE = 16  # bytes of a page's header, of an element and of a bucket's header
_META = 64
_BRANCH, _LEAF = 1, 2  # flags of a page
_MORE = 4  # elements that bbolt leaves together when it splits a page
_IS_BUCKET = 1  # flag of an element
_DEPTH = 40  # a tree of this depth would not fit on any disk
_CACHED = 2 * 1024 * 1024  # bytes
_LARGEST = 512 * 1024 * 1024
_TRIES = 20
_PAUSE = 0.05  # seconds


class _Meta(NamedTuple):
    order: str  # of bytes, as struct calls it: that of the machine that wrote it
    page_size: int
    root: int
    pages: int  # how many are in use at most
    transaction: int
    place: int


class _Element(NamedTuple):
    start: int  # of the value; of a branch, of the element itself
    end: int
    page: int  # below; of a branch alone
    is_bucket: bool


class _Page(NamedTuple):
    is_branch: bool
    keys: List[bytes]
    elements: List[_Element]


def read(path: str, without: Sequence[bytes] = ()) -> "Database":
    """A copy of a file at one moment, also while its owner writes it; not of what is in buckets that are called as one
    ``without``. Raises NotFound or BadRecord."""
    descriptor = records.open_regular(path)
    try:
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_PAUSE)
            head = os.pread(descriptor, _HEAD, 0)
            meta = _newest(head, path)
            size = meta.pages * meta.page_size
            if size > _LARGEST:
                raise BadRecord("%s has %d bytes, more than %d are not read" % (path, size, _LARGEST))
            # Takes memory for what is written to it alone: most of a large file may be of no use.
            data = mmap.mmap(-1, max(size, _HEAD), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            first = head[: 2 * meta.page_size]
            data[: len(first)] = first
            database = Database(data, path)
            database.fill(lambda start, length: os.pread(descriptor, length, start), without)
            if _newest(os.pread(descriptor, _HEAD, 0), path).transaction == meta.transaction:
                return database
    except OSError as error:
        raise BadRecord("%s cannot be read: %s" % (path, error.strerror))
    finally:
        os.close(descriptor)
    raise BadRecord(
        "%s changed each of the %d times that it was read" % (path, _TRIES),
        "Run it again when containerd is idle",
    )


class Database:
    """The bytes of a file. Nothing is read of it but what is asked for, and whatever they are, that ends with a result
    or with BadRecord."""

    def __init__(self, data: Union[bytes, mmap.mmap], path: str) -> None:
        self._data, self._path = data, path
        self._load: Optional[Callable[[int, int], None]] = None
        self._meta = _newest(data, path)
        # What refers to a page: of two things that do, one is wrong, and a loop has two.
        self._referrers: Dict[int, int] = {}
        order = self._meta.order
        self._page_header = struct.Struct(order + "QHHI")
        self._branch_element = struct.Struct(order + "IIQ")
        self._leaf_element = struct.Struct(order + "IIII")
        self._bucket_header = struct.Struct(order + "QQ")
        cached = functools.lru_cache(maxsize=_CACHED // self._meta.page_size)
        self._pages: Callable[[int], _Page] = cached(self._parse_page)

    def bucket(self, *path: bytes) -> Optional["Bucket"]:
        """The bucket at a path, None where there is none. Raises BadRecord."""
        found: Optional[Bucket] = Bucket(self, self.page(self._meta.root, self._meta.place))
        for name in path:
            found = found.bucket(name) if found else None
        return found

    def keys(self, *path: bytes) -> Iterator[bytes]:
        """The sorted keys of the bucket at a path, none where there is none. Raises BadRecord."""
        return iter(self.bucket(*path) or ())

    def fill(self, source: Callable[[int, int], bytes], without: Sequence[bytes]) -> None:
        """Copies all pages of its trees to where they belong, as ``source`` gives the bytes of a place. What is damaged
        shows when it is asked for."""

        def load(start: int, length: int) -> None:
            found = source(start, length)
            self._data[start : start + len(found)] = found  # type: ignore[index]

        self._load = load
        todo = [(self._meta.root, self._meta.place)]
        while todo:
            try:
                page = self.page(*todo.pop())
            except BadRecord:
                continue
            for key, element in zip(page.keys, page.elements):
                if page.is_branch:
                    todo.append((element.page, element.start))
                elif element.is_bucket and key not in without and element.end - element.start >= _PAGE:
                    root, _sequence = self._bucket_header.unpack_from(self._data, element.start)
                    if root:
                        todo.append((root, element.start))
        self._load = None

    def bad(self, reason: str) -> BadRecord:
        return BadRecord("%s is damaged, or is a copy made while it was written: %s" % (self._path, reason))

    def page(self, number: int, referrer: int) -> _Page:
        """A page of a tree, which ``referrer``, a place in the file, says is there. Raises BadRecord."""
        if self._referrers.setdefault(number, referrer) != referrer:
            raise self.bad("page %d is in two places of its trees" % number)
        return self._pages(number)

    def _parse_page(self, number: int) -> _Page:
        size = self._meta.page_size
        start = number * size
        if not 2 <= number < self._meta.pages or start + size > len(self._data):
            raise self.bad("page %d is not in it" % number)
        if self._load:
            self._load(start, size)
        same, _flags, _count, overflow = self._page_header.unpack_from(self._data, start)
        end = start + (overflow + 1) * size
        if same != number or end > len(self._data):
            raise self.bad("page %d calls itself %d, with %d more" % (number, same, overflow))
        if self._load and overflow:
            self._load(start + size, overflow * size)
        return self._parse(start, end)

    def _parse(self, start: int, end: int) -> _Page:
        """The page between two places of the file. Keys must be sorted, and follow each other without overlap: no page
        can then stand for more than its own bytes."""
        if end - start < _PAGE:
            raise self.bad("a page at %d is cut" % start)
        _number, flags, count, _overflow = self._page_header.unpack_from(self._data, start)
        if flags not in (_BRANCH, _LEAF):
            raise self.bad("the page at %d has the flags %#x" % (start, flags))
        data = start + _PAGE * (count + 1)
        # A page is longer than others for a large value, never for many.
        most = self._meta.page_size // _PAGE + _MORE
        if data > end or count > most or (flags == _BRANCH and not count):
            raise self.bad("the page at %d cannot have %d elements" % (start, count))
        page = _Page(flags == _BRANCH, [], [])
        last: Optional[bytes] = None
        for place in range(start + _PAGE, data, _PAGE):
            if page.is_branch:
                offset, key_size, below = self._branch_element.unpack_from(self._data, place)
                value_size, is_bucket = 0, False
            else:
                flags, offset, key_size, value_size = self._leaf_element.unpack_from(self._data, place)
                below, is_bucket = 0, bool(flags & _IS_BUCKET)
            key_start, value_start = place + offset, place + offset + key_size
            if key_start < data or value_start + value_size > end:
                raise self.bad("an element of the page at %d is not inside of it" % start)
            data = value_start + value_size
            key = self._data[key_start:value_start]
            if last is not None and key <= last:
                raise self.bad("the keys of the page at %d are not in order" % start)
            page.keys.append(key)
            last = key
            where = place if page.is_branch else value_start
            page.elements.append(_Element(where, data, below, is_bucket))
        return page

    def below(self, page: _Page, index: int, low: bytes, high: Optional[bytes]) -> _Page:
        """The page below an element of a branch, whose keys are from ``low`` up to, not including, ``high``."""
        element = page.elements[index]
        found = self.page(element.page, element.start)
        if not found.keys or found.keys[0] < low or (high is not None and found.keys[-1] >= high):
            raise self.bad("page %d does not hold the keys that the page above it says" % element.page)
        return found

    def value(self, page: _Page, index: int) -> Union[bytes, "Bucket"]:
        element = page.elements[index]
        if not element.is_bucket:
            return self._data[element.start : element.end]
        if element.end - element.start < _PAGE:
            raise self.bad("the bucket %r is cut" % page.keys[index][:80])
        root, _sequence = self._bucket_header.unpack_from(self._data, element.start)
        if root:
            return Bucket(self, self.page(root, element.start))
        inline = self._parse(element.start + _PAGE, element.end)
        if inline.is_branch or any(one.is_bucket for one in inline.elements):
            raise self.bad("the bucket %r holds others in itself" % page.keys[index][:80])
        return Bucket(self, inline)


class Bucket:
    """Keys with values, or with more buckets."""

    def __init__(self, database: Database, page: _Page) -> None:
        self._database, self._root = database, page

    def get(self, key: bytes) -> Optional[bytes]:
        """The value of a key, None where there is none. Raises BadRecord."""
        found = self._find(key)
        return found if isinstance(found, bytes) else None

    def bucket(self, key: bytes) -> Optional["Bucket"]:
        """The bucket of a key, None where there is none. Raises BadRecord."""
        found = self._find(key)
        return found if isinstance(found, Bucket) else None

    def __iter__(self) -> Iterator[bytes]:
        """All of them, sorted. Raises BadRecord."""
        for page in self._leaves(self._root, b"", None, _DEPTH):
            yield from page.keys

    def _find(self, key: bytes) -> Union[bytes, "Bucket", None]:
        page, low = self._root, b""
        high: Optional[bytes] = None
        for _level in range(_DEPTH):
            index = bisect.bisect_right(page.keys, key) - 1
            if index < 0 or (not page.is_branch and page.keys[index] != key):
                return None
            if not page.is_branch:
                return self._database.value(page, index)
            low, high = _between(page, index, high)
            page = self._database.below(page, index, low, high)
        raise self._database.bad("a tree is deeper than %d pages" % _DEPTH)

    def _leaves(self, page: _Page, low: bytes, high: Optional[bytes], depth: int) -> Iterator[_Page]:
        if not page.is_branch:
            yield page
            return
        if not depth:
            raise self._database.bad("a tree is deeper than %d pages" % _DEPTH)
        for index in range(len(page.keys)):
            limits = _between(page, index, high)
            below = self._database.below(page, index, *limits)
            yield from self._leaves(below, limits[0], limits[1], depth - 1)


def _between(page: _Page, index: int, high: Optional[bytes]) -> Tuple[bytes, Optional[bytes]]:
    """The limits of the keys below an element of a branch."""
    return page.keys[index], page.keys[index + 1] if index + 1 < len(page.keys) else high


def _newest(data: Union[bytes, mmap.mmap], path: str) -> _Meta:
    """What the newer one of the valid first pages says. Raises BadRecord where none is."""
    first = _meta(data, 0)
    sizes = (first.page_size,) if first else _PAGE_SIZES
    seconds = [found for found in (_meta(data, size, size) for size in sizes) if found]
    metas = ([first] if first else []) + seconds
    if not metas:
        raise BadRecord("%s is not a file of bbolt, or its first two pages are damaged" % path)
    return max(metas, key=lambda one: one.transaction)


def _meta(data: Union[bytes, mmap.mmap], start: int, page_size: int = 0) -> Optional[_Meta]:
    """The first page at a place, of this size of pages where one is given; None where it is not valid."""
    text = data[start + _PAGE : start + _PAGE + _META]
    if len(text) < _META:
        return None
    for order in "<>":
        fields = struct.unpack(order + "IIIIQQQQQQ", text)
        magic, version, size, _flags, root, _sequence, _freelist, pages, transaction, checksum = fields
        if magic != _MAGIC:
            continue
        if version != _VERSION or size not in _PAGE_SIZES or checksum != _fnv1a(text[:-8]):
            return None
        if page_size in (0, size):
            return _Meta(order, size, root, pages, transaction, start)
    return None


def _fnv1a(data: bytes) -> int:
    found = 0xCBF29CE484222325
    for byte in data:
        found = (found ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return found
