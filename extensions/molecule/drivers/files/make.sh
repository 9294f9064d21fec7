#!/usr/bin/env bash
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the container `rich` on the Docker that runs, and keeps in /root what this Docker says of it:
#   seen.json      its files as the driver itself mounts them, without what is mounted over them in the container
#   exported.json  its files as `docker export` writes them
#   changes.json   what `docker diff` says of it
#   images.json    its images and their history
# Prints what `docker inspect` says, the data root, the driver's id of its layer, and under containerd, where layerdb does
# not have it, the upper directory, which `docker inspect` does not say.
set -euo pipefail
cd /root/drivers
root=$(docker info --format '{{.DockerRootDir}}')
# In a user namespace the data root is named for the first owner, such as /srv/docker/100000.100000.
name=$(basename "$root")
first_owner=0 remapped=
[ "$name" = "${name%.*}" ] || first_owner=${name%.*} remapped=yes

{
    docker run --interactive --name lower --network none busybox sh <lower.sh
    docker commit lower lower
    docker run --detach --name rich --network none --volume kept:/kept --workdir /low --user 0:0 lower sleep 100000
    docker exec --interactive --env REMAPPED=$remapped rich sh <upper.sh
} >&2
process() { docker inspect --format '{{.State.Pid}}' rich; }
python3 marks.py "/proc/$(process)/root"
sync
# A mount of fuse-overlayfs still shows links, times and even contents as they were before it copied files up; the next
# one does not. `docker restart` would keep the mount.
{ docker kill rich && docker start rich; } >&2

# Before the other: Docker 26 makes a directory in the container while it packs it, and takes it away again.
docker export --output /root/exported.tar rich
python3 entries.py export /root/exported.tar "$first_owner" >/root/exported.json

top=/proc/$(process)/root
in_container=(nsenter --mount="${top%root}ns/mnt" /bin/busybox)
"${in_container[@]}" mount -o bind / /tmp
python3 entries.py tree "$top/tmp" >/root/seen.json
"${in_container[@]}" umount /tmp
python3 changes.py theirs rich >/root/changes.json
python3 images.py seen >/root/images.json
upper=$(sed -n "s|.* $root/rootfs/overlayfs/.*,upperdir=\([^,]*\).*|\1|p" /proc/self/mountinfo)
layer=$(cat "$root"/image/*/layerdb/mounts/"$(docker inspect --format '{{.Id}}' rich)"/mount-id 2>/dev/null || true)
printf '{"inspected": %s, "data_root": "%s", "layer": "%s", "upper_dir": "%s"}\n' \
    "$(docker inspect rich)" "$root" "$layer" "$upper"
