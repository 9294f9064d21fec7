# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the parsers are fuzzed: so many cases for each property, none of which may hang or take all memory."""

import os
import resource
import runpy
from pathlib import Path

import hypothesis
import pytest

HERE = Path(__file__).resolve().parent
runpy.run_path(str(HERE.parent / "unit/conftest.py"))  # offers the collection under its full name

from ansible_collections.drydock.rescue.plugins.module_utils._docker import (  # noqa: E402
    containerd_root,
    rootless,
    services,
    settings,
    systemd_units,
    userns,
)
from ansible_collections.drydock.rescue.tests.fuzz.machine import Machine  # noqa: E402
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import DockerRoot  # noqa: E402

MEMORY = 2 * 1024**3  # bytes of address space; a parser that wants more fails with MemoryError
CASES = int(os.environ.get("DRYDOCK_FUZZ_CASES", "100"))  # of each property

resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
hypothesis.settings.register_profile(
    "fuzz",
    max_examples=CASES,
    deadline=None,  # machine.case() has one that also ends what hangs
    database=None,
    # The same cases each time, so that a change is not blamed for what it did not do; with a seed, others.
    derandomize="DRYDOCK_FUZZ_SEED" not in os.environ,
    suppress_health_check=list(hypothesis.HealthCheck),
    print_blob=True,
)
hypothesis.settings.load_profile("fuzz")


@pytest.fixture(scope="session")
def etc(tmp_path_factory):
    """Where the configuration of Docker is looked for: nothing looks at the machine that this runs on."""
    top = tmp_path_factory.mktemp("etc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "DEFAULT_DATA_ROOT", str(top / "docker"))
        patch.setattr(settings, "DAEMON_JSON", str(top / "daemon.json"))
        patch.setattr(systemd_units, "PATHS", (str(top / "units"), str(top / "usr-units")))
        patch.setattr(services, "INIT_FILES", (str(top / "sysconfig"), str(top / "default")))
        patch.setattr(userns, "SUBUID", str(top / "subuid"))
        patch.setattr(userns, "SUBGID", str(top / "subgid"))
        patch.setattr(containerd_root, "DEFAULT", str(top / "containerd"))
        patch.setattr(containerd_root, "CONFIG", str(top / "config.toml"))
        patch.setattr(rootless, "PASSWD", str(top / "passwd"))
        yield top


@pytest.fixture(scope="session")
def host(etc, tmp_path_factory):
    return Machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def docker(etc, tmp_path_factory):
    """An empty data root."""
    return DockerRoot(tmp_path_factory.mktemp("root") / "docker")


def pytest_terminal_summary(terminalreporter):
    from ansible_collections.drydock.rescue.tests.fuzz import machine

    for name, count in sorted(machine.CASES.items()):
        terminalreporter.write_line("%9d cases  %s" % (count, name))
