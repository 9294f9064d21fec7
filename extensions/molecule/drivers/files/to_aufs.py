# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes of a data root with overlay2 one with aufs, as Docker wrote it: no kernel of today has aufs.

usage: to_aufs.py ROOT NEW
"""

import json
import os
import shutil
import stat
import subprocess
import sys


def main(root, new):
    for name in ("containers", "image", "volumes"):
        subprocess.run(["cp", "-a", f"{root}/{name}", f"{new}/{name}"], check=True)
    os.rename(f"{new}/image/overlay2", f"{new}/image/aufs")
    for name in os.listdir(f"{new}/containers"):
        path = f"{new}/containers/{name}/config.v2.json"
        with open(path) as stream:
            record = json.load(stream)
        with open(path, "w") as stream:
            json.dump(dict(record, Driver="aufs"), stream)
    for name in ("diff", "layers", "mnt"):
        os.makedirs(f"{new}/aufs/{name}")
    for layer in os.listdir(f"{root}/overlay2"):
        if os.path.isdir(f"{root}/overlay2/{layer}/diff"):
            convert(f"{root}/overlay2", layer, f"{new}/aufs")


def convert(overlay2, layer, aufs):
    subprocess.run(["cp", "-a", f"{overlay2}/{layer}/diff", f"{aufs}/diff/{layer}"], check=True)
    mark(os.fsencode(f"{aufs}/diff/{layer}"))
    os.mkdir(f"{aufs}/mnt/{layer}")
    below = []
    if os.path.exists(f"{overlay2}/{layer}/lower"):
        with open(f"{overlay2}/{layer}/lower") as stream:
            below = [os.readlink(f"{overlay2}/{link}").split("/")[1] for link in stream.read().split(":")]
    with open(f"{aufs}/layers/{layer}", "w") as stream:
        stream.writelines(one + "\n" for one in below)


def mark(directory):
    """Whiteouts and opaque directories of overlay become those of aufs; times stay."""
    facts = os.stat(directory)
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        found = os.lstat(path)
        if stat.S_ISDIR(found.st_mode):
            mark(path)
        elif stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
            os.unlink(path)
            open(os.path.join(directory, b".wh." + name), "wb").close()
        else:
            clean(path)
    if b"trusted.overlay.opaque" in map(os.fsencode, os.listxattr(directory)):
        open(os.path.join(directory, b".wh..wh..opq"), "wb").close()
    clean(directory)
    os.utime(directory, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def clean(path):
    for name in os.listxattr(path, follow_symlinks=False):
        if name.startswith("trusted.overlay."):
            os.removexattr(path, name, follow_symlinks=False)


if __name__ == "__main__":
    shutil.rmtree(sys.argv[2], ignore_errors=True)
    os.mkdir(sys.argv[2])
    main(*sys.argv[1:])
