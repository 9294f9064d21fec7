# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host of a fleet costs the controller: how many modules a playbook runs on it, and the processor time against a
plain playbook of as many pings as that may be.

The modules are those of the collection with all that travels with them, but on the host they only say what they are
told to: what they do there is measured elsewhere, and needs no controller.
"""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from figures import Figure, alternated

ROOT = Path(__file__).resolve().parents[2]
HOSTS = 50
CONTAINERS = 20
ROUNDS = 3
ALLOWED_CPU = 1.3

# Stands for Python on the hosts: counts what is run and how long it took, which is not the controller's time.
METER = """#!{python} -ISs
import os, resource, subprocess, sys
code = subprocess.call([{python!r}] + sys.argv[1:])
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
line = "%.6f\\n" % sum(one.ru_utime + one.ru_stime for one in used)
log = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(log, line.encode())
sys.exit(code)
"""

SAYS = """
def main():
    import json
    import sys
    from ansible.module_utils.basic import _load_params

    asked = _load_params()
    if asked.get("archive"):
        with open(asked["dest"], "wb") as stream:
            stream.write(b"tar")
    print(json.dumps({result!r}))
    sys.exit(0)


"""
ID = "4b5e57f6eb2f" + "0" * 52
SHA256 = hashlib.sha256(b"tar").hexdigest()
FOUND = {"id": ID, "name": "web", "image": "busybox", "driver": "overlay2", "problems": []}
STORED = {
    "container": "web",
    "id": ID,
    "status": "stored",
    "backup_id": "x",
    "bytes_stored": 5,
    "warnings": [],
}
RESULTS: dict[str, dict[str, Any]] = {
    "container_backup": {"changed": True, "results": [STORED] * CONTAINERS, "totals": {"stored": CONTAINERS}},
    "container_info": {
        "changed": False,
        "data_root": "/var/lib/docker",
        "storage_drivers": ["devicemapper"],
        "containers": [FOUND],
        "not_matched": [],
    },
    "container_rootfs": {
        "changed": True,
        "container": ID,
        "path": "/run/drydock/web",
        "method": "merge",
        "access": "read_only",
        "actions": ["mount"] * 5,
        "mounts": [],
    },
    "container_files": {"changed": True, "actions": [], "left_out": [], "size_bytes": 3, "sha256": SHA256},
    "thin_pool_info": {"changed": False, "pools": []},
}


class Play(NamedTuple):
    name: str
    variables: dict[str, Any]
    modules: int  # per host, at most


PLAYS = (
    Play("survey", {}, 3),
    Play("backup", {}, 6),
    Play("rescue", {"rescue_container": "web", "rescue_copy": ["/etc"], "rescue_fetch": True}, 8),
)


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="drydock-rescue-") as place:
        bench = Bench(Path(place))
        for play in PLAYS:
            modules, _cpu = bench.run("drydock.rescue." + play.name, play.variables)
            yield Figure(f"controller: modules per host, {play.name}", modules, play.modules, 1.0, "")
            pings = bench.pings(play.modules)
            ours, plain = alternated(
                ROUNDS,
                lambda play=play: bench.run("drydock.rescue." + play.name, play.variables),
                lambda pings=pings: bench.run(pings, {}),
            )
            yield Figure(
                f"controller: CPU per host against pings, {play.name}",
                ours[1] * 1000,
                plain[1] * 1000,
                ALLOWED_CPU,
                "ms",
            )


class Bench:
    """A fleet of simulated hosts."""

    def __init__(self, place: Path) -> None:
        self.place, self.log = place, place / "log"
        self.meter = place / "python"
        self.meter.write_text(METER.format(python=sys.executable, log=str(self.log)))
        self.meter.chmod(0o755)
        self.inventory = place / "hosts"
        self.inventory.write_text("".join(f"host{number}\n" for number in range(HOSTS)))
        collection = place / "collections/ansible_collections/drydock/rescue"
        (collection / "plugins").mkdir(parents=True)
        for name in ("roles", "playbooks", "meta"):
            (collection / name).symlink_to(ROOT / name)
        for directory in (ROOT / "plugins").iterdir():
            if directory.name != "modules":
                (collection / "plugins" / directory.name).symlink_to(directory)
        shutil.copytree(ROOT / "plugins/modules", collection / "plugins/modules")
        for name, result in RESULTS.items():
            self.say(collection / f"plugins/modules/{name}.py", result)

    def say(self, module: Path, result: dict[str, Any]) -> None:
        """Puts what a module is to say in the place of what it does."""
        before, guard, after = module.read_text().partition('if __name__ == "__main__":')
        module.write_text(before + SAYS.format(result=result) + guard + after)

    def pings(self, count: int) -> str:
        tasks = [{"name": f"Ping {number}", "ansible.builtin.ping": None} for number in range(count)]
        file = self.place / f"pings{count}.yml"
        file.write_text(json.dumps([{"name": "Ping", "hosts": "all", "gather_facts": False, "tasks": tasks}]))
        return str(file)

    def run(self, playbook: str, variables: dict[str, Any]) -> tuple[float, float]:
        """Modules per host, and seconds of the controller's processors per host."""
        self.log.write_text("")
        rescued = self.place / "rescued"
        shutil.rmtree(rescued, ignore_errors=True)
        given = {"ansible_python_interpreter": str(self.meter), "rescue_dest": str(rescued), **variables}
        command = [sys.executable, "-m", "ansible", "playbook", playbook, "-i", self.inventory, "-c", "local"]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(self.place / "collections"),
            "ANSIBLE_HOME": str(self.place / "home"),
            "ANSIBLE_FORKS": "10",
        }
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [*command, "-e", json.dumps(given)],
            cwd=self.place,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stdout[-3000:])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        on_hosts = [float(line) for line in self.log.read_text().split()]
        return len(on_hosts) / HOSTS, (used - sum(on_hosts)) / HOSTS
