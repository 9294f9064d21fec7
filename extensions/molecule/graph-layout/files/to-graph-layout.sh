#!/usr/bin/env bash
# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Rewrites the records of the container `old` in a copy of the data root as Docker before 1.10 kept them: the layer has
# the container's id, there is no layerdb, and volumes are named by `Volumes`.
set -euo pipefail
from=/var/lib/docker to=/srv/docker-1.9
systemctl stop docker.service docker.socket
mkdir -p $to/containers $to/graph $to/devicemapper/metadata
cp -a --sparse=always $from/devicemapper/devicemapper $to/devicemapper/
record=$(grep -l '"Name":"/old"' $from/containers/*/config.v2.json)
id=$(basename "$(dirname "$record")")
layer=$(cat "$from/image/devicemapper/layerdb/mounts/$id/mount-id")
mkdir "$to/containers/$id"
python3 - "$record" "$to/containers/$id/config.json" <<'END'
import json
import sys

with open(sys.argv[1]) as stream:
    record = json.load(stream)
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
