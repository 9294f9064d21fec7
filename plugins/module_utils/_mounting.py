# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Host asks of the kernel: to mount, unmount and write back, to tie a process to another. PRIVATE to the
collection."""

import errno as errno_codes
import os
import stat
import time
from typing import Mapping, Optional, Sequence, Tuple

from . import _syscalls, _text
from ._errors import CommandFailed

# Seconds. What was killed has its files and mounts for a moment, when no list shows that it works in them any more.
_ENDS_WITHIN, _LOOKS_EVERY = 2.0, 0.05

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PLACE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Mounting:
    """The part of a Host that calls the kernel."""

    proc = "/proc"

    def mount(self, source: str, target: str, fs_type: str, options: Sequence[str]) -> None:
        """mount(2); a bind mount gets its other flags by a second call, as mount(8) does it."""
        flags, data = _syscalls.split_options(options)
        try:
            if flags & _syscalls.MS_BIND:
                how = flags & (_syscalls.MS_BIND | _syscalls.MS_REC)
                _syscalls.mount(source, target, "", how, "")
                if flags != how:
                    try:
                        _syscalls.mount("", target, "", flags | _syscalls.MS_REMOUNT, "")
                    except OSError:
                        _syscalls.unmount(target)
                        raise
            else:
                _syscalls.mount(source, target, fs_type, flags, data)
        except OSError as error:
            raise CommandFailed(
                "cannot mount %s at %s: %s" % (source, target, error.strerror),
                "The kernel's log (dmesg) says more",
                error.errno or 0,
            )

    def unmount(self, target: str) -> None:
        """Raises CommandFailed. Who works in it has two seconds to end."""
        _unmount(target, target)

    def bind_inside(self, source: str, root: str, parts: Sequence[str], options: Sequence[str]) -> None:
        """Binds a directory or file at a place below ``root``, without what is mounted in it, and in a peer group of
        its own. No link is followed, neither in ``source`` nor below ``root``: who can write there can put nothing
        else in their place. Raises OSError where the way is not as it was, and CommandFailed."""
        flags, _data = _syscalls.split_options(options)
        from_there = _open_place("/", [part for part in source.split("/") if part])
        try:
            place = _open_place(root, parts)
            try:
                self._bind(from_there, place, root, parts, flags)
            finally:
                os.close(place)
        finally:
            os.close(from_there)

    def _bind(self, source: int, place: int, root: str, parts: Sequence[str], flags: int) -> None:
        try:
            try:
                tree = _syscalls.clone_for_bind(source, flags)
            except OSError as error:
                if error.errno not in (errno_codes.ENOSYS, errno_codes.EPERM):
                    raise
                self._bind_by_steps(source, place, root, parts, flags)  # before 5.12
                return
            try:
                _syscalls.attach_at(tree, place)
            finally:
                os.close(tree)
        except OSError as error:
            path = os.path.join(root, *parts)
            raise CommandFailed(
                "cannot mount at %s: %s" % (path, error.strerror),
                "The kernel's log (dmesg) says more",
                error.errno or 0,
            )

    def _bind_by_steps(self, source: int, place: int, root: str, parts: Sequence[str], flags: int) -> None:
        """As mount(8) does it: for a moment the mount has neither its flags nor a peer group of its own."""
        _syscalls.mount("/proc/self/fd/%d" % source, "/proc/self/fd/%d" % place, "", _syscalls.MS_BIND, "")
        try:
            mounted = _open_place(root, parts)
            try:
                if not os.path.samestat(os.fstat(mounted), os.fstat(source)):
                    raise OSError(errno_codes.ESTALE, os.strerror(errno_codes.ESTALE))
                path = "/proc/self/fd/%d" % mounted
                _syscalls.mount("", path, "", flags | _syscalls.MS_BIND | _syscalls.MS_REMOUNT, "")
                _syscalls.mount("", path, "", _syscalls.MS_PRIVATE, "")
                _syscalls.mount("", path, "", _syscalls.MS_SHARED, "")
            finally:
                os.close(mounted)
        except OSError:
            self.unmount_inside(root, parts)
            raise

    def unmount_inside(self, root: str, parts: Sequence[str]) -> None:
        """Unmounts what is mounted at a place below ``root``, without following a link on the way."""
        try:
            above = _open_place(root, parts[:-1])
            try:
                _unmount("/proc/self/fd/%d/%s" % (above, parts[-1]), os.path.join(root, *parts))
            finally:
                os.close(above)
        except OSError as error:
            raise _busy(os.path.join(root, *parts), error)

    def own_peer_group(self, target: str) -> None:
        """What is mounted at and below ``target`` from now on appears nowhere else that shows the same (Docker's own
        mount, another bind), but goes from every mount namespace that copies it when it is unmounted."""
        try:
            for group in (_syscalls.MS_PRIVATE, _syscalls.MS_SHARED):
                _syscalls.mount("", target, "", _syscalls.MS_REC | group, "")
        except OSError as error:
            raise CommandFailed(
                "cannot change the propagation of %s: %s" % (target, error.strerror), "", error.errno or 0
            )

    def mount_root_of_process(self, pid: int, target: str) -> None:
        """Shows the ``/`` that a process has at ``target``, read-only, also out of another mount namespace.

        Never by a bind of /proc/PID/root: mount(8) resolves that link itself and would bind the host's own root.
        """
        try:
            namespace = os.open("%s/%d/ns/mnt" % (self.proc, pid), os.O_RDONLY | os.O_CLOEXEC)
            try:
                tree = _syscalls.clone_root_of(namespace)
            finally:
                os.close(namespace)
            try:
                _syscalls.attach(tree, target)
            finally:
                os.close(tree)
            flags, _data = _syscalls.split_options(("bind", "remount", "ro", "nosuid", "nodev", "noexec"))
            try:
                _syscalls.mount("", target, "", flags, "")
            except OSError:
                _syscalls.unmount(target)
                raise
        except OSError as error:
            old = "A kernel before 5.2 cannot show it; copy from /proc/%d/root or stop the container" % pid
            raise CommandFailed(
                "cannot open the root of process %d at %s: %s" % (pid, target, error.strerror),
                old if error.errno == errno_codes.ENOSYS else "",
                error.errno or 0,
            )

    def without_links(self, directory: int) -> Optional[int]:
        """A private view of an open directory in which the kernel follows no link, as an open file; None where the
        kernel has no such thing (before 5.14)."""
        try:
            return _syscalls.clone_without_links(directory)
        except OSError:
            return None

    def sync(self, directory: str) -> None:
        """Has the file system of a directory write to its disk what it holds in memory. Raises OSError."""
        place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _syscalls.sync_file_system(place)
        finally:
            os.close(place)

    def end_with_parent(self, number: int, parent: int) -> None:
        """Called in a process of its own, before it becomes a tool: it gets a signal when the process ``parent``, which
        started it, ends, by whatever death."""
        _syscalls.end_with_parent(number)
        if os.getppid() != parent:  # it ended before that
            os._exit(1)

    def stage(self, place: str, texts: Mapping[str, bytes], trees: Mapping[str, Tuple[str, str]]) -> None:
        """Called in a process of its own, before it becomes a tool: shows it, and nobody else, files with these texts
        and ``trees``, by name, at the directory ``place``. A tree is a directory, or one name in it that is all that is
        to be seen. The kernel follows no link in it, where it can do that. Raises OSError."""
        _syscalls.own_mounts()
        views = []
        for name, (path, only) in trees.items():
            directory = os.open(path, _DIRECTORY)
            views.append((name, only, directory, self.without_links(directory)))
        above = os.path.dirname(place)  # a tree may be what is mounted at the place itself
        _syscalls.mount("drydock", above, "tmpfs", _syscalls.MS_NOSUID | _syscalls.MS_NODEV, "mode=0700")
        os.mkdir(place, 0o700)
        for name, text in texts.items():
            with open(os.path.join(place, name), "xb") as stream:
                stream.write(text)
        for name, only, directory, view in views:
            target = os.path.join(place, name)
            os.mkdir(target, 0o700)
            if only:
                os.close(os.open(os.path.join(target, only), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                self._show(os.open(only, _PLACE, dir_fd=directory), os.path.join(target, only))
            elif view is None:
                self._show(directory, target)
            else:
                _syscalls.attach(view, target)

    @staticmethod
    def _show(source: int, target: str) -> None:
        flags = _syscalls.MS_BIND | _syscalls.MS_REC
        _syscalls.mount("/proc/self/fd/%d" % source, target, "", flags, "")


def _open_place(top: str, parts: Sequence[str]) -> int:
    """A directory or file below an open directory, as a place alone, found without following a link."""
    descriptor = os.open(top, _PLACE | os.O_DIRECTORY)
    for number, name in enumerate(parts):
        try:
            below = os.open(
                name, _PLACE | (os.O_DIRECTORY if number < len(parts) - 1 else 0), dir_fd=descriptor
            )
        finally:
            os.close(descriptor)
        descriptor = below
    if stat.S_ISLNK(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno_codes.ELOOP, os.strerror(errno_codes.ELOOP), "/".join(parts))
    return descriptor


def _unmount(path: str, shown: str) -> None:
    give_up = time.monotonic() + _ENDS_WITHIN
    while True:
        try:
            _syscalls.unmount(path)
            return
        except OSError as error:
            if error.errno != errno_codes.EBUSY or time.monotonic() > give_up:
                raise _busy(shown, error)
        time.sleep(_LOOKS_EVERY)


def _busy(target: str, error: OSError) -> CommandFailed:
    hint = "Something works in it: `fuser -vm %s` names it" % _text.shell_word(target)
    return CommandFailed(
        "cannot unmount %s: %s" % (target, error.strerror),
        hint if error.errno == errno_codes.EBUSY else "",
        error.errno or 0,
    )
