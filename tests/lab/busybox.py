# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container image in two megabytes: `docker import` needs only a tar, so no registry."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from host import run

PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
FOLDERS = dict.fromkeys(("bin", "dev", "etc", "proc", "sys"), 0o755) | {"root": 0o700, "tmp": 0o1777}


def write(files: Path, target: Path) -> None:
    """Pack the guest's own static busybox with a link for each of its applets."""
    applets = run("chroot", files, "/bin/busybox", "--list").split()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w") as tar:
        for name, mode in FOLDERS.items():
            tar.addfile(_entry(name, mode, tarfile.DIRTYPE))
        _add_file(tar, "etc/passwd", 0o644, PASSWD.encode())
        _add_file(tar, "bin/busybox", 0o755, (files / "bin/busybox").read_bytes())
        for applet in applets:
            if applet != "busybox":
                link = _entry(f"bin/{applet}", 0o777, tarfile.SYMTYPE)
                link.linkname = "busybox"
                tar.addfile(link)


def _entry(name: str, mode: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.type = mode, kind
    return entry


def _add_file(tar: tarfile.TarFile, name: str, mode: int, content: bytes) -> None:
    entry = _entry(name, mode)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
