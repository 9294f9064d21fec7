# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests' kernel: User Mode Linux of a newer Debian than the guests' own.

Since Linux 6.16 it need not trace the guest's programs: a filter of system calls (seccomp) brings it in. It starts
programs two to three times as fast as 6.12 then, and a test is mostly that. Before 6.13 it cannot run on processors
with AMX, whose registers do not fit into the room that it has for them ("ptrace set fp regs failed").
It is linked to a newer C library than Debian 12 has, so it brings that one along, and the host keeps its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import mirror
from host import run

SUITE = "forky"
# A mirror may have a copy of that suite that is older than its signature is good for; it is of no use to anybody else.
OLD_COPY_WILL_DO = '--aptopt=Acquire::Check-Valid-Until "false"'
LIBRARIES = "usr/lib/x86_64-linux-gnu"
LOADER = "ld-linux-x86-64.so.2"


def install(files: Path, program: Path, final_folder: Path) -> None:
    """Put the modules into the guest's files, the program at `program` and its library beside it.

    Program and library will lie in `final_folder` when the kernel is started.
    """
    packages = program.with_name("kernel-packages")
    mirror.bootstrap(
        SUITE, packages, "--variant=extract", "--include=user-mode-linux,libc6", OLD_COPY_WILL_DO
    )
    shutil.copytree(packages / "usr/lib/uml", files / "usr/lib/uml")
    # Where modprobe looks.
    (files / "usr/lib/modules").symlink_to("uml/modules")
    shutil.copy2(packages / "usr/bin/linux.uml", program)
    for name in (LOADER, "libc.so.6"):
        shutil.copy2(packages / LIBRARIES / name, program.with_name(name))
    # Started through the loader instead, the kernel would not find its own memory.
    run("patchelf", "--set-interpreter", final_folder / LOADER, "--set-rpath", "$ORIGIN", program)
    shutil.rmtree(packages)
