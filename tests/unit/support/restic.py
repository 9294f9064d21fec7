# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""restic for tests: it answers what real ones answered (0.14.0 of Debian 12, 0.18.0 of Debian 13)."""

import io
import os
import signal
import subprocess

import pytest

from ansible_collections.drydock.rescue.tests.unit.support.host import FakeHost

NO_REPOSITORY = {
    "0.14": (
        1,
        "Fatal: unable to open config file: stat /srv/r/config: no such file or directory\n"
        "Is there a repository at the following location?\n/srv/r\n",
    ),
    "0.18": (
        10,
        "Fatal: repository does not exist: unable to open config file: stat /srv/r/config: no such file or directory\n"
        "Is there a repository at the following location?\n/srv/r\n",
    ),
}
WRONG_PASSWORD = {
    "0.14": (1, "Fatal: wrong password or no key found\n"),
    "0.18": (12, "Fatal: wrong password or no key found\n"),
}
UNREACHABLE = (
    "Fatal: unable to open config file: client.Head: Head "
    '"http://u:geheim@127.0.0.1:9/config": dial tcp 127.0.0.1:9: connect: connection refused\n'
    "Is there a repository at the following location?\nrest:http://u:geheim@127.0.0.1:9/\n"
)
LOCKED = (
    "unable to create lock in backend: repository is already locked by PID 4242 on web7 by root (UID 0, GID 0)\n"
    "lock was created at 2026-11-21 22:16:23 (3m ago)\nstorage ID 89a9e0cd\n"
    "the `unlock` command can be used to remove stale locks\n"
)
SUMMARY = {
    "0.14": '{"message_type":"summary","files_new":1,"data_added":1405,"snapshot_id":"852e5113"}',
    "0.18": '{"message_type":"summary","data_added":1405,"data_added_packed":1238,"snapshot_id":"f929885b9da5"}',
}
UNREADABLE = {
    "0.14": '{"message_type":"error","error":{},"during":"scan","item":"/run/drydock/web/rootfs/sub"}\n'
    '{"message_type":"error","error":{"Op":"open","Path":"/run/drydock/web/rootfs/no","Err":13},"during":"archival",'
    '"item":"/run/drydock/web/rootfs/no"}\nWarning: at least one source file could not be read\n',
    "0.18": '{"message_type":"error","error":{"message":"open /run/drydock/web/rootfs/no: permission denied"},'
    '"during":"archival","item":"/run/drydock/web/rootfs/no"}\n'
    '{"message_type":"exit_error","code":3,"message":"Warning: at least one source file could not be read"}\n',
}


class ResticHost(FakeHost):
    """Fails the test on any run of restic that it was not told of."""

    def __init__(self, directory):
        super().__init__(directory)
        self.restic = []  # what ran, without the program's name
        self.environments = []
        self.staged = []
        self.notes = []
        self._told = {}

    def restic_says(self, words, out="", err="", code=0, does=None):
        """What runs whose arguments begin so say, in their order; the last is said again and again."""
        self._told.setdefault(words, []).append((out, err, code, does))

    def start(self, argv, stdin, stdout, stderr=-1, keep=(), environment=None, first=None):
        assert argv[0] == "restic", argv
        line = " ".join(argv[1:])
        fitting = [words for words in self._told if line.startswith(words)]
        if not fitting:
            pytest.fail("not expected: restic " + line)
        answers = self._told[max(fitting, key=len)]
        out, err, code, does = answers[0] if len(answers) == 1 else answers.pop(0)
        self.restic.append(list(argv[1:]))
        self.environments.append(dict(environment))
        self.bound = False
        first()
        assert self.bound, "restic would outlive us"
        if stdin != subprocess.DEVNULL:
            with os.fdopen(os.dup(stdin), "rb") as stream:
                self.notes.append(stream.read().decode())
        if does:
            does(argv)
        os.write(stderr, err.encode())
        if stdout == subprocess.PIPE:
            return _Process(code, io.BytesIO(out.encode()))
        os.write(stdout, out.encode())
        return _Process(code, None)

    def end_with_parent(self, number, parent):
        assert (number, parent) == (signal.SIGINT, os.getpid())
        self.bound = True

    def stage(self, place, texts, trees):
        self.staged.append((place, dict(texts), dict(trees)))


class _Process:
    def __init__(self, code, stdout):
        self.returncode, self.stdout = code, stdout

    def wait(self, timeout=None):
        return self.returncode

    def poll(self):
        return self.returncode
