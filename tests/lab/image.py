# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests' images: each built once for its recipe, kept in the cache, never changed afterwards."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import cache
import kernel
import tree
from host import HERE, LabError, run

DISK_SIZE = "8G"


@dataclass(frozen=True)
class Image:
    """A folder of the cache with all that a guest starts from."""

    folder: Path

    @property
    def disk(self) -> Path:
        return self.folder / "base.ext4"

    @property
    def kernel(self) -> Path:
        return self.folder / "linux.uml"

    @property
    def key(self) -> Path:
        return self.folder / "id_ed25519"

    @property
    def kept(self) -> Path:
        """Disks of guests to start others from. They are layers over this image and go with it."""
        return self.folder / "kept"


def ensure(log: tree.Log, release: str = tree.RELEASES[0]) -> Image:
    """The image of the present recipe with this release of Debian; the caller holds the lock of the cache."""
    image = Image(cache.FOLDER / _fingerprint(release))
    if not image.folder.exists():
        building = cache.FOLDER / f"building-{image.folder.name}"
        for leftover in cache.FOLDER.glob("building-*"):
            remove(leftover)
        building.mkdir(parents=True)
        _build(Image(building), image.folder, release, log)
        building.rename(image.folder)
        _prune()
    return image


def _build(image: Image, final_folder: Path, release: str, log: tree.Log) -> None:
    files = image.folder / "tree"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "drydock-lab", "-f", image.key)
    tree.make(files, release, image.key.with_suffix(".pub").read_text(), log)
    log("fetching the kernel")
    kernel.install(files, image.kernel, final_folder)
    log("writing the disk")
    # Inode tables that are left for later would be zeroed by every guest, each on its own copy.
    run(
        "mke2fs",
        "-q",
        "-t",
        "ext4",
        "-L",
        "lab",
        "-i",
        "32768",
        "-E",
        "lazy_itable_init=1,nodiscard",
        "-d",
        files,
        image.disk,
        DISK_SIZE,
    )
    remove(files)


def _fingerprint(release: str) -> str:
    """A hash of every file that decides what the image holds, and of the choice."""
    names = ["image.py", "kernel.py", "tree.py", "busybox.py"]
    recipe = [*(HERE / name for name in names), *sorted((HERE / "recipe").rglob("*"))]
    digest = hashlib.sha256(release.encode())
    for path in recipe:
        if path.is_file():
            digest.update(f"{path.relative_to(HERE)} {os.access(path, os.X_OK)}\n".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _prune() -> None:
    """Remove the images of older recipes, but those that a guest still runs on."""
    present = {cache.FOLDER / _fingerprint(release) for release in tree.RELEASES}
    used = {Path(link).resolve() for link in cache.LABS.glob("*/*/image")}
    for old in cache.FOLDER.glob("*/base.ext4"):
        if old.parent not in present and old.parent.resolve() not in used:
            remove(old.parent)


def remove(folder: Path) -> None:
    """Delete a tree, but never through something that is mounted in it."""
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    inside = [point for point in mounted if point.startswith(f"{folder.resolve()}/")]
    if inside:
        raise LabError(f"unmount this first: {' '.join(inside)}")
    shutil.rmtree(folder)
