# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second backend: a guest is a machine of QEMU, run by KVM where there is one and emulated elsewhere.

It boots the image of User Mode Linux. What it needs besides is made beside the image for the first guest that
asks for it: QEMU and a kernel, both of the Debian that User Mode Linux is taken from; an initrd which loads the
drivers of disk and network; and a read-only disk with the kernel's modules, mounted over User Mode Linux's.

QEMU is not the host's: emulated by the one of Debian 12 (7.2), the guests' kernels died at random, most of them
while Docker was starting; by the one of Debian 13 (10.0) they did not.
"""

from __future__ import annotations

import fcntl
import hashlib
import lzma
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import image
import mirror
import process
from guest import Guest
from host import run
from kernel import LIBRARIES, LOADER, SUITE
from network import Network

NIC = "eth0"
BOOT_SECONDS = 600  # emulated, and several at once on a machine that does other work

FETCHED = ["base-files", "linux-image-cloud-amd64", "qemu-system-x86", "qemu-utils"]
FETCHED += ["kmod", "liblzma5"]  # depmod, and how it unpacks modules
FETCHED += ["busybox-static"]  # the one program of the initrd
NOT_KEPT = ["boot", "usr/lib/modules", "usr/share/doc", "usr/share/man", "usr/share/locale"]
# All that is between the kernel and its disks and network; the rest is built in or loaded by the guest.
DRIVERS = ["virtio_blk", "virtio_net"]
INIT = """\
#!/busybox sh
set -e
/busybox mount -t devtmpfs dev /dev
for driver in /drivers/*; do /busybox insmod "$driver"; done
until [ -b /dev/vda ] && [ -b /dev/vdb ]; do /busybox sleep 0.1; done
/busybox mount -t ext4 -o noinit_itable /dev/vda /root
/busybox mount -t ext4 -o ro /dev/vdb /root/usr/lib/modules
/busybox umount /dev
exec /busybox switch_root /root /sbin/init
"""
MODULES_DISK_SIZE = "64M"
KVM_CREATE_VM = 0xAE01


def check() -> None:
    """An emulated machine runs wherever the lab does."""


def has_kvm() -> bool:
    """Whether guests run on the processor itself, not emulated."""
    # Paravirtual clouds have the device, and machines can be made, but a kernel of Debian does not run in them.
    if not re.search(r"^flags\s*:.* (vmx|svm)\b", Path("/proc/cpuinfo").read_text(), re.MULTILINE):
        return False
    try:
        device = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.close(fcntl.ioctl(device, KVM_CREATE_VM, 0))
    except OSError:
        return False
    finally:
        os.close(device)
    return True


def prepare(guest: Guest, log: Callable[[str], None]) -> None:
    """Make what is missing: the kernel beside the image, and the guest's own disk as a layer over the image."""
    boot = _boot_folder(guest.image)
    if not boot.exists():
        building = boot.with_name("building-qemu")
        if building.exists():
            image.remove(building)
        log("fetching QEMU and a kernel for it")
        _build(building)
        # What an older recipe made: a guest that runs on it has its files open.
        for old in boot.parent.glob("qemu-*"):
            image.remove(old)
        building.rename(boot)
    if not guest.disk.exists():
        base = guest.image.disk
        layer = [*_program(boot, "qemu-img"), "create", "-q", "-f", "qcow2", "-F", "raw"]
        # Unsafe only means that the image is not opened to look for its size.
        run(*layer, "-u", "-b", base, guest.disk, str(base.stat().st_size))


def _boot_folder(base: image.Image) -> Path:
    """Named for this recipe. It lies in the image's folder, so it is there as long as guests need it."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    return base.folder / f"qemu-{recipe}"


def _build(boot: Path) -> None:
    packages = boot / "packages"
    boot.mkdir(parents=True)
    mirror.bootstrap(SUITE, packages, "--variant=extract", f"--include={','.join(FETCHED)}")
    (program,) = packages.glob("boot/vmlinuz-*")
    shutil.copyfile(program, boot / "vmlinuz")
    (modules,) = packages.glob("usr/lib/modules/*")
    run("chroot", packages, "depmod", modules.name)
    _pack_initrd(packages / "usr/bin/busybox", modules, boot)
    disk = ["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-L", "modules"]
    run(*disk, "-d", modules.parent, boot / "modules.ext4", MODULES_DISK_SIZE)
    for name in NOT_KEPT:
        shutil.rmtree(packages / name)


def _program(boot: Path, name: str) -> list[str | Path]:
    """How a program of the packages is started: by their loader, with their libraries."""
    packages = boot / "packages"
    return [packages / "lib64" / LOADER, "--library-path", packages / LIBRARIES, packages / "usr/bin" / name]


def _pack_initrd(busybox: Path, modules: Path, boot: Path) -> None:
    files = boot / "initrd"
    for name in ("dev", "drivers", "root"):
        (files / name).mkdir(parents=True)
    shutil.copy2(busybox, files / "busybox")
    (files / "init").write_text(INIT)
    (files / "init").chmod(0o755)
    for number, path in enumerate(_in_order(modules)):
        content = lzma.decompress((modules / path).read_bytes())
        (files / f"drivers/{number:02}-{Path(path).stem}").write_bytes(content)
    pack = 'cd "$1" && find . | "$2" cpio -o -H newc >"$3"'
    run("sh", "-c", pack, "sh", files, busybox, boot / "initrd.cpio")
    shutil.rmtree(files)


def _in_order(modules: Path) -> list[str]:
    """The drivers' files, each after those that it needs."""
    needs = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _colon, needed = line.partition(":")
        # The file names what must be loaded first last.
        needs[Path(path).name.partition(".")[0].replace("-", "_")] = [*reversed(needed.split()), path]
    return list(dict.fromkeys(path for driver in DRIVERS for path in needs[driver]))


def start(guest: Guest, network: Network) -> None:
    """Boot from the guest's own disk."""
    boot = _boot_folder(guest.image)
    # Emulated, a plain processor is enough, and it is the one that was tried.
    accelerator, processor = ("kvm", "max") if has_kvm() else ("tcg", "Nehalem")
    kernel_words = [
        "console=ttyS0",
        "quiet",
        "loglevel=4",
        "panic=-1",
        "net.ifnames=0",
        "mitigations=off",
        # The guest has no parser for its profiles: Docker would refuse to start a container.
        "apparmor=0",
        "selinux=0",
        *guest.kernel_words(NIC),
    ]
    # Flushed to the host's memory only: a guest that is killed loses no more by that, and nothing else counts.
    root = f"file={_value(guest.disk)},format=qcow2,cache=unsafe,discard=unmap"
    # Guests of both backends share the image; each would lock it in its own way.
    root += ",backing.file.locking=off"
    modules = f"file={_value(boot / 'modules.ext4')},format=raw,readonly=on"
    share = boot / "packages/usr/share"
    words = [
        *network.enter,
        *map(str, _program(boot, "qemu-system-x86_64")),
        *("-name", _mark(guest)),
        *("-machine", f"q35,accel={accelerator}"),
        *("-cpu", processor),
        *("-m", guest.memory),
        *("-nodefaults", "-no-user-config", "-no-reboot"),
        *("-display", "none"),
        *("-L", str(share / "qemu"), "-L", str(share / "seabios")),
        *("-kernel", str(boot / "vmlinuz")),
        *("-initrd", str(boot / "initrd.cpio")),
        *("-append", " ".join(kernel_words)),
        *("-chardev", f"file,id=console,path={_value(guest.console)},append=on"),
        *("-serial", "chardev:console"),
        *("-drive", f"id=root,if=none,{root}"),
        *("-device", "virtio-blk-pci,drive=root"),
        *("-drive", f"id=modules,if=none,{modules}"),
        *("-device", "virtio-blk-pci,drive=modules"),
        *("-netdev", f"tap,id=lab,ifname={guest.tap},script=no,downscript=no"),
        *("-device", f"virtio-net-pci,netdev=lab,mac={guest.mac},romfile="),
    ]
    process.start(words, guest.console, QEMU_MODULE_DIR=str(boot / "packages" / LIBRARIES / "qemu"))


def is_running(guest: Guest) -> bool:
    return bool(process.find(_mark(guest)))


def kill(guest: Guest) -> None:
    """A power cut: what the guest did not write to its disk is lost."""
    process.kill(process.find(_mark(guest)))


def _mark(guest: Guest) -> str:
    """The word that marks this guest's process."""
    return _value(guest.folder)


def _value(path: Path) -> str:
    """A path among the options of one word, where a comma ends it."""
    return str(path).replace(",", ",,")
