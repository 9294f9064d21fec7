# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running guests as an Ansible inventory in YAML."""

from __future__ import annotations

import hashlib
import json
import shlex

import ssh
from guest import Guest
from network import Network


def render(guests: list[Guest], network: Network) -> str:
    """YAML by hand: JSON strings are YAML strings, and the lab needs no library."""
    lines = ["guests:", "  hosts:"]
    for guest in guests:
        lines += [f"    {guest.name}:", *_pairs(6, _host_variables(guest))]
    return "\n".join([*lines, "  vars:", *_pairs(4, _group_variables(network)), ""])


def _host_variables(guest: Guest) -> dict[str, str]:
    return {"ansible_host": guest.address, "ansible_ssh_private_key_file": str(guest.image.key)}


def _group_variables(network: Network) -> dict[str, str]:
    return {
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_common_args": shlex.join(ssh.options(network)),
        # Without compression, which Ansible's default has: it only costs time here.
        "ansible_ssh_args": "-o ControlMaster=auto -o ControlPersist=60s",
        # Guests of two labs have the same addresses, but must not share a connection.
        "ansible_control_path": f"%(directory)s/{hashlib.sha256(network.name.encode()).hexdigest()[:12]}-%%h",
    }


def _pairs(indent: int, variables: dict[str, str]) -> list[str]:
    return [f"{' ' * indent}{key}: {json.dumps(value)}" for key, value in variables.items()]
