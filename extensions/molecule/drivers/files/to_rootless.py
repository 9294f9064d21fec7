# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes of a data root with overlay2 one of a user's own Docker: its directories are the user's, and overlay's
attributes have the names that a user may set.

usage: to_rootless.py ROOT
"""

import os
import sys

USER = 1000


def main(root):
    home = f"{root}/overlay2"
    for place in (root, home, *(f"{home}/{layer}" for layer in os.listdir(home))):
        os.chown(place, USER, USER)
    for directory, names, files in os.walk(os.fsencode(home)):
        for path in (directory, *(os.path.join(directory, name) for name in names + files)):
            for name in os.listxattr(path, follow_symlinks=False):
                if name.startswith("trusted.overlay."):
                    value = os.getxattr(path, name, follow_symlinks=False)
                    os.removexattr(path, name, follow_symlinks=False)
                    rename(path, name.replace("trusted.", "user.", 1), value)


def rename(path, name, value):
    try:
        os.setxattr(path, name, value, follow_symlinks=False)
    except OSError:  # a user has none on links and devices, and overlay needs none there
        if not os.path.islink(path) and (os.path.isdir(path) or os.path.isfile(path)):
            raise


if __name__ == "__main__":
    main(sys.argv[1])
