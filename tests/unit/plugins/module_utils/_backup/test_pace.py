# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limit of bytes per second: of one stream, and of a host whose containers are read side by side."""

import io
import json
import mmap
import struct
import types

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._backup import (
    archive,
    pace,
    repositories,
    restic_program,
)
from ansible_collections.drydock.rescue.plugins.module_utils._backup import backup as backups
from ansible_collections.drydock.rescue.plugins.module_utils._backup.engine import Compression
from ansible_collections.drydock.rescue.plugins.module_utils._errors import Refused

MIB = 1024 * 1024


class Clock:
    """Time passes by sleeping alone, also for processes that were forked."""

    def __init__(self):
        self._memory = mmap.mmap(-1, struct.calcsize("d"))
        self.seconds, self.longest = 1000.0, 0.0

    @property
    def seconds(self):
        return struct.unpack("d", self._memory[:])[0]

    @seconds.setter
    def seconds(self, value):
        self._memory[:] = struct.pack("d", value)

    def monotonic(self):
        return self.seconds

    def sleep(self, seconds):
        assert seconds >= 0
        self.seconds += seconds
        self.longest = max(self.longest, seconds)


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(pace, "time", made)
    return made


def test_so_many_bytes_take_so_long(clock):
    stream = io.BytesIO(b"x" * 10 * MIB)
    assert sum(map(len, pace.Pace(2 * MIB).chunks(stream))) == 10 * MIB
    assert clock.seconds == pytest.approx(1005)


def test_without_a_limit_nothing_waits(clock):
    assert sum(map(len, pace.Pace(None).chunks(io.BytesIO(b"x" * 10 * MIB)))) == 10 * MIB
    assert clock.seconds == 1000


def test_time_that_others_took_counts(clock):
    one = pace.Pace(MIB)
    one.passed(MIB)
    clock.seconds += 0.5  # the disk
    one.passed(MIB)
    assert clock.seconds == pytest.approx(1002.5)


def test_a_pause_is_not_made_good_by_a_burst(clock):
    one = pace.Pace(MIB)
    one.passed(MIB)
    clock.seconds += 3600
    one.passed(MIB)
    one.passed(MIB)
    assert clock.seconds == pytest.approx(1001 + 3600 + 2)


def test_a_slow_one_still_says_how_far_it_is(clock):
    for _chunk in pace.Pace(2000).chunks(io.BytesIO(b"x" * 20000)):
        pass
    assert clock.seconds == pytest.approx(1010)
    assert clock.longest <= 1.0


def test_a_backup_its_proof_and_its_restore_take_as_long_as_is_allowed(
    clock, machine, layer, back_up, archives, restore, out, repository, stored_files
):
    layer()
    slow = repository._replace(rate_limit=1024)
    back_up(repository=slow)
    (part,) = json.loads(stored_files()["manifest.json"].read_text())["parts"]
    seconds = part["bytes_stored"] / 1024
    assert clock.seconds == pytest.approx(1000 + seconds)
    restore(repository=slow)
    assert clock.seconds == pytest.approx(1000 + 2 * seconds)
    assert (out / "rootfs/etc/conf").read_text() == "of web"
    assert archive.Archives(machine, slow, Compression("gzip")).verify(archives.backups(), True) == {}
    assert clock.seconds == pytest.approx(1000 + 3 * seconds)


@pytest.mark.parametrize(
    ("jobs", "containers", "each"), [(1, 9, 8192), (4, 9, 2048), (4, 2, 4096), (4, 0, 8192)]
)
def test_the_containers_of_a_host_share_it(repository, jobs, containers, each):
    wanted = types.SimpleNamespace(repository=repository._replace(rate_limit=8192), jobs=jobs)
    assert backups._shared(wanted, containers).rate_limit == each


def test_restic_is_told_in_kib(machine, repository):
    restic = repository._replace(engine="restic", location="/srv/r", rate_limit=10 * 1000 * 1000)
    assert restic_program.Restic(machine, restic)._options == [
        "--limit-upload",
        "9765",
        "--limit-download",
        "9765",
    ]


@pytest.mark.parametrize("rate", [-5, 0, 1023])
def test_what_is_no_rate(rate):
    given = {"engine": "archive", "location": "/r", "environment": {}, "rate_limit": rate}
    with pytest.raises(Refused, match="rate_limit %d is less than 1024 bytes per second" % rate):
        repositories.given({"repository": given})
