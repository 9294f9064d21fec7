# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine for tests: its /proc, /sys and /run are folders, its tools answer what they were told to answer."""

import os
import shlex
import shutil
import stat

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _host, _mountinfo
from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper.dmsetup import Device

HOST_NAMESPACE = "mnt:[4026531841]"
ROOT_MOUNT = "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"


class FakeHost(_host.Host):
    """Fails the test on a command that it was not told of. Mounting writes mountinfo, and puts a file into what is
    mounted, so that code that looks again sees what it did."""

    def __init__(self, directory):
        self.proc = str(directory / "proc")
        self.sys = str(directory / "sys")
        self.run_directory = str(directory / "run" / "drydock")
        self.image_directory = str(directory / "images")
        self.restore_directory = str(directory / "restore")
        self.lock_prefix = "drydock-test-%d-" % os.getpid()
        self.units_directory = str(directory / "units")
        self.jobs_directory = str(directory / "run" / "drydock-jobs")
        for path in (self.proc, self.sys, os.path.dirname(self.run_directory)):
            os.makedirs(path)
        self.missing_tools = set()
        self.ran = []
        self.mounted = []
        self.unmounted = []
        self.mount_errors = {}
        self.layer = []  # what is in a tree that is mounted; a directory ends with /
        self.bound = []
        self.subvolumes = set()
        self._answers = {}
        self._mount_id = 100
        self.process("self", [], mountinfo=ROOT_MOUNT)

    # -- what a test says ----------------------------------------------------------------------------------

    def answer(self, command, out="", err="", code=0, does=None):
        """What one command prints from now on; ``does`` is called when it runs."""
        self._answers[command] = (_host.Finished(code, out, err), does)

    def process(
        self,
        pid,
        argv,
        cgroup="",
        mountinfo="",
        namespace=HOST_NAMESPACE,
        root="/",
        uid=0,
        environment=(),
    ):
        directory = os.path.join(self.proc, str(pid))
        os.makedirs(os.path.join(directory, "ns"))
        status = "Name:\tx\nUid:\t%d\t0\t0\t0\n" % uid
        command, environ = ("".join(word + "\0" for word in words) for words in (argv, environment))
        texts = {"cmdline": command, "environ": environ, "cgroup": cgroup, "status": status}
        for name, text in texts.items():
            _write(os.path.join(directory, name), text)
        _write(os.path.join(directory, "mountinfo"), mountinfo)
        os.symlink(namespace, os.path.join(directory, "ns", "mnt"))
        os.symlink(str(root), os.path.join(directory, "root"))

    def ends(self, pid):
        os.unlink(os.path.join(self.proc, str(pid), "cmdline"))

    def sees_mount(self, line, pid="self"):
        """Adds one line to the mountinfo of a process."""
        with open(os.path.join(self.proc, str(pid), "mountinfo"), "a") as stream:
            stream.write(line + "\n")

    def loop(self, number, backing_file, read_only=False):
        directory = os.path.join(self.sys, "block", "loop%d" % number)
        os.makedirs(os.path.join(directory, "loop"))
        _write(os.path.join(directory, "loop", "backing_file"), "%s\n" % backing_file)
        _write(os.path.join(directory, "dev"), "7:%d\n" % number)
        _write(os.path.join(directory, "ro"), "%d\n" % read_only)

    def devices(self, *devices, **statuses):
        """The devices that device-mapper has. ``statuses`` are whole status lines by name, with _ for -."""
        _write(os.path.join(self.proc, "misc"), " 236 device-mapper\n 237 loop-control\n")
        info = "dmsetup info --columns --noheadings --separator '|' --options name,uuid,major,minor,open,attr"
        lines = []
        for one in devices:
            attributes = "L%s-w" % ("s" if one.suspended else "-")
            major, minor = one.number.split(":")
            lines.append("|".join((one.name, one.uuid, major, minor, str(one.open_count), attributes)))
        self.answer(info, "".join(line + "\n" for line in lines) or "No devices found\n")
        tables = "".join("%s: %s\n" % (one.name, one.table) for one in devices if one.table)
        self.answer("dmsetup table", tables or "No devices found\n")
        for name, line in statuses.items():
            self.answer("dmsetup status --noflush " + name.replace("_", "-"), line + "\n")

    def unit(self, name, active=False, loaded=True, triggered_by=None):
        os.makedirs(self.units_directory, exist_ok=True)
        state = "loaded" if loaded else "not-found"
        self.answer("systemctl show --property=LoadState " + name, "LoadState=%s\n" % state)
        if name.endswith(".service"):
            triggers = name[: -len("service")] + "socket" if triggered_by is None else triggered_by
            self.answer("systemctl show --property=TriggeredBy " + name, "TriggeredBy=%s\n" % triggers)
        state = "active" if active else "inactive"
        self.answer("systemctl show --property=ActiveState " + name, "ActiveState=%s\n" % state)

    def btrfs(self, source, snapshot, nested=""):
        """The tool can make a snapshot of a subvolume, with the list of those that are ``nested`` in it."""

        def take():
            assert os.path.isdir(source), source
            shutil.copytree(source, snapshot, symlinks=True)
            self.subvolumes.add(snapshot)

        def delete():
            assert not any(mount.source == snapshot for mount in self.mounts()), "it is mounted"
            shutil.rmtree(snapshot)
            self.subvolumes.remove(snapshot)

        self.answer("btrfs subvolume list -o " + source, nested)
        self.answer("btrfs subvolume snapshot -r %s %s" % (source, snapshot), does=take)
        self.answer("btrfs subvolume delete " + snapshot, does=delete)

    # -- what the code asks --------------------------------------------------------------------------------

    def tool(self, name):
        return None if name in self.missing_tools else "/usr/sbin/" + name

    def run(self, argv, ok=(0,), stdin=-3):
        command = " ".join(shlex.quote(word) for word in argv)
        if command not in self._answers:
            pytest.fail("not expected: " + command)
        self.ran.append(command)
        finished, does = self._answers[command]
        if does:
            does()
        if finished.code not in ok:
            raise _host._failed(argv, finished.code, finished.err or finished.out)
        return finished

    def pipe(self, first, second, stdin, ok=(0,)):
        pytest.fail("not expected: %s | %s" % (" ".join(first), " ".join(second)))

    def mount(self, source, target, fs_type, options):
        if target in self.mount_errors:
            raise self.mount_errors[target]
        self.mounted.append((source, target, fs_type, tuple(options)))
        self._mount_id += 1
        fields = (self._mount_id, _escaped(target), fs_type or "ext4", _escaped(source))
        self.sees_mount("%d 22 0:99 / %s rw - %s %s rw" % fields)
        if fs_type != "tmpfs":
            _write(os.path.join(target, self._content()), "")
            for name in self.layer:
                os.makedirs(os.path.join(target, os.path.dirname(name)), exist_ok=True)
                if not name.endswith("/"):
                    _write(os.path.join(target, name), "")
        if "rbind" in options:
            for mount in _mountinfo.below(self.mounts(), source):
                self._mount_id += 1
                place = _escaped(target + mount.mount_point[len(source) :])
                fields = (self._mount_id, mount.device, _escaped(mount.root), place, mount.options)
                self.sees_mount("%d 22 %s %s %s %s - ext4 /dev/vda1 rw" % fields)

    def bind_inside(self, source, root, parts, options):
        target = os.path.join(root, *parts)
        if target in self.mount_errors:
            raise self.mount_errors[target]
        assert os.path.isdir(source) == os.path.isdir(target), target
        assert os.path.realpath(target) == target
        self._mount_id += 1
        device, inside = _mountinfo.place_of(self.mounts(), source)
        shown = "ro" if "ro" in options else "rw"
        fields = (self._mount_id, device, _escaped(inside), _escaped(target), shown)
        self.sees_mount("%d 22 %s %s %s %s,relatime - ext4 /dev/vda1 rw" % fields)
        self.bound.append((source, target, tuple(options)))

    def is_subvolume(self, path):
        return path in self.subvolumes

    def own_peer_group(self, target):
        assert any(mount.mount_point == target for mount in self.mounts()), target

    def unmount_inside(self, root, parts):
        self.unmount(os.path.join(root, *parts))

    def mount_root_of_process(self, pid, target):
        self.mount("root of process %d" % pid, target, "overlay", ())

    def unmount(self, target):
        path = os.path.join(self.proc, "self", "mountinfo")
        with open(path) as stream:
            lines = stream.read().splitlines(True)
        here = [line for line in lines if line.split(" ")[4] == _escaped(target)]
        assert here, "nothing is mounted at " + target
        lines.remove(here[-1])
        _write(path, "".join(lines))
        self.unmounted.append(target)
        content = os.path.join(target, "content-" + here[-1].split(" ")[0])
        if os.path.exists(content):
            os.unlink(content)
            if self.layer:
                shutil.rmtree(target)
                os.mkdir(target, 0o700)

    def _content(self):
        return "content-%d" % self._mount_id


def device(name, number, table, uuid="", open_count=0, suspended=False):
    return Device(name, uuid, number, open_count, suspended, table)


def tree_of(directory):
    """Every path below a directory with its type, link target and contents: what must stay as it was."""
    found = {}
    for place, directories, files in os.walk(str(directory)):
        for name in directories + files:
            path = os.path.join(place, name)
            mode = os.lstat(path).st_mode
            content = b""
            if stat.S_ISLNK(mode):
                content = os.fsencode(os.readlink(path))
            elif stat.S_ISREG(mode):
                with open(path, "rb") as stream:
                    content = stream.read()
            found[os.path.relpath(path, str(directory))] = (mode, content)
    return found


def _write(path, text):
    with open(path, "w") as stream:
        stream.write(text)


def _escaped(path):
    for char in "\\ \t\n":
        path = path.replace(char, "\\%03o" % ord(char))
    return path
