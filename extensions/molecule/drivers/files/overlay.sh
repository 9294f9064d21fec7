#!/usr/bin/env bash
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
# usage: overlay.sh redirect|plain   Whether the kernel's overlay may leave directories under other names, and files'
# owners and modes without their contents, when no option says so.
set -euo pipefail
[ "$1" = redirect ] && switch=Y || switch=N
for parameter in redirect_dir metacopy; do echo "$switch" >/sys/module/overlay/parameters/"$parameter"; done
