# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be said about the source without running it."""

import shutil
import tarfile
from pathlib import Path

import paths
import process
import pythons
import tree
import venvs
from report import Job, Outcome, skipped

# What an installed collection may consist of.
PACKAGE = {"FILES.json", "MANIFEST.json", "README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md"}
PACKAGE |= {"changelogs", "docs", "meta", "playbooks", "plugins", "roles"}
ON_HOSTS = ("plugins/modules", "plugins/module_utils")
VENV = "lint"
REFERENCE = ["--plugin-docs", "--skip-rstcheck", "--disallow-unknown-collection-refs"]
# Modules are known by the names under which Ansible imports them.
MYPY = ["--explicit-package-bases", "--namespace-packages", "--cache-dir=/dev/null", "--no-color-output"]
MYPY += ["--ignore-missing-imports", "--follow-imports=silent"]


def jobs() -> list[Job]:
    checks = [
        tool("ansible-lint", "--offline", "--nocolor", "--profile", "production"),
        tool("ruff", "check", "--no-cache", "."),
        tool("ruff", "format", "--no-cache", "--diff", "."),
        tool("antsibull-changelog", "lint"),
        tool("antsibull-docs", "lint-collection-docs", *REFERENCE, "."),
        Job("package", package),
        Job("shellcheck", shellcheck),
    ]
    on_hosts = [place for place in ON_HOSTS if tree.python_files(place)]
    if on_hosts:
        # Where there is a Python 3.6, ansible-test compiles with it; this needs none.
        checks.append(tool("vermin", "--target=3.6-", "--no-tips", "--violations", *on_hosts))
    if "plugins/module_utils" in on_hosts:
        checks.append(tool("mypy", *MYPY, "plugins/module_utils"))
    return checks


def tool(*command: str) -> Job:
    """One program on a copy of the collection."""
    name = " ".join(word for word in command[:2] if not word.startswith("-"))

    def check() -> Outcome:
        with tree.copy() as collection:
            return Outcome.of(run(name, command, collection))

    return Job(name, check)


def run(name: str, command, collection: Path) -> process.Result:
    environment = venvs.environment(venvs.get(VENV, pythons.default()))
    top = str(collection.parents[2])
    environment.update(ANSIBLE_COLLECTIONS_PATH=top, MYPYPATH=top, ANSIBLE_HOME=f"{top}/.ansible")
    log = paths.logs() / f"lint-{name.replace(' ', '-')}.log"
    return process.run(command, cwd=collection, env=environment, log=log)


def shellcheck() -> Outcome:
    if not shutil.which("shellcheck"):
        return skipped("shell scripts: shellcheck is not installed")
    scripts = [path for path in tree.files() if is_shell(paths.ROOT / path)]
    command = ["shellcheck", "--external-sources", *scripts]
    return Outcome.of(process.run(command, cwd=paths.ROOT, log=paths.logs() / "lint-shellcheck.log"))


def is_shell(path: Path) -> bool:
    if path.is_symlink() or path.suffix in (".j2", ".py"):
        return False
    with path.open("rb") as file:
        first = file.readline(80)
    return path.suffix == ".sh" or (first.startswith(b"#!") and first.split(b"/")[-1].split()[-1:] in SHELLS)


SHELLS = [[b"sh"], [b"bash"], [b"dash"]]


def package() -> Outcome:
    """The built collection holds what users need, and nothing else."""
    with tree.copy() as collection:
        result = run("package", ["ansible-galaxy", "collection", "build"], collection)
        if result.code:
            return Outcome.of(result)
        (archive,) = collection.glob("*.tar.gz")
        with tarfile.open(archive) as content:
            strangers = {name.split("/")[0] for name in content.getnames()} - PACKAGE
    if strangers:
        text = f"galaxy.yml does not ignore, and lint.py does not expect: {', '.join(sorted(strangers))}"
        return Outcome(failed=1, output=text)
    return Outcome(passed=1)
