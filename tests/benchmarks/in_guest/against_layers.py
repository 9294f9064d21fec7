# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the virtual machine: open a dead overlay2 container of 127 layers, and one of 5. Prints the seconds of each,
a line for each round."""

import os
import sys
import tempfile

import timed
from support.docker_root import DockerRoot, ident

LAYERS = {"deep": 127, "flat": 5}


def main(rounds):
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        root = DockerRoot(os.path.join(directory, "docker"))
        for name, count in LAYERS.items():
            make(root, name, count)
        for _round in range(rounds):
            seconds = []
            for name, count in LAYERS.items():
                taken, result = timed.opened(name, data_root=root.path)
                seconds.append(taken)
                if len(os.listdir(result["path"])) != count:
                    sys.exit("%s does not show its %d layers" % (name, count))
                timed.closed(name, data_root=root.path)
            print("%.3f %.3f" % tuple(seconds))


def make(root, name, count):
    """A file in each layer: those of an image, the init layer and the container's own."""
    image = ["%s %d" % (name, number) for number in range(count - 2)]
    root.overlay_container(name, *image)
    own = ident("layer of " + name)
    for layer in [own, own + "-init"] + [ident(word) for word in image]:
        root.write("x", "overlay2", layer, "diff", layer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
