# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the guest's packages come from: this host's own mirror and proxy where it has them."""

from __future__ import annotations

import os

from host import run

SUITE = "bookworm"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
DEFAULT = "http://deb.debian.org/debian"


def source() -> str:
    """The line for sources.list. A mirror that serves this host's Debian serves the guest's as well."""
    return f"deb [signed-by={KEYRING}] {_host_mirror() or DEFAULT} {SUITE} main"


def apt_options() -> list[str]:
    """This host's apt settings for proxies and certificates; mmdebstrap does not read them by itself."""
    proxies = ("Acquire::http", "Acquire::https")
    dump = run("apt-config", "dump", "--no-empty", "--format", '%f "%v";%n', *proxies)
    return [f"--aptopt={line}" for line in dump.splitlines()]


def _host_mirror() -> str | None:
    release = _os_release()
    if release.get("ID") != "debian":
        return None
    wanted = {SUITE, release.get("VERSION_CODENAME")}
    fields = "$(RELEASE) $(COMPONENT) $(REPO_URI)"
    for line in run("apt-get", "indextargets", "--format", fields, "Created-By: Packages").splitlines():
        suite, component, uri = line.split(maxsplit=2)
        if suite in wanted and component == "main":
            return uri
    return None


def _os_release() -> dict[str, str]:
    if not os.path.exists("/etc/os-release"):
        return {}
    with open("/etc/os-release", encoding="utf-8") as lines:
        pairs = (line.strip().partition("=") for line in lines)
        return {key: value.strip('"') for key, _equals, value in pairs}
