#!/usr/bin/env bash
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes, on the Docker that runs:
#   rich    with every kind of mount that this scenario knows (see volumes.py); it lives
#   second  mounts a volume of rich, and a part of a directory that rich mounts; it lives
#   never   never ran, so that its layer has no mount point
# Each file `is` says, as rich sees it, where it is. The host has files of its own wherever a wrong turn could lead.
# What Docker says of rich is kept beside its data root.
set -euo pipefail
binds=/srv/binds
rm -rf "$binds"
mkdir -p "$binds"/{directory/part,device,removed} /var/data /named
echo /etc/file.conf >"$binds/file"
echo /device >"$binds/device/is"
for decoy in /var/data /named; do echo 'the host' >"$decoy/is"; done

(cd /root && mkdir -p image/var/data && chmod 0750 image/var/data && ln -sf /var/data image/data)
cp /opt/lab/busybox.tar /root/image.tar
tar --append --file=/root/image.tar --directory=/root/image var data
docker import /root/image.tar linked
for name in named outer inner read-only linked shared; do docker volume create "$name"; done
docker volume create --opt type=tmpfs --opt device=tmpfs memory
docker volume create --opt type=none --opt o=bind --opt "device=$binds/device" device
echo /read-only >"$(docker volume inspect --format '{{.Mountpoint}}' read-only)/is"

docker create --name never --network none --volume named:/nowhere linked true
docker run --detach --name rich --network none \
    --volume named:/named \
    --volume /anonymous \
    --volume "$binds/directory:/directory" \
    --volume "$binds/file:/etc/file.conf" \
    --volume outer:/outer \
    --volume inner:/outer/in/side \
    --volume read-only:/read-only:ro \
    --volume memory:/memory \
    --volume device:/device \
    --volume "$binds/removed:/removed" \
    --volume linked:/data \
    --volume shared:/shared \
    --volume /var/run/docker.sock:/docker.sock \
    --mount type=tmpfs,destination=/tmpfs \
    linked sh -c 'echo /memory >/memory/is; exec sleep 100000'
docker run --detach --name second --network none \
    --volume shared:/shared --volume "$binds/directory/part:/part" linked sleep 100000
docker exec rich sh -euc '
    for place in /named /anonymous /directory /outer /outer/in/side /data /shared /removed; do
        echo $place >$place/is
    done
    cd /named
    mkdir -p deep/er; chmod 1770 deep; chown 7:8 deep deep/er; head -c 300000 /dev/urandom >deep/er/bytes
    cp /bin/busybox tool; chown 9:10 tool; chmod 4751 tool; ln tool again; ln -s /etc/passwd link
    echo gone >gone'
rm -r "$binds/removed"
sync
docker inspect rich >"$(docker info --format '{{.DockerRootDir}}').json"
python3 /root/volumes/volumes.py note
