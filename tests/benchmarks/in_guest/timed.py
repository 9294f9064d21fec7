# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the virtual machine: container_rootfs as a process of its own, timed from its first look at the host (its
``work``) to its end; the start of Python and of Ansible's part is not counted."""

import json
import os
import subprocess
import sys
import time


def opened(container, **more):
    return run(dict(more, container=container))


def closed(container, **more):
    return run(dict(more, container=container, state="unmounted"))


def run(arguments):
    """Seconds, and what the module returned."""
    child = subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), json.dumps(arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = child.communicate()
    end = time.monotonic()
    if child.returncode:
        sys.exit("%s failed: %s%s" % (arguments, out.decode(), err.decode()))
    return end - float(err), json.loads(out)


def module(arguments):
    from ansible.module_utils import basic

    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import rootfs_state
    from ansible_collections.drydock.rescue.plugins.modules import container_rootfs

    work = rootfs_state.reach

    def begin(*parameters):
        sys.stderr.write(repr(time.monotonic()))  # the clock is the parent's too
        return work(*parameters)

    rootfs_state.reach = begin
    container_rootfs.main()


if __name__ == "__main__":
    module(json.loads(sys.argv[1]))
