# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage drivers there are: the one list. PRIVATE to the collection."""

from typing import Any, Dict, List

from .._docker.containers import Container
from .._errors import Refused
from . import devicemapper, overlay2

DRIVERS: Dict[str, Any] = {"devicemapper": devicemapper, "overlay2": overlay2}


def driver_for(container: Container) -> Any:
    """The driver that holds a container. Raises Refused for one that is not known here."""
    if container.driver not in DRIVERS:
        raise Refused(
            "container %s is on the storage driver %s"
            % (container.id[:12], container.driver or "of an unknown name"),
            "drydock.rescue opens %s" % ", ".join(sorted(DRIVERS)),
        )
    return DRIVERS[container.driver]


def methods() -> List[str]:
    """Every method that a driver offers, for the module's argument spec."""
    offered = {method for driver in DRIVERS.values() for group in driver.METHODS.values() for method in group}
    return sorted(offered)
