#!/usr/bin/env bash
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
# usage: bits.sh note|compare WITHOUT DIR...   Every bit of what Docker has in these directories, but for WITHOUT, a name
# in them: notes it, or compares it with what was noted.
set -euo pipefail
what=$1 without=$2
shift 2
sync
[ "$what" = compare ] || rm --force /root/bits.*.json
number=0
for directory; do
    number=$((number + 1))
    noted=/root/bits.$number.json
    if [ "$what" = note ]; then
        python3 /root/drivers/entries.py bits "$directory" "$without" >"$noted"
    else
        python3 /root/drivers/entries.py bits "$directory" "$without" >/root/bits.after.json
        python3 /root/drivers/entries.py compare "$noted" /root/bits.after.json
    fi
done
