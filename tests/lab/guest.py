# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One guest: its name, its place in the network, and its folder in the cache."""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from image import Image


@dataclass(frozen=True)
class Guest:
    """What a backend needs to start it. All of it can be read again from the folder."""

    folder: Path
    number: int
    memory: str
    backend: str = "uml"  # guests that are older than the choice

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def address(self) -> str:
        return f"10.77.0.{self.number}"

    @property
    def mac(self) -> str:
        return f"52:54:00:77:00:{self.number:02x}"

    @property
    def tap(self) -> str:
        return f"tap{self.number}"

    @property
    def console(self) -> Path:
        return self.folder / "console.log"

    @property
    def disk(self) -> Path:
        """What it wrote, as a layer over the image."""
        return self.folder / "root.cow"

    @property
    def image(self) -> Image:
        return Image((self.folder / "image").resolve())

    def kernel_words(self, nic: str) -> list[str]:
        """What the guest reads from its kernel's command line, whatever the backend."""
        machine = uuid.uuid5(uuid.NAMESPACE_URL, str(self.folder)).hex
        return [
            f"lab.nic={nic}",
            f"lab.ip={self.address}/24",
            f"systemd.hostname={self.name}",
            f"systemd.machine_id={machine}",
        ]

    def save(self, image: Image) -> None:
        """Under its final name only when it is whole: a killed run leaves nothing that `load` trips over."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        (self.folder / "image").symlink_to(image.folder)
        partial = self.folder / "guest.json.partial"
        facts = {"number": self.number, "memory": self.memory, "backend": self.backend}
        partial.write_text(json.dumps(facts))
        partial.rename(self.folder / "guest.json")

    @classmethod
    def load(cls, folder: Path) -> Guest:
        return cls(folder, **json.loads((folder / "guest.json").read_text()))
