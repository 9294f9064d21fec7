# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What arrives on the controller, and what does not."""

import hashlib
import types

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.drydock.rescue.plugins.plugin_utils import _fetching

CONTENT = b"what was in the container" * 100_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def fetch():
    """Fetches from a host that sends this."""
    transfers = []

    def call(dest, sha256=SHA256, sends=CONTENT):
        def fetch_file(src, path):
            transfers.append(src)
            if sends is not None:
                with open(path, "wb") as stream:
                    stream.write(sends)

        connection = types.SimpleNamespace(fetch_file=fetch_file)
        return _fetching.fetch(connection, "/var/tmp/rescued.tar", str(dest), sha256)

    call.transfers = transfers
    return call


def test_it_arrives_for_its_owner_alone(fetch, tmp_path):
    dest = tmp_path / "rescued" / "web7" / "web.tar"
    assert fetch(dest) is True
    assert dest.read_bytes() == CONTENT
    assert [one.stat().st_mode & 0o777 for one in (dest, dest.parent, dest.parent.parent)] == [
        0o600,
        0o700,
        0o700,
    ]
    assert list(dest.parent.iterdir()) == [dest]


def test_what_is_there_is_not_sent_again_but_kept_to_its_owner(fetch, tmp_path):
    dest = tmp_path / "web.tar"
    dest.write_bytes(CONTENT)
    dest.chmod(0o644)
    assert fetch(dest) is False
    assert fetch.transfers == []
    assert dest.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("sends", [CONTENT[:-1], None])
def test_what_was_cut_off_replaces_nothing(fetch, tmp_path, sends):
    dest = tmp_path / "web.tar"
    dest.write_bytes(b"an older one")
    with pytest.raises(AnsibleActionFail, match="did not arrive as it was on the host"):
        fetch(dest, sends=sends)
    assert dest.read_bytes() == b"an older one"
    assert list(tmp_path.iterdir()) == [dest]


def test_a_link_is_replaced_and_not_followed(fetch, tmp_path):
    (tmp_path / "other").write_bytes(b"of somebody")
    dest = tmp_path / "web.tar"
    dest.symlink_to("other")
    fetch(dest)
    assert (tmp_path / "other").read_bytes() == b"of somebody"
    assert dest.read_bytes() == CONTENT


@pytest.mark.parametrize("sha256", ["", "x" * 64, SHA256.upper(), SHA256[1:]])
def test_what_is_no_sha256(fetch, tmp_path, sha256):
    with pytest.raises(AnsibleActionFail, match=r"the sha256 of /var/tmp/rescued\.tar is "):
        fetch(tmp_path / "x", sha256=sha256)
    assert fetch.transfers == []


def test_where_it_cannot_be_written(fetch, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(AnsibleActionFail, match=r"file/web\.tar on the controller: Not a directory"):
        fetch(tmp_path / "file" / "web.tar")
