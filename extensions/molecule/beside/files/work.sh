#!/bin/sh
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs on a guest: Docker creates, starts, stops and removes containers until /root/stop is there, and is restarted now
# and then. Every call that fails is written to /root/failed; without us beside it, none does.
rm -f /root/failed /root/stop
call() { "$@" >/root/said 2>&1 || echo "$* : $(cat /root/said)" >>/root/failed; }
round=0
while [ ! -e /root/stop ]; do
    round=$((round + 1))
    call docker create --name "made$round" --network none busybox sh -c "echo $round >/round; exec sleep 1000"
    call docker start "made$round"
    call docker exec "made$round" grep -qx "$round" /round
    call docker stop --time 0 "made$round"
    call docker rm "made$round"
    if [ $((round % 8)) = 0 ]; then
        call systemctl restart docker
        call docker start living
    fi
    echo "$round" >/root/rounds
done
