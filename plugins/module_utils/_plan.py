# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ordered steps, each with the step that takes it back. PRIVATE to the collection.

A plan is made by a pure function from what was read, and is data until it is applied: check mode shows it, the
diff and the returned ``actions`` come from it, and when a step fails those before it are undone in reverse order.

A value that only exists once an earlier step has run (the loop device that the kernel chose) stands in a plan as
Output("name"); shown, it is the shell variable that would hold it.
"""

import os
import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from . import _text
from ._errors import RescueError
from ._host import Host


class Output(NamedTuple):
    name: str


# One argument of a command: text, or text with outputs of earlier steps in it.
Argument = Union[str, Output, Tuple[Union[str, Output], ...]]


class Context:
    """What the steps of one applied plan share: the host, the outputs, and files that stay open to the end."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.outputs: Dict[str, str] = {}
        self.warnings: List[str] = []
        self._kept: List[int] = []

    def keep_open(self, descriptor: int) -> None:
        self._kept.append(descriptor)

    def close(self) -> None:
        while self._kept:
            os.close(self._kept.pop())

    def resolve(self, argument: Argument) -> str:
        if isinstance(argument, str):
            return argument
        parts = (argument,) if isinstance(argument, Output) else argument
        return "".join(self.outputs[part.name] if isinstance(part, Output) else part for part in parts)


class Action:
    """One change. A subclass says how it is shown as commands and how it is done."""

    def shown(self, outputs: Dict[str, str]) -> List[str]:
        """The shell commands that do the same, with the outputs that are known already."""
        raise NotImplementedError

    def perform(self, context: Context) -> None:
        raise NotImplementedError


class Run(Action):
    """Runs a tool."""

    def __init__(self, *argv: Argument) -> None:
        self.argv = argv

    def shown(self, outputs: Dict[str, str]) -> List[str]:
        return [shell(self.argv, outputs)]

    def perform(self, context: Context) -> None:
        context.host.run([context.resolve(argument) for argument in self.argv])


class Mount(Action):
    """mount(2), shown as mount(8). ``directory`` is where relative paths in the options begin."""

    def __init__(
        self, source: str, target: str, fs_type: str = "", options: Sequence[str] = (), directory: str = ""
    ) -> None:
        self.source, self.target, self.fs_type, self.options = source, target, fs_type, tuple(options)
        self.directory = directory

    def shown(self, outputs: Dict[str, str]) -> List[str]:
        argv = ["mount"]
        if self.fs_type:
            argv += ["-t", self.fs_type]
        if self.options:
            argv += ["-o", ",".join(self.options)]
        line = shell(argv + [self.source, self.target], outputs)
        return ["(cd %s && %s)" % (shell([self.directory], {}), line) if self.directory else line]

    def perform(self, context: Context) -> None:
        here = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if self.directory:
                os.chdir(self.directory)
            context.host.mount(self.source, self.target, self.fs_type, self.options)
        finally:
            os.fchdir(here)
            os.close(here)


class Unmount(Action):
    def __init__(self, target: str) -> None:
        self.target = target

    def shown(self, outputs: Dict[str, str]) -> List[str]:
        return [shell(["umount", self.target], outputs)]

    def perform(self, context: Context) -> None:
        context.host.unmount(self.target)


class MakeDirectory(Action):
    """Makes a directory for root alone; one that is there already is an error, so that undoing takes only ours."""

    def __init__(self, path: str) -> None:
        self.path = path

    def shown(self, outputs: Dict[str, str]) -> List[str]:
        return [shell(["mkdir", "-m", "0700", self.path], outputs)]

    def perform(self, context: Context) -> None:
        os.mkdir(self.path, 0o700)


class RemoveDirectory(Action):
    """Removes an empty directory."""

    def __init__(self, path: str) -> None:
        self.path = path

    def shown(self, outputs: Dict[str, str]) -> List[str]:
        return [shell(["rmdir", self.path], outputs)]

    def perform(self, context: Context) -> None:
        os.rmdir(self.path)


# One change, and the change that takes it back (None: nothing needs to be taken back).
class Step(NamedTuple):
    do: Action
    undo: Optional[Action]


class Plan:
    """Steps in their order."""

    def __init__(self, steps: Sequence[Step] = ()) -> None:
        self.steps = list(steps)

    def add(self, do: Action, undo: Optional[Action] = None) -> "Plan":
        self.steps.append(Step(do, undo))
        return self

    def __add__(self, other: "Plan") -> "Plan":
        return Plan(self.steps + other.steps)

    def shown(self) -> List[str]:
        """What check mode returns: every command in its order, outputs that are not known yet as shell variables."""
        return [line for step in self.steps for line in step.do.shown({})]

    def apply(self, host: Host) -> "Undoable":
        """Does every step. When one fails, undoes those before it in reverse order and raises its error, with
        ``ran`` and ``undone`` set and what could not be undone added to the message."""
        context = Context(host)
        done = Undoable(context)
        try:
            for step in self.steps:
                try:
                    step.do.perform(context)
                except RescueError as error:
                    raise _failed(error, done)
                except (OSError, ValueError) as error:
                    lines = "; ".join(step.do.shown(context.outputs))
                    raise _failed(RescueError("`%s` failed: %s" % (lines, error)), done)
                except BaseException:  # interrupted: leave the host as it was found
                    done.undo()
                    raise
                done.note(step)
        finally:
            context.close()
        return done


class Undoable:
    """The part of a plan that was carried out."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._steps: List[Step] = []
        self.actions: List[str] = []

    @property
    def warnings(self) -> List[str]:
        """What the steps want the operator to know."""
        return self._context.warnings

    def note(self, step: Step) -> None:
        self._steps.append(step)
        self.actions.extend(step.do.shown(self._context.outputs))

    def undo(self) -> Tuple[List[str], List[str]]:
        """Takes everything back, last first. Returns what was undone and what could not be (with the reason)."""
        undone: List[str] = []
        left: List[str] = []
        while self._steps:
            step = self._steps.pop()
            if step.undo is None:
                continue
            lines = step.undo.shown(self._context.outputs)
            try:
                step.undo.perform(self._context)
                undone.extend(lines)
            except (RescueError, OSError) as error:
                left.append("`%s` failed: %s" % ("; ".join(lines), error))
        return undone, left


def _failed(error: RescueError, done: Undoable) -> RescueError:
    error.ran = list(done.actions)
    error.undone, left = done.undo()
    if left:
        error.message = "%s. Not everything could be undone: %s" % (
            error.message.rstrip("."),
            "; ".join(left),
        )
        error.hint = (error.hint + ". " if error.hint else "") + "Run drydock.rescue.cleanup on this host"
    return error


def shell(argv: Sequence[Argument], outputs: Dict[str, str]) -> str:
    """An argument list for a POSIX shell, on one printable line; an output that is not known yet becomes "$name" in
    double quotes."""
    words = []
    for argument in argv:
        parts = (argument,) if isinstance(argument, (str, Output)) else argument
        known = [outputs.get(part.name) if isinstance(part, Output) else part for part in parts]
        if all(part is not None for part in known):
            words.append(_text.shell_word("".join(part or "" for part in known)))
        else:
            shown = "".join(_in_double_quotes(part, outputs) for part in parts)
            words.append('"%s"' % re.sub(r"(?<!\\)\$\{(\w+)\}(?!\w)", r"$\1", shown))
    return " ".join(words)


def _in_double_quotes(part: Union[str, Output], outputs: Dict[str, str]) -> str:
    if isinstance(part, Output):
        return outputs.get(part.name) or "${%s}" % part.name
    if not part.isprintable():
        return _text.shell_word(part)[1:-1]
    return re.sub(r'([\\"$`])', r"\\\1", part)
