# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a guest: backups under a fault. What is wrong ends the program, and so does anything that is left.

usage: acts.py ACT [WORD...]   each act has a repository of its own
"""

import contextlib
import glob
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

sys.path[:0] = ["/root/modules", "/root/drivers"]
import entries  # noqa: E402
import rescues  # noqa: E402

WITHIN = 180.0  # seconds, for what has to happen
GATE = "/run/gate"
HAS_SNAPSHOTS = os.uname().nodename == "thin"
CLOSED = GATE + "/closed"
MEMORY = 150 * 1024  # KiB


class Repository:
    def __init__(self, name, top="/srv/repositories"):
        self.location = os.path.join(top, name)

    def start(self, module, **arguments):
        """A module that runs, in a session of its own."""
        arguments["repository"] = {"location": self.location}
        with open("/root/backup/errors", "ab") as errors:  # a file: who waits for ours does not wait for it
            return subprocess.Popen(
                [sys.executable, "/root/backup/module.py", module, json.dumps(arguments)],
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )

    def run(self, module, **arguments):
        return ended(self.start(module, **arguments))

    def store(self, *containers, **more):
        """What came of each of the containers."""
        return by_name(self.run("container_backup", containers=containers, fail_on="never", **more))

    def restore(self, container, files=()):
        """What the module returned, and where the files are."""
        path = "/srv/restored"
        shutil.rmtree(path, ignore_errors=True)
        return self.run("container_restore", container=container, path=path, files=files), path

    def holds(self, verify="none"):
        return self.run("backup_info", verify=verify)

    def partial(self):
        return glob.glob(self.location + "/*/*/.partial-*")


def ended(process):
    out, _none = process.communicate()
    return json.loads(out)


def by_name(result):
    found = {one["container"]: one for one in result["results"]}
    print(json.dumps({name: [one["status"], one["method"], one["warnings"]] for name, one in found.items()}))
    return found


def check(right, *shown):
    if not right:
        sys.exit("wrong: %s" % json.dumps(shown, indent=1, default=str))


def until(what):
    end = time.monotonic() + WITHIN
    while not what():
        check(time.monotonic() < end, "it did not happen")
        time.sleep(0.1)


@contextlib.contextmanager
def gate():
    """While it is closed, a backup waits in the middle: tar has begun, and nobody takes what it writes. What waits
    starts nothing: the kernel of a guest can panic when a process is killed that is about to."""
    shutil.rmtree(GATE, ignore_errors=True)
    os.mkdir(GATE)
    os.mkfifo(CLOSED)
    with open("/usr/local/bin/zstd", "w") as script:
        script.write('#!/bin/sh\n[ ! -p %s ] || read _ <%s\nexec /usr/bin/zstd "$@"\n' % (CLOSED, CLOSED))
        os.chmod(script.fileno(), 0o755)
    try:
        yield
    finally:
        os.unlink("/usr/local/bin/zstd")
        open_gate()


def open_gate():
    with contextlib.suppress(FileNotFoundError):
        through = os.open(CLOSED, os.O_RDWR)
        os.unlink(CLOSED)
        time.sleep(0.5)  # who waits for somebody to write is awake then, and reads the end
        os.close(through)


def in_the_middle(count):
    """Whether so many of them read their /big now."""
    found = 0
    for link in glob.glob("/proc/[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            found += os.readlink(link).endswith("/big") and "tar" in name_of(link.split("/")[2])
    return found == count


def name_of(pid):
    with open("/proc/%s/comm" % pid) as stream:
        return stream.read()


def nothing_left():
    until(lambda: not rescues.left())
    if HAS_SNAPSHOTS:
        check(not rescues.ids_left(), rescues.ids_left())


def docker(*words):
    done = subprocess.run(("docker",) + words, stdout=subprocess.PIPE, check=True, text=True)
    return done.stdout.strip()


def sha256(path):
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def status(one, expected, why=""):
    check(
        one["status"] == expected and any(why in text for text in one["warnings"] or [""]), expected, why, one
    )


# -- the acts ----------------------------------------------------------------------------------------------


def compare(path):
    """What was restored of `rich` is what Docker showed, without its socket."""
    with open("/root/rich.json") as stream:
        inspected = json.load(stream)["inspected"][0]
    with open(path + "/container.json") as stream:
        passport = json.load(stream)
    check(passport["id"] == inspected["Id"] and "/" + passport["name"] == inspected["Name"], passport)
    check(passport["config"]["Cmd"] == inspected["Config"]["Cmd"], passport)
    check(passport["host_config"]["NetworkMode"] == "none", passport)
    check(passport["left_out"] == [], passport["left_out"])
    same("/root/seen.json", path + "/rootfs")
    same("/root/volume.json", path + "/volumes/kept")


def same(shown, tree):
    theirs = entries.load(shown)
    sockets = [name for name in theirs if theirs[name]["kind"] == "socket"]
    check(len(sockets) == 1, sockets)
    del theirs[sockets[0]]
    for entry in theirs.values():
        entry.pop("links", None)  # of one name that is left of three, overlay still counts three
    ours = json.loads(json.dumps(entries.tree(tree)))
    lines = list(entries.compare(theirs, ours))
    check(not lines, [ascii(line) for line in lines])
    print("%s: %d entries are the same" % (tree, len(ours)))


def by_hand(location):
    """A backup of `rich` can be read without the collection, as the README in the repository says."""
    with open(location + "/README.txt") as stream:
        (command,) = re.findall(r"^  (tar .*)$", stream.read(), re.MULTILINE)
    (newest,) = glob.glob(location + "/*/rich/*/")[-1:]
    os.makedirs("/srv/by-hand/rootfs")
    os.symlink(newest + "rootfs.tar.zst", "/srv/by-hand/rootfs.tar.zst")
    subprocess.run(command, shell=True, cwd="/srv/by-hand", check=True)
    same("/root/seen.json", "/srv/by-hand/rootfs")
    shutil.rmtree("/srv/by-hand")


def cut():
    """Ends in the middle of a backup that goes on, for a power cut."""
    repository = Repository("cut")
    status(repository.store("wakes")["wakes"], "stored")
    with gate():
        repository.start("container_backup", containers=["quiet"], exclude=["/bin"])
        until(lambda: in_the_middle(1) and repository.partial())
        subprocess.run(["sync"], check=True)
        os._exit(0)  # the gate stays closed


def after_cut():
    """What was whole is whole, and the half of the other is no backup."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink("/usr/local/bin/zstd")
    repository = Repository("cut")
    nothing_left()
    check(len(repository.partial()) == 1, repository.partial())
    held = repository.holds("full")
    check([one["container"] for one in held["backups"]] == ["wakes"] and not held["problems"], held)
    stored = repository.store("wakes", "quiet")
    status(stored["wakes"], "unchanged")
    status(stored["quiet"], "stored")
    check(not repository.partial(), repository.partial())
    nothing_left()


def middle():
    """Containers that are removed, started, stopped, and whose files change, all while they are read."""
    repository = Repository("middle")
    before = {name: docker("exec", name, "sha256sum", "/big").split()[0] for name in ("sleeps", "shrinks")}
    names = ["dies", "wakes", "sleeps", "shrinks", "rich"]
    with gate():
        running = repository.start(
            "container_backup", containers=names, exclude=["/bin"], jobs=len(names), fail_on="never"
        )
        until(lambda: in_the_middle(4) and len(repository.partial()) == len(names))
        docker("rm", "dies")
        docker("start", "wakes")
        docker("kill", "sleeps")
        docker("exec", "shrinks", "sh", "-c", "echo short >/big; sync")
        docker("exec", "rich", "sh", "-c", "echo later >/kept/later; sync")
        open_gate()
        stored = by_name(ended(running))
    status(stored["dies"], "partial", "the container was removed while it was read")
    status(stored["sleeps"], "stored")
    status(stored["rich"], "partial", "volumes/kept changed while it was read")
    if HAS_SNAPSHOTS:
        status(stored["wakes"], "stored")
        status(stored["shrinks"], "stored")
    else:
        status(stored["wakes"], "partial", "the container was started while it was read")
        status(stored["shrinks"], "partial", "File shrank")
    for name in before:
        result, path = repository.restore(name)
        check("restored" in result, result)
        check(sha256(path + "/rootfs/big") == before[name] or stored[name]["status"] == "partial", name)
    check(not repository.partial(), repository.partial())
    nothing_left()
    check(docker("inspect", "--format", "{{.State.ExitCode}}", "wakes") == "0")


def killed():
    """A backup that is killed with all that it started."""
    repository = Repository("killed")
    with gate():
        running = repository.start("container_backup", containers=["quiet", "shrinks"], jobs=2)
        until(lambda: len(repository.partial()) == 2)
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
    nothing_left()
    check(repository.holds()["backups"] == [], repository.holds())
    stored = repository.store("quiet", "shrinks")
    status(stored["quiet"], "stored")
    status(stored["shrinks"], "stored")
    check(not repository.partial(), repository.partial())
    nothing_left()


def frozen():
    """A container that runs is frozen while it is read, and goes on; one that its user had paused stays so."""
    repository = Repository("frozen")
    big = "dd if=/dev/urandom of=/big bs=1M count=8; sync; "
    # A sleep would be started again and again, see gate().
    count = "mkfifo /never; exec 3<>/never; i=0; while :; do i=$((i + 1)); echo $i >/count; read -t 0.05 _ <&3; done"
    names = ("runs", "halted")
    for name in names:
        docker("run", "--detach", "--name", name, "--network", "none", "busybox", "sh", "-c", big + count)
    counts = {name: root_of(name) + "/count" for name in names}
    until(lambda: all(map(os.path.exists, counts.values())))
    docker("pause", "halted")
    with gate():
        running = repository.start(
            "container_backup", containers=names, exclude=["/bin"], consistency="pause", jobs=2
        )
        until(lambda: in_the_middle(2))
        check(not any(map(changes, counts.values())), "one of them runs while it is read")
        open_gate()
        stored = by_name(ended(running))
    for name in names:
        status(stored[name], "stored")
        check(stored[name]["consistency"] == "pause", stored[name])
    check(changes(counts["runs"]), "it was not thawed")
    check(not changes(counts["halted"]), "what its user had paused runs")
    docker("unpause", "halted")
    check(changes(counts["halted"]), "it cannot be resumed")
    nothing_left()
    docker("rm", "--force", *names)


def into():
    """Restored into its layer while Docker runs, which is stopped for that and started again, with what ran."""
    repository = Repository("into")
    others = docker("ps", "--format", "{{.Names}}").split()
    docker("kill", *others)  # a Docker that waits too long for one leaves its pool active
    ends_at_once = ("--stop-signal", "KILL", "--network", "none", "busybox", "sleep", "100000")
    for name in ("holds", "returns"):
        docker("run", "--detach", "--name", name, *ends_at_once)
    make = "mkdir /data; echo one >/data/file; chown 12:34 /data/file; chmod 4751 /data/file; sync"
    docker("exec", "holds", "sh", "-c", make)
    os.setxattr(root_of("holds") + "/data/file", "user.note", b"one")
    docker("stop", "holds")
    status(repository.store("holds")["holds"], "stored")
    docker("start", "holds")
    spoil = "echo two >/data/file; chown 0:0 /data/file; chmod 0600 /data/file; echo >/data/more; sync"
    docker("exec", "holds", "sh", "-c", spoil)
    os.setxattr(root_of("holds") + "/data/file", "user.note", b"two")
    docker("stop", "holds")
    wanted = {"container": "holds", "to": "container"}
    refused = repository.run("container_restore", **wanted)
    check(refused.get("failed") and "stop_docker" in refused["msg"], refused)
    done = repository.run("container_restore", stop_docker=True, **wanted)
    check(done.get("restored") == ["rootfs"], done)
    again = repository.run("container_restore", **wanted)
    check(not again.get("failed") and not again["changed"], again)
    until(lambda: docker("ps", "--format", "{{.Names}}") == "returns")
    docker("start", "holds")
    data = root_of("holds") + "/data"
    facts = os.stat(data + "/file")
    with open(data + "/file") as stream:
        shown = (stream.read(), facts.st_uid, facts.st_gid, oct(facts.st_mode & 0o7777))
    check(shown == ("one\n", 12, 34, "0o4751"), shown)
    check(os.getxattr(data + "/file", "user.note") == b"one" and os.listdir(data) == ["file"])
    nothing_left()
    docker("rm", "--force", "holds", "returns")
    docker("start", *others)


def root_of(container):
    return "/proc/%s/root" % docker("inspect", "--format", "{{.State.Pid}}", container)


def changes(path):
    """Whether what is in a file becomes something else within half a second."""
    texts = set()
    for _look in range(2):
        with open(path) as stream:
            texts.add(stream.read())
        time.sleep(0.5)
    return len(texts) > 1


def pool():
    """Docker's pool is full."""
    repository = Repository("pool")
    docker(
        "run",
        "--detach",
        "--name",
        "filler",
        "--network",
        "none",
        "busybox",
        "dd",
        "if=/dev/zero",
        "of=/filler",
        "bs=1M",
    )
    until(out_of_space)
    stored = repository.store("shrinks", "quiet")
    status(stored["shrinks"], "failed", "its mode is out_of_data_space")
    status(stored["quiet"], "stored")
    check(stored["quiet"]["method"] == "extract" and not repository.partial(), stored)
    check([one["container"] for one in repository.holds()["backups"]] == ["quiet"], repository.holds())
    nothing_left()
    until(filler_is_gone)
    until(lambda: not out_of_space())
    status(repository.store("shrinks")["shrinks"], "stored")
    nothing_left()


def filler_is_gone():
    """Its process ends only when the pool has given up on what it wrote, which Docker does not wait for."""
    subprocess.run(["docker", "rm", "--force", "filler"], check=False)
    words = ["docker", "ps", "--all", "--quiet", "--filter", "name=filler"]
    return not subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout


def out_of_space():
    words = ["dmsetup", "status", "--noflush", "--target", "thin-pool"]
    return (
        " out_of_data_space " in subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True).stdout
    )


def full():
    """The repository runs full in the middle of one container; those before and after it are stored."""
    os.makedirs("/srv/small")
    script = "truncate --size=18M /root/small && mkfs.ext4 -q -m 0 /root/small && mount -o loop /root/small /srv/small"
    subprocess.run(script, shell=True, check=True)
    repository = Repository("full", "/srv/small")
    status(repository.store("quiet")["quiet"], "stored")
    stored = repository.store("wakes", "lower", jobs=1)
    status(stored["wakes"], "failed", "No space left on device")
    status(stored["lower"], "stored")
    check(not repository.partial(), repository.partial())
    held = repository.holds("full")
    names = sorted(one["container"] for one in held["backups"])
    check(names == ["lower", "quiet"] and not held["problems"], held)
    check("restored" in repository.restore("quiet")[0])
    nothing_left()
    subprocess.run("umount /srv/small && rm -r /srv/small /root/small", shell=True, check=True)


def damaged():
    """One byte altered, and one missing: each fails its own container."""
    repository = Repository("damaged")
    repository.store("quiet", "wakes", "lower")
    with open(archive(repository, "quiet"), "r+b") as stream:
        stream.seek(1000000)
        byte = stream.read(1)[0]
        stream.seek(1000000)
        stream.write(bytes([byte ^ 1]))
    path = archive(repository, "wakes")
    os.truncate(path, os.path.getsize(path) - 1)
    quick, whole = repository.holds("quick"), repository.holds("full")
    check([one["container"] for one in quick["backups"] if one["problem"]] == ["wakes"], quick)
    check({one["container"] for one in whole["backups"] if one["problem"]} == {"quiet", "wakes"}, whole)
    for name in ("quiet", "wakes"):
        result, place = repository.restore(name)
        check(result.get("failed") and "is damaged" in result["msg"], name, result)
        check(not os.path.exists(place + "/rootfs"), name)
    check("restored" in repository.restore("lower")[0])


def archive(repository, container):
    (path,) = glob.glob("%s/*/%s/*/rootfs.tar.zst" % (repository.location, container))
    return path


def many(count):
    """Many small files, in a directory of the host that the container mounts."""
    subprocess.run(
        "truncate --size=6G /root/many && mkfs.btrfs -q -m single /root/many && mkdir -p /srv/many &&"
        " mount -o loop,noatime /root/many /srv/many && mkdir /srv/many/files",
        shell=True,
        check=True,
    )
    for start in range(0, int(count), 1000):
        script = "mkdir %d && cd %d && seq %d %d | split --numeric-suffixes --suffix-length=3 --lines=1 - ''"
        words = script % (start, start, start, start + 999)
        subprocess.run(words, shell=True, check=True, cwd="/srv/many/files")
    subprocess.run(["sync"], check=True)
    docker(
        "create",
        "--name",
        "many",
        "--network",
        "none",
        "--volume",
        "/srv/many/files:/many",
        "busybox",
        "true",
    )
    repository = Repository("many")
    begin = time.monotonic()
    stored = repository.store("many", binds=True)["many"]
    status(stored, "stored")
    check(stored["files"] > int(count), stored)
    again = repository.store("many", binds=True)["many"]
    status(again, "unchanged")
    done = repository.run("container_restore", container="many", path="/srv/many/restored")
    check("volumes/many" in done["restored"], done)
    directory = "/srv/many/restored/volumes/many/"
    for number in range(0, int(count), 997):
        with open(directory + "%d/%03d" % (number // 1000 * 1000, number % 1000)) as file:
            check(file.read() == "%d\n" % number, number)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(
        "%s files: stored in %.0f s, looked at again in %.0f s, all in %.0f s, at most %d KiB of memory"
        % (count, stored["seconds"], again["seconds"], time.monotonic() - begin, peak)
    )
    check(peak < MEMORY, peak)
    docker("rm", "many")
    nothing_left()
    subprocess.run("umount /srv/many && rm -r /srv/many /root/many", shell=True, check=True)


def main(act, *words):
    begin = time.monotonic()
    acts = (compare, by_hand, cut, after_cut, frozen, into, middle, killed, pool, full, damaged, many)
    {one.__name__: one for one in acts}[act](*words)
    print("%s: %.0f s" % (act, time.monotonic() - begin))


if __name__ == "__main__":
    main(*sys.argv[1:])
