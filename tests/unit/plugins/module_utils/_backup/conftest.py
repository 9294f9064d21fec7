# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine whose tar and gzip are real, and containers on it whose one layer is a directory."""

import os
import pathlib

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _host, _mountinfo
from ansible_collections.drydock.rescue.plugins.module_utils._backup import archive, backup, to_container
from ansible_collections.drydock.rescue.plugins.module_utils._backup import restore as restores
from ansible_collections.drydock.rescue.plugins.module_utils._backup.engine import Compression, Repository
from ansible_collections.drydock.rescue.plugins.module_utils._backup.keeping import Keep
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident
from ansible_collections.drydock.rescue.tests.unit.support.host import FakeHost

REAL = ("tar", "gzip", "cat")


class Machine(FakeHost):
    """A bind mount moves the directory to where it is shown, and back when it is unmounted."""

    def __init__(self, directory):
        super().__init__(directory)
        self.missing_tools.add("zstd")

    def tool(self, name):
        if name == "btrfs":
            return super().tool(name)
        return _host.Host.tool(self, name) if name in REAL else None

    def run(self, argv, *rest, **more):
        real = argv[0] in REAL
        return _host.Host.run(self, argv, *rest, **more) if real else super().run(argv, *rest, **more)

    def start(self, argv, *rest, **more):
        assert argv[0] in REAL, argv
        return _host.Host.start(self, argv, *rest, **more)

    def pipe(self, *rest, **more):
        return _host.Host.pipe(self, *rest, **more)

    def without_links(self, directory):
        return None

    def mount(self, source, target, fs_type, options):
        if "bind" not in options:
            super().mount(source, target, fs_type, options)
            return
        os.rmdir(target)
        os.rename(source, target)
        self.mounted.append((source, target, fs_type, tuple(options)))
        self._mount_id += 1
        self.sees_mount("%d 22 0:99 / %s rw - ext4 %s rw" % (self._mount_id, target, source))

    def unmount(self, target):
        here = _mountinfo.stacked_at(self.mounts(), target)
        if here and here[-1].fs_type == "ext4":
            os.rename(target, here[-1].source)
            os.mkdir(target, 0o700)
        super().unmount(target)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "machine")


@pytest.fixture
def layer(docker):
    """Makes a container of one directory; returns that."""

    def make(name="web", **keys):
        docker.whole_container(name, "vfs", "vfs", "dir", **keys)
        directory = pathlib.Path(docker.join("vfs", "dir", ident("layer of " + name)))
        (directory / "etc").mkdir()
        (directory / "etc/conf").write_text("of " + name)
        (directory / "etc/link").symlink_to("conf")
        os.link(str(directory / "etc/conf"), str(directory / "etc/also"))
        os.mkfifo(str(directory / "fifo"))
        return directory

    return make


@pytest.fixture
def repository(tmp_path):
    return Repository("archive", str(tmp_path / "repository"))


@pytest.fixture
def archives(machine, repository):
    return archive.Archives(machine, repository, Compression("gzip"))


@pytest.fixture
def back_up(machine, docker, repository):
    """container_backup."""

    def call(check_mode=False, **changes):
        wanted = backup.Wanted(
            data_root=docker.path,
            containers=None,
            exclude_containers=[],
            repository=repository,
            compression=Compression(),
            volumes=True,
            binds=False,
            exclude=[],
            consistency="auto",
            pause_limit=60,
            keep=Keep(),
            verify="none",
            jobs=1,  # the mounts of the fake are one file
            fail_on="any",
            include_env=False,
        )
        return backup.work(machine, wanted._replace(**changes), check_mode)

    return call


@pytest.fixture
def restore(machine, docker, repository, tmp_path):
    """container_restore."""

    def call(check_mode=False, into=(), **changes):
        place = to_container.Into(None, docker.path, None, False)._replace(**dict(into))
        wanted = restores.Wanted(
            repository, "web", None, None, "directory", str(tmp_path / "out"), [], False, place
        )
        return restores.work(machine, wanted._replace(**changes), check_mode)

    return call


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def stored_files(tmp_path):
    """The files of the one backup of a container, by name."""

    def find(name="web"):
        (manifest,) = (tmp_path / "repository").glob("*/%s/*/manifest.json" % name)
        return {one.name: one for one in manifest.parent.iterdir()}

    return find
