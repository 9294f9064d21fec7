# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a guest: opens the container `rich` with its volumes in one way, looks at it, and closes it; the host is then
as it was. What is wrong ends the program. It calls what the modules call.

usage: acts.py ACT ROOT   ROOT is the data root. ACT: hidden, scratch, in_place, beside, or never, which opens the
container of that name instead.
"""

import json
import os
import sys

sys.path.insert(0, "/root/collection")
import volumes
from rescues import Host, given

from ansible_collections.drydock.rescue.plugins.module_utils._errors import Refused
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs import files, rootfs_state


class Rich:
    name = "rich"

    def __init__(self, root):
        self.root = root

    def open(self, **options):
        return rootfs_state.reach(Host(), given(container=self.name, data_root=self.root, **options), False)

    def close(self):
        self.open(state="unmounted")
        right(volumes.changed())

    def look(self, opened, state, how="", path=""):
        for tree in [opened["path"]] + ([path] if path else []):
            right(volumes.tree(state, self.root, tree, how, opened["mounts"]))

    @staticmethod
    def delete(path):
        wanted = files.Wanted("rich", None, "absent", [path], None, False, None)
        return files.work(Host(), wanted, False)

    def refuses_to_delete(self, path, why):
        try:
            self.delete(path)
        except Refused as error:
            right([] if why in error.message else ["%s: %s" % (path, error.message)])
        else:
            right(["%s was deleted" % path])


def hidden(rich):
    """Docker has its mounts in a namespace of its own."""
    opened = rich.open(volumes=True, path="/mnt/look")
    right(differ(opened["method"], "live"))
    right(differ(any(line.startswith("# open_tree") for line in opened["actions"]), True))
    rich.look(opened, "hidden", path="/mnt/look")


def scratch(rich):
    """The layer can be written, and no volume can."""
    without = rich.open(access="scratch")["mounts"]
    right(differ([one for one in without if one["shown"]], []))
    reasons = {one["reason"] for one in without if one["available"]}
    right(differ(reasons, {"it was not asked for (`volumes: true`)"}))
    added = rich.open(access="scratch", volumes=True)
    right(differ(added["changed"], True))
    again = rich.open(access="scratch", volumes=True)
    right(differ((again["changed"], again["mounts"]), (False, added["mounts"])))
    rich.look(added, "stopped")
    later = rich.open(access="scratch", path="/mnt/look")
    rich.look(later, "stopped", path="/mnt/look")
    with open(os.path.join(added["path"], "var/written"), "w"):
        pass
    rich.refuses_to_delete("/var", "/var is not deleted: the volume at /var/data lies in it")
    rich.refuses_to_delete("/outer/in", "/outer/in is not deleted: the volume at /outer/in/side lies in it")
    rich.refuses_to_delete(
        "/named/gone", "/named/gone lies in the volume at /named, which is shown read-only"
    )
    rich.delete("/var/written")


def in_place(rich):
    """What the container may write itself can be written."""
    opened = rich.open(access="in_place", volumes=True, path="/mnt/look")
    rich.look(opened, "stopped", "writes", "/mnt/look")
    rich.refuses_to_delete("/named", "/named is not deleted: the volume at /named lies in it")
    rich.delete("/named/gone")


def beside(rich):
    """Not what a container mounts as well that lives; its Docker was killed."""
    opened = rich.open(access="in_place", volumes=True)
    why = "is shown read-only: it is mounted in second, which is alive, or may be"
    right(differ(len([one for one in opened["warnings"] if one.endswith(why)]), len(volumes.OF_SECOND)))
    rich.look(opened, "stopped", "beside")


def never(rich):
    """Nothing is made in its layer for a volume that it never had, and nothing in its record says where it was."""
    rich.name = "never"
    opened = rich.open(volumes=True)
    (mount,) = opened["mounts"]
    right(
        differ(
            (mount["source"], mount["available"]), (volumes.expected("disk", rich.root)["/named"][0], True)
        )
    )
    right(differ((mount["shown"], "has no mount point for it" in (mount["reason"] or "")), (False, True)))
    right(differ(os.path.lexists(opened["path"] + "/nowhere"), False))


def differ(is_, should):
    return [] if is_ == should else ["%s is not %s" % (json.dumps(is_, default=str), should)]


def right(wrong):
    if wrong:
        sys.exit("\n".join(wrong))


def main(act, root):
    rich = Rich(root)
    volumes.note()
    {one.__name__: one for one in (hidden, scratch, in_place, beside, never)}[act](rich)
    rich.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
