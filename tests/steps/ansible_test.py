# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running ansible-test where it does not expect to be: on a plain host, behind a package index."""

import ast
import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import paths
import process
import pythons
import venvs


def run(
    core: str, python: pythons.Python, arguments: list[str], collection: Path, log: Path
) -> process.Result:
    """Run ansible-test of this core with this interpreter on a copy of the collection."""
    venv = venvs.get(f"sanity-{core}", python)
    environment = venvs.environment(venv)
    # It finds other interpreters on PATH, by their names.
    environment["PATH"] = ":".join([environment["PATH"], *places_of_pythons()])
    home = paths.CACHE / "ansible-test" / f"{core}-{python}"
    environment["HOME"] = str(home)
    # Its virtual environments are made where they stay, without a lock.
    with venvs.lock(home.with_suffix(".lock")):
        prepare(home, venv)
        return process.run(["ansible-test", *arguments], cwd=collection, env=environment, log=log)


def places_of_pythons() -> list[str]:
    return [str(python.path.parent) for python in pythons.found().values() if python != pythons.default()]


def prepare(home: Path, venv: Path) -> None:
    """A home for ansible-test alone: what it keeps there must not meet what the user has."""
    cache = home / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    (source,) = venv.glob("lib/python*/site-packages/ansible_test/_internal/python_requirements.py")
    for version in re.findall(r"\bpip='([0-9.]+)'", source.read_text()):
        shutil.copy(Path(__file__).with_name("get_pip.py"), cache / f"get_pip_{version.replace('.', '_')}.py")
    write_pip_settings(home / ".config/pip/pip.conf", venv)


def write_pip_settings(file: Path, venv: Path) -> None:
    """ansible-test passes no variables on to pip: write what they and the user's files say into one file."""
    settings = configparser.RawConfigParser()
    settings.read_dict({"global": {"quiet": "2"}})  # errors only
    listed = subprocess.run([venv / "bin/pip", "config", "list"], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        key, value = line.split("=", 1)
        section, option = key.replace(":env:", "global").split(".", 1)
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, option, ast.literal_eval(value))
    file.parent.mkdir(parents=True, exist_ok=True)
    # A setting may hold a password.
    with open(file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as output:
        settings.write(output)
