# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows a guide of docs/ on the controller: makes the files that it shows, runs its commands, and looks whether they
say what the guide says. What is not so ends the program.

A file is a block of YAML whose first line is a comment with its name. A command is a line of a block `console` that
begins with `$ `; the lines below it, up to the next one, are lines that it prints, in this order, and `...` stands for
any number of others.
"""

import base64
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple


class File(NamedTuple):
    name: str
    text: str


class Command(NamedTuple):
    words: str  # for a shell
    prints: list[str]


class Section(NamedTuple):
    title: str
    steps: list["File | Command"]


# From one fence to the next; what is between two blocks is none.
_BLOCK = re.compile(
    r"^(?:#+ (?P<title>[^\n]+)|```(?P<kind>\w*)\n(?P<text>.*?)^```)$", re.MULTILINE | re.DOTALL
)
_FILE = re.compile(r"# (\S+\.ya?ml)\n")
_COMMAND = re.compile(r"\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)")


def sections(guide: str) -> list[Section]:
    """What is to be done, below the nearest heading of each."""
    found = [Section("", [])]
    for block in _BLOCK.finditer(guide):
        if block["title"]:
            found.append(Section(block["title"], []))
        elif block["kind"] == "yaml" and _FILE.match(block["text"]):
            name, text = _FILE.match(block["text"])[1], block["text"]
            found[-1].steps.append(File(name, text))
        elif block["kind"] == "console":
            found[-1].steps.extend(_commands(block["text"]))
    return [section for section in found if section.steps]


def _commands(text: str) -> Iterator[Command]:
    if not text.startswith("$ "):
        raise ValueError(f"a block of commands does not begin with one: {text}")
    for match in _COMMAND.finditer(text):
        yield Command(match[1], [line for line in match[2].splitlines() if line != "..."])


def start(inventory: str, directory: str) -> None:
    """From here on commands run in this directory, which is made anew, and for the hosts of this inventory."""
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    os.chdir(directory)
    shutil.copy(inventory, "hosts")
    os.environ["ANSIBLE_INVENTORY"] = "hosts"
    for name in ("ANSIBLE_FORCE_COLOR", "PY_COLORS"):  # molecule's, for what it shows itself
        os.environ.pop(name, None)


def follow(
    path: str,
    before: Callable[[str], None] = lambda title: None,
    said: Callable[[str, str], None] = lambda words, output: None,
    instead: Callable[[str], str] = lambda words: words,
) -> None:
    """A whole guide. `before` is called with the heading of each section, to bring about what the section is for;
    `instead` puts in the place of an example's numbers those of this machine; `said` is given what a command said."""
    with open(path) as stream:
        guide = sections(stream.read())
    for section in guide:
        before(section.title)
        for step in section.steps:
            if isinstance(step, File):
                with open(step.name, "w") as stream:
                    stream.write(step.text)
            else:
                output = run(instead(step.words), shell=True)
                printed(step, output)
                said(step.words, output)


def printed(command: Command, output: str) -> None:
    lines = iter(output.splitlines())
    for line in command.prints:
        right(any(line == one.rstrip() for one in lines), f"{command.words}: no line {line!r} in:\n{output}")


def run(command: "str | list[str]", code: int = 0, shell: bool = False) -> str:
    done = subprocess.run(
        command, shell=shell, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    with open("log", "a") as log:
        log.write(f"\n$ {command}\n{done.stdout}")
    right(done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def ansible(host: str, script: str) -> "subprocess.CompletedProcess[str]":
    """A script on hosts, to bring about or to ask what no guide shows."""
    return subprocess.run(
        ["ansible", host, "-m", "ansible.builtin.raw", "-a", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def on(host: str, script: str) -> str:
    """The same, and it must succeed. Nothing of the script is touched by Ansible."""
    encoded = base64.b64encode(script.encode()).decode()
    done = ansible(host, f'sh -c "$(echo {encoded} | base64 --decode)" </dev/null')
    right(done.returncode == 0, f"{script}:\n{done.stdout}")
    return done.stdout


def expect(output: str, pattern: str) -> None:
    right(re.search(pattern, output, re.MULTILINE), f"no {pattern!r} in:\n{output}")


def right(is_: object, otherwise: str) -> None:
    if not is_:
        sys.exit(otherwise)
