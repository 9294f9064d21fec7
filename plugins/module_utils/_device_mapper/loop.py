# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loop devices: which there are, and attaching one. PRIVATE to the collection.

Ours are attached with the autoclear flag and are held open until the device above them holds them, so that a loop
of ours goes by itself with that device, and also when we are killed before there is one.
"""

import errno
import fcntl
import os
import struct
import tempfile
import time
from typing import Dict, List, NamedTuple

from .._errors import CommandFailed
from .._host import Host
from .._plan import Action, Context, Output, shell

_LOOP_SET_FD, _LOOP_CLR_FD, _LOOP_SET_STATUS64, _LOOP_CONFIGURE = 0x4C00, 0x4C01, 0x4C04, 0x4C0A
_LOOP_CTL_GET_FREE = 0x4C82
_READ_ONLY, _AUTOCLEAR = 1, 4  # lo_flags
_INFO64_SIZE, _FLAGS_AT, _NAME_AT, _NAME_SIZE = 232, 52, 56, 64  # struct loop_info64 of linux/loop.h
_CONFIG_SIZE = 4 + 4 + _INFO64_SIZE + 64  # struct loop_config
_TRIES = 64
_GONE_WITHIN = 10.0  # seconds; udev may still look at a loop that has just been left


class Loop(NamedTuple):
    path: str
    number: str
    backing_file: str
    read_only: bool


def loops(host: Host) -> List[Loop]:
    """Every loop device with a file, as /sys/block shows it. ``backing_file`` ends with ` (deleted)` for a file
    that has no name any more."""
    found = []
    block = os.path.join(host.sys, "block")
    for name in sorted(os.listdir(block)) if os.path.isdir(block) else []:
        if name.startswith("loop"):
            backing = _attribute(block, name, "loop/backing_file")
            if backing:
                number, read_only = _attribute(block, name, "dev"), _attribute(block, name, "ro") == "1"
                found.append(Loop("/dev/" + name, number, backing, read_only))
    return found


def over(found: List[Loop], path: str) -> List[Loop]:
    """The loops over this very file, under whatever name they were given it."""
    real = os.path.realpath(path)
    return [one for one in found if one.backing_file == real or _same_file(one.backing_file, real)]


class AttachLoop(Action):
    """Attaches a file to a free loop device and keeps its path as the output ``saves``."""

    def __init__(self, path: str, saves: str, read_only: bool) -> None:
        self.path, self.saves, self.read_only = path, saves, read_only

    def shown(self, outputs: Dict[str, str]) -> List[str]:
        flags = ["--read-only"] if self.read_only else []
        if self.saves in outputs:
            return [shell(["losetup"] + flags + [outputs[self.saves], self.path], {})]
        return ["%s=$(%s)" % (self.saves, shell(["losetup", "--find", "--show"] + flags + [self.path], {}))]

    def perform(self, context: Context) -> None:
        mode = os.O_RDONLY if self.read_only else os.O_RDWR
        backing = os.open(self.path, mode | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            context.outputs[self.saves] = _attach(context, backing, mode, self.path)
        finally:
            os.close(backing)


class AttachScratch(Action):
    """Attaches a new sparse file that has no name: it goes with its loop device, whatever becomes of us."""

    def __init__(self, directory: str, size: int, saves: str) -> None:
        self.directory, self.size, self.saves = directory, size, saves

    def shown(self, outputs: Dict[str, str]) -> List[str]:
        path = os.path.join(self.directory, ".drydock-scratch")
        return [
            shell(["truncate", "--size=%d" % self.size, path], {}),
            "%s=$(%s)" % (self.saves, shell(["losetup", "--find", "--show", path], {}))
            if self.saves not in outputs
            else shell(["losetup", outputs[self.saves], path], {}),
            shell(["rm", path], {}),
        ]

    def perform(self, context: Context) -> None:
        backing = _nameless_file(self.directory)
        try:
            os.ftruncate(backing, self.size)
            context.outputs[self.saves] = _attach(context, backing, os.O_RDWR, "drydock-scratch")
        finally:
            os.close(backing)


class DetachLoop(Action):
    """Waits until the kernel has let go of loops of ours (autoclear); shown as the command that does it by hand."""

    def __init__(self, loop: Output) -> None:
        self.loop = loop

    def shown(self, outputs: Dict[str, str]) -> List[str]:
        return [shell(["losetup", "--detach", self.loop], outputs)]

    def perform(self, context: Context) -> None:
        # Before a device held it, our own open file is all that keeps it.
        context.close()
        wait_until_gone(context.host, context.resolve(self.loop))


class AwaitDetached(Action):
    """The same for a loop that is known by its path, on closing."""

    def __init__(self, path: str) -> None:
        self.path = path

    def shown(self, outputs: Dict[str, str]) -> List[str]:
        return [shell(["losetup", "--detach", self.path], {})]

    def perform(self, context: Context) -> None:
        wait_until_gone(context.host, self.path)


def wait_until_gone(host: Host, path: str) -> None:
    backing = os.path.join(host.sys, "block", os.path.basename(path), "loop", "backing_file")
    end = time.time() + _GONE_WITHIN
    while os.path.exists(backing):
        if time.time() > end:
            raise CommandFailed(
                "%s is still attached" % path, "`losetup --list` and `lsblk` show what holds it"
            )
        time.sleep(0.05)


def _attach(context: Context, backing: int, mode: int, path: str) -> str:
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        for _try in range(_TRIES):
            number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
            device = "/dev/loop%d" % number
            _wait_for_node(device)
            descriptor = os.open(device, mode | os.O_CLOEXEC)
            try:
                _configure(descriptor, backing, path, mode == os.O_RDONLY)
            except OSError as error:
                os.close(descriptor)
                if error.errno == errno.EBUSY:  # somebody was quicker
                    continue
                raise
            context.keep_open(descriptor)
            return device
    finally:
        os.close(control)
    raise CommandFailed("no free loop device could be had for %s in %d tries" % (path, _TRIES))


def _configure(descriptor: int, backing: int, path: str, read_only: bool) -> None:
    info = bytearray(_INFO64_SIZE)
    struct.pack_into("<I", info, _FLAGS_AT, _AUTOCLEAR | (_READ_ONLY if read_only else 0))
    name = os.fsencode(path)[: _NAME_SIZE - 1]
    info[_NAME_AT : _NAME_AT + len(name)] = name
    config = bytearray(_CONFIG_SIZE)
    struct.pack_into("<II", config, 0, backing, 0)
    config[8 : 8 + _INFO64_SIZE] = info
    try:
        fcntl.ioctl(descriptor, _LOOP_CONFIGURE, config)
        return
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTTY):  # a kernel before 5.8 does not know it
            raise
    fcntl.ioctl(descriptor, _LOOP_SET_FD, backing)
    try:
        fcntl.ioctl(descriptor, _LOOP_SET_STATUS64, bytes(info))
    except OSError:
        fcntl.ioctl(descriptor, _LOOP_CLR_FD, 0)
        raise


def _nameless_file(directory: str) -> int:
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT):
            raise
    descriptor, path = tempfile.mkstemp(prefix=".drydock-", dir=directory)  # a file system without O_TMPFILE
    os.unlink(path)
    return descriptor


def _wait_for_node(device: str) -> None:
    """devtmpfs makes the node of a new loop device at once; a /dev that udev alone fills takes a moment."""
    end = time.time() + _GONE_WITHIN
    while not os.path.exists(device) and time.time() < end:
        time.sleep(0.02)


def _attribute(block: str, name: str, attribute: str) -> str:
    try:
        with open(os.path.join(block, name, attribute), errors="surrogateescape") as stream:
            return stream.read().rstrip("\n")
    except OSError:
        return ""


def _same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # a zero byte
        return False
