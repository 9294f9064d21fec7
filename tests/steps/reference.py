# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference of all modules, roles and plugins as web pages, from their own documentation."""

import os
import shutil

import lint
import paths
import process
import pythons
import tree
import venvs
from report import Job, Outcome, say

PAGES = paths.CACHE / "docs"
# Links into Ansible's own documentation lead nowhere without the network; lint looks at ours.
SPHINX = "-W --keep-going -q -C -D extensions=sphinx_antsibull_ext -D suppress_warnings=ref.ref"
SPHINX += (
    " -D project=drydock.rescue -D html_theme=alabaster -D highlight_language=YAML+Jinja -D default_role=any"
)
ANTSIBULL = "--use-current --squash-hierarchy --cleanup everything --fail-on-error"


def jobs() -> list[Job]:
    return [Job("reference", reference)]


def reference() -> Outcome:
    environment = venvs.environment(venvs.get(lint.VENV, pythons.default()))
    sources = PAGES / "rst"
    shutil.rmtree(PAGES, ignore_errors=True)
    sources.mkdir(parents=True)
    with tree.copy() as collection:
        environment["ANSIBLE_COLLECTIONS_PATH"] = os.fspath(collection.parents[2])
        commands = (
            ["antsibull-docs", "collection", *ANTSIBULL.split(), "--dest-dir", sources, "drydock.rescue"],
            ["sphinx-build", *SPHINX.split(), "-b", "html", sources, PAGES / "html"],
        )
        for command in commands:
            log = paths.logs() / f"docs-{command[0]}.log"
            result = process.run(command, cwd=collection, env=environment, log=log)
            if result.code:
                return Outcome.of(result)
    say(f"     the reference begins at {PAGES / 'html/index.html'}")
    return Outcome.of(result)
