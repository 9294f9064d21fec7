# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._backup import archive, stored
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident


@pytest.fixture
def look(machine, repository):
    return lambda container=None, host=None, verify="none": stored.facts(
        machine, repository, container, host, verify
    )


@pytest.fixture(autouse=True)
def two(layer, back_up):
    layer()
    layer("db")
    back_up()


def names(result):
    return sorted(one["container"] for one in result["backups"])


def test_what_is_there(look):
    (web,) = look("web")["backups"]
    assert web["container_id"] == ident("web")
    assert web["host"] == os.uname().nodename
    assert web["engine"] == "archive"
    assert web["status"] == "stored"
    assert web["image"] == "mysql:5.7"
    assert (web["verified"], web["problem"]) == (None, None)


def test_which(look):
    assert names(look()) == ["db", "web"]
    assert names(look(ident("db"))) == names(look(ident("db")[:12])) == ["db"]
    assert names(look(ident("db")[:11])) == []
    assert names(look("web", "other")) == []
    assert names(look(host=os.uname().nodename)) == ["db", "web"]


def test_verify(look, stored_files):
    assert look(verify="full")["problems"] == []
    assert all(one["verified"] for one in look()["backups"])
    stored_files()["rootfs.tar.gz"].unlink()
    result = look(verify="quick")
    (problem,) = result["problems"]
    assert "rootfs.tar.gz" in problem
    problems = {one["container"]: one["problem"] for one in result["backups"]}
    assert problems["db"] is None
    assert problem.endswith(problems["web"])


def test_one_that_cannot_be_read_is_a_problem(look, stored_files):
    manifest = stored_files()["manifest.json"]
    manifest.write_text("{}")
    here = os.uname().nodename
    for container in (None, "web", ident("web")[:12], ident("web")):
        result = look(container, here)
        (problem,) = result["problems"]
        assert problem.startswith(
            "%s: the backup at %s cannot be read: " % (manifest.parent.name, manifest.parent)
        )
        assert result["warnings"] == []
        assert names(result) == ([] if container else ["db"])
    assert look("db")["problems"] == look(host="other")["problems"] == []


def test_one_that_is_removed_while_it_is_looked_for_is_no_problem(look, stored_files, monkeypatch):
    manifest, real = stored_files()["manifest.json"], archive.manifests.read

    def read(path):
        if path == str(manifest):
            manifest.parent.rename(manifest.parent.parent / ".partial-gone")
        return real(path)

    monkeypatch.setattr(archive.manifests, "read", read)
    result = look()
    assert (names(result), result["problems"], result["warnings"]) == (["db"], [], [])


def test_a_repository_that_is_not_there(machine, repository, tmp_path):
    empty = repository._replace(location=str(tmp_path / "none"))
    assert stored.facts(machine, empty, None, None, "full")["backups"] == []
    assert not (tmp_path / "none").exists()
