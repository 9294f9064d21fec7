# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program restic, run for one repository: its environment, locks of other runs, and what its errors mean. PRIVATE
to the collection.

Secrets, and the location, which may hold one, are only in the environment of the process: never in its arguments, which
every user of the host can see, nor in an error.
"""

import contextlib
import json
import os
import pwd
import re
import signal
import subprocess
import tempfile
import time
from typing import IO, Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from .._errors import CommandFailed, NotFound, Refused, RescueError
from .._host import Finished, Host
from .._text import few_lines
from .engine import Repository

WAIT_FOR_LOCK = 600.0  # seconds; another host may prune
_ASK_AGAIN = 5.0
_WAIT_TO_OPEN = 60.0  # restic itself tries for 15 minutes to reach a server
_REMOTE = re.compile(r"[a-z0-9]+:")
_PASSWORD_IN_URL = re.compile(r"(://[^/:@]*):[^/@]*@")
_NAMED = 5

# Newer versions have a code of their own for these, the words are those of all.
_INCOMPLETE, _NO_REPOSITORY, _LOCKED, _WRONG_PASSWORD = 3, 10, 11, 12
_NO_REPOSITORY_WORDS = "Is there a repository at the following location"
_ABSENCE_WORDS = ("no such file", "not exist", "404")
_NO_BUCKET_WORDS = "bucket does not exist"
_LOCKED_WORDS = "repository is already locked"
# What one sees where two `init` at the same time left the key of one and the configuration of the other.
_TWO_MADE_IT_WORDS = "config or key"
_WRONG_PASSWORD_WORDS = ("wrong password", "empty password")
_TRYING_WORDS = "retrying after"
_UNREACHED_WORDS = (_NO_REPOSITORY_WORDS, "unable to open repository")

Message = Dict[str, Any]
Told = Callable[[Message], None]


class Restic:
    """restic with one repository."""

    def __init__(self, host: Host, repository: Repository) -> None:
        self._host, self._options = host, [word for one in repository.options for word in ("-o", one)]
        if repository.rate_limit:
            limit = str(max(1, repository.rate_limit // 1024))  # KiB
            self._options += ["--limit-upload", limit, "--limit-download", limit]
        self.location = _PASSWORD_IN_URL.sub(r"\1:***@", repository.location)
        if not _REMOTE.match(repository.location) and not os.path.isabs(repository.location):
            raise Refused(
                "the location %r is neither an absolute path nor one of restic's URLs" % self.location
            )
        given = {
            "RESTIC_REPOSITORY": repository.location,
            "RESTIC_PASSWORD": repository.password,
            "RESTIC_PASSWORD_FILE": repository.password_file,
            "RESTIC_PASSWORD_COMMAND": repository.password_command,
            "RESTIC_PROGRESS_FPS": "1",
        }
        home = pwd.getpwuid(os.geteuid()).pw_dir  # for its cache
        self._environment = dict({"HOME": home, "TZ": "UTC"}, **repository.environment)
        self._environment.update((name, value) for name, value in given.items() if value is not None)

    def version(self) -> Tuple[int, int]:
        match = re.match(r"restic (\d+)\.(\d+)", self.run(["version"]))
        return (int(match.group(1)), int(match.group(2))) if match else (0, 0)

    def open(self) -> None:
        """Takes away the locks of runs that were killed: they would stay for ever. Raises NotFound where there is no
        repository, and CommandFailed."""
        if not self.has_none("locks"):
            self._check(self._once(["unlock"], opening=True))

    def has_none(self, kind: str) -> bool:
        """Whether a repository on this host is seen to have no "locks" or no "snapshots": to ask restic takes it about
        a second. Their place is in https://restic.readthedocs.io/en/stable/100_references.html#repository-layout"""
        location = self._environment["RESTIC_REPOSITORY"]
        config, directory = (os.path.join(location, name) for name in ("config", kind))
        with contextlib.suppress(OSError):
            return os.path.isabs(location) and os.path.isfile(config) and not os.listdir(directory)
        return False

    def snapshots(self) -> List[Message]:
        """All of ours. Raises NotFound where there is no repository, and CommandFailed."""
        said = self._once(["snapshots", "--json", "--no-lock", "--tag", "drydock"], opening=True)
        self._check(said)
        return json.loads(said.out) or []

    def run(self, argv: Sequence[str], stdin: int = subprocess.DEVNULL, wait: float = WAIT_FOR_LOCK) -> str:
        """What it says. Waits as long as another run has locked the repository. Raises CommandFailed."""
        said = self._when_unlocked(lambda: self._once(argv, stdin), wait)
        self._check(said)
        return said.out

    def judged(self, argv: Sequence[str], told: Optional[Told] = None) -> Finished:
        """The same for the caller to judge its code, unless the repository could not be opened at all. With ``told`` it
        is asked for messages, each of which that is given."""
        words = list(argv) + (["--json"] if told else [])
        said = self._when_unlocked(lambda: self._once(words, told=told), WAIT_FOR_LOCK)
        trouble = self._not_opened(said) if said.code else None
        if trouble:
            raise trouble
        return said

    def backup(self, argv: Sequence[str], first: Callable[[], None], told: Told) -> Finished:
        """`restic backup`, each of whose messages ``told`` is given; ``first`` is called in its process. Its code may
        be 3: not all could be read. Raises CommandFailed."""
        command = ["backup", "--json"] + list(argv)
        said = self._when_unlocked(lambda: self._once(command, first=first, told=told), WAIT_FOR_LOCK)
        if said.code != _INCOMPLETE:
            self._check(said)
        return said

    def _when_unlocked(self, once: Callable[[], Finished], wait: float) -> Finished:
        end = time.monotonic() + wait
        said = once()
        while is_locked(said) and time.monotonic() < end:
            time.sleep(_ASK_AGAIN)
            self.open()
            said = once()
        return said

    def _once(
        self,
        argv: Sequence[str],
        stdin: int = subprocess.DEVNULL,
        first: Optional[Callable[[], None]] = None,
        told: Optional[Told] = None,
        opening: bool = False,
    ) -> Finished:
        parent = os.getpid()

        def begin() -> None:
            # What it would store after our death nobody could look at.
            self._host.end_with_parent(signal.SIGINT, parent)
            if first:
                first()

        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as words:
            process = self._host.start(
                ["restic"] + self._options + list(argv),
                stdin,
                subprocess.PIPE if told else out.fileno(),
                words.fileno(),
                environment=self._environment,
                first=begin,
            )
            try:
                if opening:
                    self._wait_to_open(process, words)
                for message in _messages(process.stdout):
                    if told:
                        told(message)
                process.wait()
            finally:
                _end(process)
            return Finished(process.returncode, _text(out), _text(words))

    def _wait_to_open(self, process: "subprocess.Popen[bytes]", words: IO[bytes]) -> None:
        """Raises CommandFailed for a server that does not answer, NotFound for a bucket that is not there: restic tries
        both again for 15 minutes."""
        end = time.monotonic() + _WAIT_TO_OPEN
        while time.monotonic() < end:
            try:
                process.wait(1.0)
                return
            except subprocess.TimeoutExpired:
                if _NO_BUCKET_WORDS in _text(words):
                    raise self._absent(_text(words))
        if _TRYING_WORDS in _text(words):
            raise self._unreached(_text(words))

    def _check(self, said: Finished) -> None:
        if said.code:
            words = said.err or said.out
            reached = _TRYING_WORDS not in words
            failed = CommandFailed("restic failed with code %d: %s" % (said.code, _last(words)))
            raise self._not_opened(said) or (failed if reached else self._unreached(words))

    def _not_opened(self, said: Finished) -> Optional[RescueError]:
        words = said.err or said.out
        if said.code == _WRONG_PASSWORD or any(one in words for one in _WRONG_PASSWORD_WORDS):
            return CommandFailed(
                "the password does not open the repository %s" % self.location,
                "Give the one that it was made with",
            )
        absent = _NO_REPOSITORY_WORDS in words and any(one in words for one in _ABSENCE_WORDS)
        if said.code == _NO_REPOSITORY or absent:
            return self._absent(words)
        if _TWO_MADE_IT_WORDS in words:
            return CommandFailed(
                "the repository %s cannot be opened: %s" % (self.location, _last(words)),
                "If two hosts made it at the same moment, nothing is in it: delete it, and let one host make it first",
            )
        if is_locked(said):
            return CommandFailed(
                "another run has locked the repository %s: %s" % (self.location, _last(words)),
                "Wait until it has ended",
            )
        return self._unreached(words) if any(one in words for one in _UNREACHED_WORDS) else None

    def _absent(self, words: str) -> NotFound:
        return NotFound("there is no repository at %s: %s" % (self.location, _last(words)))

    def _unreached(self, words: str) -> CommandFailed:
        return CommandFailed(
            "the repository %s cannot be reached: %s" % (self.location, _last(words)),
            "Look whether its server answers, and at `location`, `environment` and `options`",
        )


def is_locked(said: Finished) -> bool:
    return said.code == _LOCKED or _LOCKED_WORDS in said.err


def _last(words: str) -> str:
    """What it said last says why it ended."""
    lines = [_PASSWORD_IN_URL.sub(r"\1:***@", line) for line in words.splitlines() if line.strip()]
    return few_lines([plain(line) for line in lines[-_NAMED:]]) or "nothing was printed"


def plain(line: str) -> str:
    """Newer versions say errors as JSON too."""
    with contextlib.suppress(ValueError):
        message = json.loads(line)
        if isinstance(message, dict) and "message" in message:
            return str(message["message"])
        if isinstance(message, dict) and isinstance(message.get("error"), dict):
            return "%s: %s" % (message.get("item", ""), message["error"].get("message", line))
    return line


def _messages(stream: Optional[IO[bytes]]) -> Iterator[Message]:
    for line in stream or ():
        with contextlib.suppress(ValueError):
            message = json.loads(line.decode("utf-8", "surrogateescape"))
            if isinstance(message, dict):
                yield message


def _end(process: "subprocess.Popen[bytes]") -> None:
    """It does not outlive us, and takes its lock away."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_ASK_AGAIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


def _text(stream: IO[bytes]) -> str:
    """All of it, read so that who still writes it goes on where it is."""
    descriptor = stream.fileno()
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode("utf-8", "surrogateescape")
