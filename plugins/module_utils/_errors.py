# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, said once and in the operator's words. PRIVATE to the collection."""

from typing import List, Sequence


class RescueError(Exception):
    """A failure with a reason and a way out.

    ``message`` names the value and the reason, ``hint`` the way out. ``ran`` and ``undone`` hold the actions
    that a failed plan carried out and took back (both empty when nothing on the host was touched).
    """

    code = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.ran: List[str] = []
        self.undone: List[str] = []

    def __str__(self) -> str:
        return "%s. %s" % (self.message.rstrip("."), self.hint) if self.hint else self.message


class NotFound(RescueError):
    """Something that was asked for by name is not there; the hint lists what there is."""

    code = "not_found"


class NoDataRoot(NotFound):
    """This host has no Docker data root: in a fleet, a host that is not meant."""

    code = "no_data_root"


class NoRepository(NotFound):
    """There is no repository where backups were to go, and none is to be made."""

    code = "no_repository"
    HINT = "Give the location of one that is there, or allow it with `make_repository`"


class Ambiguous(RescueError):
    """A word that means more than one container, or a directory that holds more than one data root."""

    code = "ambiguous"


class BadRecord(RescueError):
    """What stands on the disk cannot be right: cut, empty, impossible or of another kind."""

    code = "bad_record"


class Refused(RescueError):
    """It could be done, but not without a danger to the data or to what runs."""

    code = "refused"


class CommandFailed(RescueError):
    """A tool or a system call said no."""

    code = "command_failed"

    def __init__(self, message: str, hint: str = "", errno: int = 0) -> None:
        super().__init__(message, hint)
        self.errno = errno


class MissingTools(RescueError):
    """Programs that are needed on the host and are not installed: all of them, with their packages."""

    code = "missing_tools"

    def __init__(self, tools: Sequence[str], packages: Sequence[str]) -> None:
        super().__init__(
            "missing on this host: %s" % ", ".join(tools),
            "Install the packages %s and run it again" % ", ".join(packages),
        )
        self.tools = list(tools)
