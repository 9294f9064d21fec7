# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: read_containerd.py ROOT IDS   Reads the layers of containers, on any Python that a target may have. Prints how
many containers and how many layers it found."""

import importlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
store = importlib.import_module("plugins.module_utils._docker.containerd_store").Store(sys.argv[1])
with open(sys.argv[2]) as stream:
    ids = stream.read().split()
containers = layers = 0
for container_id in ids:
    parent = store.snapshot("overlayfs", container_id).parent
    containers += parent == container_id + "-init"
    layers += len(store.kept("overlayfs", container_id))
print(containers, layers)
