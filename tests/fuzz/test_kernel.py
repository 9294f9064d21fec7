# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel shows: mounts, processes, loop devices."""

import os

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.drydock.rescue.plugins.module_utils import _mountinfo, _ours
from ansible_collections.drydock.rescue.plugins.module_utils._device_mapper import loop
from ansible_collections.drydock.rescue.plugins.module_utils._docker import daemon, liveness
from ansible_collections.drydock.rescue.plugins.module_utils._docker.containers import Container
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import found
from ansible_collections.drydock.rescue.tests.fuzz.machine import case, put
from ansible_collections.drydock.rescue.tests.fuzz.strategies import bytes_like, text_like
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import ident

WEB = ident("web").encode()
LABEL = _ours.label_source(_ours.Label(ident("web"), "web", "merge", "read_only", "")).encode()
MOUNTS = (
    b"22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n",
    b"36 22 0:32 / /var/lib/docker/overlay2/%s/merged rw - overlay overlay rw,lowerdir=l/A:l/B,upperdir=%s/diff\n"
    % (WEB, WEB),
    b"40 22 0:40 / /mnt/a\\040b\\134 rw master:2 - tmpfs " + LABEL + b" ro\n"
    b"41 40 0:41 /x /mnt/a\\040b\\134 ro - xfs /dev/mapper/drydock-web-view ro,nouuid\n",
)


@given(text_like(*MOUNTS, b"".join(MOUNTS)), text_like(b"/mnt/a b\\", b"/var/lib/docker"))
def test_mountinfo(text, path):
    with case():
        mounts = _mountinfo.parse(text)
        _mountinfo.covering(mounts, path)
        _mountinfo.stacked_at(mounts, path)
        _mountinfo.below(mounts, path)
        _mountinfo.place_of(mounts, path)
        _ours.trees(mounts)


PROCESS = {
    "cmdline": (
        b"/usr/bin/dockerd\0-g\0/srv\0",
        b"dockerd\0--data-root=/srv\0",
        b"containerd-shim\0-id\0" + WEB + b"\0",
    ),
    "cgroup": (b"0::/system.slice/docker-" + WEB + b".scope\n", b"4:cpu:/docker/" + WEB + b"\n1:x:/\n"),
    "mountinfo": MOUNTS,
    "environ": (b"HOME=/root\0DOCKER_DRIVER=vfs\0", b"ROOTLESSKIT_STATE_DIR=/run\0XDG_DATA_HOME=/home/x\0"),
    "status": (b"Name:\tdockerd\nUid:\t1000\t1000\t1000\t1000\n", b"Uid:\t0\t0\t0\t0\n"),
}


@given(
    st.fixed_dictionaries({name: bytes_like(*samples) for name, samples in PROCESS.items()}), st.booleans()
)
def test_processes(host, docker, files, is_ours):
    directory = os.path.join(host.proc, "self" if is_ours else "7")
    if not os.path.isdir(directory):
        host.process(7, ["x"])
    container_id = docker.container("web")
    for name, content in files.items():
        put(os.path.join(directory, name), content)
    with case():
        daemon.running(host)
        daemon.believed(host)
        look = liveness.Liveness(host, docker.path)
        look.of(Container(docker.path, container_id))
        found.everything(host)


LOOP = {
    "loop/backing_file": b"/var/lib/docker/devicemapper/devicemapper/data (deleted)\n",
    "dev": b"7:0\n",
    "ro": b"1\n",
}


@given(st.fixed_dictionaries({name: bytes_like(sample) for name, sample in LOOP.items()}))
def test_loop_devices(host, docker, files):
    if not os.path.isdir(os.path.join(host.sys, "block/loop0")):
        host.loop(0, "/x")
    for name, content in files.items():
        put(os.path.join(host.sys, "block/loop0", name), content)
    with case():
        loop.over(loop.loops(host), docker.path)
