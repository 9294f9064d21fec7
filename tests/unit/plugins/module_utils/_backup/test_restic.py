# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils._backup import manifest as manifests
from ansible_collections.drydock.rescue.plugins.module_utils._backup import restic, restic_program
from ansible_collections.drydock.rescue.plugins.module_utils._backup.engine import (
    Compression,
    Draft,
    Part,
    Repository,
)
from ansible_collections.drydock.rescue.plugins.module_utils._errors import (
    BadRecord,
    CommandFailed,
    MissingTools,
    NoRepository,
    NotFound,
    Refused,
)
from ansible_collections.drydock.rescue.plugins.module_utils._tree.surveying import Survey
from ansible_collections.drydock.rescue.tests.unit.support import restic as recorded

ID = "4b5e57f6eb2f" + "0" * 52
STATE = "c" * 64
FIRST, SECOND = "20261120T031500Z-4b5e57f6eb2f", "20261121T031500Z-4b5e57f6eb2f"
SNAPSHOT, OTHER = "852e5113" + "a" * 56, "f929885b" + "b" * 56
VERSIONS = pytest.mark.parametrize("version", ["0.14", "0.18"])


@pytest.fixture
def host(tmp_path):
    return recorded.ResticHost(tmp_path / "machine")


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch):
    monkeypatch.setattr(restic_program.time, "sleep", lambda _seconds: None)


def repository(host, location="/srv/r", compression=None, **more):
    given = Repository("restic", location, **dict({"password": "geheim"}, **more))
    return restic.ResticRepository(host, given, compression or Compression())


def snapshot(backup_id=FIRST, name=SNAPSHOT, container="web", **more):
    tags = ["drydock", "backup_id=" + backup_id, "container=" + container, "container_id=" + ID]
    tags += ["image=busy%2Cbox", "state=" + STATE, "bytes_read=3"]
    return dict({"id": name, "short_id": name[:8], "hostname": "web7", "tags": tags}, **more)


def note(kind, *of, **more):
    time = more.get("time", "2026-11-21T04:00:00Z")
    tags = ["drydock", "note=" + kind, "of=" + "%20".join("web7/" + one for one in of), "time=" + time]
    return {"id": more.get("name", "e" * 64), "hostname": "other", "tags": tags}


def holds(host, *snapshots):
    host.restic_says("snapshots --json --no-lock --tag drydock", json.dumps(snapshots))


def draft(exclude=(), path="/run/drydock/web"):
    survey = Survey(dict.fromkeys(("files", "directories"), 1), 3, "listing", "state", [])
    parts = [
        Part("rootfs", path, list(exclude), survey),
        Part("volumes/data", "/var/lib/docker/volumes/v", [], survey, "_data"),
    ]
    manifest = {"host": "web7", "container": "web", "container_id": ID, "image": "busy,box"}
    manifest.update(backup_id=SECOND, state=STATE, bytes_read=6, warnings=[])
    return Draft(manifest, {"name": "web"}, parts)


def store(one, what=None, finish=list, watch=lambda _count: None):
    return one.store(what or draft(), finish, watch)


def ran(host):
    return [argv[0] for argv in host.restic]


class TestPrepare:
    def test_takes_away_the_locks_of_runs_that_were_killed_and_makes_nothing_that_is_there(self, host):
        host.restic_says("unlock", "successfully removed locks\n")
        repository(host).prepare()
        assert host.restic == [["unlock"]]

    def test_one_on_this_host_that_nobody_has_locked_is_not_opened_for_that(self, host, tmp_path):
        (tmp_path / "config").write_text("x")
        (tmp_path / "locks").mkdir()
        repository(host, str(tmp_path)).prepare()
        assert host.restic == []
        (tmp_path / "locks/89a9e0cd").write_text("x")
        host.restic_says("unlock")
        repository(host, str(tmp_path)).prepare()
        assert host.restic == [["unlock"]]

    def test_one_on_this_host_without_a_snapshot_is_not_asked_for_them_by_who_writes(self, host, tmp_path):
        (tmp_path / "config").write_text("x")
        for name in ("locks", "snapshots"):
            (tmp_path / name).mkdir()
        host.restic_says("snapshots", "[]")
        one = repository(host, str(tmp_path))
        assert one.backups() == []
        assert ran(host) == ["snapshots"]  # a wrong password is seen
        one.prepare()
        assert one.backups() == []
        assert ran(host) == ["snapshots"]
        (tmp_path / "snapshots/0f4a").write_text("x")
        assert one.backups() == []
        assert ran(host) == ["snapshots"] * 2

    @VERSIONS
    def test_makes_the_repository_where_there_is_none(self, host, version):
        code, words = recorded.NO_REPOSITORY[version]
        host.restic_says("unlock", err=words, code=code)
        host.restic_says("init", "created restic repository 89a9e0cd33 at /srv/r\n")
        repository(host).prepare()
        assert ran(host) == ["unlock", "init"]

    @VERSIONS
    def test_makes_none_where_that_is_not_wanted(self, host, version):
        code, words = recorded.NO_REPOSITORY[version]
        host.restic_says("unlock", err=words, code=code)
        with pytest.raises(NoRepository, match=r"there is no repository at /srv/r.*`make_repository`"):
            repository(host).prepare(False)
        assert ran(host) == ["unlock"]

    @VERSIONS
    def test_a_wrong_password_makes_no_repository(self, host, version):
        code, words = recorded.WRONG_PASSWORD[version]
        host.restic_says("unlock", err=words, code=code)
        with pytest.raises(CommandFailed, match="the password does not open the repository /srv/r"):
            repository(host).prepare()
        assert ran(host) == ["unlock"]

    def test_a_repository_that_two_hosts_made_at_once(self, host):
        """Recorded: restic 0.14 and 0.18 after two `init` at the same moment, on S3."""
        key = "cb9d737a370a6cf72b36d232465b64354fbfb397db4bdcfb9e308b3713066dfc"
        words = "Fatal: config or key %s is damaged: ciphertext verification failed\n" % key
        host.restic_says("unlock", err=words, code=1)
        with pytest.raises(CommandFailed, match="let one host make it first"):
            repository(host).prepare()
        assert ran(host) == ["unlock"]

    def test_an_unreachable_server_makes_no_repository_and_its_password_is_not_shown(self, host):
        host.restic_says("unlock", err=recorded.UNREACHABLE, code=1)
        with pytest.raises(CommandFailed, match=r"cannot be reached.*connection refused") as caught:
            repository(host, "rest:http://u:geheim@127.0.0.1:9/").prepare()
        assert "geheim" not in str(caught.value)

    def test_says_which_package_is_missing(self, host):
        host.missing_tools.add("restic")
        with pytest.raises(MissingTools, match="Install the packages restic"):
            repository(host).prepare()


def test_secrets_and_the_location_are_in_the_environment_alone(host):
    host.restic_says("-o sftp.args=x unlock")
    given = {"environment": {"AWS_SECRET_ACCESS_KEY": "ganz geheim"}, "options": ["sftp.args=x"]}
    repository(host, "s3:https://s3/bucket", **given).prepare()
    assert "geheim" not in str(host.restic) and "s3:" not in str(host.restic)
    environment = host.environments[0]
    assert environment["RESTIC_PASSWORD"] == "geheim"
    assert environment["AWS_SECRET_ACCESS_KEY"] == "ganz geheim"
    assert environment["RESTIC_REPOSITORY"] == "s3:https://s3/bucket"


@pytest.mark.parametrize("name", ["password_file", "password_command"])
def test_a_password_can_come_from_elsewhere(host, name):
    host.restic_says("unlock")
    repository(host, password=None, **{name: "/etc/secret"}).prepare()
    environment = host.environments[0]
    assert environment["RESTIC_" + name.upper()] == "/etc/secret" and "RESTIC_PASSWORD" not in environment


def test_a_relative_location_is_refused(host):
    with pytest.raises(Refused, match="neither an absolute path"):
        repository(host, "backup")


class TestBackups:
    def test_says_what_the_tags_say_in_one_process(self, host):
        holds(host, snapshot(SECOND, OTHER, summary={"data_added_packed": 1238}), snapshot())
        found = repository(host).backups()
        assert [one.backup_id for one in found] == [FIRST, SECOND]
        one = found[1]
        assert (one.host, one.container, one.container_id, one.image) == ("web7", "web", ID, "busy,box")
        assert (one.time, one.status, one.state) == ("2026-11-21T03:15:00Z", "stored", STATE)
        assert (one.bytes_read, one.bytes_stored, one.verified) == (3, 1238, None)
        assert found[0].bytes_stored is None  # a snapshot of restic before 0.17 does not say it
        assert len(host.restic) == 1

    def test_notes_say_what_turned_out_later(self, host):
        notes = [note("partial", FIRST), note("rejected", SECOND), note("verified")]
        holds(host, snapshot(), snapshot(SECOND, OTHER), *notes)
        found = repository(host).backups()
        assert [(one.backup_id, one.status) for one in found] == [(FIRST, "partial")]
        assert found[0].verified == "2026-11-21T04:00:00Z"

    def test_what_came_after_the_last_check_is_not_verified(self, host):
        holds(host, snapshot(), snapshot(SECOND, OTHER), note("verified", time="2026-11-20T12:00:00Z"))
        assert [bool(one.verified) for one in repository(host).backups()] == [True, False]

    def test_what_was_found_damaged_is_so_until_a_later_check_finds_it_whole(self, host):
        damaged = note("damaged", FIRST, time="2026-11-22T00:00:00Z")
        holds(host, snapshot(), snapshot(SECOND, OTHER), damaged, note("verified"))
        assert [one.status for one in repository(host).backups()] == ["damaged", "stored"]
        holds(host, snapshot(), damaged, note("verified", time="2026-11-23T00:00:00Z"))
        host._told["snapshots --json --no-lock --tag drydock"].pop(0)
        assert [one.status for one in repository(host).backups()] == ["stored"]

    def test_damage_of_the_whole_repository_is_that_of_all_that_was_there(self, host):
        holds(host, snapshot(), snapshot(SECOND, OTHER), note("damaged", time="2026-11-20T12:00:00Z"))
        assert [one.status for one in repository(host).backups()] == ["damaged", "stored"]

    @pytest.mark.parametrize("container", ["../../etc", "web*", "", "a/b"])
    def test_snapshots_of_others_are_passed_over(self, host, container):
        foreign = {"id": OTHER, "hostname": "x", "tags": ["drydock"]}
        holds(host, foreign, snapshot(backup_id="mine"), snapshot(container=container))
        assert repository(host).backups() == []

    def test_no_repository_is_said(self, host):
        code, words = recorded.NO_REPOSITORY["0.18"]
        host.restic_says("snapshots", err=words, code=code)
        with pytest.raises(NotFound, match="there is no repository at /srv/r"):
            repository(host).backups()


class TestStore:
    @VERSIONS
    def test_is_one_process_with_the_same_paths_every_time(self, host, version):
        progress = '{"message_type":"status","percent_done":0.5,"bytes_done":4}\n'
        host.restic_says("backup --json", progress + recorded.SUMMARY[version] + "\n")
        told = []
        stored = store(repository(host), watch=told.append)
        assert (stored.backup_id, stored.status, stored.warnings) == (SECOND, "stored", [])
        assert stored.bytes_stored == {"0.14": 1405, "0.18": 1238}[version]
        assert told == [4]
        (argv,) = host.restic
        assert argv[-1] == "/run/drydock/web"
        assert argv[argv.index("--host") + 1] == "web7"
        tags = [argv[number + 1] for number, word in enumerate(argv) if word == "--tag"]
        assert "container=web" in tags and "image=busy%2Cbox" in tags and "backup_id=" + SECOND in tags
        ((place, texts, trees),) = host.staged
        assert place == "/run/drydock/web"
        volume = ("/var/lib/docker/volumes/v", "_data")
        assert trees == {"rootfs": ("/run/drydock/web", ""), "volume-1": volume}
        assert json.loads(texts["container.json"].decode()) == {"name": "web"}
        names = [part["name"] for part in json.loads(texts["manifest.json"].decode())["parts"]]
        assert names == ["rootfs", "volumes/data"]

    def test_excludes_by_the_rule_of_the_survey(self, host):
        host.restic_says("backup --json", recorded.SUMMARY["0.14"])
        store(repository(host), draft(exclude=["/var/cache/**", "/a[b]/", "/"]))
        found = [word for word in host.restic[0] if word.startswith("--exclude")]
        assert found == [
            "--exclude=/run/drydock/web/rootfs/var/cache/*",
            "--exclude=/run/drydock/web/rootfs/a\\[b]",
        ]

    @VERSIONS
    def test_what_could_not_be_read_makes_it_partial_for_later_lists_too(self, host, version):
        out, err = recorded.SUMMARY[version], recorded.UNREADABLE[version]
        host.restic_says("backup --json", out, err, 3)
        host.restic_says("backup --quiet --stdin")
        stored = store(repository(host))
        assert stored.status == "partial"
        assert [one.lower() for one in stored.warnings] == ["not stored: rootfs/no: permission denied"]
        assert "note=partial" in host.restic[1] and "of=web7/" + SECOND in host.restic[1]
        assert json.loads(host.notes[0])["warnings"] == stored.warnings

    def test_what_turns_out_at_the_end_makes_it_partial(self, host):
        host.restic_says("backup --json", recorded.SUMMARY["0.14"])
        host.restic_says("backup --quiet --stdin")
        stored = store(repository(host), finish=lambda: ["the container was started"])
        assert (stored.status, stored.warnings) == ("partial", ["the container was started"])
        assert "note=partial" in host.restic[1]

    def test_what_is_not_to_be_trusted_is_forgotten(self, host):
        host.restic_says("backup --json", recorded.SUMMARY["0.14"])
        host.restic_says("forget 852e5113")
        with pytest.raises(CommandFailed, match="Docker wrote"):
            store(repository(host), finish=docker_wrote)

    def test_or_at_least_does_not_count_while_others_have_the_repository(self, host):
        host.restic_says("backup --json", recorded.SUMMARY["0.14"])
        host.restic_says("forget 852e5113", err=recorded.LOCKED, code=1)
        host.restic_says("backup --quiet --stdin")
        with pytest.raises(CommandFailed, match="Docker wrote"):
            store(repository(host), finish=docker_wrote)
        assert "note=rejected" in host.restic[2] and "of=web7/" + SECOND in host.restic[2]

    def test_a_failure_has_the_words_of_restic(self, host):
        words = "Fatal: unable to save snapshot: client.PutObject: Storage backend has reached its limit\n"
        host.restic_says("backup --json", err=words, code=1)
        with pytest.raises(CommandFailed, match=r"restic failed with code 1: .*reached its limit"):
            store(repository(host))

    def test_waits_while_another_host_prunes(self, host):
        host.restic_says("backup --json", err=recorded.LOCKED, code=1)
        host.restic_says("backup --json", recorded.SUMMARY["0.18"])
        host.restic_says("unlock")
        assert store(repository(host)).status == "stored"
        assert ran(host) == ["backup", "unlock", "backup"]

    def test_can_leave_the_data_as_it_is(self, host):
        host.restic_says("backup --json", recorded.SUMMARY["0.14"])
        store(repository(host, compression=Compression("none")))
        argv = host.restic[0]
        assert argv[argv.index("--compression") + 1] == "off"


def described(*names):
    """A manifest as it is in the snapshot FIRST."""
    kinds = ("files", "directories", "links", "devices", "fifos", "sockets")
    more = {"counts": dict.fromkeys(kinds, 0), "bytes": 0, "listing": STATE, "exclude": [], "only": ""}
    about = {"format": 1, "host": "web7", "container": "web", "container_id": ID, "image": "busybox"}
    about.update(backup_id=FIRST, state=STATE, time="2026-11-20T03:15:00Z", engine="restic", bytes_read=3)
    return dict(about, parts=[dict(more, name=name) for name in names])


def docker_wrote():
    raise CommandFailed("Docker wrote meanwhile")


class TestRestore:
    @pytest.fixture
    def one(self, host, tmp_path):
        holds(host, snapshot())
        manifest = json.dumps(manifests.sealed(described("rootfs", "volumes/data")))
        texts = {"manifest.json": manifest, "container.json": '{"name": "web"}'}
        host.restic_says("restore " + SNAPSHOT, does=self.writes(**texts))
        host.restic_says("version", "restic 0.14.0 compiled with go1.19.8 on linux/amd64\n")
        (tmp_path / "new").mkdir()
        return repository(host)

    def restore(self, one, tmp_path, part="rootfs", files=(), watch=None):
        return one.restore(one.backups()[0], part, str(tmp_path / "new"), list(files), watch)

    @staticmethod
    def writes(*names, **texts):
        def does(argv):
            for name, text in dict({name: name for name in names}, **texts).items():
                path = argv[argv.index("--target") + 1] + "/run/drydock/web/" + name
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as stream:
                    stream.write(text)

        return does

    def test_a_part_comes_to_the_directory(self, host, one, tmp_path):
        host.restic_says("restore " + SNAPSHOT, does=self.writes("volume-1/db"))
        self.restore(one, tmp_path, "volumes/data")
        assert (tmp_path / "new" / "db").read_text() == "volume-1/db"
        assert sorted(os.listdir(str(tmp_path))) == ["machine", "new"]
        assert host.restic[-1][-2:] == ["--include", "/run/drydock/web/volume-1"]

    @pytest.mark.parametrize("version, sparse", [("0.14.0", False), ("0.15.0", True), ("0.18.0", True)])
    def test_holes_stay_holes_where_restic_can_do_it(self, host, one, tmp_path, version, sparse):
        host._told["version"] = [("restic %s compiled with go1.24.4\n" % version, "", 0, None)]
        host.restic_says("restore " + SNAPSHOT, does=self.writes("rootfs/a"))
        self.restore(one, tmp_path)
        assert ("--sparse" in host.restic[-1]) == sparse

    STATUS = (
        '{"message_type":"status","seconds_elapsed":1,"percent_done":0.4439043,"total_files":1,'
        '"total_bytes":30000000,"bytes_restored":13317129}\n'
        '{"message_type":"summary","seconds_elapsed":2,"total_bytes":30000000,"bytes_restored":30000000}\n'
    )

    @pytest.mark.parametrize("version, told", [("0.15.2", []), ("0.18.0", [(13317129, 30000000)])])
    def test_what_restic_says_is_how_far_it_is(self, host, one, tmp_path, version, told):
        host._told["version"] = [("restic %s compiled with go1.24.4\n" % version, "", 0, None)]
        out = self.STATUS if told else "restoring <Snapshot 852e5113> to /x\n"
        host.restic_says("restore " + SNAPSHOT, out, does=self.writes("rootfs/a"))
        said = []
        self.restore(one, tmp_path, watch=lambda done, total: said.append((done, total)))
        assert said == told
        assert ("--json" in host.restic[-1]) == bool(told)

    def test_what_newer_ones_say_as_json_is_said_as_words(self, host, one, tmp_path):
        host._told["version"] = [("restic 0.18.0 compiled with go1.24.4\n", "", 0, None)]
        words = (
            '{"message_type":"error","error":{"message":"decrypting blob \\u003cdata/80a5\\u003e from 4bba failed:'
            ' ciphertext verification failed"},"during":"restore","item":"/src/f3"}\n'
            '{"message_type":"exit_error","code":1,"message":"Fatal: There were 1 errors\\n"}\n'
        )
        host.restic_says("restore " + SNAPSHOT, err=words, code=1)
        with pytest.raises(BadRecord) as failure:
            self.restore(one, tmp_path)
        assert failure.value.message == (
            "the repository is damaged: /src/f3: decrypting blob <data/80a5> from 4bba failed: ciphertext verification"
            " failed; Fatal: There were 1 errors"
        )

    def test_only_the_files_that_were_asked_for(self, host, one, tmp_path):
        host.restic_says("restore " + SNAPSHOT, does=self.writes("rootfs/etc/a[b", "rootfs/var/x"))
        self.restore(one, tmp_path, files=["/etc/a[b", "/v*/?"])
        assert [word for word in host.restic[-1] if word.startswith("/run")] == [
            "/run/drydock/web/rootfs/etc/a\\[b",
            "/run/drydock/web/rootfs/v*/?",
        ]

    def test_files_that_are_not_in_it_are_named(self, host, one, tmp_path):
        host.restic_says("restore " + SNAPSHOT, does=self.writes("rootfs/etc/passwd"))
        with pytest.raises(NotFound, match="not in the backup: /etc/nothing"):
            self.restore(one, tmp_path, files=["/etc/passwd", "/etc/nothing"])
        assert os.listdir(str(tmp_path / "new")) == []

    def test_a_damaged_byte_is_told_from_a_full_disk(self, host, one, tmp_path):
        words = "ignoring error for /run/drydock/web/rootfs/a: %s\nFatal: There were 1 errors\n"
        host.restic_says("restore " + SNAPSHOT, err=words % "ciphertext verification failed", code=1)
        with pytest.raises(BadRecord, match=r"the repository is damaged.*ciphertext verification failed"):
            self.restore(one, tmp_path)
        host._told["restore " + SNAPSHOT] = [("", words % "write: no space left on device", 1, None)]
        with pytest.raises(CommandFailed, match="no space left on device"):
            self.restore(one, tmp_path)
        assert os.listdir(str(tmp_path / "new")) == []

    def test_a_part_that_is_not_there_is_named(self, one, tmp_path):
        with pytest.raises(NotFound, match="has no volumes/other"):
            self.restore(one, tmp_path, "volumes/other")

    def test_how_it_was_made_is_read_by_one_process(self, host, one):
        backup = one.backups()[0]
        assert one.passport(backup) == {"name": "web"}
        assert [part["name"] for part in one.manifest(backup)["parts"]] == ["rootfs", "volumes/data"]
        assert ran(host) == ["snapshots", "restore"]

    def test_the_rootfs_can_come_by_the_same_process_as_how_it_was_made(self, host, one, tmp_path):
        writes = host._told["restore " + SNAPSHOT].pop()[3]

        def does(argv):
            writes(argv)
            self.writes("rootfs/a")(argv)

        host.restic_says("restore " + SNAPSHOT, does=does)
        (tmp_path / "first").mkdir()
        backup = one.backups()[0]
        one.fetch(backup, str(tmp_path / "first"), lambda done, total: None)
        assert one.passport(backup) == {"name": "web"}
        self.restore(one, tmp_path)
        assert (tmp_path / "new/a").read_text() == "rootfs/a"
        (argv,) = [argv for argv in host.restic if argv[0] == "restore"]
        assert argv[argv.index("--target") + 1] == str(tmp_path / "first")
        assert [word.rpartition("/")[2] for word in argv if word.startswith("/run/drydock/web/")] == [
            "manifest.json",
            "container.json",
            "rootfs",
        ]

    @pytest.mark.parametrize("more", [{"sha256": STATE}, {"host": "other"}, {"parts": [{"name": "../x"}]}])
    def test_a_manifest_that_cannot_be_the_backups_is_not_believed(self, host, one, more):
        changed = dict(described("rootfs"), **more)
        manifest = changed if "sha256" in more else manifests.sealed(changed)
        texts = {"manifest.json": json.dumps(manifest), "container.json": "{}"}
        host._told["restore " + SNAPSHOT] = [("", "", 0, self.writes(**texts))]
        with pytest.raises(BadRecord):
            one.manifest(one.backups()[0])

    def test_a_passport_that_is_none_is_not_taken_for_one(self, host, one):
        texts = {"manifest.json": "{}", "container.json": "[]"}
        host._told["restore " + SNAPSHOT] = [("", "", 0, self.writes(**texts))]
        with pytest.raises(BadRecord):
            one.passport(one.backups()[0])


class TestVerify:
    PACK = "ddab94d5e304366ad3bc7ffb0f30ab13a6a5a42bc97f8a011ea4c6107d3058ee"
    DAMAGE = {
        "0.14": "Pack ID does not match, want %s, got 48dd39b0\nFatal: repository contains errors\n" % PACK,
        "0.18": "pack %s contains 2 errors: [blob 7c965be9: ciphertext verification failed]\n"
        "The repository contains damaged pack files. These damaged files must be removed to repair the repository.\n"
        "restic repair packs %s\nDamaged pack files can be caused by backend problems\n"
        "Fatal: repository contains errors\n" % (PACK, PACK),
    }

    @pytest.fixture
    def one(self, host):
        holds(host, snapshot(), snapshot(SECOND, OTHER))
        return repository(host)

    def test_a_full_check_is_noted(self, host, one):
        host.restic_says("check --read-data", "no errors were found\n")
        host.restic_says("backup --quiet --stdin")
        assert one.verify(one.backups(), True) == {}
        assert "note=verified" in host.restic[-1]

    def test_a_quick_one_is_not(self, host, one):
        host.restic_says("check", "no errors were found\n")
        assert one.verify(one.backups(), False) == {}
        assert ran(host) == ["snapshots", "check"]

    @VERSIONS
    def test_damage_is_a_problem_of_the_backups_that_need_it(self, host, one, version):
        host.restic_says("check", err=self.DAMAGE[version], code=1)
        host.restic_says("find --json --pack " + self.PACK, json.dumps([{"snapshot": OTHER}]))
        host.restic_says("backup --quiet --stdin")
        wrong = one.verify(one.backups(), True)
        assert list(wrong) == [SECOND] and self.PACK in wrong[SECOND]
        assert "note=damaged" in host.restic[-1] and "of=web7/" + SECOND in host.restic[-1]

    @pytest.mark.parametrize("more", ["error for tree 8a2270c7:\n", ""])
    def test_of_all_where_that_is_not_known(self, host, one, more):
        host.restic_says("check", err=more + self.DAMAGE["0.14"], code=1)
        host.restic_says("find", "[]")
        host.restic_says("backup --quiet --stdin", err=recorded.UNREACHABLE, code=1)
        assert set(one.verify(one.backups(), False)) == {FIRST, SECOND}

    def test_what_could_not_be_looked_at_is_no_damage(self, host, one):
        host.restic_says("check", err=recorded.UNREACHABLE, code=1)
        with pytest.raises(CommandFailed, match="cannot be reached"):
            one.verify(one.backups(), False)


class TestRemove:
    def test_is_one_process_and_takes_what_was_said_about_them_along(self, host):
        partial, rejected = "1" * 64, "2" * 64
        old, new = "3" * 64, "4" * 64
        notes = [note("partial", FIRST, name=partial), note("rejected", SECOND, name=rejected)]
        notes += [note("verified", name=new), note("verified", name=old, time="2026-11-20T00:00:00Z")]
        holds(host, snapshot(), snapshot(SECOND, OTHER), *notes)
        host.restic_says("forget --prune")
        one = repository(host)
        one.remove(one.backups())
        assert set(host.restic[-1][2:]) == {SNAPSHOT, OTHER, partial, rejected, old}
        assert ran(host) == ["snapshots", "forget"]

    def test_nothing_needs_no_process(self, host):
        holds(host, snapshot())
        one = repository(host)
        one.backups()
        one.remove([])
        assert ran(host) == ["snapshots"]
