# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are data roots of their own on this machine, which Ansible reaches without any network."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
from support.docker_root import DockerRoot, ident

OLD_EVERY = 4  # of so many hosts one has devicemapper


def write(directory: Path, count: int) -> Path:
    """Makes them; the inventory. Some have a pool, and each three containers."""
    hosts = {}
    for number in range(count):
        name = f"sim{number:04}"
        root = directory / "roots" / name
        fill(root, old=number % OLD_EVERY == 0)
        hosts[name] = {"survey_data_root": str(root)}
    shared = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = directory / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": shared}}))
    return inventory


def fill(path: Path, old: bool) -> None:
    root = DockerRoot(path)
    if old:
        root.loop_pool()
    for number, name in enumerate(("db", "web", "cache"), 10):
        if old:
            root.container(name, driver="devicemapper")
            root.device_file(ident("layer of " + name), number)
        else:
            root.overlay_container(name, "base", "app")
