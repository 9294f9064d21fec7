# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that there is to say about the entries of a tree, as JSON; and in what two trees differ.

usage: entries.py tree DIR           what a directory holds, without other mounts
       entries.py bits DIR [WITHOUT] the same, with inodes' times and directories' sizes; not what WITHOUT holds
       entries.py export FILE SHIFT  what an archive of `docker export` says; SHIFT is added to each owner
       entries.py compare A B        two of these: prints each difference, and fails if there is one
       entries.py without FIELDS A   one of these that does not speak of some fields, separated by commas
"""

import errno
import hashlib
import json
import os
import stat
import sys
import tarfile

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}
TAR_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "link",
    tarfile.CHRTYPE: "character device",
    tarfile.BLKTYPE: "block device",
    tarfile.FIFOTYPE: "pipe",
}
CAPABILITY = "security.capability"
CHUNK = 2**20
WHOLE = 2**28  # up to this size holes count as the zeros that they stand for, as an archive has them


def tree(top, bits=False, without=None):
    """Every entry by its path, and for all names of one file the first of them."""
    entries, names = {}, {}
    with open("/proc/self/mountinfo") as table:
        mounts = {line.split()[4] for line in table}

    def walk(path):
        found = os.lstat(path)
        name = os.path.relpath(path, top)
        entry = entries[name] = facts(path, found, bits)
        if entry["kind"] != "directory":
            entry["first name"] = names.setdefault((found.st_dev, found.st_ino), name)
        elif path == top or (os.path.abspath(path) not in mounts and name != without):
            for child in sorted(os.listdir(path)):
                walk(os.path.join(path, child))

    # fuse-overlayfs counts the names of a file as it comes to know them.
    for directory, _directories, files in os.walk(top):
        for file in files:
            os.lstat(os.path.join(directory, file))
    walk(top)
    return entries


def facts(path, found, bits):
    kind = KINDS[stat.S_IFMT(found.st_mode)]
    xattrs = {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in listed(path)}
    entry = {
        "kind": kind,
        "mode": oct(stat.S_IMODE(found.st_mode)),
        "owner": "%d:%d" % (found.st_uid, found.st_gid),
        "seconds": found.st_mtime_ns // 10**9,
        "nanoseconds": found.st_mtime_ns % 10**9,
        "xattrs": xattrs,
        "capability": xattrs.get(CAPABILITY),
    }
    if kind != "directory":
        entry["links"] = found.st_nlink
    if kind == "file":
        entry["size"] = found.st_size
        entry["data"] = segments(path, found.st_size)
        entry["sha256"] = digest(path, found.st_size, entry["data"])
    elif kind == "link":
        entry["to"] = os.readlink(path)
    elif kind.endswith("device"):
        entry["device"] = "%d:%d" % (os.major(found.st_rdev), os.minor(found.st_rdev))
    if bits:
        entry.update(changed=found.st_ctime_ns, blocks=found.st_blocks, stored=found.st_size)
    return entry


def listed(path):
    try:
        return sorted(os.listxattr(path, follow_symlinks=False))
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return []
        raise


def segments(path, size):
    """Where a file has data; the rest are holes."""
    found, end = [], 0
    with open(path, "rb") as file:
        while end < size:
            try:
                begin = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    break
                raise
            end = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
            found.append((begin, end))
    return found


def digest(path, size, data):
    known = hashlib.sha256()
    with open(path, "rb") as file:
        for begin, end in [(0, size)] if size <= WHOLE else data:
            file.seek(begin)
            while begin < end:
                chunk = file.read(min(CHUNK, end - begin))
                if not chunk:
                    break
                known.update(chunk)
                begin += len(chunk)
    return known.hexdigest()


def export(path, shift):
    """Whole seconds only, no holes, of xattrs only capabilities, and nothing about the top. See also `unsaid`."""
    entries = {".": {"shift": shift}}
    with tarfile.open(path) as archive:
        for member in archive:
            name = os.path.normpath(member.name)
            if member.islnk():
                first = os.path.normpath(member.linkname)
                entries[name] = dict(entries[first], **{"first name": first})
                continue
            capability = member.pax_headers.get("SCHILY.xattr." + CAPABILITY)
            entry = entries[name] = {
                "kind": TAR_KINDS[member.type],
                "mode": oct(stat.S_IMODE(member.mode)),
                "owner": "%d:%d" % (member.uid + shift, member.gid + shift),
                "seconds": int(member.mtime // 1),
                "capability": capability and capability.encode("utf-8", "surrogateescape").hex(),
            }
            if member.isreg():
                known = hashlib.sha256(archive.extractfile(member).read())
                entry.update(size=member.size, sha256=known.hexdigest())
            elif member.issym():
                entry["to"] = member.linkname
            elif member.isdev() and not member.isfifo():
                entry["device"] = "%d:%d" % (member.devmajor, member.devminor)
            if not member.isdir():
                entry["first name"] = name
    first_names(entries)
    return entries


def first_names(entries):
    """The first of a file's names in the order of names, not in that of the archive."""
    groups = {}
    for name, entry in entries.items():
        if "first name" in entry:
            groups.setdefault(entry["first name"], []).append(name)
    for names in groups.values():
        first = min(names, key=lambda name: name.split("/"))
        for name in names:
            entries[name]["first name"] = first


def compare(one, other):
    """A line for each difference. What only one side speaks of is none."""
    for name in sorted(set(one) | set(other)):
        if name not in other:
            yield "%r: only in the first: %s" % (name, one[name])
        elif name not in one:
            if not unsaid(one, other[name]):
                yield "%r: only in the second: %s" % (name, other[name])
        else:
            for field in one[name]:
                if field in other[name] and one[name][field] != other[name][field]:
                    yield "%r: %s: %s | %s" % (name, field, one[name][field], other[name][field])


def unsaid(one, entry):
    """`docker export` leaves out sockets, and what belongs to nobody in the container, such as its own /etc/mtab."""
    shift = one["."].get("shift", -1)
    return shift >= 0 and (entry["kind"] == "socket" or int(entry["owner"].split(":")[0]) < shift)


def load(path):
    with open(path) as file:
        return json.load(file)


def main(command, *arguments):
    if command == "compare":
        one, other = map(load, arguments)
        lines = list(compare(one, other))
        print("\n".join([ascii(line)[1:-1] for line in lines] or ["%d entries are the same" % len(other)]))
        sys.exit(1 if lines or not one or not other else 0)
    if command == "without":
        fields = arguments[0].split(",")
        known = {
            name: {field: entry[field] for field in entry if field not in fields}
            for name, entry in load(arguments[1]).items()
        }
    elif command == "export":
        known = export(arguments[0], int(arguments[1]))
    else:
        known = tree(arguments[0], command == "bits", *arguments[1:])
    json.dump(known, sys.stdout, indent=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
