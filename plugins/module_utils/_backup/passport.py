# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a container was made and run, as it goes with its backup: `container.json`. PRIVATE to the collection.

Docker's own words (the record `config.v2.json` and `hostconfig.json`), so that the container can be made anew with
any tool that speaks the Engine API.
"""

from typing import Any, Dict, List

from .._docker import records
from .._docker.containers import Container
from .._errors import RescueError

FORMAT = 1
_MAY_HOLD_SECRETS = ("Env", "Labels")


def passport(
    container: Container, facts: Dict[str, Any], left_out: List[Dict[str, str]], secrets: bool
) -> Dict[str, Any]:
    """``facts`` are those of container_info, ``left_out`` names data that the backup does not have, with the reason.
    Without ``secrets`` environment, labels and the options of log and volume drivers (the password of a network share)
    are not in it, which is said too."""
    record = container.record
    config = dict(records.mapping_of(record, "Config"))
    host_config = dict(_host_config(container))
    if not secrets:
        gone = [name for name in _MAY_HOLD_SECRETS if config.pop(name, None)]
        log = records.mapping_of(host_config, "LogConfig")
        if log.get("Config"):
            host_config["LogConfig"] = dict(log, Config={})
            gone.append("LogConfig.Config")
        mounts = host_config.get("Mounts")
        if isinstance(mounts, list) and any(map(_driver_options, mounts)):
            host_config["Mounts"] = [_without_options(one) if _driver_options(one) else one for one in mounts]
            gone.append("Mounts.VolumeOptions.DriverConfig.Options")
        left_out = left_out + [{"what": one, "reason": "it may hold secrets"} for one in gone]
    return {
        "format": FORMAT,
        "id": container.id,
        "name": container.name,
        "created": facts["created"],
        "image": facts["image"],
        "image_id": facts["image_id"],
        "image_digest": records.text_of(records.mapping_of(record, "ImageManifest"), "digest"),
        "storage": {
            "driver": facts["driver"],
            "layout": facts["layout"],
            "layer_id": facts["layer_id"],
            "parent": facts["parent"],
        },
        "state": facts["state"],
        "path": records.text_of(record, "Path"),
        "args": records.texts_of(record, "Args"),
        "config": config,
        "host_config": host_config,
        "restart_policy": records.mapping_of(host_config, "RestartPolicy"),
        "networks": records.mapping_of(records.mapping_of(record, "NetworkSettings"), "Networks"),
        "mounts": facts["mounts"],
        "left_out": left_out,
    }


def _driver_options(mount: Any) -> Dict[str, Any]:
    options = records.mapping_of(mount, "VolumeOptions") if isinstance(mount, dict) else {}
    return records.mapping_of(records.mapping_of(options, "DriverConfig"), "Options")


def _without_options(mount: Dict[str, Any]) -> Dict[str, Any]:
    driver = dict(mount["VolumeOptions"]["DriverConfig"], Options={})
    return dict(mount, VolumeOptions=dict(mount["VolumeOptions"], DriverConfig=driver))


def _host_config(container: Container) -> Dict[str, Any]:
    """In a file of its own since Docker 0.10; one that is damaged does not keep the data from being saved."""
    try:
        return records.read_json("%s/containers/%s/hostconfig.json" % (container.data_root, container.id))
    except RescueError as error:
        container.problem("config_broken", error.message)
        return {}
