# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes an archive for `docker load`: busybox under 44 small layers, more than mount(2) takes by their full names."""

import hashlib
import io
import json
import tarfile

LAYERS = 44


def layer(number: int) -> bytes:
    """One file; and from a directory that the layer below made, a file is taken away again."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        names = {"layers/%02d" % number: b"%d\n" % number}
        if number % 10 == 0:
            names["layers/.wh.%02d" % (number - 1)] = b""
        for name, data in names.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


with open("/opt/lab/busybox.tar", "rb") as base:
    layers = [base.read()] + [layer(number) for number in range(1, LAYERS + 1)]
diff_ids = ["sha256:" + hashlib.sha256(data).hexdigest() for data in layers]
config = {
    "architecture": "amd64",
    "os": "linux",
    "config": {},
    "rootfs": {"type": "layers", "diff_ids": diff_ids},
}
names = ["%02d.tar" % number for number in range(len(layers))]
manifest = [{"Config": "config.json", "RepoTags": ["many:latest"], "Layers": names}]
files = dict(zip(names, layers, strict=True))
files["config.json"], files["manifest.json"] = json.dumps(config).encode(), json.dumps(manifest).encode()
with tarfile.open("/var/tmp/many.tar", "w") as archive:
    for file_name, data in files.items():
        member = tarfile.TarInfo(file_name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
