#!/usr/bin/env bash
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes containers on the Docker that runs:
#   rich, lower            every kind of file, as the scenario drivers makes them; rich lives and has a volume
#   dies, wakes            two that are dead
#   sleeps, shrinks        two that live
#   quiet                  one that is dead, and is left alone
# But for the first two each has a /big of 8 MB that cannot be compressed, and not much else beside /bin.
set -euo pipefail
bash /root/drivers/make.sh >/root/rich.json
# The volume of the container has every kind of file as well.
volume=$(docker volume inspect --format '{{.Mountpoint}}' kept)
cp -a "/proc/$(docker inspect --format '{{.State.Pid}}' rich)/root/high/." "$volume"
python3 /root/drivers/entries.py tree "$volume" >/root/volume.json

big='dd if=/dev/urandom of=/big bs=1M count=8 && sync'
for name in dies wakes quiet; do docker run --name $name --network none busybox sh -c "test -s /big || { $big; }"; done
for name in sleeps shrinks; do
    docker run --detach --name $name --network none busybox sleep 100000
    docker exec $name sh -c "$big"
done
