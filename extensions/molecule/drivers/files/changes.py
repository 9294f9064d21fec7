# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `docker diff` says of a container, and whether container_diff_info says the same.

usage: changes.py theirs NAME            the answer that `docker diff` gets from Docker, as JSON: a line of the client's
                                         own may be a part of a name
       changes.py compare THEIRS SEEN DRIVER
                                         the `changes` on standard input against that, and against what entries.py
                                         noted of the tree; prints each difference, and fails if there is one
"""

import http.client
import json
import re
import socket
import sys

KINDS = ("changed", "added", "deleted")
SEEN = {"pipe": "fifo", "character device": "character_device", "block device": "block_device"}
UNKNOWN = "\ufffd"  # what Docker's JSON has for each byte that is no UTF-8


def theirs(name):
    connection = http.client.HTTPConnection("docker")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect("/run/docker.sock")
    connection.request("GET", "/containers/%s/changes" % name)
    answer = connection.getresponse()
    if answer.status != 200:
        sys.exit(answer.read().decode())
    return json.loads(answer.read().decode())


def compare(theirs_path, seen_path, driver):
    with open(theirs_path) as stream:
        expected = {escaped(one["Path"]): KINDS[one["Kind"]] for one in json.load(stream)}
    with open(seen_path) as stream:
        seen = {escaped("/" + name): entry for name, entry in json.load(stream).items()}
    ours = json.load(sys.stdin)
    found = {escaped(one["path"]): one for one in ours}
    if len(found) != len(ours) or ours != sorted(ours, key=lambda one: one["path"]):
        yield "not each path once, in order"
    for path in sorted(set(expected) | set(found)):
        kind = found[path]["kind"] if path in found else None
        if (
            driver == "fuse-overlayfs"
            and (kind, expected.get(path)) == ("deleted", None)
            and path not in seen
        ):
            continue  # 1.14 does not list what an opaque directory hides, and yet has it for Docker, which asks by name
        if kind != expected.get(path):
            yield "%r: %s, and Docker says %s" % (path, kind, expected.get(path))
        elif kind != "deleted":
            entry, one = seen[path], found[path]
            size = (
                len(entry["to"].encode(errors="surrogateescape")) if "to" in entry else entry.get("size", 0)
            )
            if (one["type"], one["size_bytes"]) != (SEEN.get(entry["kind"], entry["kind"]), size):
                yield "%r: %s, and it is %s" % (path, one, entry)
    if not {"changed", "added", "deleted"} <= {one["kind"] for one in ours}:
        yield "not every kind is there"


def escaped(path):
    """Control characters as the module writes them, and bytes that are no UTF-8 as Docker does."""
    path = re.sub("[\x00-\x1f\x7f-\x9f]", lambda match: ascii(match.group())[1:-1], path)
    return re.sub(r"\\udc[89a-f][0-9a-f]|[\udc80-\udcff]", UNKNOWN, path)


if __name__ == "__main__":
    if sys.argv[1] == "theirs":
        json.dump(theirs(sys.argv[2]), sys.stdout)
    else:
        differences = list(compare(*sys.argv[2:]))
        print("\n".join(differences[:100]))
        sys.exit(len(differences) > 0)
