# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules do, called on a guest without Ansible: for tests that do it hundreds of times. Installed as
/root/collection/rescues.py, beside the collection's own code."""

import os
import subprocess

from ansible_collections.drydock.rescue.plugins.module_utils._host import Host
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import (
    closing,
    rootfs_state,
    thin_ids,
)

CASES = {
    "assemble": ("dead", "read_only", "assemble"),
    "assemble-scratch": ("dead", "scratch", "assemble"),
    "extract": ("dead", "read_only", "extract"),
    "extract-scratch": ("dead", "scratch", "extract"),
    "direct": ("dead", "in_place", "direct"),
    "snapshot": ("living", "read_only", "snapshot"),
    "snapshot-scratch": ("living", "scratch", "snapshot"),
    "snapshot-dead": ("dead", "read_only", "snapshot"),
    "suspended": ("living", "read_only", "snapshot"),
    "stop-docker": ("dead", "in_place", "direct"),
    "merge": ("dead", "read_only", "merge"),
    "merge-scratch": ("dead", "scratch", "merge"),
    "live": ("living", "read_only", "live"),
}


def parameters(case, state="mounted"):
    container, access, method = CASES[case]
    return given(
        container=container,
        access=access,
        method=method,
        state=state,
        scratch_size="64M",
        stop_docker=case == "stop-docker",
    )


def given(**options):
    """The parameters of container_rootfs."""
    every = dict(access="read_only", method="auto", state="mounted", scratch_size="1G")
    every.update(stop_docker=False, volumes=False)
    roots = ("data_root", "containerd_root", "data_device", "metadata_device")
    every.update(dict.fromkeys(("layer", "device_id", "path", "work_dir", *roots)))
    return dict(every, **options)


def child(work):
    """Runs ``work`` in a process of its own."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException as error:
        print("    %s: %s" % (type(error).__name__, error), flush=True)
    finally:
        os._exit(code)


def finished(work):
    _pid, status = os.waitpid(child(work), 0)
    return status == 0


def open_it(case, host=None):
    """Returns where the tree is."""
    return rootfs_state.reach(host or Host(), parameters(case), False)["path"]


def close_it(case):
    rootfs_state.reach(Host(), parameters(case, "unmounted"), False)


def clean_up():
    closing.close_everything(Host(), False)


def left():
    """Everything of ours that is on the host."""
    script = """
        dmsetup info -c --noheadings -o name | grep '^drydock'
        losetup --list --noheadings | grep drydock
        grep drydock /proc/self/mountinfo
        ls -d /run/drydock /run/systemd/system/*.d/drydock-* /var/tmp/drydock 2>/dev/null
        exit 0"""
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False).stdout


def ids_left():
    """Thin ids of ours that are in a pool of this host."""
    shown = subprocess.run(
        ["dmsetup", "ls", "--target", "thin-pool"], capture_output=True, text=True, check=False
    ).stdout
    pools = [line.split()[0] for line in shown.splitlines() if "No devices" not in line]
    return {
        pool: sorted(ids) for pool, ids in ((pool, thin_ids.existing(Host(), pool)) for pool in pools) if ids
    }
