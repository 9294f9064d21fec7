# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A data root with very many containers, as Docker 20.10 writes them. Always the same one."""

import os
import random
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
from support.docker_root import NEVER, DockerRoot, ident

IMAGES = 50
DRIVERS = ("overlay2", "devicemapper", "aufs", "overlay", "fuse-overlayfs", "btrfs", "vfs")


def write(directory: Path, count: int) -> Path:
    root = ManyContainers(directory / "docker")
    for number in range(count):
        root.add(number)
    return directory / "docker"


def write_mixed(directory: Path, count: int) -> tuple[Path, set[str]]:
    """The same with the drivers in turn. Returns the ids of ten containers that are broken, each in another way."""
    root = ManyContainers(directory / "docker")
    root.loop_pool()
    ids = [root.add(number, DRIVERS[number % len(DRIVERS)]) for number in range(count)]
    return directory / "docker", {ids[number] for number in root.break_ten()}


class ManyContainers(DockerRoot):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.random = random.Random(1)
        self._written: dict = {}
        self._devices = 10
        self._images = [
            [f"layer {layer} of image {image}" for layer in range(self.random.randint(2, 10))]
            for image in range(IMAGES)
        ]

    def image(self, driver, *cache_ids):
        """Each image once, and not again for each of its containers."""
        key = (driver, *cache_ids)
        if key not in self._written:
            self._written[key] = super().image(driver, *cache_ids)
        return self._written[key]

    def add(self, number: int, driver: str = "overlay2") -> str:
        name = _name(number)
        image = self.random.randrange(IMAGES)
        container_id = self._make(driver, name, self._images[image], self._keys(name, image))
        directory = ("containers", container_id)
        self.write(_host_config(container_id), *directory, "hostconfig.json")
        self.write(container_id[:12] + "\n", *directory, "hostname")
        self.write("127.0.0.1\tlocalhost\n10.0.0.7\t%s\n" % container_id[:12], *directory, "hosts")
        self.write("nameserver 127.0.0.11\noptions ndots:0\n", *directory, "resolv.conf")
        return container_id

    def _make(self, driver: str, name: str, image: list[str], keys: dict) -> str:
        if driver in ("btrfs", "vfs"):
            home = ("btrfs", "subvolumes") if driver == "btrfs" else ("vfs", "dir")
            return self.whole_container(name, driver, *home, **keys)
        if driver == "devicemapper":
            self._devices += 1
            self.device_file(ident("layer of " + name), self._devices)
            return self.container(name, driver=driver, **keys)
        if driver == "aufs":
            return self.aufs_container(name, *image, **keys)
        if driver == "overlay":
            return self.first_overlay_container(name, *image, **keys)
        return self.overlay_container(name, *image, driver=driver, **keys)

    def break_ten(self) -> list[int]:
        """Breaks ten containers in ten ways; their numbers."""
        ways = [
            ("overlay2", lambda container, layer: self.write("", "containers", container, "config.v2.json")),
            (
                "vfs",
                lambda container, layer: self.write('{"ID": "', "containers", container, "config.v2.json"),
            ),
            ("overlay2", lambda container, layer: self._remove_mount("overlay2", container)),
            ("aufs", lambda container, layer: self.write("", *self._mount("aufs", container), "mount-id")),
            (
                "overlay",
                lambda container, layer: self.write("x" * 64, *self._mount("overlay", container), "init-id"),
            ),
            ("overlay2", lambda container, layer: self._link_in_place("overlay2", layer, "diff")),
            ("btrfs", lambda container, layer: os.rmdir(self.join("btrfs", "subvolumes", layer))),
            (
                "devicemapper",
                lambda container, layer: os.unlink(self.join("devicemapper", "metadata", layer)),
            ),
            ("devicemapper", lambda container, layer: self.device_file(layer, 7, size=-1)),
            (
                "fuse-overlayfs",
                lambda container, layer: self._lose_layers("fuse-overlayfs", container, layer),
            ),
        ]
        numbers = []
        for position, (driver, break_it) in enumerate(ways):
            number = position * len(DRIVERS) + DRIVERS.index(driver)
            name = _name(number)
            break_it(ident(name), ident("layer of " + name))
            numbers.append(number)
        return numbers

    def _mount(self, driver: str, container: str) -> tuple[str, ...]:
        return ("image", driver, "layerdb", "mounts", container)

    def _remove_mount(self, driver: str, container: str) -> None:
        shutil.rmtree(self.join(*self._mount(driver, container)))

    def _link_in_place(self, *names: str) -> None:
        os.rmdir(self.join(*names))
        os.symlink("/etc", self.join(*names))

    def _lose_layers(self, driver: str, container: str, layer: str) -> None:
        os.unlink(self.join(driver, layer, "lower"))
        self.write("sha256:" + "0" * 64, *self._mount(driver, container), "parent")

    def _keys(self, name: str, image: int) -> dict:
        container_id, project = ident(name), name.split("_")[0]
        running = self.random.random() < 0.5
        directory = self.join("containers", container_id)
        return {
            "StreamConfig": {},
            "State": {
                "Running": running,
                "Paused": False,
                "Restarting": False,
                "OOMKilled": False,
                "RemovalInProgress": False,
                "Dead": False,
                "Pid": self.random.randint(1000, 99999) if running else 0,
                "ExitCode": 0 if running else 137,
                "Error": "",
                "StartedAt": "2023-05-%02dT10:11:13.141516171Z" % self.random.randint(1, 28),
                "FinishedAt": NEVER if running else "2023-06-01T00:00:00.123456789Z",
                "Health": None,
            },
            "Path": "/usr/local/bin/docker-entrypoint.sh",
            "Args": ["serve", "--config", f"/etc/{project}/config.yml", "--workers", "4"],
            "Managed": False,
            "OS": "linux",
            "Config": self._config(name, image),
            "NetworkSettings": self._network(project, container_id, running),
            "LogPath": f"{directory}/{container_id}-json.log",
            "MountLabel": "",
            "ProcessLabel": "",
            "RestartCount": 0,
            "HasBeenStartedBefore": True,
            "HasBeenManuallyStopped": False,
            "MountPoints": self._mount_points(name, project),
            "SecretReferences": None,
            "ConfigReferences": None,
            "AppArmorProfile": "docker-default",
            "HostnamePath": f"{directory}/hostname",
            "HostsPath": f"{directory}/hosts",
            "ShmPath": "",
            "ResolvConfPath": f"{directory}/resolv.conf",
            "SeccompProfile": "",
            "NoNewPrivileges": False,
            "LocalLogCacheMeta": {"HaveNotifyEnabled": False},
        }

    def _config(self, name: str, image: int) -> dict:
        project, service, _number = name.split("_")
        env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
        env += [
            f"{project.upper()}_SETTING_{number}={ident(name + str(number))[:24]}" for number in range(14)
        ]
        return {
            "Hostname": ident(name)[:12],
            "Domainname": "",
            "User": "999:999",
            "AttachStdin": False,
            "AttachStdout": False,
            "AttachStderr": False,
            "ExposedPorts": {"8080/tcp": {}, "9090/tcp": {}},
            "Tty": False,
            "OpenStdin": False,
            "StdinOnce": False,
            "Env": env,
            "Cmd": ["serve", "--config", f"/etc/{project}/config.yml", "--workers", "4"],
            "Image": f"registry.example.org/team/image{image}:3.{image}.1",
            "Volumes": {"/var/lib/data": {}, f"/etc/{project}": {}},
            "WorkingDir": "/srv/app",
            "Entrypoint": ["/usr/local/bin/docker-entrypoint.sh"],
            "OnBuild": None,
            "Labels": {
                "com.docker.compose.config-hash": ident("config of " + name),
                "com.docker.compose.container-number": "1",
                "com.docker.compose.oneoff": "False",
                "com.docker.compose.project": project,
                "com.docker.compose.project.config_files": f"/srv/{project}/docker-compose.yml",
                "com.docker.compose.project.working_dir": f"/srv/{project}",
                "com.docker.compose.service": service,
                "com.docker.compose.version": "1.29.2",
                "maintainer": "team@example.org",
                "org.opencontainers.image.revision": ident(str(image))[:40],
                "org.opencontainers.image.source": f"https://git.example.org/team/image{image}",
            },
        }

    def _network(self, project: str, container_id: str, running: bool) -> dict:
        address = "172.18.%d.%d" % (self.random.randrange(256), self.random.randint(2, 254))
        end = {
            "IPAMConfig": None,
            "Links": None,
            "Aliases": [container_id[:12], "service"],
            "NetworkID": ident("network of " + project),
            "EndpointID": ident("endpoint " + container_id) if running else "",
            "Gateway": "172.18.0.1" if running else "",
            "IPAddress": address if running else "",
            "IPPrefixLen": 16,
            "IPv6Gateway": "",
            "GlobalIPv6Address": "",
            "GlobalIPv6PrefixLen": 0,
            "MacAddress": "02:42:ac:12:00:07" if running else "",
            "DriverOpts": None,
            "IPAMOperational": False,
        }
        return {
            "Bridge": "",
            "SandboxID": ident("sandbox " + container_id),
            "HairpinMode": False,
            "LinkLocalIPv6Address": "",
            "LinkLocalIPv6PrefixLen": 0,
            "Networks": {project + "_default": end},
            "Service": None,
            "Ports": {"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": "49153"}], "9090/tcp": None},
            "SandboxKey": "/var/run/docker/netns/" + container_id[:12],
            "SecondaryIPAddresses": None,
            "SecondaryIPv6Addresses": None,
            "IsAnonymousEndpoint": False,
            "HasSwarmEndpoint": False,
        }

    def _mount_points(self, name: str, project: str) -> dict:
        volume = ident("volume of " + name)
        os.makedirs(self.join("volumes", volume, "_data"))
        bind = {
            "Type": "bind",
            "Source": f"/srv/{project}/etc",
            "Target": f"/etc/{project}",
            "ReadOnly": True,
        }
        return {
            "/var/lib/data": {
                "Source": "",
                "Destination": "/var/lib/data",
                "RW": True,
                "Name": volume,
                "Driver": "local",
                "Type": "volume",
                "Spec": {"Type": "volume", "Source": volume, "Target": "/var/lib/data"},
                "SkipMountpointCreation": False,
            },
            f"/etc/{project}": {
                "Source": f"/srv/{project}/etc",
                "Destination": f"/etc/{project}",
                "RW": False,
                "Name": "",
                "Driver": "",
                "Type": "bind",
                "Propagation": "rprivate",
                "Spec": bind,
                "SkipMountpointCreation": False,
            },
        }


def _name(number: int) -> str:
    return f"project{number // 20}_service{number % 20}_1"


def _host_config(container_id: str) -> dict:
    empty = dict.fromkeys(
        ("CapAdd", "CapDrop", "Dns", "ExtraHosts", "GroupAdd", "Devices", "Ulimits", "Sysctls")
    )
    return {
        "Binds": [f"{container_id[:12]}:/var/lib/data:rw"],
        "ContainerIDFile": "",
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
        "NetworkMode": "bridge",
        "PortBindings": {"8080/tcp": [{"HostIp": "", "HostPort": ""}]},
        "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
        "ShmSize": 67108864,
        "Runtime": "runc",
        "MaskedPaths": ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list"],
        "ReadonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        **empty,
    }
