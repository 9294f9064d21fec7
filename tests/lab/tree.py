# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a guest: Debian's packages, the recipe's own files, and a few switches."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import busybox
import mirror
from host import HERE, declared_packages, run

Log = Callable[[str], None]
RECIPE = HERE / "recipe"
# The first is what a guest has when nothing is said.
RELEASES = ("bookworm", "trixie")

ENABLED = ["lab-network.service", "ssh.service"]
# A scenario starts Docker itself, after it wrote daemon.json.
DISABLED = ["docker.service", "docker.socket", "containerd.service"]
# Nobody logs in at a console, nothing has to happen at night, and each unit costs a tenth of a second.
MASKED = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "e2scrub_reap.service",
    "getty.target",
    "systemd-logind.service",
    "systemd-pstore.service",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-sysusers.service",
    "systemd-binfmt.service",
    "proc-sys-fs-binfmt_misc.automount",
    "systemd-random-seed.service",
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path",
    "systemd-tmpfiles-clean.timer",
    "systemd-journal-flush.service",
    "dev-mqueue.mount",
    "sys-kernel-config.mount",
]
GENERATORS_KEPT = {"systemd-fstab-generator"}
NOT_NEEDED = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"]


def make(files: Path, release: str, public_key: str, log: Log) -> None:
    """Fill the folder `files`; it is ready for mke2fs afterwards."""
    log(f"installing packages of {release} (about a minute)")
    _install(files, release)
    log("configuring the guest")
    _copy_own_files(files)
    _allow_key(files, public_key)
    _configure(files)
    busybox.write(files, files / "opt/lab/busybox.tar")


def _install(files: Path, release: str) -> None:
    lists = [RECIPE / "packages.txt", RECIPE / f"packages-{release}.txt"]
    packages = ",".join(name for path in lists if path.exists() for name in declared_packages(path))
    mirror.bootstrap(
        release,
        files,
        "--variant=minbase",
        f"--include={packages}",
        *[f"--dpkgopt=path-exclude={pattern}" for pattern in NOT_NEEDED],
    )


def _copy_own_files(files: Path) -> None:
    own = RECIPE / "files"
    for source in own.rglob("*"):
        if source.is_file():
            target = files / source.relative_to(own)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            # Only the x bit is taken over: an export may come with any umask.
            target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)


def _allow_key(files: Path, public_key: str) -> None:
    folder = files / "root/.ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "authorized_keys").write_text(public_key)


def _configure(files: Path) -> None:
    run("chroot", files, "systemctl", "--quiet", "enable", *ENABLED)
    run("chroot", files, "systemctl", "--quiet", "disable", *DISABLED)
    run("chroot", files, "systemctl", "--quiet", "mask", *MASKED)
    _mask_generators(files)
    # The kernel of User Mode Linux has no nf_tables chains for NAT: dockerd would die at its first rule.
    for name in ("iptables", "ip6tables"):
        run("chroot", files, "update-alternatives", "--set", name, f"/usr/sbin/{name}-legacy")
    # Set for each guest on the kernel's command line; an empty file lets systemd keep that one.
    (files / "etc/machine-id").write_text("")
    (files / "etc/hostname").unlink(missing_ok=True)
    (files / "etc/resolv.conf").unlink(missing_ok=True)
    (files / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")


def _mask_generators(files: Path) -> None:
    """Systemd runs all of them before anything else; a second of the boot."""
    masked = files / "etc/systemd/system-generators"
    masked.mkdir(parents=True)
    for generator in (files / "usr/lib/systemd/system-generators").iterdir():
        if generator.name not in GENERATORS_KEPT:
            (masked / generator.name).symlink_to("/dev/null")
