# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows a module that works on in the background, and shows how far it is. PRIVATE to the collection.

The module is called with `background`; module_utils/_jobs.py says what it does then. While it works, one command of the
shell reads its status, which costs far less than a module. Nothing is kept on the controller. `throttle` is taken from
the arguments: hosts wait for their turn here.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import time
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.drydock.rescue.plugins.plugin_utils import _progress, _turns

# Ansible imports this before it starts its workers, which have no terminal.
ON_TERMINAL = sys.stdout.isatty()
WITHOUT_TERMINAL_EVERY = 10.0  # seconds
INTERNAL = ("add_host", "add_group")
FOR_PROGRAMS = ("json", "jsonl")  # output that is not for people
SOONEST = 1.0  # seconds to the next look
TRIES = 5  # when the host does not answer
LONGEST = 7 * 24 * 3600  # seconds
# Words that end what LOOK prints.
WORKS, ENDED, GONE = "works", "ended", "gone"
LOOK = (
    "cd %s 2>/dev/null && { cat ./*.json 2>/dev/null; "
    'if ! test -e result && test -s process && test -d "/proc/$(cat process)"; then echo works; '
    # It may have ended between these questions.
    "elif test -e result; then cat result; echo; echo ended; else echo gone; fi; } || echo gone"
)
TAKE = "test -e {0}/result && mv {0} {0}.taken-$$ && rm -r {0}.taken-$$; rmdir {1} 2>/dev/null"


class Following(ActionBase):
    _supports_check_mode = True
    _supports_async = True
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self._controller = os.getppid()  # we are one of its workers
        arguments = self._task.args
        if self._task.async_val or self._task.check_mode or "background" in arguments:
            return self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val)
        shows = boolean(arguments.get("progress", True), strict=False) and not _is_for_programs()
        shown = Shown((task_vars or {}).get("inventory_hostname", ""), shows)
        arguments = dict(arguments, background=True)
        at_a_time = _number(arguments.pop("throttle", 0))
        try:
            with _turns.turn(self.location, at_a_time):
                return self._work(arguments, task_vars, shown)
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)

    @property
    def location(self) -> str:
        repository = self._task.args.get("repository")
        return str(repository.get("location") if isinstance(repository, dict) else repository)

    def _work(
        self, arguments: dict[str, Any], task_vars: dict[str, Any] | None, shown: Shown
    ) -> dict[str, Any]:
        return self._follow(arguments, task_vars, shown)

    def _follow(
        self, arguments: dict[str, Any], task_vars: dict[str, Any] | None, shown: Shown
    ) -> dict[str, Any]:
        mine, found = False, {}
        while not found:
            result = self._execute_module(module_args=arguments, task_vars=task_vars)
            if "job" not in result or result.get("failed"):
                break
            job = result.pop("job")
            mine = mine or job["mine"]
            end, found = self._wait(job["directory"], shown)
            if end == GONE:
                return {
                    "failed": True,
                    "changed": True,
                    "msg": "The process that worked on the host was killed and left no result. What it had "
                    "finished is kept; run it again, and drydock.rescue.cleanup closes what it left open",
                }
        if found:
            self._take(job["directory"])
            warnings = [*result.get("warnings", []), *found.get("warnings", [])]
            result.update(found, **({"warnings": warnings} if warnings else {}))
        began = result.pop("earlier_run", None) if mine else result.get("earlier_run")
        if began and not mine:
            Display().warning(
                "%s: this is the result of an earlier run of the same task, begun at %s" % (shown.host, began)
            )
        return result

    def _wait(self, directory: str, shown: Shown) -> tuple[str, dict[str, Any]]:
        """ENDED and the result, an empty one where it could not be read; or GONE. Raises AnsibleConnectionFailure."""
        unanswered, end = 0, time.monotonic() + LONGEST
        for longest in chain((1, 2, 5), repeat(10)):
            lines, word = self._look(directory)
            if os.getppid() != self._controller:
                # Nobody would see the result, and the next run is to find it.
                raise AnsibleConnectionFailure("Ansible was killed, and the work goes on on the host")
            if word in (ENDED, GONE):
                return word, _result(lines[-1:])
            unanswered = 0 if word == WORKS else unanswered + 1
            if unanswered == TRIES or time.monotonic() > end:
                break
            parts = list(_read(lines))
            shown.show(parts)
            time.sleep(max(SOONEST, min(longest, _progress.seconds_left(parts))))
        raise AnsibleConnectionFailure(
            "%s, and the work goes on there. The next run of the same task takes its result, up to an hour after "
            "its end" % ("The host does not answer any more" if unanswered else "This has taken a week")
        )

    def _look(self, directory: str) -> tuple[list[str], str]:
        """How far it is, with the result at last, and the word; an empty one where the host gave no answer."""
        try:
            said = self._low_level_execute_command(LOOK % shlex.quote(directory))["stdout"].splitlines()
        except AnsibleConnectionFailure:
            return [], ""
        return said[:-1], said[-1] if said and said[-1] in (WORKS, ENDED, GONE) else ""

    def _take(self, directory: str) -> None:
        """The result was read. What stays behind when the host is lost now, the next run of the same task takes."""
        above = shlex.quote(os.path.dirname(directory))
        with contextlib.suppress(AnsibleConnectionFailure):
            self._low_level_execute_command(TAKE.format(shlex.quote(directory), above))


class Shown:
    """What the output of a host was told."""

    def __init__(self, host: str, shows: bool) -> None:
        self.host = host
        self._shows, self._last = shows, 0.0

    def show(self, parts: list[dict[str, Any]]) -> None:
        now = time.monotonic()
        if self._shows and parts and (ON_TERMINAL or now - self._last >= WITHOUT_TERMINAL_EVERY):
            self._last = now
            Display().display("%s: %s" % (self.host, _progress.line(parts)))


def _read(lines: list[str]) -> Iterator[dict[str, Any]]:
    for text in lines:
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def _result(lines: list[str]) -> dict[str, Any]:
    """What a host says is no word of Ansible's own, as Ansible sees to it where a module says it."""
    found = next(_read(lines), {})
    return {
        name: value
        for name, value in found.items()
        if not name.startswith(("_ansible_", "ansible_")) and name not in INTERNAL
    }


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise AnsibleActionFail("throttle %r is not a number of hosts" % (value,)) from None


def _is_for_programs() -> bool:
    return constants.DEFAULT_STDOUT_CALLBACK.rpartition(".")[2] in FOR_PROGRAMS
