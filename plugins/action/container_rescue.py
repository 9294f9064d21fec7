# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task for all that a rescue does on a host: with many hosts it is the tasks that cost the controller its time. The
options are in the module of the same name."""

from __future__ import annotations

import contextlib
import posixpath
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.drydock.rescue.plugins.module_utils import _text
from ansible_collections.drydock.rescue.plugins.plugin_utils import _fetching, _rescue
from ansible_collections.drydock.rescue.plugins.plugin_utils._report import fields

# Of the host, those too that look like paths: it is the modules there that expand them.
ROOTS = ("data_root", "containerd_root")
OPENING = ("device_id", "path", "access", "method", "volumes", "work_dir", "scratch_size", "stop_docker")
OPTIONS: dict[str, dict[str, Any]] = {
    "container": {"type": "list", "elements": "str", "required": True},
    "data_root": {"type": "raw"},
    "containerd_root": {"type": "raw"},
    "access": {"type": "str", "choices": ["read_only", "scratch", "in_place"], "default": "read_only"},
    "method": {"type": "str", "default": "auto"},
    "device_id": {"type": "int"},
    "path": {"type": "raw"},
    "volumes": {"type": "bool", "default": False},
    "work_dir": {"type": "raw"},
    "scratch_size": {"type": "str", "default": "1G"},
    "stop_docker": {"type": "bool", "default": False},
    "largest": {"type": "int", "default": 0},
    "copy": {"type": "list", "elements": "str", "default": []},
    "dest": {"type": "raw"},
    "fetch": {"type": "bool", "default": False},
    "delete": {"type": "list", "elements": "str", "default": []},
    "keep_mounted": {"type": "bool", "default": False},
    "part": {"type": "str", "choices": list(_rescue.PARTS), "default": _rescue.ALL},
    "earlier": {"type": "dict", "default": {}},
    "tasks": {"type": "str"},
}
# The connection's own transfer reads as the user who logs in, and so the tar gets a directory of that user.
MAKE_PLACE = "mktemp -d /var/tmp/drydock-XXXXXXXXXX && id -u"
_PLACE = re.compile(r"(/var/tmp/drydock-[A-Za-z0-9]{10})\s+([0-9]+)\s*\Z")


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self._variables = task_vars or {}
        self._changed, self._at_work_on = False, ""
        self._diffs: list[Any] = []
        self._warnings: list[Any] = []
        self._done = _rescue.Done(fields.written(time.time()))
        failed: dict[str, Any] = {}
        try:
            _result, self._asked = self.validate_argument_spec(OPTIONS)
            self._do()
        except AnsibleConnectionFailure as failure:
            # Ansible would ask the host to remove its files, and hide by what that ends with that it was lost.
            self._connection._shell.tmpdir = None
            if not self._at_work_on:
                raise
            raise AnsibleConnectionFailure(_rescue.lost(str(failure), self._at_work_on))
        except (_rescue.Failed, AnsibleError) as failure:
            # Said as a result: of an exception some Ansibles show more than the reader needs.
            failed = _rescue.failed(failure)
        more = {"diff": self._diffs, "warnings": self._warnings}
        said = {name: value for name, value in more.items() if value}
        return {**self._done.result(), "changed": self._changed, **said, **failed}

    def _do(self) -> None:
        asked, host = self._asked, str(self._variables["inventory_hostname"])
        refused = _rescue.refused(asked, host)
        if refused:
            raise _rescue.Failed(refused)
        part = asked["part"]
        if part in (_rescue.BEGIN, _rescue.END):
            self._done = _rescue.Done.of(asked["earlier"])
            for one in self._done.chosen(asked["container"]):
                if part == _rescue.BEGIN:
                    self._begin(one, host)
                else:
                    self._end(one)
            return
        self._find()
        for one in self._done.containers if part == _rescue.ALL else []:
            with self._and_then(partial(self._end, one)):
                self._begin(one, host)

    def _find(self) -> None:
        wanted = self._asked["container"]
        arguments = dict(self._given(ROOTS), containers=wanted, missing="ignore", details=False)
        # A host without Docker is a host that does not have the container.
        info = self._ask("container_info", arguments, harmless=(_rescue.NO_DOCKER,))
        self._count(info, False)
        self._done.containers = _rescue.containers(info)
        self._done.data_root = _rescue.text(info.get("data_root"))
        self._done.report += _rescue.found(info, wanted)

    def _begin(self, one: dict[str, str], host: str) -> None:
        asked = self._asked
        self._at_work_on = one["name"]
        try:
            result = self._ask("container_rootfs", dict(self._of(one), **self._given(OPENING)))
        except _rescue.Failed as failure:
            if _rescue.touched_nothing(failure):  # what is open of it is somebody else's, and stays open
                self._done.refused.append(one["id"])
            raise
        # To open and close for reading changes nothing on the host.
        self._count(result, asked["access"] == "in_place" or asked["keep_mounted"])
        method, root = (_rescue.text(result.get(name)) for name in ("method", "path"))
        self._done.opened.append({"container": one["name"], "id": one["id"], "method": method, "path": root})
        self._done.report += _rescue.opened(one["name"], asked["access"], result, self._task.check_mode)
        if self._task.check_mode:
            self._done.report += _rescue.skipped_in_check_mode(one["name"], asked)
        else:
            self._work(one["name"], root, host)

    def _work(self, name: str, root: str, host: str) -> None:
        asked, report = self._asked, self._done.report
        if asked["largest"] > 0:
            report += _rescue.largest(name, self._files(root, largest=asked["largest"]))
        if asked["copy"] and asked["fetch"]:
            tar = _rescue.tar(str(asked["dest"]), host, root)
            report += _rescue.fetched(name, tar, self._fetch(root, tar))
        elif asked["copy"]:
            dest = "%s/%s" % (asked["dest"], posixpath.basename(root))
            report += _rescue.copied(name, self._files(root, state="copied", paths=asked["copy"], dest=dest))
        if asked["delete"]:
            report += _rescue.deleted(name, self._files(root, state="absent", paths=asked["delete"]))

    def _end(self, one: dict[str, str]) -> None:
        root = self._done.root(one["id"])
        says = root is not None and not self._task.check_mode
        if self._asked["keep_mounted"]:
            self._done.report += _rescue.left_open(one["name"], root) if says else []
        elif one["id"] not in self._done.refused:
            self._at_work_on = one["name"]
            result = self._ask("container_rootfs", dict(self._of(one), state="unmounted"))
            self._count(result, self._asked["access"] == "in_place")
            self._done.report += _rescue.closed(one["name"], result) if says else []
        self._at_work_on = ""

    def _fetch(self, root: str, dest: str) -> dict[str, Any]:
        place = _PLACE.search(self._command(MAKE_PLACE, sudoable=False))
        if not place:
            raise _rescue.Failed("the host did not say where below /var/tmp the tar can be made")
        directory, user = place.groups()
        tar = directory + "/rescued.tar"
        with self._and_then(partial(self._command, "rm -rf " + directory, sudoable=False)):
            arguments = dict(root=root, state="copied", paths=self._asked["copy"], dest=tar, archive=True)
            result = self._ask("container_files", arguments)
            self._count(result, False)
            self._command("chown -h %s %s" % (user, tar))  # it lies in a directory of that user
            sha256 = _rescue.text(result.get("sha256"))
            self._changed |= _fetching.fetch(self._connection, tar, dest, sha256)
        return result

    def _files(self, root: str, **arguments: Any) -> dict[str, Any]:
        result = self._ask("container_files", dict(arguments, root=root))
        self._count(result, True)
        return result

    def _count(self, result: dict[str, Any], changes: bool) -> None:
        self._warnings += result.get("warnings") or []
        if changes and result.get("changed"):
            self._changed = True
            self._diffs += [_text.data(result["diff"])] if "diff" in result else []

    def _given(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self._asked[name] for name in names if self._asked[name] is not None}

    def _of(self, one: dict[str, str]) -> dict[str, Any]:
        return dict(self._given(ROOTS), container=one["id"], data_root=self._done.data_root)

    def _ask(self, module: str, arguments: dict[str, Any], harmless: tuple[str, ...] = ()) -> dict[str, Any]:
        result = self._execute_module(
            "drydock.rescue." + module, module_args=arguments, task_vars=self._variables
        )
        if result.get("failed") and result.get("code") not in harmless:
            self._count(result, True)
            raise _rescue.failure(result)
        return result

    def _command(self, command: str, sudoable: bool = True) -> str:
        done = self._low_level_execute_command(command, sudoable=sudoable)
        if done["rc"]:
            said = done["stderr"].strip() or done["stdout"].strip() or "status %d" % done["rc"]
            raise _rescue.Failed("`%s` on the host failed: %s" % (command, said))
        return str(done["stdout"])

    @contextlib.contextmanager
    def _and_then(self, work: Callable[[], Any]) -> Iterator[None]:
        """Also after a failure, which is then what is said; but not on a host that was lost."""
        try:
            yield
        except AnsibleConnectionFailure:
            raise
        except BaseException as first:
            try:
                work()
            except (_rescue.Failed, AnsibleError) as second:
                both = _rescue.both(first, second)
                if isinstance(second, AnsibleConnectionFailure):
                    raise AnsibleConnectionFailure(str(both))
                if isinstance(first, (_rescue.Failed, AnsibleError)):
                    raise both
            raise
        work()
