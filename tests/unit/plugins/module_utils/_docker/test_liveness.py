# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import shutil

import pytest

from ansible_collections.drydock.rescue.plugins.module_utils import _ours
from ansible_collections.drydock.rescue.plugins.module_utils._docker.containers import Container
from ansible_collections.drydock.rescue.plugins.module_utils._docker.liveness import Liveness
from ansible_collections.drydock.rescue.tests.unit.support.docker_root import DockerRoot, ident

WEB = ident("web")
CGROUP = "0::/system.slice/docker-%s.scope\n"


@pytest.fixture
def web(docker):
    """A container whose record says that it runs, as process 4711."""
    state = {"Running": True, "Pid": 4711, "StartedAt": "2023-05-04T10:11:13Z"}
    docker.overlay_container("web", "base", State=state)
    return Container(docker.path, WEB)


def life(host, container):
    return Liveness(host, container.data_root).of(container)


def binds_hosts_file(docker_path):
    """How a container's namespace shows its own /etc/hosts, out of the data root."""
    return "500 499 254:1 %s/containers/%s/hosts /etc/hosts rw - ext4 /dev/vda1 rw" % (docker_path, WEB)


def test_nothing_shows_it(host, web):
    host.process(1, ["/sbin/init"], cgroup="0::/init.scope\n")
    assert life(host, web) == ([], [])


def test_a_running_daemon_alone_proves_nothing(host, web):
    host.process(7, ["dockerd", "--data-root", web.data_root])
    assert life(host, web).reasons == []


def test_a_reused_pid_is_not_the_container(host, web):
    host.process(7, ["dockerd", "--data-root", web.data_root])
    host.process(4711, ["/usr/sbin/sshd"], cgroup="0::/system.slice/ssh.service\n")
    assert life(host, web).reasons == []


@pytest.mark.parametrize(
    "cgroup", [CGROUP % WEB, "12:pids:/docker/%s\n1:name=systemd:/docker/%s\n" % (WEB, WEB)]
)
def test_a_process_in_its_cgroup_under_a_running_daemon(host, web, cgroup):
    host.process(7, ["dockerd", "--data-root", web.data_root])
    host.process(900, ["mysqld"], cgroup=cgroup)
    found = life(host, web)
    assert found.reasons == ["process 900 is in its cgroup"]
    assert found.pids == [900]


def test_a_process_of_another_container(host, web):
    host.process(7, ["dockerd", "--data-root", web.data_root])
    host.process(900, ["mysqld"], cgroup=CGROUP % ident("other"))
    host.process(901, ["x"], cgroup=CGROUP % ("a" + WEB))
    assert life(host, web).reasons == []


def test_a_shim_outlives_its_daemon(host, web):
    shim = ["/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", WEB]
    host.process(800, shim, cgroup="0::/system.slice/containerd.service\n")
    host.process(900, ["mysqld"], CGROUP % WEB, binds_hosts_file(web.data_root) + "\n", "mnt:[9]")
    found = life(host, web)
    assert "its shim runs (process 800)" in found.reasons
    assert found.pids == [900]


def test_a_shim_is_not_its_process(host, web):
    host.process(7, ["dockerd", "--data-root", web.data_root])
    host.process(800, ["containerd-shim", WEB], cgroup=CGROUP % WEB)
    assert life(host, web) == (["its shim runs (process 800)"], [])


def overlay(path, point):
    layer = os.path.join(path, "overlay2", ident("layer of web"))
    options = "rw,lowerdir=%s/overlay2/l/X,upperdir=%s/diff,workdir=%s/work" % (path, layer, layer)
    return "600 22 0:55 / %s rw - overlay overlay %s" % (point, options)


def test_its_layer_mounted_here(host, web):
    host.sees_mount(overlay(web.data_root, "/somewhere"))
    assert life(host, web).reasons == ["process %d sees its layer mounted at /somewhere" % os.getpid()]


def test_its_layer_mounted_in_another_namespace_only(host, web):
    host.process(900, ["mysqld"], "", overlay(web.data_root, "/") + "\n", "mnt:[9]")
    assert life(host, web).reasons == ["process 900 sees its layer mounted at /"]


def test_the_devicemapper_mount_of_its_layer(host, docker):
    docker.loop_pool()
    docker.container("web", driver="devicemapper")
    layer = ident("layer of web")
    point = docker.join("devicemapper", "mnt", layer)
    host.sees_mount("600 22 254:1 / %s rw - xfs /dev/mapper/docker-98:0-131103-%s rw" % (point, layer))
    assert life(host, Container(docker.path, WEB)).reasons


def test_our_own_tree_is_no_sign_of_life(host, web):
    point = host.run_directory + "/web"
    host.sees_mount(overlay(web.data_root, point))
    line = overlay(web.data_root, "/elsewhere").replace("overlay overlay", "overlay drydock-" + WEB)
    host.sees_mount(line)
    assert life(host, web).reasons == []


def test_a_mount_of_its_init_layer_or_another_is_not_its(host, web):
    layer = ident("layer of web")
    host.sees_mount(overlay(web.data_root, "/x").replace(layer, ident("layer of other")))
    assert life(host, web).reasons == []


@pytest.fixture
def copied(web, tmp_path):
    """A copy of the data root beside the one that is in use."""
    shutil.copytree(web.data_root, str(tmp_path / "copy"), symlinks=True)
    return Container(str(tmp_path / "copy"), WEB)


def test_a_copy_of_the_root_of_a_living_container_is_dead(host, web, copied):
    host.process(7, ["dockerd", "--data-root", web.data_root])
    host.process(800, ["containerd-shim", WEB])
    host.process(
        900,
        ["mysqld"],
        CGROUP % WEB,
        overlay(web.data_root, "/") + "\n" + binds_hosts_file(web.data_root) + "\n",
        "mnt:[9]",
    )
    host.sees_mount(overlay(web.data_root, web.data_root + "/overlay2/x/merged"))
    assert life(host, web).reasons
    assert life(host, copied) == ([], [])


def test_which_root_is_in_use(host, web, copied):
    assert not Liveness(host, web.data_root).in_use
    host.process(7, ["dockerd", "--data-root", web.data_root])
    assert Liveness(host, web.data_root).in_use
    assert not Liveness(host, copied.data_root).in_use


def test_a_root_on_a_disk_of_its_own(host, docker):
    """The bind of a container's file then shows the path below that disk."""
    docker.overlay_container("web")
    host.sees_mount("40 22 254:16 / %s rw - ext4 /dev/vdb rw" % docker.path)
    line = "500 499 254:16 /containers/%s/hosts /etc/hosts rw - ext4 /dev/vdb rw\n" % WEB
    host.process(900, ["mysqld"], CGROUP % WEB, line, "mnt:[9]")
    assert life(host, Container(docker.path, WEB)).pids == [900]


def test_a_container_without_a_known_layer_can_be_alive(host, docker):
    docker.write("", "containers", WEB, "config.v2.json")
    host.process(7, ["dockerd", "--data-root", docker.path])
    host.process(900, ["mysqld"], CGROUP % WEB)
    assert life(host, Container(docker.path, WEB)).pids == [900]


def test_two_roots_do_not_share_their_containers(host, tmp_path, web):
    other = DockerRoot(tmp_path / "other")
    other.overlay_container("db")
    host.process(7, ["dockerd", "--data-root", web.data_root])
    host.process(900, ["mysqld"], CGROUP % ident("db"))
    assert life(host, Container(other.path, ident("db"))).reasons == []


def test_a_layer_mounted_by_relative_names(host, web):
    """As Docker mounts a list that is longer than a page."""
    layer = ident("layer of web")
    options = "rw,lowerdir=l/A:l/B,upperdir=%s/diff,workdir=%s/work" % (layer, layer)
    host.process(900, ["x"], "", "600 22 0:55 / / rw - overlay overlay %s\n" % options, "mnt:[9]")
    assert life(host, web).reasons == []  # in whose root, nothing says
    host.process(7, ["dockerd", "--data-root", web.data_root])
    assert life(host, web).reasons == ["process 900 sees its layer mounted at /"]


def test_another_container_of_a_copied_root_does_not_bring_this_one_to_life(host, web, copied):
    """The copy has a living db; web lives only where the copy comes from."""
    host.process(900, ["mysqld"], CGROUP % WEB, binds_hosts_file(web.data_root) + "\n", "mnt:[9]")
    line = binds_hosts_file(copied.data_root).replace(WEB, ident("db"))
    host.process(901, ["x"], CGROUP % ident("db"), line + "\n", "mnt:[10]")
    assert life(host, web).reasons
    assert life(host, copied).reasons == []


# -- drivers whose layer is a full tree --------------------------------------------------------------------


@pytest.fixture
def whole(docker):
    docker.whole_container("web", "vfs", "vfs", "dir")
    return Container(docker.path, WEB)


BOUND = "300 22 %s %s %s rw - ext4 /dev/vda1 rw"


def test_the_tree_of_a_layer_is_mounted_somewhere(host, whole):
    place = whole.data_root + "/vfs/dir/" + whole.layer_id
    host.process(900, ["x"], mountinfo=BOUND % ("254:1", place, "/") + "\n", namespace="mnt:[9]")
    assert life(host, whole).reasons == ["process 900 sees its layer mounted at /"]


def test_the_same_path_of_another_file_system(host, whole):
    place = whole.data_root + "/vfs/dir/" + whole.layer_id
    host.process(900, ["x"], mountinfo=BOUND % ("254:9", place, "/") + "\n", namespace="mnt:[9]")
    assert life(host, whole).reasons == []


def test_our_own_bind_at_a_path_of_the_operator_is_no_sign_of_life(host, whole):
    label = _ours.label_source(_ours.Label(WEB, "web", "bind", "read_only", "made"))
    host.sees_mount("299 22 0:50 / /srv/look ro - tmpfs %s ro" % label)
    host.sees_mount(BOUND % ("254:1", whole.data_root + "/vfs/dir/" + whole.layer_id, "/srv/look"))
    assert life(host, whole).reasons == []
