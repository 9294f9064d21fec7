#!/usr/bin/env bash
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
# usage: end.sh stopped|killed   Ends Docker and the container; killed, they leave mounts and devices behind.
set -euo pipefail
if [ "$1" = stopped ]; then
    docker kill rich
    systemctl stop docker.service docker.socket
else
    process=$(docker inspect --format '{{.State.Pid}}' rich)
    systemctl mask --runtime docker.service docker.socket # it would be started again
    pkill -KILL dockerd
    pkill -KILL containerd-shim
    kill -KILL "$process"
    until ! pgrep 'dockerd|containerd-shim'; do sleep 0.2; done
    systemctl stop docker.service docker.socket
    systemctl unmask --runtime docker.service docker.socket
fi
sync
