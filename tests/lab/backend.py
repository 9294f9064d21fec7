# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs the guests: chosen for those that are made, remembered for those that are there."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

import qemu
import uml
from guest import Guest
from host import LabError
from network import Network


class Backend(Protocol):
    """What each of these modules has."""

    BOOT_SECONDS: int

    def check(self) -> None:
        """Fail where it cannot run."""

    def prepare(self, guest: Guest, log: Callable[[str], None]) -> None:
        """Make what the guest starts from beside the image; the caller holds the lock of the cache."""

    def start(self, guest: Guest, network: Network) -> None:
        """Switch it on, and do not wait for it."""

    def is_running(self, guest: Guest) -> bool:
        """Whether it has a process."""

    def kill(self, guest: Guest) -> None:
        """Cut its power."""


BACKENDS: dict[str, Backend] = {"qemu": qemu, "uml": uml}


def choose() -> str:
    """The backend for new guests: $LAB_BACKEND, or what is fastest here."""
    name = os.environ.get("LAB_BACKEND") or ("qemu" if qemu.has_kvm() else "uml")
    if name not in BACKENDS:
        raise LabError(f"LAB_BACKEND={name}: it can be {' or '.join(BACKENDS)}")
    BACKENDS[name].check()
    return name


def of(guest: Guest) -> Backend:
    return BACKENDS[guest.backend]
