# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import math

import pytest

from ansible_collections.drydock.rescue.plugins.plugin_utils import _progress
from ansible_collections.drydock.rescue.tests.unit.support.texts import HOSTILE, dangerous

WEB = {"container": "web", "done": 2.5e8, "total": 1e9, "seconds": 2.5}


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ([{"containers": 2}, WEB], "0 of 2 done | web 25%, 100 MB/s, 8 s left"),
        (
            [{"containers": 2}, dict(WEB, seconds=250), {"container": "db", "status": "stored"}],
            "1 of 2 done | web 25%, 1.0 MB/s, 12:30 min left",
        ),
        ([{"containers": 1}, dict(WEB, seconds=2.5e4)], "0 of 1 done | web 25%, 10.0 kB/s, 20:50 h left"),
        ([{"containers": 1}, dict(WEB, done=0)], "0 of 1 done | web 0%"),
        ([{"containers": 1}, dict(WEB, done=1e9)], "0 of 1 done | web 100%, being completed"),
        ([{"containers": 1}, {"container": "web"}], "0 of 1 done | web begun"),
        ([{"containers": 1}, dict(WEB, total="{{ x }}")], "0 of 1 done | web begun"),
        ([{"containers": 1}, dict(WEB, total=math.inf)], "0 of 1 done | web begun"),
        (
            [{"containers": 9}] + [{"container": name} for name in "fedcba"],
            "0 of 9 done | a begun | b begun | c begun | d begun | and 2 more",
        ),
    ],
)
def test_one_line(parts, shown):
    assert _progress.line(parts) == shown


def test_a_host_moves_no_terminal():
    assert not dangerous(_progress.line([{"containers": HOSTILE}, {"container": HOSTILE}]))


@pytest.mark.parametrize(
    ("parts", "seconds"),
    [
        ([{"containers": 1}, WEB], 7.5),
        ([{"containers": 2}, WEB, {"container": "db", "status": "stored"}], 7.5),
        ([{"containers": 2}, WEB, dict(WEB, container="db", seconds=5)], 15),
        ([{"containers": 1}, dict(WEB, done=1e9)], 0),
        ([{"containers": 1}, {"container": "db", "status": "stored"}], 0),
        ([{"containers": 2}, WEB], math.inf),
        ([{"containers": 1}, {"container": "web"}], math.inf),
        ([{"containers": 1}, dict(WEB, done=0)], math.inf),
        ([{"containers": 0}], math.inf),
        ([], math.inf),
    ],
)
def test_how_long_it_will_take(parts, seconds):
    assert _progress.seconds_left(parts) == seconds
