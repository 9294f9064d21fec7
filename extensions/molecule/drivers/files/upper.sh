#!/bin/sh
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs in the container that is rescued: everything that a driver has to show rightly.
set -eu

cd /low
rm gone /etc/passwd
rm -r gone.d
rm -r replaced && mkdir replaced && echo new >replaced/new
rm -r emptied/deep emptied/old
mv renamed moved
mv kept kept.moved
rm to-directory && mkdir to-directory && echo inside >to-directory/inside
rm -r to-file && echo 'a file now' >to-file
rm link && ln -s elsewhere link
rm link-to-file && echo 'no link now' >link-to-file
rm over-link && ln -s kept.moved over-link
chmod 4600 moded
chmod 0640 meta
chown 7:8 owned
echo more >>longer
echo more >>linked.1
rm linked.3
: >>opened
printf changed | dd of=bytes bs=1 seek=100000 conv=notrunc 2>/dev/null
echo short >sticky/new && rm sticky/new

mkdir /high
chmod 0751 /
cd /high
for name in 'with  blanks ' 'colon:comma,back\slash' "quote'\"; \$(reboot) \`id\`" -rf '*' '#%{{ x }}' ' ' ... \
    "$(printf 'new\nline')" "$(printf 'latin1-caf\351')" "$(printf 'utf8-caf\303\251')" "$(printf 'bell\a\033[31m')" \
    "$(printf '%0240d' 0)"; do
    echo "$name" >"./$name"
done
mkdir "./$(printf 'dir\nectory:,')" && echo inside >"./$(printf 'dir\nectory:,')/file"
deep=$(printf '%0100d' 0)
(for _level in 1 2 3 4 5 6 7 8 9 10 11 12; do mkdir "$deep" && cd "$deep"; done && echo bottom >file)
dd if=/dev/urandom of=bytes bs=1k count=300 2>/dev/null
chown 1234:567 bytes
chmod 0640 bytes
mkdir sub
ln bytes again
ln bytes sub/third
: >empty
truncate -s 20M sparse
echo middle | dd of=sparse bs=1k seek=10000 conv=notrunc 2>/dev/null
truncate -s 3M hollow
cp /bin/busybox setuid
chmod 4711 setuid
cp setuid setgid
chmod 2755 setgid
cp setuid capable
chmod 0755 capable
: >nothing-allowed
chmod 0 nothing-allowed
mkdir -m 1777 sticky.d
mkdir -m 2750 setgid.d
chown 0:42 setgid.d
mkdir -m 0 locked.d
mkfifo -m 0600 pipe
ln -s /etc/absolute absolute
ln -s ../low/kept.moved relative
ln -s "$(printf 'no\nwhere,:\351')" dangling
chown -h 65534:65534 dangling
ln dangling dangling.again
chown 65534:65534 empty
# In a user namespace this is not allowed.
[ -n "$REMAPPED" ] || mknod -m 0622 null c 1 3
touch -h -d '1985-10-26 01:21:00' absolute
touch -d '2037-12-31 23:59:59' hollow
touch -d '1969-12-31 23:59:58' sub
sync
