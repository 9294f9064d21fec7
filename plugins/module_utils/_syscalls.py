# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few system calls that Python does not offer on every version we run on. PRIVATE to the collection.

mount(2) is called itself and not through mount(8): since util-linux 2.39 the tool passes each option through
fsconfig(2), which takes no value over 256 bytes, and a list of overlay layers is longer than that.
"""

import ctypes
import os
import struct
from typing import Dict, Iterable, List, Tuple

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC = 32, 4096, 16384
MS_PRIVATE, MS_SLAVE, MS_SHARED = 1 << 18, 1 << 19, 1 << 20
CLONE_NEWNS = 0x00020000

# Numbers of the calls that the C library of old hosts has no function for; alike on every architecture since 5.x.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH, _MOVE_MOUNT_T_EMPTY_PATH = 4, 0x40
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_PR_SET_PDEATHSIG = 1
_MOUNT_ATTR_NOSYMFOLLOW = 0x200000

_FLAGS: Dict[str, int] = {
    "ro": MS_RDONLY,
    "nosuid": MS_NOSUID,
    "nodev": MS_NODEV,
    "noexec": MS_NOEXEC,
    "bind": MS_BIND,
    "rbind": MS_BIND | MS_REC,
    "remount": MS_REMOUNT,
}

_libc = ctypes.CDLL(None, use_errno=True)


def split_options(options: Iterable[str]) -> Tuple[int, str]:
    """Mount options as mount(8) spells them: the flags of mount(2), and the rest for the file system."""
    flags = 0
    data: List[str] = []
    for option in options:
        if option in _FLAGS:
            flags |= _FLAGS[option]
        elif option != "rw":
            data.append(option)
    return flags, ",".join(data)


def mount(source: str, target: str, fs_type: str, flags: int, data: str) -> None:
    """mount(2). Raises OSError."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        os.fsencode(fs_type) if fs_type else None,
        ctypes.c_ulong(flags),
        os.fsencode(data) if data else None,
    )
    _check(result, target)


def unmount(target: str) -> None:
    """umount2(2) without flags but for not following a link. Raises OSError."""
    umount_nofollow = 8
    _check(_libc.umount2(os.fsencode(target), umount_nofollow), target)


def sync_file_system(place: int) -> None:
    """syncfs(2): what the file system of an open file holds in memory is on its disk then. Raises OSError."""
    _check(_libc.syncfs(place), "syncfs")


def own_mounts() -> None:
    """A mount namespace of its own for this process. What is mounted there is seen nowhere else and goes with the
    process; what is unmounted elsewhere goes from there too. Raises OSError."""
    _check(_libc.unshare(CLONE_NEWNS), "unshare")
    mount("", "/", "", MS_REC | MS_SLAVE, "")


def end_with_parent(signal: int) -> None:
    """This process gets a signal when the one that started it ends from now on, by whatever death. Raises OSError."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal), 0, 0, 0), "prctl")


def clone_root_of(mount_namespace: int) -> int:
    """A detached copy of the mount at ``/`` of another mount namespace (given as an open file), without what is
    mounted below it. Returns a file descriptor for attach(). Linux 5.2 and newer; raises OSError.

    Between the two setns calls nothing may be imported or opened: ``/`` is the container's there.
    """
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    setns, syscall = _libc.setns, _libc.syscall
    try:
        _check(setns(mount_namespace, CLONE_NEWNS), "setns")
        tree = syscall(_OPEN_TREE, _AT_FDCWD, b"/", _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC)
        errno = ctypes.get_errno()
        _check(setns(home, CLONE_NEWNS), "setns")
    finally:
        os.close(home)
    if tree < 0:
        raise OSError(errno, os.strerror(errno), "open_tree")
    return int(tree)


def clone_without_links(directory: int) -> int:
    """A detached copy of the mounts at and below an open directory, in which the kernel follows no link. Nobody else
    sees it, and it goes when the returned descriptor is closed. Linux 5.14 and newer; raises OSError."""
    return _clone(directory, _AT_EMPTY_PATH | _AT_RECURSIVE, _MOUNT_ATTR_NOSYMFOLLOW, 0)


def clone_for_bind(place: int, flags: int) -> int:
    """A detached copy of the mount that an open directory or file lies in, from there on and without what is mounted
    below. It has these of the flags MS_RDONLY, MS_NOSUID, MS_NODEV and MS_NOEXEC, and no peer. Returns a file
    descriptor for attach_at(). Linux 5.12 and newer; raises OSError."""
    return _clone(place, _AT_EMPTY_PATH, flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC), MS_PRIVATE)


def _clone(place: int, where: int, attributes: int, propagation: int) -> int:
    tree = _libc.syscall(_OPEN_TREE, place, b"", _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | where)
    _check(tree, "open_tree")
    wanted = struct.pack("=QQQQ", attributes, 0, propagation, 0)  # struct mount_attr
    try:
        _check(_libc.syscall(_MOUNT_SETATTR, tree, b"", where, wanted, len(wanted)), "mount_setattr")
    except OSError:
        os.close(tree)
        raise
    return int(tree)


def attach(tree: int, target: str) -> None:
    """Mounts what clone_root_of() returned at ``target``. Raises OSError."""
    result = _libc.syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_F_EMPTY_PATH)
    _check(result, target)


def attach_at(tree: int, place: int) -> None:
    """The same on an open directory or file, whatever its name is by now. Raises OSError."""
    flags = _MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_EMPTY_PATH
    _check(_libc.syscall(_MOVE_MOUNT, tree, b"", place, b"", flags), "move_mount")


def _check(result: int, subject: str) -> None:
    if result < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno), subject)
