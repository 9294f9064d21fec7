# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the virtual machine: a module as a process of its own, timed from its first look at the host (its ``work``)
to its end; the start of Python and of Ansible's part is not counted."""

import importlib
import json
import os
import subprocess
import sys
import time
from typing import NamedTuple

OURS = "ansible_collections.drydock.rescue.plugins."


class Run(NamedTuple):
    seconds: float
    result: dict
    peak_kib: int  # of the module, or of a program that it started, whichever had more


def opened(container, **more):
    return run("container_rootfs", dict(more, container=container))[:2]


def closed(container, **more):
    return run("container_rootfs", dict(more, container=container, state="unmounted"))[:2]


def run(module, arguments):
    child = subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), module, json.dumps(arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = child.communicate()
    end = time.monotonic()
    if child.returncode:
        sys.exit("%s %s failed: %s%s" % (module, arguments, out.decode(), err.decode()))
    begin, peak_kib = err.split()
    return Run(end - float(begin), json.loads(out), int(peak_kib))


def main(module, arguments):
    import atexit
    import resource

    from ansible.module_utils import basic

    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    ansible = importlib.import_module(OURS + "module_utils._ansible")
    run_module = ansible.run

    def run_timed(spec, work, *more, **options):
        def begin(*parameters):
            sys.stderr.write(repr(time.monotonic()))  # the clock is the parent's too
            return work(*parameters)

        run_module(spec, begin, *more, **options)

    def tell_peak():
        used = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        sys.stderr.write(" %d" % max(resource.getrusage(who).ru_maxrss for who in used))

    atexit.register(tell_peak)
    ansible.run = run_timed
    importlib.import_module(OURS + "modules." + module).main()


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
