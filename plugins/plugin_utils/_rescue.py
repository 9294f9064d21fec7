# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused of a rescue, and what its report says. PRIVATE to the collection.

What hosts say is text that anybody may have written, and a host that is not what it should be may say anything: what
has another type than it should counts as not said.
"""

from __future__ import annotations

import os
import posixpath
from typing import Any

from ansible.module_utils.common.text.formatters import bytes_to_human

from ansible_collections.drydock.rescue.plugins.module_utils import _text

NO_DOCKER = "no_data_root"
ALL, FIND, BEGIN, END = PARTS = ("all", "find", "begin", "end")
# Of a module that failed, what tells the reader more than its message.
TELLING = ("code", "missing_tools", "actions", "undone", "module_stdout", "module_stderr", "rc", "exception")


class Failed(Exception):
    """A step that failed: the message, and what the result is to say besides."""

    def __init__(self, message: str, **result: Any) -> None:
        super().__init__(_one_line(message))
        self.result = result


class Done:
    """What a rescue has come to on a host."""

    def __init__(self, started: str) -> None:
        self.started, self.data_root = started, ""
        self.report: list[str] = []
        self.containers: list[dict[str, str]] = []
        self.opened: list[dict[str, str]] = []
        self.refused: list[str] = []

    @classmethod
    def of(cls, result: dict[str, Any]) -> Done:
        """Goes on with what result() said."""
        done = cls(text(result.get("started")))
        done.data_root = text(result.get("data_root"))
        done.report = [text(one) for one in _list(result.get("report"))]
        done.containers, done.opened = (_mappings(result.get(name)) for name in ("containers", "opened"))
        done.refused = [text(one) for one in _list(result.get("refused"))]
        return done

    def result(self) -> dict[str, Any]:
        return dict(vars(self), found=len(self.containers))

    def chosen(self, ids: list[str]) -> list[dict[str, str]]:
        """The containers that were found, by their IDs."""
        known = {one.get("id"): one for one in self.containers}
        for one in ids:
            if one not in known:
                raise Failed(
                    "earlier has no container %s: give it the result of part: find, and container an ID of "
                    "its containers" % one
                )
        return [known[one] for one in ids]

    def root(self, container_id: str) -> str | None:
        """Where a container's tree is, if it was opened."""
        return next((one.get("path", "") for one in self.opened if one.get("id") == container_id), None)


def failure(result: dict[str, Any]) -> Failed:
    """Of the result of a module."""
    # Since 2.19 a module that crashed has no message besides.
    message = text(result.get("msg")) or text(_said(result.get("exception")))
    message = message or "a module failed and did not say why"
    return Failed(message, **{name: result[name] for name in TELLING if name in result})


def touched_nothing(failure: Failed) -> bool:
    """Whether a module refused before its first step; one that crashed does not say so."""
    return "code" in failure.result and not (failure.result.get("actions") or failure.result.get("undone"))


def both(first: BaseException, second: Exception) -> Failed:
    message = "%s" % first if str(first) == str(second) else "%s; and then: %s" % (first, second)
    return Failed(message, **(first.result if isinstance(first, Failed) else {}))


def failed(error: Exception) -> dict[str, Any]:
    """The part of a result that says so."""
    # An exception of Ansible has a result too, which is another.
    more = error.result if isinstance(error, Failed) else {}
    return dict(more, failed=True, msg=_one_line(str(error)))


def lost(why: str, name: str) -> str:
    return _text.printable(
        "%s. The disk of %s may be open there still: the same run once more closes it, and so does "
        "drydock.rescue.cleanup" % (why, name)
    )


def refused(asked: dict[str, Any], host: str) -> str:
    """Why this cannot be done, if it cannot."""
    faults = []
    if asked["delete"] and asked["access"] == "read_only":
        faults.append("delete needs access: in_place (or scratch), and it is read_only")
    if asked["copy"] and not asked["dest"]:
        faults.append("copy needs dest")
    if asked["path"] and len(asked["container"]) != 1:
        faults.append("path is for a single container, and container names several")
    # A dynamic inventory takes names from elsewhere.
    if asked["copy"] and asked["fetch"] and ("/" in host or host in (".", "..")):
        faults.append(
            "fetch makes a folder dest/%s, and that name leads elsewhere: give the host another one" % host
        )
    return "; ".join(faults)


def containers(info: dict[str, Any]) -> list[dict[str, str]]:
    """Those that a host has."""
    found = [one for one in _mappings(info.get("containers")) if text(one.get("id"))]
    return [{"id": text(one["id"]), "name": text(one.get("name")) or text(one["id"])} for one in found]


def tar(dest: str, host: str, root: str) -> str:
    """Where the files of an open container go on the controller; the host says only what the file is called."""
    name = _text.printable(posixpath.basename(root))
    return os.path.join(os.path.realpath(os.path.expanduser(dest)), host, name + ".tar")


# The lines of the report ----------------------------------------------------------------------------------


def found(info: dict[str, Any], wanted: list[str]) -> list[str]:
    root = text(info.get("data_root"))
    lines = [_line("data root " + root if root else text(info.get("msg")))]
    if not containers(info):
        lines.insert(0, _line("skipped, this host has no container " + ", ".join(wanted)))
    return lines


def opened(name: str, access: str, result: dict[str, Any], check_mode: bool) -> list[str]:
    method, root = (text(result.get(key)) for key in ("method", "path"))
    would_be = "would be " if check_mode else ""
    lines = [_line("%s: %sopened %s at %s by %s" % (name, would_be, access, root, method)), *_actions(result)]
    mounts = _mappings(result.get("mounts"))
    if mounts:
        lines.append(_line(name + ": outside of its layer"))
    lines += [_line("  shown: " + text(one.get("destination"))) for one in mounts if one.get("shown")]
    lines += [
        _line("  not shown: %s, %s" % (text(one.get("destination")), text(one.get("reason"))))
        for one in mounts
        if not one.get("shown")
    ]
    return lines


def skipped_in_check_mode(name: str, asked: dict[str, Any]) -> list[str]:
    wanted = ["largest"] if asked["largest"] else []
    wanted += ["%s %s" % (what, " ".join(asked[what])) for what in ("copy", "delete") if asked[what]]
    wanted += ["tasks " + asked["tasks"]] if asked["tasks"] else []
    if not wanted:
        return []
    why = "skipped in check mode, since they need the open tree"
    return [_line("%s: %s: %s" % (name, why, ", ".join(wanted)))]


def largest(name: str, result: dict[str, Any]) -> list[str]:
    files = _mappings(result.get("files"))
    lines = ["  %s  %s" % (_size(one.get("disk_bytes")), text(one.get("path"))) for one in files]
    return [_line(one) for one in [name + ": largest files", *lines]]


def copied(name: str, result: dict[str, Any]) -> list[str]:
    count = len(_list(result.get("copied")))
    return [_line("%s: copied %d to %s" % (name, count, text(result.get("dest")))), *_left_out(result)]


def fetched(name: str, tar: str, result: dict[str, Any]) -> list[str]:
    return [_line("%s: fetched %s, sha256 %s" % (name, tar, text(result.get("sha256")))), *_left_out(result)]


def deleted(name: str, result: dict[str, Any]) -> list[str]:
    freed = (len(_list(result.get("deleted"))), _size(result.get("freed_bytes")))
    return [_line("%s: deleted %d, %s freed" % (name, *freed)), *_actions(result)]


def closed(name: str, result: dict[str, Any]) -> list[str]:
    said = [_line(warning) for warning in warnings(result)]
    return [_line(name + ": closed"), *_actions(result), *said]


def left_open(name: str, root: str) -> list[str]:
    return [_line("%s: left open at %s" % (name, root))]


def warnings(result: dict[str, Any]) -> list[str]:
    said = [_said(one) for one in _list(result.get("warnings"))]
    return [one for one in said if isinstance(one, str)]


def text(value: Any) -> str:
    return str(value) if isinstance(value, str) else ""


def _said(value: Any) -> Any:
    """Of a warning or an exception: since 2.19 ansible-core makes objects of them."""
    return getattr(getattr(value, "event", None), "msg", value)


def _one_line(message: str) -> str:
    return _text.few_lines(message.splitlines())


def _actions(result: dict[str, Any]) -> list[str]:
    return [_line("  " + text(one)) for one in _list(result.get("actions"))]


def _left_out(result: dict[str, Any]) -> list[str]:
    return [_line("  left out: " + text(one)) for one in _list(result.get("left_out"))]


def _line(said: str) -> str:
    return _text.name(said)


def _size(count: Any) -> str:
    return str(bytes_to_human(count)) if isinstance(count, int) else "?"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [dict(one) for one in _list(value) if isinstance(one, dict)]
