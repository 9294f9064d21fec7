# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the lab."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys

import backend
import cache
import host
import image
import inventory
import ssh
import tree
from instance import Lab, log


def main() -> int:
    options = _parser().parse_args()
    # A plain `su` leaves out the folders of ip, chroot and mke2fs.
    os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
    try:
        host.check()
        return options.command(Lab(options.lab), options) or 0
    except host.LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _image(_lab: Lab, options: argparse.Namespace) -> None:
    with cache.locked():
        print(image.ensure(log, options.release).disk)


def _up(lab: Lab, options: argparse.Namespace) -> None:
    lab.up(dict(options.guests), options.mem, options.disk)


def _down(lab: Lab, _options: argparse.Namespace) -> None:
    lab.down()


def _crash(lab: Lab, options: argparse.Namespace) -> None:
    lab.crash(lab.guest(options.name))


def _start(lab: Lab, options: argparse.Namespace) -> None:
    lab.start(lab.guest(options.name))


def _stop(lab: Lab, options: argparse.Namespace) -> None:
    lab.stop(lab.guest(options.name))


def _keep(lab: Lab, options: argparse.Namespace) -> None:
    lab.keep(lab.guest(options.name), options.disk)


def _kept(_lab: Lab, _options: argparse.Namespace) -> None:
    chosen = backend.choose()
    with cache.locked():
        print("\n".join(sorted(path.name for path in (image.ensure(log).kept / chosen).glob("*"))))


def _reboot(lab: Lab, options: argparse.Namespace) -> None:
    _stop(lab, options)
    _start(lab, options)


def _ssh(lab: Lab, options: argparse.Namespace) -> int:
    words = ssh.command(lab.guest(options.name), lab.network, *options.remote)
    return subprocess.run(words, check=False).returncode


def _console(lab: Lab, options: argparse.Namespace) -> int:
    words = ["tail", "-n", "+1", "-F", str(lab.guest(options.name).console)]
    return subprocess.run(words, check=False).returncode


def _inventory(lab: Lab, _options: argparse.Namespace) -> None:
    print(inventory.render(lab.running(), lab.network), end="")


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", text):
        raise argparse.ArgumentTypeError("a name is made of a-z, 0-9 and -")
    return text


def _guest(text: str) -> tuple[str, str]:
    name, _at, release = text.partition("@")
    return _name(name), _release(release or tree.RELEASES[0])


def _release(text: str) -> str:
    if text not in tree.RELEASES:
        raise argparse.ArgumentTypeError(f"a release is {' or '.join(tree.RELEASES)}")
    return text


def _memory(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*[MG]", text):
        raise argparse.ArgumentTypeError("a size is like 512M or 2G")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="Guests to test with.")
    parser.add_argument(
        "--lab",
        type=_name,
        default=os.environ.get("LAB_NAME", "default"),
        help="which of the labs, if several (default: $LAB_NAME)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(command, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(command.__name__[1:], help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    def add_for_guest(command, text: str) -> argparse.ArgumentParser:
        sub = add(command, text)
        sub.add_argument("name", type=_name, metavar="NAME")
        return sub

    built = add(_image, "build the image, or find the one that was built; print its path")
    built.add_argument("release", type=_release, nargs="?", default=tree.RELEASES[0], metavar="RELEASE")
    up = add(_up, f"boot fresh guests and wait for them; a RELEASE is {' or '.join(tree.RELEASES)}")
    up.add_argument("guests", type=_guest, nargs="+", metavar="NAME[@RELEASE]")
    up.add_argument("--mem", type=_memory, default="512M", help="memory of each (default: %(default)s)")
    up.add_argument("--disk", type=_name, help="start from a disk that `keep` kept, not from a fresh one")
    add(_down, "end all guests of the lab and remove every trace of it")
    add(_inventory, "print the running guests as an Ansible inventory")
    remote = add_for_guest(_ssh, "a shell in a guest, or one command")
    remote.add_argument("remote", nargs=argparse.REMAINDER, metavar="COMMAND")
    add_for_guest(_crash, "cut the power; the disk stays as it was at that moment")
    add_for_guest(_stop, "shut down cleanly; the disk stays")
    add_for_guest(_start, "boot a crashed or stopped guest from its disk")
    add_for_guest(_reboot, "stop and start")
    keep = add_for_guest(_keep, "keep the disk of a guest that is off, to start others from it")
    keep.add_argument("disk", type=_name, metavar="DISK")
    add(_kept, "print the names of the kept disks")
    add_for_guest(_console, "follow what the kernel and systemd printed")
    show = commands.add_parser("help", help="this text")
    show.set_defaults(command=lambda _lab, _options: parser.print_help())
    return parser


if __name__ == "__main__":
    sys.exit(main())
