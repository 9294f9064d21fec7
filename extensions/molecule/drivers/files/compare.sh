#!/usr/bin/env bash
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
# usage: compare.sh TREE [write]   An open tree holds what Docker showed; `write` repairs something in it afterwards, in
# layers of the image and in the container's own, and the comparison sees it.
set -euo pipefail
cd "$1"
entries() { python3 /root/drivers/entries.py "$@"; }
entries tree . >/root/ours.json
entries compare /root/exported.json /root/seen.json
entries compare /root/seen.json /root/ours.json
entries compare /root/exported.json /root/ours.json
[ "${2:-}" = write ] || exit 0

echo repaired >high/repaired
echo repaired >>low/longer
rm low/owned high/again
rm -r low/moved
mv high/setuid high/renamed
chmod 0640 low/bytes
mkdir high/made
entries tree . >/root/ours.json
if entries compare /root/seen.json /root/ours.json; then
    echo 'The comparison did not see what was written' >&2
    exit 1
fi
