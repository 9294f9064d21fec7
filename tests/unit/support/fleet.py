# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of result files, as the roles and the survey write them."""

import json
import os
import time

HOUR = 3600


def put(directory, host, kind, ended, result, error="", seconds=60):
    """One result file of a run that ended at this time; its path."""
    stamp = time.gmtime(ended)
    document = {
        "format": 1,
        "kind": kind,
        "host": host,
        "started": utc(ended - seconds),
        "ended": utc(ended),
        "error": error,
        "result": result,
    }
    return put_text(
        directory, host, "%s-%s.json" % (time.strftime("%Y%m%dT%H%M%SZ", stamp), kind), json.dumps(document)
    )


def put_text(directory, host, name, text):
    place = os.path.join(str(directory), host)
    os.makedirs(place, exist_ok=True)
    path = os.path.join(place, name)
    with open(path, "w") as stream:
        stream.write(text)
    return path


def utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def ident(name):
    return (name.encode("utf-8", "surrogatepass").hex() * 64 + "0" * 64)[:64]


def backed_up(name, status="stored", warnings=(), **more):
    """A container in the result of container_backup."""
    one = dict(
        container=name, id=ident(name), status=status, backup_id="20261122T030000Z-" + ident(name)[:12]
    )
    one.update(method="merge", consistency="stopped", files=100, bytes_read=2 * 10**9, bytes_stored=8 * 10**8)
    return dict(one, seconds=12.5, warnings=list(warnings), **more)


def backup(*containers):
    return {"results": list(containers)}


def seen(name, driver="overlay2", **more):
    """A container in the result of container_info."""
    one = dict(id=ident(name), name=name, image="shop/%s:1.4" % name, driver=driver, alive=True)
    return dict(dict(one, created="2019-03-04T11:12:13.5Z", problems=[]), **more)


def survey(*containers, **more):
    pools = {"pools": more.pop("pools", []), "problems": more.pop("pool_problems", [])}
    found = dict(containers=list(containers), data_root="/var/lib/docker", driver=["overlay2"], pools=pools)
    return dict(dict(found, docker_at_least="23.0", kernel="6.1.0-21-amd64"), **more)


def pool(name="docker-8:1-131103-pool", data=50.0, metadata=10.0, **more):
    use = {"data": (data, 100 * 10**9), "metadata": (metadata, 2 * 10**9)}
    one = dict(name=name, mode="rw", needs_check=False)
    for part, (percent, total) in use.items():
        one[part] = {"used_bytes": int(total * percent / 100), "total_bytes": total, "percent": percent}
    return dict(one, **more)
