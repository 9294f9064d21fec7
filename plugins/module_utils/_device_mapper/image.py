# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thin device as a sparse image, copied from the pool without its kernel. PRIVATE to the collection.

The metadata is copied first and read from the copy: thin_dump must not read that of an active pool, and thin tools 0.9
cannot read a file in memory (O_DIRECT). dm-thin never overwrites what the committed superblock leads to, so a copy
with the same superblock before and after is whole, also of an active pool. The image may be continued: what reached
the disk is noted beside it, with a mark of what was being copied.
"""

import errno
import hashlib
import json
import os
from typing import Iterator, List, Optional, Tuple

from .._errors import BadRecord, CommandFailed, NotFound, Refused, RescueError
from .._host import Host, quote
from .._plan import Action, Context
from . import mappings, raw, superblock, thin

_CHUNK = 4 * 1024 * 1024
_NOTE_EVERY = 256 * 1024 * 1024  # bytes between two notes of how far the copy is
_MARGIN = 16 * 1024 * 1024  # bytes for the file system's own needs, and the dump
_COPY_TRIES = 5
_NEW = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW


class Source:
    """What an image is made from: the pool's data and metadata (files or block devices), and one of its devices."""

    def __init__(self, data: str, metadata: str, device_id: int, size_bytes: int) -> None:
        self.data, self.metadata = data, metadata
        self.device_id, self.size_bytes = device_id, size_bytes


class ExtractImage(Action):
    """Makes ``<directory>/image``, or goes on with the one that a killed run left there."""

    def __init__(self, source: Source, directory: str) -> None:
        self.source, self.directory = source, directory
        self.path = os.path.join(directory, "image")
        self._metadata = os.path.join(directory, "metadata")
        self._dump = os.path.join(directory, "mappings")
        self._progress = os.path.join(directory, "progress")

    def shown(self, outputs: object) -> List[str]:
        number = '"\\([0-9]*\\)"'
        pattern = "s/.*origin_b[a-z]*=%s data_b[a-z]*=%s\\( length=%s\\)*.*/\\1 \\2 \\4/p" % ((number,) * 3)
        dd = "dd if=%s of=%s bs=$bytes seek=$to skip=$from count=${count:-1} conv=notrunc,sparse status=none"
        return [
            quote(["cp", "--sparse=always", self.source.metadata, self._metadata]),
            quote(self._thin_dump()),
            quote(["truncate", "--size=%d" % self.source.size_bytes, self.path]),
            "bytes=$(sed -n 's/.*data_block_size=\"\\([0-9]*\\)\".*/\\1/p' %s); bytes=$((bytes * 512))"
            % quote([self._dump]),
            "sed -n '%s' %s | while read -r to from count; do %s; done"
            % (pattern, quote([self._dump]), dd % (quote([self.source.data]), quote([self.path]))),
        ]

    def perform(self, context: Context) -> None:
        head = self._copy_metadata()
        ranges, damaged = self._mappings(context.host, head)
        if damaged:
            context.warnings.append(damaged)
        block = head.block_sectors * superblock.SECTOR
        end = max([(one.origin + one.length) * block for one in ranges] or [0])
        thin.require_mapped_inside(self.source.device_id, end, self.source.size_bytes, block)
        self._require_space(ranges, head)
        mark = hashlib.sha256(
            repr((head.checksum, self.source.device_id, self.source.size_bytes, ranges)).encode()
        ).hexdigest()
        self._copy(ranges, block, mark)
        for path in (self._metadata, self._dump):
            os.unlink(path)

    def _thin_dump(self, *options: str) -> List[str]:
        device = [] if options else ["--dev-id", str(self.source.device_id)]
        return ["thin_dump", *options, *device, "--output", self._dump, self._metadata]

    def _copy_metadata(self) -> superblock.Superblock:
        for _try in range(_COPY_TRIES):
            before = superblock.read(self.source.metadata)
            length = before.metadata_blocks * superblock.BLOCK
            self._require_room(length + _MARGIN, "a copy of the pool's metadata")
            with raw.opened(self.source.metadata) as source, raw.opened(self._metadata, _NEW) as target:
                os.ftruncate(target, length)
                for begin, end in _data_of(source, length):
                    _copy_range(source, begin, target, begin, end - begin)
            after = superblock.read(self.source.metadata)
            if before == after == superblock.read(self._metadata):
                return before
        raise CommandFailed(
            "the pool's metadata %s changed each time it was copied" % self.source.metadata,
            "Stop what writes to the pool",
        )

    def _mappings(self, host: Host, head: superblock.Superblock) -> Tuple[List[mappings.Range], str]:
        """The device's ranges; of damaged metadata what can be had of them, with a warning."""
        try:
            host.run(self._thin_dump())
            found = self._read_dump(head)
            if found is not None:
                return found, ""
            reason: Optional[RescueError] = None
        except (CommandFailed, BadRecord) as error:
            reason = error
        if reason is not None:
            try:
                host.run(self._thin_dump("--repair"))
                found = self._read_dump(head)
            except RescueError as error:
                raise BadRecord(
                    "thin device %d cannot be read from the pool's metadata: %s"
                    % (self.source.device_id, error.message),
                    "Copy both pool files and repair the copy of the metadata with thin_repair",
                )
            if found is not None:
                return found, (
                    "The pool's metadata is damaged; what is shown is what thin_dump --repair found of device %d"
                    % self.source.device_id
                )
        raise NotFound(
            "the pool has no thin device %d%s"
            % (self.source.device_id, ": " + reason.message if reason else ""),
            "thin_pool_info lists the devices that it has",
        )

    def _read_dump(self, head: superblock.Superblock) -> Optional[List[mappings.Range]]:
        with open(self._dump, errors="replace") as lines:
            return mappings.of_device(lines, self.source.device_id, head.data_blocks)

    def _require_space(self, ranges: List[mappings.Range], head: superblock.Superblock) -> None:
        there = os.stat(self.path).st_blocks * 512 if os.path.exists(self.path) else 0
        needed = sum(one.length for one in ranges) * head.block_sectors * superblock.SECTOR
        self._require_room(max(0, needed - there) + _MARGIN, "the image of device %d" % self.source.device_id)

    def _require_room(self, needed: int, what: str) -> None:
        facts = os.statvfs(self.directory)
        free = facts.f_bavail * facts.f_frsize
        if free < needed:
            raise Refused(
                "%s has %d bytes free, %s needs %d: %d bytes are missing"
                % (self.directory, free, what, needed, needed - free),
                "Give a `work_dir` with more room",
            )

    def _copy(self, ranges: List[mappings.Range], block: int, mark: str) -> None:
        done = self._noted(mark)
        noted = done
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | (0 if done else os.O_TRUNC)
        with raw.opened(self.source.data) as source, raw.opened(self.path, flags) as image:
            os.ftruncate(image, self.source.size_bytes)
            position = 0
            for one in ranges:
                length = one.length * block
                skip = min(length, max(0, done - position))
                while skip < length:
                    origin = one.origin * block + skip
                    count = min(length - skip, _NOTE_EVERY, max(0, self.source.size_bytes - origin))
                    if not count:
                        break  # the last block reaches over the end of the device
                    _copy_range(source, one.data * block + skip, image, origin, count)
                    skip += count
                    if position + skip - noted >= _NOTE_EVERY:
                        os.fsync(image)
                        noted = position + skip
                        self._note(mark, noted)
                position += length
            os.fsync(image)
        self._note(mark, position)

    def _noted(self, mark: str) -> int:
        try:
            with open(self._progress) as stream:
                noted = json.load(stream)
            return int(noted["bytes"]) if noted["mark"] == mark and os.path.exists(self.path) else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def _note(self, mark: str, done: int) -> None:
        with open(self._progress + ".new", "w") as stream:
            json.dump({"mark": mark, "bytes": done}, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(self._progress + ".new", self._progress)


def _data_of(descriptor: int, length: int) -> Iterator[Tuple[int, int]]:
    """Where a file has data; a block device has it everywhere."""
    position = 0
    while position < length:
        try:
            position = os.lseek(descriptor, position, os.SEEK_DATA)
            end = os.lseek(descriptor, position, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:  # a hole to the end
                return
            end = length
        if position >= length or end <= position:
            return
        yield position, min(end, length)
        position = end


def _copy_range(source: int, at: int, target: int, to: int, count: int) -> None:
    while count:
        data = os.pread(source, min(count, _CHUNK), at)
        if not data:
            raise BadRecord(
                "the pool's data ends at byte %d, %d more were to be read" % (at, count),
                "The data file was cut, or the two files do not belong together",
            )
        if data.strip(b"\0"):
            os.lseek(target, to, os.SEEK_SET)
            view = memoryview(data)
            while view:
                view = view[os.write(target, view) :]
        at, to, count = at + len(data), to + len(data), count - len(data)
