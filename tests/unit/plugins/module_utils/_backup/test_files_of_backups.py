# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._backup import archive, engines, stored
from ansible_collections.drydock.rescue.plugins.module_utils._backup.engine import Compression
from ansible_collections.drydock.rescue.plugins.module_utils._errors import Refused


def facts(machine, repository, **more):
    return stored.facts(machine, repository, None, None, "none", **more)


def test_the_files_of_a_backup_make_it_in_another_place(machine, repository, back_up, layer, tmp_path):
    layer("web")
    layer("db")
    back_up()
    web, _db = sorted(facts(machine, repository)["backups"], key=lambda one: one["container"], reverse=True)
    (found,) = facts(machine, repository, backup_ids=[web["backup_id"]], files=True)["backups"]
    assert found["container"] == "web"
    copy = str(tmp_path / "copy")
    archives = archive.Archives(machine, repository._replace(location=copy), Compression())
    for one in found["files"]:
        assert archives.backups() == []  # until the last is there
        target = os.path.join(copy, one["path"])
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(os.path.join(repository.location, one["path"]), target)
        archives = archive.Archives(machine, repository._replace(location=copy), Compression())
    (there,) = archives.backups()
    assert there.backup_id == web["backup_id"]
    assert archives.verify([there], True) == {}


def test_an_engine_without_files_says_so(machine, repository, monkeypatch):
    monkeypatch.setitem(engines.ENGINES, "archive", lambda *_rest: object())
    with pytest.raises(Refused, match="is no files of its own"):
        facts(machine, repository, files=True)
