#!/usr/bin/env bash
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Rewrites the records of the container `old` in a copy of the data root as Docker before 1.10 kept them: the layer has
# the container's id, there is no layerdb, and volumes are named by `Volumes`; its image has one layer of its own id.
set -euo pipefail
from=/var/lib/docker to=/srv/docker-1.9
systemctl stop docker.service docker.socket
mkdir -p $to/containers $to/graph $to/devicemapper/metadata
cp -a --sparse=always $from/devicemapper/devicemapper $to/devicemapper/
record=$(grep -l '"Name":"/old"' $from/containers/*/config.v2.json)
id=$(basename "$(dirname "$record")")
layer=$(cat "$from/image/devicemapper/layerdb/mounts/$id/mount-id")
mkdir "$to/containers/$id"
python3 - "$record" "$to/containers/$id/config.json" $from/image/devicemapper $to <<'END'
import glob
import json
import os
import shutil
import sys

with open(sys.argv[1]) as stream:
    record = json.load(stream)
home, to = sys.argv[3:]
image = record["Image"][len("sha256:") :]
(layer,) = glob.glob(home + "/layerdb/sha256/*")
os.mkdir("%s/graph/%s" % (to, image))
shutil.copy(layer + "/size", "%s/graph/%s/layersize" % (to, image))
with open("%s/imagedb/content/sha256/%s" % (home, image)) as stream:
    config = json.load(stream)
config.update(id=image, container_config={"Cmd": ["ADD busybox.tar in /"]})
for name in ("rootfs", "history"):
    del config[name]
with open("%s/graph/%s/json" % (to, image), "w") as stream:
    json.dump(config, stream)
with open(to + "/repositories-devicemapper", "w") as stream:
    json.dump({"Repositories": {"busybox": {"latest": image}}}, stream)
with open(layer + "/cache-id") as stream:
    device = home.replace("image/devicemapper", "devicemapper/metadata/") + stream.read()
shutil.copy(device, "%s/devicemapper/metadata/%s" % (to, image))
record["Image"] = record["Image"][len("sha256:") :]
record.pop("MountPoints", None)
record.update(Volumes={"/data": "/var/lib/docker/vfs/dir/0123"}, VolumesRW={"/data": False})
with open(sys.argv[2], "w") as stream:
    json.dump(record, stream)
END
cp "$from/devicemapper/metadata/$layer" "$to/devicemapper/metadata/$id"
cp $from/devicemapper/metadata/{base,deviceset-metadata,transaction-metadata} $to/devicemapper/metadata/
rm -rf $from
echo "$id"
