# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a guest: what is said and shown of the volumes of the container `rich` (see make.sh), against what is true.

usage: volumes.py note                       keeps how the host is, and the mounts of every namespace
       volumes.py same                       all of that is the same
       volumes.py facts STATE ROOT           stdin: `mounts` of container_info
       volumes.py tree STATE ROOT TREE...    stdin: `mounts` of container_rootfs

STATE: running (Docker mounts them, and the host sees it), hidden (in a namespace of its own), stopped, or disk (the
data root is from another machine). ROOT is the data root.
"""

import errno
import json
import os
import subprocess
import sys

VOLUMES = {
    "/named": "named",
    "/outer": "outer",
    "/outer/in/side": "inner",
    "/read-only": "read-only",
    "/data": "linked",
    "/shared": "shared",
}
BINDS = {"/directory": "/srv/binds/directory", "/etc/file.conf": "/srv/binds/file"}
LEADS_TO = {"/data": "/var/data"}  # inside of the container
OF_SECOND = ["/directory", "/shared"]
ANOTHERS = "is a path of the machine that this data root is from"
OUR_PLACES = ("/run/drydock", "/mnt/look")
OPTIONS = {"nosuid", "nodev", "noexec"}
NOTED, HOST_STATE = "/root/namespaces.json", "/root/host-state.txt"


def expected(state, root):
    """Of every destination where its data lies, and why it cannot be had; one of the two may be empty."""
    inspected = mounts_inspected(root)
    anonymous = inspected["/anonymous"]["Name"]
    found = {
        "/anonymous": (data(root, anonymous), ""),
        "/tmpfs": ("", "a tmpfs has no data on a disk"),
    }
    for destination, name in VOLUMES.items():
        found[destination] = (data(root, name), "")
    other = state == "disk"
    for destination, path in dict(BINDS, **{"/removed": "/srv/binds/removed"}).items():
        found[destination] = ("", path + " " + ANOTHERS) if other else (path, "")
    found["/docker.sock"] = (
        ("", "/var/run/docker.sock " + ANOTHERS) if other else ("/var/run/docker.sock", "is a socket")
    )
    if not other:
        found["/removed"] = ("/srv/binds/removed", "/srv/binds/removed is missing")
    if state == "running":
        found["/memory"], found["/device"] = (data(root, "memory"), ""), (data(root, "device"), "")
    else:
        found["/memory"] = (data(root, "memory"), "a tmpfs has no data on a disk")
        found["/device"] = ("", "/srv/binds/device " + ANOTHERS) if other else ("/srv/binds/device", "")
    if other:
        # As Docker 1.7 left a volume that it took over from an older one, and one that leads out of the data root.
        found["/named"] = (os.path.join(root, "vfs/dir", "7" * 64), "")
        found["/shared"] = ("", "/etc " + ANOTHERS)
    if set(found) != set(inspected):
        sys.exit("Docker mounts %s" % sorted(inspected))
    return found


def data(root, name):
    return os.path.join(root, "volumes", name, "_data")


def mounts_inspected(root):
    """What Docker said of rich, kept beside its data root."""
    with open(root + ".json") as stream:
        return {mount["Destination"]: mount for mount in json.load(stream)[0]["Mounts"]}


def check(wrong, what, is_, should):
    if is_ != should:
        wrong.append("%s is %r, not %r" % (what, is_, should))


def facts(state, root, mounts):
    """What container_info says, field by field as Docker says it, and what cannot be had."""
    wrong = []
    inspected = mounts_inspected(root)
    truth = expected(state, root)
    check(wrong, "the order", [mount["destination"] for mount in mounts], sorted(inspected))
    for mount in mounts:
        destination = mount["destination"]
        dockers, (source, reason) = inspected[destination], truth[destination]
        for ours, theirs in {"type": "Type", "name": "Name", "driver": "Driver", "read_write": "RW"}.items():
            check(wrong, destination + " " + ours, mount[ours], dockers.get(theirs, ""))
        check(wrong, destination + " source", mount["source"], source)
        # Docker itself mounts the device of a volume at its place.
        if state == "running" or (state != "disk" and destination != "/device"):
            check(wrong, destination + " source as Docker has it", mount["source"], dockers["Source"])
        check(wrong, destination + " available", mount["available"], not reason)
        if reason not in (mount["reason"] or "") or bool(reason) != bool(mount["reason"]):
            wrong.append("%s: %r does not say %r" % (destination, mount["reason"], reason))
    return wrong


def tree(state, root, top, how, mounts):
    """What container_rootfs shows, and what it says about it. ``how``: writes (in_place, and what is not read-only is
    written), beside (the same while `second` lives), or nothing."""
    wrong = facts(state, root, mounts)
    mounted = mounts_of("self")
    for mount in mounts:
        destination = mount["destination"]
        source, reason = expected(state, root)[destination]
        place = top + LEADS_TO.get(destination, destination)
        here = [one for one in mounted if one["point"] == place]
        check(wrong, destination + " shown", mount["shown"], not reason)
        check(wrong, destination + " mounts", len(here), 0 if reason else 1)
        if reason:
            check(wrong, destination + " read_only", mount["read_only"], None)
            if os.path.isdir(place) and os.listdir(place):
                wrong.append("%s should be empty, as it is in the layer" % place)
            continue
        check(wrong, destination + " is its source", os.path.samefile(place, source), True)
        missing = OPTIONS - here[0]["options"]
        check(wrong, destination + " lacks options", missing, set())
        read_only = not how or not mount["read_write"] or (how == "beside" and destination in OF_SECOND)
        check(wrong, destination + " read_only", mount["read_only"], read_only)
        check(wrong, destination + " says", text(place), destination)
        check(wrong, destination + " refuses to be written", refuses(place, destination), read_only)
    wrong += moved(outside_of_ours=True)
    return wrong


def note():
    with open(NOTED, "w") as stream:
        json.dump(namespaces(), stream)
    with open(HOST_STATE, "w") as stream:
        subprocess.run(["host-state"], stdout=stream, check=True)


def changed():
    """What differs from what was noted."""
    same = subprocess.run(["same", "host-state", HOST_STATE], stdout=subprocess.PIPE, text=True, check=False)
    return moved() + ([same.stdout] if same.returncode else [])


def moved(outside_of_ours=False):
    """What is mounted now and was not when it was noted, or the other way round, in any namespace."""
    with open(NOTED) as stream:
        before = json.load(stream)
    now = namespaces(outside_of_ours)
    wrong = []
    for name in now:
        if name in before:
            for line in sorted(set(before[name]) ^ set(now[name])):
                told = "now" if line in now[name] else "no longer"
                wrong.append("the namespace %s has %s: %s" % (name, told, line))
        elif not outside_of_ours and any(is_ours(line.split()[3]) for line in now[name]):
            wrong.append("the new namespace %s has mounts of ours" % name)
    if len(set(before) & set(now)) < 3:
        wrong.append("no other namespace was looked at")
    return wrong


def text(place):
    with open(os.path.join(place, "is") if os.path.isdir(place) else place) as stream:
        return stream.readline().strip()


def refuses(place, destination):
    """Whether it cannot be written; else it is, below what is there."""
    path = os.path.join(place, "written") if os.path.isdir(place) else place
    try:
        with open(path, "a") as stream:
            stream.write("written at %s\n" % destination)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return True
    return False


def mounts_of(process):
    with open("/proc/%s/mountinfo" % process) as stream:
        lines = [line.split() for line in stream]
    return [dict(point=line[4], options=set(line[5].split(",")), line=" ".join(line[2:6])) for line in lines]


def namespaces(outside_of_ours=False):
    """All mounts of every namespace, or those outside of our own places; `own` is that of this program."""
    found = {}
    for process in ["self"] + [name for name in os.listdir("/proc") if name.isdigit()]:
        try:
            name = "own" if process == "self" else os.readlink("/proc/%s/ns/mnt" % process)
            if name not in found:
                found[name] = [
                    one["line"]
                    for one in mounts_of(process)
                    if not (outside_of_ours and is_ours(one["point"]))
                ]
        except OSError:  # it has ended
            continue
    # One that is there twice counts twice.
    return {name: ["%d %s" % (lines.count(line), line) for line in lines] for name, lines in found.items()}


def is_ours(point):
    return (point + "/").startswith(tuple(place + "/" for place in OUR_PLACES))


def main(what, *rest):
    if what == "note":
        note()
        return
    if what == "same":
        wrong = changed()
    elif what == "facts":
        wrong = facts(rest[0], rest[1], json.load(sys.stdin))
    else:
        mounts = json.load(sys.stdin)
        wrong = [line for top in rest[2:] for line in tree(rest[0], rest[1], top, "", mounts)]
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
