# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: containers
short_description: The containers of a fleet whose Docker does not run, as inventory hosts
version_added: 0.1.0
author:
  - The drydock.rescue authors (@drydock-rescue)
description:
  - Reads what M(drydock.rescue.container_info) returned on each host, as the playbook C(drydock.rescue.gather) saves it
    on the controller, and makes an inventory host of every container. No host is asked.
  - The name of such an inventory host is C(CONTAINER+HOST). C(CONTAINER) is the container's name, or its full ID where
    it has no name, where several containers of this host have the name, or where it has other characters than
    letters, digits, C(_), C(.) and C(-). C(+) is in no name of a container and of no machine, so that no two are called
    alike, and none is called like a machine of another inventory.
  - Nothing connects to such a host by itself. A task for it is run on its Docker host with C(delegate_to), see the
    examples.
  - 'All are in the group C(drydock_containers), and in a group for each of these facts: C(drydock_host_HOST),
    C(drydock_driver_DRIVER), C(drydock_layout_LAYOUT), C(drydock_state_STATUS) (what Docker last wrote, as V(running)
    or V(exited)), C(drydock_image_IMAGE), C(drydock_alive) or C(drydock_dead) (what was true when it was gathered), and
    C(drydock_damaged) if it has problems. What a group cannot be called becomes C(_), and what is not known is
    C(unknown).'
  - 'Their variables are C(drydock_container), all that RV(drydock.rescue.container_info#module:containers) says of it;
    C(drydock_host), the inventory name of its Docker host; C(drydock_data_root); and C(drydock_gathered), when the file
    was written (UTC). A host that could not be reached later keeps what was gathered before.'
  - Text that comes from a host is never a template. A file that cannot be read, or is no result of
    M(drydock.rescue.container_info), gives a warning and does not hide the others.
extends_documentation_fragment:
  - constructed
options:
  plugin:
    description:
      - Marks the file as one for this plugin. Its name must be C(containers.yml) or end with C(.containers.yml) (or
        C(.yaml)).
    type: str
    required: true
    choices: [drydock.rescue.containers]
  results:
    description:
      - The directory of the results, relative to this file. The name of a file is the inventory name of the host, with
        or without C(.json); hidden files are passed over.
      - What C(ansible -m drydock.rescue.container_info --tree DIRECTORY) writes is read too.
    type: str
    required: true
seealso:
  - module: drydock.rescue.container_info
  - module: drydock.rescue.container_rootfs
"""

EXAMPLES = r"""
# First, on the controller:
#   ansible-playbook drydock.rescue.gather -i hosts -b -e gather_dest=./results
#
# Then, with what follows as fleet.containers.yml:
#   ansible-inventory -i fleet.containers.yml --graph drydock_driver_devicemapper
#
# And a play that opens the disks of all stranded containers, each on its own Docker host:
#   ansible-playbook -i hosts -i fleet.containers.yml open.yml
#
#   - hosts: stranded
#     gather_facts: false
#     tasks:
#       - name: Open the disk
#         drydock.rescue.container_rootfs:
#           container: "{{ drydock_container.id }}"
#           data_root: "{{ drydock_data_root }}"
#         delegate_to: "{{ drydock_host }}"
#         become: true

plugin: drydock.rescue.containers
results: ./results

# Those that ran when their Docker died, and a group for each data root; both may be left out.
groups:
  stranded: drydock_container.state.running and not drydock_container.alive
keyed_groups:
  - prefix: data_root
    key: drydock_data_root
"""

import collections
import datetime
import json
import os
import re
import stat

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.drydock.rescue.plugins.module_utils import _text

_LIMIT = 256 * 1024 * 1024  # bytes of a result; ten thousand containers have a tenth of it
_DEEPEST = 32  # lists and mappings in each other; labels can hold anything
_SOURCE = re.compile(r"(.+\.)?containers\.ya?ml")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@%+-]*")
_ID = re.compile(r"[a-f0-9]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_TEMPLATE = re.compile(r"[{}]|\A#jinja2:")  # all that a template can begin with


class InventoryModule(BaseInventoryPlugin, Constructable):
    NAME = "drydock.rescue.containers"

    def verify_file(self, path):
        return super().verify_file(path) and bool(_SOURCE.fullmatch(os.path.basename(path)))

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        directory = os.path.join(os.path.dirname(path), os.path.expanduser(self.get_option("results")))
        for host, file in self._files(directory):
            try:
                facts, containers = _read(file)
            except ValueError as error:
                self._warn(f"{file} {error}")
                continue
            for name, container in _named(containers):
                self._add(f"{name}+{host}", dict(facts, drydock_host=host, drydock_container=container))

    def _files(self, directory):
        """The files of a directory with the hosts that they are called after, in the order of their names."""
        try:
            names = sorted(name for name in os.listdir(directory) if not name.startswith("."))
        except OSError as error:
            raise AnsibleParserError(f"the directory of the results {directory}: {error.strerror}")
        for name in names:
            host = name[: -len(".json")] if name.endswith(".json") else name
            file = os.path.join(directory, name)
            if not _HOST.fullmatch(host):
                self._warn(f"{file} is left out: its name cannot be that of a host")
            elif host != name and host in names:
                self._warn(f"{file} is left out: {host} is another result of this host")
            else:
                yield host, file

    def _add(self, name, variables):
        """One container with its groups and variables."""
        groups = ["drydock_" + group for group in _groups(variables)]
        self.inventory.add_group("drydock_containers")
        self.inventory.add_host(name)
        for group in map(self._sanitize_group_name, groups):
            self.inventory.add_group(group)
            self.inventory.add_child("drydock_containers", group)
            self.inventory.add_child(group, name)
        for key, value in variables.items():
            self.inventory.set_variable(name, key, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict)
        self._add_host_to_composed_groups(self.get_option("groups"), {}, name, strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), {}, name, strict)

    def _warn(self, message):
        self.display.warning(_text.printable(message))


def _read(file):
    """The variables that all containers of a result share, and the containers. Raises ValueError with what is wrong."""
    content, modified = _content(file)
    try:
        result = _parsed(content)
        if result.get("code") == "no_data_root":  # a host without Docker
            return {}, []
        if result.get("failed") or result.get("unreachable"):
            raise ValueError(f"tells of a failure: {str(result.get('msg'))[:200]}")
        containers, root = result.get("containers"), result.get("data_root")
        if not isinstance(root, str) or not isinstance(containers, list):
            raise ValueError("is no result of drydock.rescue.container_info")
        if not all(isinstance(one, dict) and _ID.fullmatch(str(one.get("id"))) for one in containers):
            raise ValueError("has an entry that is no container")
        containers = _text_only(containers, _DEEPEST)
    except RecursionError:
        raise ValueError("is nested too deeply")
    gathered = datetime.datetime.fromtimestamp(modified, datetime.timezone.utc)
    facts = {"drydock_data_root": root, "drydock_gathered": gathered.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return _text_only(facts, 1), containers


def _content(file):
    """The bytes of a regular file, and when it was written."""
    try:
        status = os.stat(file)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("is left out: it is no regular file")
        with open(file, "rb") as stream:
            content = stream.read(_LIMIT + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}")
    if len(content) > _LIMIT:
        raise ValueError(f"is left out: it has more than {_LIMIT} bytes")
    return content, status.st_mtime


def _parsed(content):
    try:
        result = json.loads(content)
    except ValueError as error:
        raise ValueError(f"is not whole JSON ({error})")
    if not isinstance(result, dict):
        raise ValueError("holds no JSON object")
    return result


def _text_only(value, depth):
    """The same value with every text in it fit for a terminal, and no template."""
    if isinstance(value, str):
        value = _text.data(value)
        return wrap_var(value) if _TEMPLATE.search(value) else value
    if isinstance(value, (dict, list)) and not depth:
        raise RecursionError
    if isinstance(value, dict):
        return {_text_only(key, 0): _text_only(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list):
        return [_text_only(one, depth - 1) for one in value]
    return value


def _named(containers):
    """Each container with the part of its inventory name that says which of its host it is."""
    names = collections.Counter(_name(one) for one in containers)
    for one in {one["id"]: one for one in containers}.values():
        name = _name(one)
        fit = _NAME.fullmatch(name) and not _ID.fullmatch(name) and names[name] == 1
        yield name if fit else one["id"], one


def _name(container):
    name = container.get("name")
    return name if isinstance(name, str) else ""


def _groups(variables):
    """What is known of a container in one word each."""
    container = variables["drydock_container"]
    state = container.get("state")
    facts = {key: container.get(key) for key in ("driver", "layout", "image")}
    facts["state"] = state.get("status") if isinstance(state, dict) else ""
    facts["host"] = variables["drydock_host"]
    yield from (
        f"{key}_{value if value and isinstance(value, str) else 'unknown'}" for key, value in facts.items()
    )
    yield "alive" if container.get("alive") is True else "dead"
    if container.get("problems"):
        yield "damaged"
