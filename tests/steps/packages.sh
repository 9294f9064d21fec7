# shellcheck shell=sh
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Sourced by ./run: what the system must have. Nothing here starts a service.

is_installed() {
    dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# ensure WHY PACKAGE...: installs those that are missing. When all are there, apt is not even asked.
ensure() {
    ensure_why=$1
    shift
    ensure_missing=
    for ensure_package; do
        is_installed "$ensure_package" || ensure_missing="$ensure_missing $ensure_package"
    done
    [ -n "$ensure_missing" ] || return 0
    echo "installing with apt:$ensure_missing ($ensure_why)"
    [ -n "${ensure_updated:-}" ] || apt update
    ensure_updated=yes
    # shellcheck disable=SC2086 # a list of names
    apt install --no-install-recommends $ensure_missing
}

# unpack WHY PACKAGE PROGRAM: a program of a package that is not installed, since that would start a service.
unpack() {
    unpack_to=${XDG_CACHE_HOME:-$HOME/.cache}/drydock-rescue/packages/$2
    [ ! -x "$unpack_to/$3" ] || return 0
    echo "unpacking the package $2 ($1)"
    [ -n "${ensure_updated:-}" ] || apt update
    ensure_updated=yes
    mkdir -p "${unpack_to%/*}"
    unpack_new=$(mktemp -d "$unpack_to.XXXXXX")
    unpack_output=$(cd "$unpack_new" && apt-get -q download "$2" 2>&1 && dpkg-deb -x ./*.deb . && rm ./*.deb) || {
        printf '%s\n' "$unpack_output" >&2
        rm -rf "$unpack_new"
        exit 1
    }
    rm -rf "$unpack_to"
    mv "$unpack_new" "$unpack_to"
}

# Another apt may be at work on a machine that has just been started: wait for it.
apt() {
    set -- env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 "$@"
    [ "$(id -u)" -eq 0 ] || set -- sudo -E "$@"
    apt_output=$("$@" 2>&1 </dev/null) || {
        printf '%s\n' "$apt_output" >&2
        exit 1
    }
}
