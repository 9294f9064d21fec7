# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _mountinfo

LINE = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue"


def test_a_line_with_one_optional_field():
    assert _mountinfo.parse(LINE) == [
        _mountinfo.Mount(
            36, 35, "98:0", "/mnt1", "/mnt2", "rw,noatime", "ext3", "/dev/root", "rw,errors=continue"
        )
    ]


@pytest.mark.parametrize("optional", ["", "shared:1 ", "shared:2 master:1 propagate_from:3 unbindable "])
def test_any_number_of_optional_fields(optional):
    (mount,) = _mountinfo.parse(LINE.replace("master:1 ", optional))
    assert (mount.fs_type, mount.source) == ("ext3", "/dev/root")


def test_escapes_are_read_everywhere():
    (mount,) = _mountinfo.parse(
        r"1 2 0:9 /a\040b /tab\011newline\012backslash\134\043 rw - nfs host:/x\040y rw,upperdir=/p\040q"
    )
    assert mount.root == "/a b"
    assert mount.mount_point == "/tab\tnewline\nbackslash\\#"
    assert mount.source == "host:/x y"
    assert mount.super_options == "rw,upperdir=/p q"


def test_an_escaped_escape_is_not_read_twice():
    assert _mountinfo.unescape(r"\134040") == r"\040"


def test_a_mount_point_that_is_a_dash():
    (mount,) = _mountinfo.parse("1 2 0:9 / - rw - tmpfs none rw")
    assert (mount.mount_point, mount.fs_type) == ("-", "tmpfs")


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "nonsense",
        "36 35 98:0 /mnt1 /mnt2 rw",
        "x 35 0:1 / /m rw - ext4 dev rw",
        "36 35 0:1 / /m rw - ext4",
    ],
)
def test_a_broken_line_hides_no_other(broken):
    assert [mount.mount_id for mount in _mountinfo.parse("%s\n%s\n" % (broken, LINE))] == [36]


def test_super_options_may_be_missing():
    (mount,) = _mountinfo.parse("1 2 0:9 / /m rw - tmpfs none")
    assert mount.super_options == ""


def mounted(*points):
    lines = ["%d 1 0:%d / %s rw - tmpfs none rw" % (10 + n, n, point) for n, point in enumerate(points)]
    return _mountinfo.parse("\n".join(lines))


def test_of_mounts_on_one_directory_the_last_is_seen():
    stack = _mountinfo.stacked_at(mounted("/", "/m", "/m/x", "/m"), "/m")
    assert [mount.mount_id for mount in stack] == [11, 13]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/lib/docker", "/var/lib/docker"),
        ("/var/lib/docker/x", "/var/lib/docker"),
        ("/var/lib/dockerx", "/"),
    ],
)
def test_the_mount_that_covers_a_path(path, expected):
    found = _mountinfo.covering(mounted("/", "/var/lib/docker", "/srv"), path)
    assert found.mount_point == expected


def test_the_covering_mount_is_the_one_on_top():
    assert _mountinfo.covering(mounted("/", "/m", "/m"), "/m/x").mount_id == 12


@pytest.mark.parametrize("char", ["\r", "\x0b", "\x85", "\u2028"])
def test_only_a_newline_ends_a_line(char):
    """The kernel escapes no other character that Python takes for the end of a line."""
    (mount,) = _mountinfo.parse("1 2 0:9 / /m%sx rw - tmpfs none rw\n" % char)
    assert mount.mount_point == "/m%sx" % char


MOUNTS = _mountinfo.parse(
    "22 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
    "30 22 254:2 /sub /srv rw - ext4 /dev/vda2 rw\n"
    "31 30 254:1 /var/lib /srv/here rw - ext4 /dev/vda1 rw\n"
)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", ("254:1", "/")),
        ("/var/lib/x", ("254:1", "/var/lib/x")),
        ("/srv", ("254:2", "/sub")),
        ("/srv/x", ("254:2", "/sub/x")),
        ("/srv/here/x", ("254:1", "/var/lib/x")),
        ("/srvx", ("254:1", "/srvx")),
    ],
)
def test_a_place_is_the_same_by_whatever_mount_it_is_reached(path, place):
    assert _mountinfo.place_of(MOUNTS, path) == place


def test_what_is_mounted_inside_of_a_directory():
    assert [one.mount_id for one in _mountinfo.below(MOUNTS, "/srv")] == [31]
    assert [one.mount_id for one in _mountinfo.below(MOUNTS, "/")] == [30, 31]


@pytest.mark.parametrize("number", ["\u00b2", "9" * 5000, "-1", ""])
def test_a_number_that_is_none(number):
    assert _mountinfo.parse(LINE.replace("36", number) + "\n" + LINE) == _mountinfo.parse(LINE)
