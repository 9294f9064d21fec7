#!/usr/bin/env bash
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
# usage: again.sh written|unwritten   Docker starts after the rescue, shows what was written, and works.
set -euo pipefail
systemctl start docker
docker start rich
if [ "$1" = written ]; then
    docker exec rich sh -euc '
        test "$(cat /high/repaired)" = repaired
        test "$(tail -n 1 /low/longer)" = repaired
        test ! -e /low/owned -a ! -e /high/again -a ! -e /low/moved -a ! -e /high/setuid
        test "$(stat -c %a /high/renamed)" = 4711
        test "$(stat -c %a /low/bytes)" = 640
        test -d /high/made'
    docker diff rich | grep -x 'A /high/repaired'
else
    docker exec rich test -e /low/owned
fi
docker exec rich sh -c 'echo later >/later'
docker rm --force rich lower
docker rmi lower
systemctl stop docker.service docker.socket
