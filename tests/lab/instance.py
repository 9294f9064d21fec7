# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab: its guests and its network, from `up` to `down`."""

from __future__ import annotations

import hashlib
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import backend
import cache
import image
import process
import ssh
from guest import Guest
from host import HERE, LabError, run
from network import Network

FIRST_NUMBER = 11
POWEROFF_SECONDS = 60
MORE_STARTS = 2  # of a guest that dies while it boots


def log(line: str) -> None:
    print(f"lab: {line}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Lab:
    """Known by its name and by the checkout it is run from, so that two checkouts never meet."""

    name: str

    @property
    def identity(self) -> str:
        return f"{self.name}-{hashlib.sha256(str(HERE).encode()).hexdigest()[:6]}"

    @property
    def network(self) -> Network:
        return Network(f"drydock-{self.identity}")

    def guests(self) -> list[Guest]:
        found = (cache.LABS / self.identity).glob("*/guest.json")
        return sorted((Guest.load(path.parent) for path in found), key=lambda guest: guest.number)

    def running(self) -> list[Guest]:
        return [guest for guest in self.guests() if backend.of(guest).is_running(guest)]

    def guest(self, name: str) -> Guest:
        for guest in self.guests():
            if guest.name == name:
                return guest
        raise LabError(f"lab {self.name} has no guest {name}")

    def up(self, wanted: dict[str, str], memory: str, disk: str | None = None) -> None:
        """Fresh guests, or guests with a kept disk; those of other names stay as they are.

        `wanted` says the release of Debian for each name.
        """
        chosen = backend.choose()
        with cache.locked():
            images = {release: image.ensure(log, release) for release in dict.fromkeys(wanted.values())}
            for of_image in images.values():
                if disk and not (of_image.kept / chosen / disk).is_file():
                    raise LabError(f"no disk {disk} is kept for the present image and {chosen}")
            if not self.network.exists():
                self._clean()
                self.network.create()
            for guest in self.guests():
                if guest.name in wanted:
                    self._discard(guest)
            guests = [self._add(name, memory, images[release], chosen) for name, release in wanted.items()]
            for guest in guests:
                if disk:
                    _copy(guest.image.kept / chosen / disk, guest.disk)
                backend.of(guest).prepare(guest, log)
        self._boot(guests)

    def down(self) -> None:
        with cache.locked():
            self._clean()

    def _clean(self) -> None:
        """Also what a killed run left: half of a guest, a guest without a network."""
        for guest in self.guests():
            backend.of(guest).kill(guest)
        self.network.remove()
        shutil.rmtree(cache.LABS / self.identity, ignore_errors=True)

    def crash(self, guest: Guest) -> None:
        backend.of(guest).kill(guest)
        self.network.disconnect(guest.address)

    def stop(self, guest: Guest) -> None:
        """A clean shutdown. A kernel that lingers after its last sync is killed."""
        ssh.try_command(guest, self.network, "systemctl", "poweroff")
        if not process.wait_until(lambda: not backend.of(guest).is_running(guest), POWEROFF_SECONDS):
            log(f"{guest.name} did not power off in {POWEROFF_SECONDS} s: killed")
        self.crash(guest)

    def start(self, guest: Guest) -> None:
        """Boot again on the disk as it is."""
        its = backend.of(guest)
        if its.is_running(guest):
            raise LabError(f"{guest.name} is running")
        its.check()
        with cache.locked():
            its.prepare(guest, log)
        self._boot([guest])

    def keep(self, guest: Guest, disk: str) -> None:
        """Its disk, for `up` to start others from. `NAME-VERSION` takes the place of every other version of NAME."""
        if backend.of(guest).is_running(guest):
            raise LabError(f"{guest.name} is running: stop or crash it first")
        kept = guest.image.kept / guest.backend
        with cache.locked():
            kept.mkdir(parents=True, exist_ok=True)
            _copy(guest.disk, kept / disk)
            for old in kept.glob(f"{disk.rpartition('-')[0]}-*"):
                if old.name != disk:
                    old.unlink()

    def _add(self, name: str, memory: str, current: image.Image, chosen: str) -> Guest:
        taken = {guest.number for guest in self.guests()}
        number = next(number for number in range(FIRST_NUMBER, 255) if number not in taken)
        guest = Guest(cache.LABS / self.identity / name, number, memory, chosen)
        guest.save(current)
        self.network.add_tap(guest.tap)
        return guest

    def _discard(self, guest: Guest) -> None:
        self.crash(guest)
        shutil.rmtree(guest.folder)

    def _boot(self, guests: list[Guest]) -> None:
        for guest in guests:
            backend.of(guest).start(guest, self.network)
        with ThreadPoolExecutor(len(guests)) as pool:
            list(pool.map(self._wait, guests))

    def _wait(self, guest: Guest) -> None:
        """Until ssh answers and the boot is over: no unit is still starting then."""
        its = backend.of(guest)
        starts_left = MORE_STARTS

        def ready() -> bool:
            nonlocal starts_left
            # A process that is just being replaced by another program has no command line for a moment.
            if not process.wait_until(lambda: its.is_running(guest), 1):
                if not starts_left:
                    raise LabError(f"{guest.name} stopped while booting:\n{_tail(guest)}")
                starts_left -= 1
                log(f"{guest.name} stopped while booting: started again")
                its.start(guest, self.network)
            return ssh.try_command(guest, self.network, "systemctl is-system-running --wait || true")

        if not process.wait_until(ready, its.BOOT_SECONDS):
            raise LabError(f"{guest.name} did not answer in {its.BOOT_SECONDS} s:\n{_tail(guest)}")


def _copy(disk: Path, to: Path) -> None:
    """Under its final name only when it is whole. Holes stay holes, and the backing file's times stay in the layer."""
    partial = to.with_name(f"{to.name}.partial")
    run("cp", "--sparse=always", disk, partial)
    partial.rename(to)


def _tail(guest: Guest) -> str:
    return "\n".join(guest.console.read_text(errors="replace").splitlines()[-20:])
