# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a container, or what is made from an image, runs: Docker writes both in the same words. PRIVATE to the
collection."""

from typing import Any, Dict

from . import records


def facts(config: Dict[str, Any], include_env: bool) -> Dict[str, Any]:
    """What is returned of it; environment and labels, which may hold secrets, only on request."""
    result: Dict[str, Any] = {
        "cmd": records.texts_of(config, "Cmd") if config.get("Cmd") is not None else None,
        "entrypoint": records.texts_of(config, "Entrypoint")
        if config.get("Entrypoint") is not None
        else None,
        "working_dir": records.text_of(config, "WorkingDir"),
        "user": records.text_of(config, "User"),
        "exposed_ports": sorted(records.mapping_of(config, "ExposedPorts")),
    }
    if include_env:
        result["env"] = records.texts_of(config, "Env")
        labels = records.mapping_of(config, "Labels")
        result["labels"] = {key: value for key, value in labels.items() if isinstance(value, str)}
    return result
