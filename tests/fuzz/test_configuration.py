# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tells a host's Docker its settings: units of systemd, files of init scripts, daemon.json, tables of users."""

import os

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.drydock.rescue.plugins.module_utils._docker import (
    configuration,
    containerd_root,
    data_root,
    services,
    settings,
    shell_text,
    unit_text,
    userns,
)
from ansible_collections.drydock.rescue.tests.fuzz.machine import case, put
from ansible_collections.drydock.rescue.tests.fuzz.strategies import bytes_like, json_like, text_like

UNIT = (
    b'[Unit]\nAfter=network.target\n[Service]\nType=notify\nEnvironment="A=b c" B=%n\n'
    b"EnvironmentFile=-/etc/sysconfig/docker\nExecStart=/usr/bin/dockerd -H fd:// \\\n --data-root=${A} $OPTIONS\n",
    b"[Service]\nExecStart=\nExecStart=@/bin/sh sh -c 'exec dockerd $OPTIONS "
    b'--storage-opt "dm.thinpooldev=x\\x20" 2>&1\'\n',
)
ENVIRONMENT = (
    b"# docker\nOPTIONS='--data-root /srv -s devicemapper'\nA=\"b \\\n c\" # x\n",
    b'export DOCKER_OPTS="-g /srv $A"\n',
)
JSON = (
    {
        "data-root": "/srv",
        "storage-driver": "vfs",
        "storage-opts": ["dm.thinpooldev=/dev/mapper/x"],
        "userns-remap": "default",
    },
)
IDS = (b"dockremap:100000:65536\nroot:0:1\n", b"1000:200000:65536\n")
PASSWD = (b"root:x:0:0:root:/root:/bin/bash\nme:x:1000:1000::/home/me:/bin/sh\n",)
COMMAND = (
    b"/usr/bin/dockerd\0-g\0/srv\0-s=vfs\0--storage-opt\0a=b\0",
    b"docker\0daemon\0-H\0fd://\0",
    b"docker\0-d\0",
)


@given(text_like(*UNIT))
def test_units(text):
    with case():
        for _section, _key, value in unit_text.entries(text):
            unit_text.specified(value, "docker@x.service")


@given(text_like(*UNIT, *ENVIRONMENT), st.booleans())
def test_words_and_variables(text, escapes):
    with case():
        found = unit_text.words(text, escapes, strict=False)
        known = dict(unit_text.assignments(found), **unit_text.environment(text))
        unit_text.expanded(["dockerd", *found], known)


@given(text_like(*ENVIRONMENT))
def test_files_of_assignments(text):
    with case():
        known = shell_text.variables(text, {"A": "b"})
        shell_text.split(text)
        shell_text.command(text, known)


@given(text_like(*COMMAND))
def test_command_lines(text):
    argv = [part for part in text.split("\0") if part] or ["x"]
    with case():
        settings.is_daemon(argv)
        settings.config_file(argv)
        settings.from_arguments(argv, "x")


FILES = {
    "daemon.json": json_like(*JSON),
    "units/docker.service": bytes_like(*UNIT),
    "units/docker.service.d/a.conf": bytes_like(*UNIT),
    "sysconfig": bytes_like(*ENVIRONMENT),
    "default": bytes_like(*ENVIRONMENT),
    "subuid": bytes_like(*IDS),
    "subgid": bytes_like(*IDS),
    "passwd": bytes_like(*PASSWD),
}


@given(st.fixed_dictionaries({}, optional=FILES))
def test_a_whole_configuration(host, etc, files):
    (etc / "units/docker.service.d").mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if name in files:
            put(str(etc / name), files[name])
        elif (etc / name).exists():
            (etc / name).unlink()
    with case():
        configuration.configured(host)
        services.services(str(etc))
    with case():
        data_root.find(host, None)


CONTAINERD = b'version = 2\n# x\nroot = "/srv/containerd"\nstate = "/run"\n[grpc]\nroot = 1\n'
STARTED = b"/usr/bin/containerd\0--root=/srv\0", b"containerd\0-c\0/etc/x.toml\0"


@given(bytes_like(CONTAINERD, b"root='/srv'\n"), bytes_like(*STARTED))
def test_the_containerd_of_a_host(host, etc, docker, config, command):
    put(str(etc / "config.toml"), config)
    if not os.path.isdir(os.path.join(host.proc, "8")):
        host.process(8, ["containerd"])
    put(os.path.join(host.proc, "8/cmdline"), command)
    with case():
        containerd_root.find(host, docker.path, None, True)


@given(text_like(b"default", b"me:me", b"1000:1000", b"dockremap"), bytes_like(*IDS))
def test_remapped_users(etc, remap, ids):
    put(str(etc / "subuid"), ids)
    with case():
        userns.remapped(str(etc), remap)
