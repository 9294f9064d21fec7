# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the guest's packages come from: this host's own mirror and proxy where it has them."""

from __future__ import annotations

import os
from pathlib import Path

from host import run

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
DEFAULT = "http://deb.debian.org/debian"


def bootstrap(suite: str, files: Path, *options: str) -> None:
    """Packages of a Debian release as a folder of files."""
    # Should we be killed, so is all of mmdebstrap; and what it does not mount cannot stay mounted.
    tied_to_us = ["setpriv", "--pdeathsig=KILL", "unshare", "--pid", "--fork", "--kill-child"]
    fixed = ["--mode=root", "--skip=chroot/mount", "--format=directory"]
    run(*tied_to_us, "mmdebstrap", *fixed, *options, *_apt_options(), suite, files, _source(suite))


def _source(suite: str) -> str:
    """The line for sources.list. A mirror that serves this host's Debian serves the guest's as well."""
    return f"deb [signed-by={KEYRING}] {_host_mirror(suite) or DEFAULT} {suite} main"


def _apt_options() -> list[str]:
    """This host's apt settings for proxies and certificates; mmdebstrap does not read them by itself."""
    proxies = ("Acquire::http", "Acquire::https")
    dump = run("apt-config", "dump", "--no-empty", "--format", '%f "%v";%n', *proxies)
    return [f"--aptopt={line}" for line in dump.splitlines()]


def _host_mirror(suite: str) -> str | None:
    release = _os_release()
    if release.get("ID") != "debian":
        return None
    wanted = {suite, release.get("VERSION_CODENAME")}
    fields = "$(RELEASE) $(COMPONENT) $(REPO_URI)"
    for line in run("apt-get", "indextargets", "--format", fields, "Created-By: Packages").splitlines():
        release_name, component, uri = line.split(maxsplit=2)
        if release_name in wanted and component == "main":
            return uri
    return None


def _os_release() -> dict[str, str]:
    if not os.path.exists("/etc/os-release"):
        return {}
    with open("/etc/os-release", encoding="utf-8") as lines:
        pairs = (line.strip().partition("=") for line in lines)
        return {key: value.strip('"') for key, _equals, value in pairs}
