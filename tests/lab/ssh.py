# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH into a guest, through its network namespace."""

from __future__ import annotations

import subprocess

from guest import Guest
from network import Network


def options(network: Network) -> list[str]:
    """For any ssh: nothing of the user's known hosts is read or written."""
    proxy = " ".join([*network.enter, "socat", "-", "TCP:%h:%p"])
    return [
        "-F",
        "none",
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        f"ProxyCommand={proxy}",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "LogLevel=ERROR",
    ]


def command(guest: Guest, network: Network, *remote: str) -> list[str]:
    return ["ssh", *options(network), "-i", str(guest.image.key), f"root@{guest.address}", *remote]


def try_command(guest: Guest, network: Network, *remote: str) -> bool:
    """Whether the guest could be entered and the command succeeded there."""
    words = command(guest, network, *remote)
    words[1:1] = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=2"]
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
