# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets plain pytest import the collection by its full name, wherever the checkout lies."""

import importlib.util
import sys
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent


def offer_collection():
    """Put the packages above plugins/ in place: from there on Python finds the files itself."""
    if "ansible_collections" in sys.modules:
        return  # ansible-test has its own way
    parent = None
    for name, path in (("ansible_collections", []), ("drydock", []), ("rescue", [str(HERE.parents[1])])):
        package = types.ModuleType(name if parent is None else parent.__name__ + "." + name)
        package.__path__ = path
        sys.modules[package.__name__] = package
        if parent is not None:
            setattr(parent, name, package)
        parent = package


offer_collection()

# Without Ansible only the domain library can be tested. A host has the part of Ansible that modules use.
collect_ignore_glob = []
if importlib.util.find_spec("ansible") is None:
    collect_ignore_glob += ["plugins/modules/*", "plugins/module_utils/test__ansible.py"]
if importlib.util.find_spec("ansible") is None or importlib.util.find_spec("ansible.plugins") is None:
    # Roles, guides, and everything else in plugins/, run on the controller.
    collect_ignore_glob += ["roles/*", "guides/*"]
    collect_ignore_glob += [
        f"plugins/{directory.name}/*"
        for directory in (HERE / "plugins").glob("*")
        if directory.name not in ("modules", "module_utils")
    ]
