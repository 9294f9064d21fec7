# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first backend: a guest is a process of User Mode Linux, so the host needs no virtualization."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

import cache
import process
import processors
from guest import Guest
from host import LabError
from network import Network

NIC = "vec0"
BOOT_SECONDS = 180
PTRACE_TRACEME = 0
_EVERY_GUEST = f"lab.nic={NIC}"  # a word on the command line of each guest's kernel, whichever lab's


def check() -> None:
    """Its kernel traces a program when it starts, and all where it may not filter their system calls; some machines
    forbid that even to root."""
    child = os.fork()
    if not child:
        os._exit(ctypes.CDLL(None).ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
    if os.waitpid(child, 0)[1]:
        raise LabError("processes may not be traced here, as User Mode Linux does: try LAB_BACKEND=qemu")


def prepare(_guest: Guest, _log: Callable[[str], None]) -> None:
    """All is in the image, and the kernel makes the guest's disk itself."""


def start(guest: Guest, network: Network) -> None:
    """Boot from the guest's own disk: a copy-on-write layer over the image, made when it is missing."""
    words = [
        *network.enter,
        str(guest.image.kernel),
        f"mem={guest.memory}",
        f"umid={guest.name}",
        _mark(guest),
        f"ubd0={guest.disk},{guest.image.disk}",
        "root=/dev/ubda",
        "rw",
        "rootfstype=ext4",
        "rootflags=noinit_itable",
        f"vec0:transport=tap,ifname={guest.tap},depth=64,gro=1,mac={guest.mac}",
        "con=null",
        "con0=null,fd:2",
        "con1=null",
        "ssl=null",
        "quiet",
        "loglevel=4",
        "net.ifnames=0",
        "seccomp=auto",
        *guest.kernel_words(NIC),
    ]
    with cache.locked("processors"):
        processor = processors.least_used(process.find(_EVERY_GUEST))
        kernel = process.start(words, guest.console, TMPDIR=str(_memory_folder(guest)))
        processors.keep_on(kernel, processor)


def is_running(guest: Guest) -> bool:
    return bool(process.find(_mark(guest)))


def kill(guest: Guest) -> None:
    """A power cut: what the guest did not write to its disk is lost.

    The kernel is halted, then the guest's programs end, and then the kernel. A traced program that outlives its
    kernel, if only for a moment, makes its system calls on the host: it was seen to write files there.
    """
    kernel = process.find(_mark(guest))
    process.halt(kernel)
    process.kill(process.children(kernel))
    process.kill(kernel)


def _mark(guest: Guest) -> str:
    """The word that marks this guest's kernel. Its children are the programs that run on it."""
    return f"uml_dir={guest.folder}/"


def _memory_folder(guest: Guest) -> Path:
    """Where the guest's memory is a file: in RAM where there is room, and never on a noexec mount."""
    shm = Path("/dev/shm")
    if shm.is_dir():
        room = os.statvfs(shm)
        if room.f_bavail * room.f_frsize > _bytes(guest.memory) and not room.f_flag & os.ST_NOEXEC:
            return shm
    return guest.folder


def _bytes(size: str) -> int:
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    return int(size[:-1]) * units[size[-1].upper()]
