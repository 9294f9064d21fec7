# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import subprocess

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._errors import CommandFailed, RescueError
from ansible_collections.drydock.rescue.plugins.module_utils._plan import (
    Action,
    MakeDirectory,
    Mount,
    Output,
    Plan,
    RemoveDirectory,
    Run,
    Unmount,
    shell,
)

HOSTILE = [
    "a b",
    "x;reboot",
    "$(reboot)",
    "`reboot`",
    "it's",
    'say "no"',
    "new\nline",
    "the last one\n\n",
    "\n",
    "\t\x1b[2J\x7f",
    "turned \u202egnp.exe",
    "\x9b2J caf\u00e9",
    "\udcff\udcfe",
    "-n 100%\n\\n'${loop}$(reboot)`reboot`",
    "-rf",
    "*",
    "",
    "\\",
    "!",
]


class Note(Action):
    """Writes down that it was done, or fails."""

    def __init__(self, done, word, error=None):
        self.done, self.word, self.error = done, word, error

    def shown(self, outputs):
        return [self.word]

    def perform(self, context):
        if self.error:
            raise self.error
        self.done.append(self.word)


class Save(Action):
    """Keeps an output, as attaching a loop device does."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    def shown(self, outputs):
        return ["%s=..." % self.name]

    def perform(self, context):
        context.outputs[self.name] = self.value


def steps(done, *words, **errors):
    plan = Plan()
    for word in words:
        plan.add(Note(done, word, errors.get(word)), Note(done, "not " + word, errors.get("not_" + word)))
    return plan


def test_steps_run_in_their_order(host):
    done = []
    applied = steps(done, "one", "two", "three").apply(host)
    assert done == applied.actions == ["one", "two", "three"]


def test_showing_a_plan_does_nothing():
    done = []
    assert steps(done, "one", "two").shown() == ["one", "two"]
    assert done == []


def test_two_plans_joined_run_one_after_the_other(host):
    done = []
    (steps(done, "one") + steps(done, "two")).apply(host)
    assert done == ["one", "two"]


def test_a_failure_undoes_what_was_done_last_first(host):
    done = []
    with pytest.raises(CommandFailed) as failure:
        steps(done, "one", "two", "three", "four", three=CommandFailed("no")).apply(host)
    assert done == ["one", "two", "not two", "not one"]
    assert failure.value.ran == ["one", "two"]
    assert failure.value.undone == ["not two", "not one"]


def test_the_error_of_the_failed_step_is_the_one_that_is_told(host):
    with pytest.raises(CommandFailed) as failure:
        steps([], "one", "two", two=CommandFailed("no room", "make some", 28)).apply(host)
    assert str(failure.value) == "no room. make some"
    assert failure.value.errno == 28


def test_an_operating_system_error_says_which_command_failed(host, tmp_path):
    missing = str(tmp_path / "not" / "there")
    with pytest.raises(RescueError) as failure:
        Plan().add(MakeDirectory(missing)).apply(host)
    assert "mkdir -m 0700 " + missing in str(failure.value)
    assert "No such file" in str(failure.value)


def test_what_cannot_be_undone_is_said_and_the_rest_is_undone(host):
    done = []
    plan = steps(done, "one", "two", "three", three=CommandFailed("no"), not_two=CommandFailed("busy"))
    with pytest.raises(CommandFailed) as failure:
        plan.apply(host)
    assert done == ["one", "two", "not one"]
    assert failure.value.undone == ["not one"]
    assert "Not everything could be undone: `not two` failed: busy" in failure.value.message
    assert "drydock.rescue.cleanup" in failure.value.hint


def test_an_interrupted_plan_leaves_nothing(host):
    done = []
    with pytest.raises(KeyboardInterrupt):
        steps(done, "one", "two", two=KeyboardInterrupt()).apply(host)
    assert done == ["one", "not one"]


def test_a_step_that_needs_no_undoing(host):
    done = []
    plan = Plan().add(Note(done, "one")).add(Note(done, "two", CommandFailed("no")))
    with pytest.raises(CommandFailed) as failure:
        plan.apply(host)
    assert (failure.value.ran, failure.value.undone) == (["one"], [])


def test_an_applied_plan_can_be_taken_back_later(host):
    done = []
    applied = steps(done, "one", "two").apply(host)
    assert applied.undo() == (["not two", "not one"], [])
    assert applied.undo() == ([], [])


def test_files_that_a_step_keeps_open_are_closed_at_the_end(host, tmp_path):
    class KeepOpen(Note):
        def perform(self, context):
            self.descriptor = os.open(str(tmp_path), os.O_RDONLY)
            context.keep_open(self.descriptor)

    step = KeepOpen([], "open")
    with pytest.raises(CommandFailed):
        Plan().add(step).add(Note([], "fails", CommandFailed("no"))).apply(host)
    with pytest.raises(OSError):
        os.fstat(step.descriptor)


# -- outputs ---------------------------------------------------------------------------------------------

TABLE = ("0 8 linear ", Output("loop"), " 0")


def test_an_output_is_shown_as_a_variable_before_it_is_known():
    assert Plan().add(Run("dmsetup", "create", "x", "--table", TABLE)).shown() == [
        'dmsetup create x --table "0 8 linear $loop 0"'
    ]


def test_an_output_is_put_in_when_it_is_known(host):
    host.answer("dmsetup create x --table '0 8 linear /dev/loop7 0'")
    plan = Plan().add(Save("loop", "/dev/loop7")).add(Run("dmsetup", "create", "x", "--table", TABLE))
    assert plan.apply(host).actions == ["loop=...", "dmsetup create x --table '0 8 linear /dev/loop7 0'"]


def test_undoing_knows_the_outputs(host):
    host.answer("losetup --detach /dev/loop7")
    plan = Plan().add(Save("loop", "/dev/loop7"), Run("losetup", "--detach", Output("loop")))
    assert plan.apply(host).undo() == (["losetup --detach /dev/loop7"], [])


# -- what a shell makes of it ----------------------------------------------------------------------------


def words_of(line):
    """The arguments that a POSIX shell reads in a line."""
    script = "show() { for word; do printf '%s\\0' \"$word\"; done; }; loop=LOOP; show " + line
    assert line.isprintable()
    return os.fsdecode(subprocess.check_output(["sh", "-c", script])).split("\0")[:-1]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_shell_reads_hostile_text_as_one_word(text):
    assert words_of(shell(["rm", text], {})) == ["rm", text]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("between", ["", " "])
def test_a_shell_reads_hostile_text_beside_a_variable_as_one_word(text, between):
    argument = (text, between, Output("loop"), between, text)
    assert words_of(shell([argument], {})) == [between.join((text, "LOOP", text))]


def test_a_variable_beside_letters():
    assert words_of(shell([("x", Output("loop"), "p1")], {})) == ["xLOOPp1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_shown_mounts_are_quoted(text):
    (line,) = Mount("/src/" + text, "/dst", "overlay", ("ro", "lowerdir=/" + text)).shown({})
    assert words_of(line) == [
        "mount",
        "-t",
        "overlay",
        "-o",
        "ro,lowerdir=/" + text,
        "/src/" + text,
        "/dst",
    ]


# -- the steps there are ---------------------------------------------------------------------------------


def test_mount_and_unmount(host, tmp_path):
    target = str(tmp_path)
    applied = Plan().add(Mount("/src", target, "", ("bind", "ro")), Unmount(target)).apply(host)
    assert host.mounted == [("/src", target, "", ("bind", "ro"))]
    assert applied.actions == ["mount -o bind,ro /src " + target]
    assert applied.undo()[0] == ["umount " + target]
    assert host.unmounted == [target]


def test_a_directory_is_made_for_its_owner_alone(host, tmp_path):
    path = str(tmp_path / "new")
    applied = Plan().add(MakeDirectory(path), RemoveDirectory(path)).apply(host)
    assert os.stat(path).st_mode & 0o777 == 0o700
    applied.undo()
    assert not os.path.exists(path)


def test_a_directory_that_was_there_is_not_ours_to_remove(host, tmp_path):
    with pytest.raises(RescueError):
        Plan().add(MakeDirectory(str(tmp_path)), RemoveDirectory(str(tmp_path))).apply(host)
    assert tmp_path.is_dir()
