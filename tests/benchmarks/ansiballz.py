# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module as Ansible sends it to a host: one file that holds its arguments and all that it imports.

usage: ansiballz.py DIRECTORY MODULE...   lays out as files what travels with these modules
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ansible.executor import module_common
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, module_loader
from ansible.template import Templar

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "drydock.rescue"


def modules() -> list[str]:
    """Those that run on hosts; the others are the documentation of an action plugin."""
    files = (ROOT / "plugins/modules").glob("[!_]*.py")
    return sorted(file.stem for file in files if "\ndef main" in file.read_text())


def build(module: str, arguments: dict[str, Any]) -> bytes:
    """The program that Ansible would run on a host with the same Python as this one."""
    name = f"{NAMESPACE}.{module}"
    found = module_loader.find_plugin_with_context(name)
    built = module_common.modify_module(
        module_name=name,
        module_path=found.plugin_resolved_path,
        module_args=arguments,
        templar=Templar(loader=DataLoader()),
        task_vars={"ansible_python_interpreter": sys.executable},
        module_compression="ZIP_DEFLATED",
    )
    # ansible-core 2.16 returns a tuple.
    return getattr(built, "b_module_data", None) or built[0]


def explode(module: str, directory: Path) -> Path:
    """Everything that travels with a module, laid out as files below the directory. Nothing of it is run."""
    program = directory / f"{module}.py"
    program.write_bytes(build(module, {}))
    subprocess.run([sys.executable, program, "explode"], cwd=directory, stdout=subprocess.DEVNULL, check=True)
    return directory / "debug_dir"


def lay_out(directory: Path, *names: str) -> None:
    """What travels with modules, as one tree."""
    for name in names:
        with tempfile.TemporaryDirectory() as place:
            shutil.copytree(explode(name, Path(place)), directory, dirs_exist_ok=True)


init_plugin_loader()

if __name__ == "__main__":
    lay_out(Path(sys.argv[1]), *sys.argv[2:])
