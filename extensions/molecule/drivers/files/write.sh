#!/bin/sh
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Writes to an open tree: a repair, in a layer of the image and in the container's own.
set -eu
cd "$1"
echo repaired >high/repaired
echo repaired >>low/longer
rm low/owned high/again
rm -r low/moved
mv high/setuid high/renamed
chmod 0640 low/bytes
mkdir high/made
