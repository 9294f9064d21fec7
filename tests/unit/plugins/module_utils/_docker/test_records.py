# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import contextlib
import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._docker import records
from ansible_collections.drydock.rescue.plugins.module_utils._errors import BadRecord, NotFound


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "config.v2.json")


def write(path, content):
    with open(path, "wb") as stream:
        stream.write(content)


def test_a_missing_record_is_not_a_broken_one(path):
    with pytest.raises(NotFound) as failure:
        records.read_json(path)
    assert path in failure.value.message


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b" \n"])
def test_an_empty_record(path, content):
    write(path, content)
    with pytest.raises(BadRecord) as failure:
        records.read_json(path)
    assert failure.value.message == path + " is empty"


@pytest.mark.parametrize("content", [b'{"ID": "abc', b"{", b"\0{}", b"[" * 100000, b"\xff\xfe"])
def test_a_cut_record(path, content):
    write(path, content)
    with pytest.raises(BadRecord) as failure:
        records.read_json(path)
    assert path + " is not whole JSON" in failure.value.message


@pytest.mark.parametrize("content", [b"[]", b"null", b"7", b'"text"'])
def test_json_of_another_type(path, content):
    write(path, content)
    with pytest.raises(BadRecord) as failure:
        records.read_json(path)
    assert "no JSON object" in failure.value.message


def test_a_fifo_does_not_hang(path):
    os.mkfifo(path)
    with pytest.raises(BadRecord) as failure:
        records.read_text(path)
    assert "not a regular file" in failure.value.message


def test_a_directory_where_a_file_belongs(path):
    before = len(os.listdir("/proc/self/fd"))
    os.mkdir(path)
    with pytest.raises(BadRecord) as failure:
        records.read_text(path)
    assert "not a regular file" in failure.value.message
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_is_far_too_large(path):
    with open(path, "wb") as stream:
        stream.truncate(16 * 1024 * 1024 + 1)
    with pytest.raises(BadRecord) as failure:
        records.read_text(path)
    assert "larger than 16777216 bytes" in failure.value.message


def test_the_largest_file_that_is_read(path):
    with open(path, "wb") as stream:
        stream.truncate(16 * 1024 * 1024)
    assert len(records.read_text(path)) == 16 * 1024 * 1024


def test_bytes_that_are_no_text_are_replaced(path):
    write(path, b'{"Name": "\xff"}')
    assert records.read_json(path) == {"Name": "\ufffd"}


def test_a_directory_above_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotFound):
        records.read_text(str(tmp_path / "file" / "config.json"))


WRONG = {"text": 7, "number": "7", "flag": "true", "mapping": [], "texts": 7, "true": True, "half": 0.5}


def test_values_of_another_type_count_as_missing():
    assert records.text_of(WRONG, "text") == records.text_of(WRONG, "none") == ""
    assert records.integer_of(WRONG, "number") == records.integer_of(WRONG, "true") == 0
    assert records.integer_of(WRONG, "half") == 0
    assert records.flag_of(WRONG, "flag") is False
    assert records.mapping_of(WRONG, "mapping") == {}
    assert records.texts_of(WRONG, "texts") == []


def test_a_list_of_text_may_be_a_single_text_and_hold_other_things():
    assert records.texts_of({"Entrypoint": "/run.sh"}, "Entrypoint") == ["/run.sh"]
    assert records.texts_of({"Cmd": ["a", 1, None, "b"]}, "Cmd") == ["a", "b"]


def test_names_in_a_directory_that_is_not_there(tmp_path):
    assert records.names_in(str(tmp_path / "none")) == []


def test_a_link_in_the_place_of_a_record_shows_nothing(path, tmp_path):
    (tmp_path / "secret").write_text("secret")
    os.symlink(str(tmp_path / "secret"), path)
    with pytest.raises(BadRecord) as failure:
        records.read_text(path)
    assert failure.value.message == path + " is a link, not a file"
    assert records.read_text(path, follow=True) == "secret"


@pytest.mark.parametrize("follow", [True, False])
def test_a_device_in_the_place_of_a_record_is_never_opened(path, monkeypatch, follow):
    """To open a watchdog and close it again restarts the machine."""
    opened = []
    real_open = os.open
    monkeypatch.setattr(
        records.os, "open", lambda name, flags: opened.append(flags) or real_open(name, flags)
    )
    name = path
    if follow:
        os.symlink("/dev/null", path)
    else:
        name = "/dev/null"
    with pytest.raises(BadRecord) as failure:
        records.read_text(name, follow=follow)
    assert failure.value.message == name + " is not a regular file"
    assert opened == []


def test_no_file_stays_open(path):
    with open(path, "w") as stream:
        stream.write("{}")
    before = len(os.listdir("/proc/self/fd"))
    for name in (path, path + ".none", "/dev/null", "/"):
        with contextlib.suppress(BadRecord, NotFound):
            records.read_text(name)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_number_of_a_million_digits_takes_no_time(path):
    write(path, b'{"Pid": ' + b"9" * 1000000 + b"}")
    with pytest.raises(BadRecord) as failure:
        records.read_json(path)
    assert "is not whole JSON (a number of 1000000 digits)" in failure.value.message
