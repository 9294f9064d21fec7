# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup engines there are: the one list. PRIVATE to the collection."""

from typing import Any, Dict

from .._host import Host
from . import archive, restic
from .engine import Compression, Repository

_DEFAULT = Compression()
ENGINES: Dict[str, Any] = {
    "archive": archive.Archives,
    "restic": restic.ResticRepository,
}


def engine_for(host: Host, repository: Repository, compression: Compression = _DEFAULT) -> Any:
    """The engine of a repository. Raises Refused for a location that it cannot have."""
    return ENGINES[repository.engine](host, repository, compression)
