# shellcheck shell=bash
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Acts on a backup that runs. usage: acts.sh stop      waits until restic is in the middle, and halts it there
#                                    acts.sh go_on     lets it go on
#                                    acts.sh kill      kills the module, and sees that restic ends with it
set -euo pipefail

restic_backup() {
    pgrep --full '^[^ ]*restic .*backup --json' || :
}

case $1 in
stop)
    for _ in $(seq 1200); do
        for pid in $(restic_backup); do
            if [ "$(sed -n 's/^rchar: //p' "/proc/$pid/io" || echo 0)" -gt 2000000 ]; then
                exec kill -STOP "$pid"
            fi
        done
        sleep 0.05
    done
    echo "restic did not run" >&2
    exit 1
    ;;
go_on)
    # shellcheck disable=SC2046
    kill -CONT $(restic_backup)
    ;;
kill)
    # Halted, it sees the signal that comes with the death of who started it when it goes on.
    pkill -KILL --full 'python3.*container_backup' || :
    # shellcheck disable=SC2046
    kill -CONT $(restic_backup) 2>/dev/null || :
    for _ in $(seq 100); do
        [ -n "$(restic_backup)" ] || exit 0
        sleep 0.2
    done
    echo "restic outlives who started it" >&2
    exit 1
    ;;
esac
