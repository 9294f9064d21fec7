# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What busybox has no tools for: xattrs, access lists, nanoseconds, a socket. usage: marks.py ROOT-OF-THE-CONTAINER"""

import contextlib
import os
import socket
import struct
import subprocess
import sys

os.chdir(sys.argv[1] + "/high")

# Version 2: cap_net_raw, effective and permitted.
os.setxattr("capable", "security.capability", struct.pack("<5I", 0x2000001, 1 << 13, 0, 0, 0))
# Of the image's files, that and nothing else.
os.setxattr("../low/capped", "security.capability", struct.pack("<5I", 0x2000001, 1 << 10, 0, 0, 0))
os.setxattr("../low/noted", "user.note", b"lab")
os.setxattr("bytes", "user.origin", b"lab")
os.setxattr("bytes", "user.binary", bytes(range(256)) * 4)
os.setxattr("setgid.d", "user.directory", b"")
# fuse-overlayfs follows the link.
with contextlib.suppress(FileNotFoundError):
    os.setxattr("absolute", "trusted.link", b"of a link", follow_symlinks=False)
os.setxattr("..", "user.top", b"of the tree")
os.setxattr("empty", "trusted.mark", b"\0")
subprocess.run(["setfacl", "--modify=u:1000:rw,g:50:r", "bytes"], check=True)
subprocess.run(["setfacl", "--default", "--modify=u:1000:rx", "sub"], check=True)
os.setxattr("../low/moved", "user.moved", b"yes")
os.utime("bytes", ns=(10**18, 1234567890123456789))
os.utime("setuid", ns=(10**18, -1500000001))
os.utime("sub", ns=(10**18, 999999999))
os.utime("dangling", ns=(10**18, 1111111111111111111), follow_symlinks=False)
listening = socket.socket(socket.AF_UNIX)
listening.bind("socket")
os.mknod("block", 0o060640, os.makedev(7, 200))
for made in ("socket", "block"):
    os.chown(made, os.stat("empty").st_uid, os.stat("bytes").st_gid)
