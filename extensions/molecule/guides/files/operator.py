# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the controller: the guides, with the hosts brought into the state that each section is for. What is not as it
should be ends the program.

usage: operator.py CHECKOUT INVENTORY DIRECTORY   The directory is made anew; the commands are run there.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_shared/files"))
import guide
from guide import expect, on, run

DOCKER = "/var/lib/docker"
METADATA = DOCKER + "/devicemapper/devicemapper/metadata"
MOUNTS = DOCKER + "/image/devicemapper/layerdb/mounts/"
# Sets the flag needs_check in the superblock, as the kernel does when it meets damage, and keeps what was there.
DAMAGE = """python3 - <<'END'
import struct
with open("%s", "r+b") as metadata:
    block = bytearray(metadata.read(4096))
    with open("/root/superblock", "wb") as kept:
        kept.write(block)
    block[4] |= 1
    sum = 0xFFFFFFFF
    for byte in block[4:]:
        sum ^= byte
        for _bit in range(8):
            sum = sum >> 1 ^ (0x82F63B78 if sum & 1 else 0)
    struct.pack_into("<I", block, 0, sum ^ 160774)
    metadata.seek(0)
    metadata.write(block)
END"""
PLAIN_DEVICES = """set -eu
systemctl stop docker docker.socket
truncate --size=512M /root/data
truncate --size=16M /root/metadata
losetup /dev/loop9 /root/data
losetup /dev/loop8 /root/metadata
ln -s loop9 /dev/sdb1
ln -s loop8 /dev/sdc1
dmsetup create mypool --table '0 1048576 thin-pool /dev/loop8 /dev/loop9 128 0 1 skip_block_zeroing'
cat >/etc/docker/daemon.json <<'END'
{"storage-driver": "devicemapper", "bridge": "none", "iptables": false, "ip6tables": false,
 "storage-opts": ["dm.thinpooldev=/dev/mapper/mypool", "dm.basesize=512M"]}
END
systemctl start docker
docker import /opt/lab/busybox.tar busybox
docker run --name ledger --network none busybox sh -c 'echo paid >/ledger; sync'
systemctl stop docker docker.socket
dmsetup remove mypool"""


def main(checkout, inventory, directory):
    guide.start(inventory, directory)
    # The first command installs what is built here; from then on nothing of the checkout is used.
    run(["ansible-galaxy", "collection", "build", checkout, "--output-path", "."])
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = os.path.join(directory, "collections")
    guide.follow(checkout + "/docs/getting_started.md", said=started)
    rescue = Rescue()
    guide.follow(checkout + "/docs/rescue.md", rescue.before, rescue.said, rescue.instead)
    on("web8", "rm /dev/sdb1 /dev/sdc1 && losetup --detach /dev/loop9 && losetup --detach /dev/loop8")


def started(words, output):
    if "survey" in words:
        expect(output, r'"3 hosts looked at, 1 with an old storage driver"')
        expect(output, r'"web7: devicemapper 3 containers, 1 of 3 containers alive, pool data \d')
    elif "rescue_fetch" in words:
        run(["tar", "--list", "--file", "rescued/web7/payroll-db.tar"])
    elif "verify_backups" in words:
        expect(output, r"payroll-db: restored and proven, ")


class Rescue:
    """What docs/rescue.md needs: an example has numbers, and a section has a trouble."""

    def __init__(self):
        self.title = ""
        self.containers = {}
        self.numbers = {}

    def before(self, title):
        # What a section opened is closed, as by somebody who goes on to the next.
        run(["ansible", "all", "-m", "drydock.rescue.cleanup"])
        self.title, self.numbers = title, {}
        if title == "Which containers are there?":
            self.power_cut()
        elif title == "What did the container change?":
            init = "68bdfbdb1b897e4164aad2504ebe7f68a43e1ae36f418800cce445b93618088c-init"
            self.numbers = {init: self.containers["payroll-db"]["init_layer_id"]}
        elif title.startswith("The pool is damaged"):
            on("web7", "mkdir -p /mnt/disk && " + DAMAGE % METADATA)
        elif title == "The pool lies on plain devices":
            on("web7", "dd if=/root/superblock of=%s conv=notrunc" % METADATA)
            on("web8", PLAIN_DEVICES)
        elif title == "Step by step":
            self.numbers = {"device_id=7": self.device_of("payroll-db")}
        elif title == "The record of a container is lost":
            on("web7", "mv %s%s /root/mount" % (MOUNTS, self.containers["payroll-db"]["id"]))
            self.numbers = {"device_id=10": self.device_of("payroll-db")}
        elif title == "The container was removed":
            gone = self.containers["gone"]
            on("web7", "mv /root/mount %s%s" % (MOUNTS, self.containers["payroll-db"]["id"]))
            on("web7", "rm -r %s%s %s/containers/%s" % (MOUNTS, gone["id"], DOCKER, gone["id"]))
            self.numbers = {"68bdfbdb1b89": gone["layer_id"][:12]}

    def power_cut(self):
        """Of two hosts, while their containers run; the disk of a third machine lies beside."""
        for host in ("web7", "web9"):
            for what in ("crash", "start"):
                subprocess.run([os.environ["LAB"], what, host], check=True)
        on(
            "web7",
            "mkdir -p /mnt/old-disk/var/lib && cp --archive --sparse=always %s /mnt/old-disk/var/lib/"
            % DOCKER,
        )
        found = run(["ansible", "web7", "-m", "drydock.rescue.container_info"])
        self.containers = {one["name"]: one for one in answer(found)["containers"]}

    def device_of(self, name):
        return "device_id=%d" % self.containers[name]["storage"]["device_id"]

    def instead(self, words):
        for example, number in self.numbers.items():
            words = words.replace(example, number)
        return words

    def said(self, words, output):
        if self.title.startswith("The pool is damaged"):
            expect(output, r"payroll-db: opened read_only at /run/drydock/payroll-db by extract")
        elif "orphans=true" in words:
            expect(output, self.containers["gone"]["layer_id"])
        elif words.endswith("drydock.rescue.thin_pool"):
            self.numbers["drydock-5f0a1be0c2d4-pool"] = answer(output)["name"]


def answer(output):
    """What a module returned; there may be warnings before and after it."""
    return json.JSONDecoder().raw_decode(output.partition("=> ")[2])[0]


if __name__ == "__main__":
    main(*sys.argv[1:])
