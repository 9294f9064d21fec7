# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees into compressed tar files and back, each byte counted and hashed on its way. PRIVATE to the collection."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import time
from typing import IO, Iterator, List, NamedTuple, Optional, Sequence

from .._errors import BadRecord, CommandFailed, NotFound, Refused
from .._host import Host
from .._text import few_lines, printable
from .._tree import view
from .._tree.copying import KEEP, PAX, SPARSE
from .._tree.surveying import patterns
from .engine import Compression, Part, Watch, WatchOfRestore
from .pace import Pace

_PIPE_SIZE = 1024 * 1024
# In blocks of 512 bytes: tar reads and writes that much at a time, by default 20. Who reads an archive need not know.
_RECORD = "--blocking-factor=256"
_F_SETPIPE_SZ = 1031  # fcntl has the name since Python 3.10
_NOT_ALL = "Exiting with failure status due to previous errors"
_NO_FIRST = "Cannot hard link to"
_NAMED = 5
_NEEDED = (
    "--xattrs-include",
    "--acls",
    "--selinux",
    "--sparse-version",
    "--warning",
    "--wildcards-match-slash",
)
_HIGHEST = {"zstd": 19, "gzip": 9}  # levels
_TELL_EVERY = 1.0  # seconds
_BY_SUFFIX = {".zst": ["zstd", "-d", "-q", "-c"], ".gz": ["gzip", "-d", "-q", "-c"], ".tar": ["cat"]}


class Compressor(NamedTuple):
    suffix: str
    argv: List[str]


class Written(NamedTuple):
    bytes: int
    sha256: str
    warnings: List[str]  # what of the tree is not in it as it was


def compressor(host: Host, wanted: Compression) -> Compressor:
    """The program that compresses. Raises Refused for a level that it does not have."""
    method = wanted.method or ("zstd" if host.tool("zstd") else "gzip")
    if wanted.level is not None and not 1 <= wanted.level <= _HIGHEST.get(method, wanted.level):
        raise Refused(
            "%s has no level %d" % (method, wanted.level), "Give one from 1 to %d" % _HIGHEST.get(method, 9)
        )
    if method == "none":
        return Compressor("", ["cat"])
    level = [] if wanted.level is None else ["-%d" % wanted.level]
    if method == "gzip":
        return Compressor(".gz", ["gzip", "-c"] + level)
    threads = max(1, len(os.sched_getaffinity(0)))
    return Compressor(".zst", ["zstd", "-q", "-c", "--threads=%d" % threads] + level)


def create(host: Host, part: Part, compress: Sequence[str], path: str, watch: Watch, pace: Pace) -> Written:
    """Writes one part to a new file, and it is on the disk then. Raises CommandFailed, and OSError of that file."""
    told = time.monotonic()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    digest, size = hashlib.sha256(), 0
    with open(os.open(path, flags, 0o600), "wb", 0) as out, tempfile.TemporaryFile() as said:
        with view.opened(host, part.path) as tree:
            argv = ["tar", "--create", "--file=-", _RECORD, "--directory=" + tree.place] + PAX + SPARSE + KEEP
            argv += ["--selinux", "--warning=no-file-ignored"] + _excluded(part.exclude)
            argv += ["--", "./" + part.only if part.only else "."]
            with _running(host, argv, subprocess.DEVNULL, said, tree.keep) as source, _running(
                host, compress, _open(source.stdout), said
            ) as sink:
                _open(source.stdout).close()  # so that tar notices when the compressor ends early
                compressed = _open(sink.stdout).fileno()
                for chunk in iter(lambda: os.read(compressed, pace.chunk), b""):
                    digest.update(chunk)
                    _write(out, chunk)
                    size += len(chunk)
                    pace.passed(len(chunk))
                    if time.monotonic() - told > _TELL_EVERY:
                        told = time.monotonic()
                        watch(min(_bytes_read(host, source.pid), part.survey.bytes))
                codes = (source.wait(), sink.wait())
        said.seek(0)
        text = said.read().decode("utf-8", "surrogateescape")
        whole = codes[0] in (0, 1) or (codes[0] == 2 and _NOT_ALL in text)
        if codes[1] or not whole:
            name, code = (compress[0], codes[1]) if codes[1] else (argv[0], codes[0])
            raise CommandFailed("`%s` ended with code %d: %s" % (name, code, few_lines(text.splitlines())))
        os.fsync(out.fileno())
    return Written(size, digest.hexdigest(), _warnings(part, text, codes[0]))


def extract(
    host: Host, path: str, sha256: str, target: str, files: Sequence[str], pace: Pace, watch: WatchOfRestore
) -> List[str]:
    """Extracts an archive below an empty directory: all of it, or what ``files`` name. Raises BadRecord where its bytes
    are not those of ``sha256``, NotFound for files that are not in it, CommandFailed. ``watch`` is told how much of the
    archive was read."""
    lines = _extract(host, path, sha256, target, _names(files), pace, watch)
    if any(_NO_FIRST in line for line in lines) and files:
        # One of them is a later name of a file whose first is not among them.
        shutil.rmtree(target)
        os.mkdir(target, 0o700)
        lines = _extract(host, path, sha256, target, [], pace, watch)
        _prune(target, files)
    return [printable(line) for line in lines[:_NAMED]]


def _extract(
    host: Host, path: str, sha256: str, target: str, names: Sequence[str], pace: Pace, watch: WatchOfRestore
) -> List[str]:
    argv = ["tar", "--extract", "--file=-", _RECORD, "--directory=" + target]
    argv += ["--preserve-permissions", "--same-owner", "--selinux"] + KEEP
    argv += ["--warning=no-timestamp"]  # old and future times are as they were
    argv += ["--anchored", "--wildcards", "--no-wildcards-match-slash", "--", *names]
    digest = hashlib.sha256()
    told, done = time.monotonic(), 0
    with open_stored(path) as stored, tempfile.TemporaryFile() as said:
        size = os.fstat(stored.fileno()).st_size
        decompress = _BY_SUFFIX[os.path.splitext(path)[1]]
        with _running(host, decompress, subprocess.PIPE, said) as source, _running(
            host, argv, _open(source.stdout), said
        ) as sink:
            _open(source.stdout).close()
            with contextlib.suppress(BrokenPipeError):
                for chunk in pace.chunks(stored):
                    digest.update(chunk)
                    _open(source.stdin).write(chunk)
                    done += len(chunk)
                    if time.monotonic() - told > _TELL_EVERY:
                        told = time.monotonic()
                        watch(done, size)
            for chunk in pace.chunks(stored):  # what a broken pipe left
                digest.update(chunk)
            with contextlib.suppress(BrokenPipeError):
                _open(source.stdin).close()
            watch(size, size)  # what is left to do is not read here
            codes = (source.wait(), sink.wait())
        said.seek(0)
        lines = said.read().decode("utf-8", "surrogateescape").splitlines()
    if digest.hexdigest() != sha256:
        raise BadRecord("%s is damaged: its sha256 is not that of the manifest" % path, "Take another backup")
    missing = [line for line in lines if "Not found in archive" in line]
    if missing:
        raise NotFound("not in the backup: %s" % few_lines(missing))
    if codes != (0, 0) and not (names and any(_NO_FIRST in line for line in lines)):
        raise CommandFailed("%s could not be extracted to %s: %s" % (path, target, few_lines(lines)))
    return lines


def _prune(target: str, files: Sequence[str]) -> None:
    """Deletes what the patterns do not name, nor is below what they name, nor above."""
    wanted = patterns(files)
    top = os.fsencode(target)
    for directory, names, others in os.walk(top, topdown=False):
        inside = b"." + directory[len(top) :]
        above = inside.split(b"/")
        below = any(
            wanted and wanted.fullmatch(b"/".join(above[:depth])) for depth in range(2, len(above) + 1)
        )
        for name in names + others:
            path = os.path.join(directory, name)
            if below or (wanted and wanted.fullmatch(inside + b"/" + name)):
                continue
            if os.path.isdir(path) and not os.path.islink(path):
                with contextlib.suppress(OSError):  # something in it is wanted
                    os.rmdir(path)
            else:
                os.unlink(path)


def open_stored(path: str) -> IO[bytes]:
    """A file of a repository, which must be one. Raises BadRecord."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BadRecord("%s cannot be read: %s" % (path, error.strerror), "Take another backup")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadRecord("%s is not a file" % path, "Take another backup")
    return open(descriptor, "rb", 0)


def require_options(host: Host) -> None:
    """Raises MissingTools where there is no tar, and Refused where it is another one than GNU's or too old."""
    host.require(["tar"])
    known = host.run(["tar", "--help"], ok=range(256)).out
    missing = [one for one in _NEEDED if one not in known]
    if missing:
        raise Refused(
            "the tar of this host does not know %s" % ", ".join(missing),
            "Install GNU tar 1.27 or newer, or that of EL7",
        )


@contextlib.contextmanager
def _running(
    host: Host,
    argv: Sequence[str],
    stdin: "int | IO[bytes]",
    said: IO[bytes],
    keep: Sequence[int] = (),
) -> "Iterator[subprocess.Popen[bytes]]":
    """A program of a pipe; it does not outlive the pipe."""
    process = host.start(argv, stdin, subprocess.PIPE, said.fileno(), keep)
    try:
        for stream in (process.stdin, process.stdout):
            if stream:
                with contextlib.suppress(OSError):  # the host's limit for pipes
                    fcntl.fcntl(stream, _F_SETPIPE_SZ, _PIPE_SIZE)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def _write(out: IO[bytes], chunk: bytes) -> None:
    """All of it: a disk that is nearly full takes a part, and says so only the next time."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[out.write(rest) :]


def _bytes_read(host: Host, pid: int) -> int:
    """What a process has read so far, of its files and else."""
    try:
        with open("%s/%d/io" % (host.proc, pid)) as stream:
            return int(stream.readline().split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _open(stream: Optional[IO[bytes]]) -> IO[bytes]:
    """The end of a pipe that was asked for."""
    if stream is None:
        raise AssertionError
    return stream


def _excluded(exclude: Sequence[str]) -> List[str]:
    matching = ["--anchored", "--wildcards", "--no-wildcards-match-slash"]
    return matching + ["--exclude=" + one for one in _names(exclude)] if exclude else []


def _names(paths: Sequence[str]) -> List[str]:
    """Paths of the tree by the same rule as surveying: `*` and `?` within one name, all else as it stands."""
    found = ["./" + "/".join(word for word in one.split("/") if word not in ("", ".")) for one in paths]
    return [one.replace("\\", "\\\\").replace("[", "\\[") for one in found]


def _warnings(part: Part, text: str, code: int) -> List[str]:
    lines = [
        line for line in text.splitlines() if line and _NOT_ALL not in line and "socket ignored" not in line
    ]
    return ["%s: %s" % (part.name, few_lines(lines))] if code else []
