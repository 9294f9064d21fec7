#!/bin/sh
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs in a container that becomes an image: what the layer above it changes.
set -eu
mkdir /low
cd /low
for file in kept gone moded owned longer to-directory over-link capped noted opened; do echo "$file of the image" >$file; done
for directory in gone.d replaced renamed to-file emptied; do
    mkdir -p $directory/deep
    echo "$directory of the image" >$directory/old
    echo deep >$directory/deep/old
done
echo linked >linked.1
ln linked.1 linked.2
ln linked.1 linked.3
ln -s kept link
ln -s kept link-to-file
dd if=/dev/urandom of=bytes bs=1k count=200 2>/dev/null
dd if=/dev/urandom of=meta bs=1k count=200 2>/dev/null
mkdir -m 1777 sticky
touch -d '2001-02-03 04:05:06' kept gone.d
sync
