# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only door to the machine: runs a tool, calls the kernel, lists processes and mounts. PRIVATE to the collection.

Everything else in module_utils is given a Host. Tests give one whose /proc and /sys are folders, or one that
answers recorded output and fails on any command that it was not told of.
"""

import errno as errno_codes
import os
import re
import stat
import subprocess
import tempfile
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from . import _mountinfo, _syscalls, _text
from ._errors import CommandFailed, MissingTools

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# The package that brings a tool, on Debian and Ubuntu / on the Red Hat family.
_PACKAGES = {
    "dmsetup": "dmsetup / device-mapper",
    "thin_check": "thin-provisioning-tools / device-mapper-persistent-data",
    "thin_ls": "thin-provisioning-tools / device-mapper-persistent-data",
    "thin_dump": "thin-provisioning-tools / device-mapper-persistent-data",
    "systemctl": "systemd",
    "docker": "docker.io / docker",
    "tar": "tar",
    "zstd": "zstd",
    "gzip": "gzip",
    "btrfs": "btrfs-progs",
    "restic": "restic",
}


# Seconds. What was killed has its files and mounts for a moment, when no list shows that it works in them any more.
_ENDS_WITHIN, _LOOKS_EVERY = 2.0, 0.05
_SUBVOLUME = 256  # the inode number of the root of every subvolume of btrfs

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PLACE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Finished(NamedTuple):
    code: int
    out: str
    err: str


class Process(NamedTuple):
    pid: int
    argv: List[str]
    cgroup: str
    mount_namespace: str
    uid: int  # the real one, of who started it; -1 where it is not known


class Host:
    """The machine we run on."""

    proc = "/proc"
    sys = "/sys"
    run_directory = "/run/drydock"
    image_directory = "/var/tmp/drydock"  # for what is too large for memory
    restore_directory = "/var/tmp/drydock-restore"
    units_directory = "/run/systemd/system"
    jobs_directory = "/run/drydock-jobs"
    job_directory: Optional[str] = None  # of the job that we are, see _jobs.py
    lock_prefix = "drydock/"

    # -- tools ---------------------------------------------------------------------------------------------

    def tool(self, name: str) -> Optional[str]:
        """The path of a program on this host, None where there is none."""
        for directory in _PATH.split(":"):
            path = os.path.join(directory, name)
            if os.access(path, os.X_OK) and not os.path.isdir(path):
                return path
        return None

    def require(self, names: Sequence[str]) -> None:
        """Raises MissingTools that names all that are missing at once."""
        missing = [name for name in names if self.tool(name) is None]
        if missing:
            raise MissingTools(missing, sorted({_PACKAGES.get(name, name) for name in missing}))

    def run(
        self,
        argv: Sequence[str],
        ok: Sequence[int] = (0,),
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        keep: Sequence[int] = (),
    ) -> Finished:
        """Runs a tool in the C locale; raises CommandFailed unless it ends with a code in ``ok``. Standard input is
        empty, or an open file; so is standard output where it is not wanted as text. ``keep`` stays open in it."""
        process = self.start(argv, stdin, stdout, keep=keep)
        out, err = ((text or b"").decode("utf-8", "surrogateescape") for text in process.communicate())
        if process.returncode not in ok:
            raise _failed(argv, process.returncode, err or out)
        return Finished(process.returncode, out, err)

    def pipe(
        self,
        first: Sequence[str],
        second: Sequence[str],
        stdin: int,
        ok: Sequence[int] = (0,),
        keep: Sequence[int] = (),
    ) -> str:
        """Runs ``first | second`` and returns what both said on standard error; both must end with a code in ``ok``.
        ``keep`` stays open in the first."""
        with tempfile.TemporaryFile() as said:
            source = self.start(first, stdin, subprocess.PIPE, said.fileno(), keep)
            sink = self.start(second, source.stdout, subprocess.DEVNULL, said.fileno())
            if source.stdout:
                source.stdout.close()  # so that the first notices when the second ends early
            codes = (sink.wait(), source.wait())
            said.seek(0)
            text = said.read().decode("utf-8", "surrogateescape")
        for code, argv in zip(codes, (second, first)):
            if code not in ok:
                raise _failed(argv, code, text)
        return text

    def start(
        self,
        argv: Sequence[str],
        stdin: Any,
        stdout: int,
        stderr: int = subprocess.PIPE,
        keep: Sequence[int] = (),
        environment: Optional[Mapping[str, str]] = None,
        first: Optional[Callable[[], None]] = None,
    ) -> "subprocess.Popen[bytes]":
        """Starts a tool in the C locale, with nothing of our environment but what ``environment`` says. ``keep`` stays
        open in it. ``first`` is called in the new process, before it becomes the tool. Raises MissingTools."""
        path = self.tool(argv[0])
        if path is None:
            self.require(argv[:1])
        variables = dict(environment or {}, LC_ALL="C", PATH=_PATH)
        for name in ("DM_DISABLE_UDEV", "TMPDIR"):
            if name in os.environ:
                variables[name] = os.environ[name]
        return subprocess.Popen(  # pylint: disable=ansible-bad-function
            [path or argv[0]] + list(argv[1:]),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=variables,
            pass_fds=tuple(keep),
            preexec_fn=first,
        )

    # -- the kernel ----------------------------------------------------------------------------------------

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

    def is_subvolume(self, path: str) -> bool:
        """Whether a path is the root of a subvolume of btrfs itself, no link to one."""
        try:
            here, above = os.lstat(path), os.lstat(os.path.dirname(path))
        except OSError:
            return False
        return stat.S_ISDIR(here.st_mode) and here.st_ino == _SUBVOLUME and here.st_dev != above.st_dev

    # -- what the kernel shows -----------------------------------------------------------------------------

    def mounts(self) -> List[_mountinfo.Mount]:
        """The mounts of our own namespace."""
        return _mountinfo.parse(self._proc_text("self/mountinfo"))

    def mounts_of_every_namespace(
        self, processes: Optional[Sequence[Process]] = None
    ) -> List[Tuple[int, List[_mountinfo.Mount]]]:
        """One process of each mount namespace, ours first, with the mounts that it sees; of the ``processes`` where
        they were listed already."""
        seen: Dict[str, int] = {}
        found = [(os.getpid(), self.mounts())]
        seen[self._namespace("self")] = os.getpid()
        for process in self.processes() if processes is None else processes:
            if process.mount_namespace and process.mount_namespace not in seen:
                seen[process.mount_namespace] = process.pid
                found.append((process.pid, self.mounts_of(process.pid)))
        return found

    def mounts_of(self, pid: int) -> List[_mountinfo.Mount]:
        """The mounts that one process sees; empty when it has gone."""
        return _mountinfo.parse(self._proc_text("%d/mountinfo" % pid))

    def processes(self) -> List[Process]:
        """Every process but the kernel's own threads; one that ends while we look is left out."""
        found = []
        for name in os.listdir(self.proc):
            if not _text.is_number(name):
                continue
            argv = [part for part in self._proc_text(name + "/cmdline").split("\0") if part]
            if argv:
                found.append(
                    Process(
                        int(name),
                        argv,
                        self._proc_text(name + "/cgroup"),
                        self._namespace(name),
                        self._uid(name),
                    )
                )
        return sorted(found)

    def environment(self, pid: int) -> Dict[str, str]:
        """The variables that a process was started with; empty when it has gone."""
        pairs = (text.partition("=") for text in self._proc_text("%d/environ" % pid).split("\0"))
        return {name: value for name, equals, value in pairs if equals}

    def shares_our_root(self, pid: int) -> bool:
        """Whether `/` of a process is ours, whatever its mount namespace; a process in a container has another one."""
        try:
            return os.path.samestat(
                os.stat("%s/%d/root" % (self.proc, pid)), os.stat(self.proc + "/self/root")
            )
        except OSError:
            return True

    def _uid(self, pid: str) -> int:
        match = re.search(r"^Uid:\s+([0-9]{1,10})", self._proc_text(pid + "/status"), re.MULTILINE)
        return int(match.group(1)) if match else -1

    def _namespace(self, pid: str) -> str:
        try:
            return os.readlink(os.path.join(self.proc, pid, "ns/mnt"))
        except OSError:
            return ""

    def _proc_text(self, name: str) -> str:
        try:
            with open(os.path.join(self.proc, name), "rb") as stream:
                return stream.read().decode("utf-8", "surrogateescape")
        except OSError:
            return ""


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
    hint = "Something works in it: `fuser -vm %s` names it" % quote([target])
    return CommandFailed(
        "cannot unmount %s: %s" % (target, error.strerror),
        hint if error.errno == errno_codes.EBUSY else "",
        error.errno or 0,
    )


def _failed(argv: Sequence[str], code: int, said: str) -> CommandFailed:
    words = " ".join(said.split())[:2000] or "nothing was printed"
    return CommandFailed("`%s` failed with code %d: %s" % (quote(argv), code, words))


def quote(argv: Sequence[str]) -> str:
    """An argument list as one printable line for a POSIX shell."""
    return " ".join(_text.shell_word(word) for word in argv)
