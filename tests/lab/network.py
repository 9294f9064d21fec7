# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of its own for each lab: a namespace with a bridge and taps, and no route out of it."""

from __future__ import annotations

from dataclasses import dataclass

import process
from host import run

BRIDGE = "lab"
BRIDGE_ADDRESS = "10.77.0.1/24"


@dataclass(frozen=True)
class Network:
    """One network namespace, known by its name alone."""

    name: str

    @property
    def enter(self) -> list[str]:
        """The words to put before a command that has to run in the namespace.

        Not `ip netns exec` and not `ip -netns`: both change mounts, which fails inside of a chroot.
        """
        return ["nsenter", f"--net=/run/netns/{self.name}"]

    def exists(self) -> bool:
        return self.name in run("ip", "netns", "list").split()

    def create(self) -> None:
        run("ip", "netns", "add", self.name)
        self._ip("link", "set", "lo", "up")
        self._ip("link", "add", BRIDGE, "type", "bridge")
        self._ip("address", "add", BRIDGE_ADDRESS, "dev", BRIDGE)
        self._ip("link", "set", BRIDGE, "up")

    def remove(self) -> None:
        """Kill all that runs inside, then the namespace; bridge and taps go with it."""
        if self.exists():
            process.kill(self._pids())
            run("ip", "netns", "delete", self.name)

    def add_tap(self, tap: str) -> None:
        """A tap on the bridge; one that an earlier guest left is as good as new."""
        if tap not in self._ip("-brief", "link").split():
            self._ip("tuntap", "add", "dev", tap, "mode", "tap")
            self._ip("link", "set", tap, "master", BRIDGE, "up")

    def disconnect(self, address: str) -> None:
        """Cut the connections to a guest that went away: ssh would hold on to them and hang."""
        process.kill(pid for pid in self._pids() if f"TCP:{address}:" in process.command_line(pid))

    def _ip(self, *words: str) -> str:
        return run(*self.enter, "ip", *words)

    def _pids(self) -> list[int]:
        return [int(pid) for pid in run("ip", "netns", "pids", self.name).split()]
