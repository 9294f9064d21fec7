# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only door to the machine: runs a tool, calls the kernel, lists processes and mounts. PRIVATE to the collection.

What it asks of the kernel is in _mounting.py.

Everything else in module_utils is given a Host. Tests give one whose /proc and /sys are folders, or one that
answers recorded output and fails on any command that it was not told of.
"""

import os
import re
import stat
import subprocess
import tempfile
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from . import _mountinfo, _text
from ._errors import CommandFailed, MissingTools
from ._mounting import Mounting

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

_SUBVOLUME = 256  # the inode number of the root of every subvolume of btrfs


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


class Host(Mounting):
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

    def is_subvolume(self, path: str) -> bool:
        """Whether a path is the root of a subvolume of btrfs itself, no link to one."""
        try:
            here, above = os.lstat(path), os.lstat(os.path.dirname(path))
        except OSError:
            return False
        return stat.S_ISDIR(here.st_mode) and here.st_ino == _SUBVOLUME and here.st_dev != above.st_dev

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


def _failed(argv: Sequence[str], code: int, said: str) -> CommandFailed:
    words = " ".join(said.split())[:2000] or "nothing was printed"
    return CommandFailed("`%s` failed with code %d: %s" % (quote(argv), code, words))


def quote(argv: Sequence[str]) -> str:
    """An argument list as one printable line for a POSIX shell."""
    return " ".join(_text.shell_word(word) for word in argv)
