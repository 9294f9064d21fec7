#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: container_info
short_description: Look up containers in Docker's files, without a Docker daemon
version_added: 0.1.0
description:
  - Reads what Docker left on the disk of the target host and returns every container with its image, state, mounts and
    storage. The Docker daemon is neither needed nor asked.
  - Control characters in what is returned are escaped, and a container is found by its name as it is shown.
  - Nothing is changed, and a container whose records are damaged never hides the others. It is listed with its
    problems.
author:
  - The drydock.rescue authors (@drydock-rescue)
extends_documentation_fragment:
  - drydock.rescue.attributes
  - drydock.rescue.attributes.info
  - drydock.rescue.selection
  - drydock.rescue.selection.containerd_root
  - drydock.rescue.selection.containers
  - drydock.rescue.selection.missing
options:
  include_env:
    description:
      - Whether to return environment variables and labels, which can hold secrets. Use C(no_log) on such a task.
    type: bool
    default: false
  details:
    description:
      - Whether to return how each container is made and where its data lies (RV(containers[].config),
        RV(containers[].mounts), RV(containers[].storage) and what belongs to them). Without, the result is much
        shorter, which is for surveys of many hosts.
    type: bool
    default: true
  orphans:
    description:
      - Whether to list the layers too that no container and no image has any more.
    type: bool
    default: false
seealso:
  - module: drydock.rescue.container_rootfs
  - module: drydock.rescue.thin_pool_info
"""

EXAMPLES = r"""
- name: List all containers of a host whose Docker does not start
  drydock.rescue.container_info:
  register: docker

- name: Show the names and where their data is
  ansible.builtin.debug:
    msg: "{{ docker.containers | map(attribute='name') | list }}"

- name: Look at one container on a disk that was mounted from another machine
  drydock.rescue.container_info:
    data_root: /mnt/old/var/lib/docker
    containers: [payroll-db]
"""

RETURN = r"""
data_root:
  description: The data root that was read, absolute and without symbolic links.
  returned: success
  type: str
  sample: /var/lib/docker
data_root_source:
  description:
    - What said that it is this data root, in words for an operator. It can be the option O(data_root), a running daemon
      (C(process 812)), the name of its service, a file with its path, or C(the default).
    - Where users are remapped (C(userns-remap)), RV(data_root) is the directory that Docker made for them below the
      data root that was said.
  returned: success
  type: str
  sample: docker.service
storage_drivers:
  description: The storage drivers of which something is in the data root.
  returned: success
  type: list
  elements: str
  sample: [devicemapper]
docker_at_least:
  description:
    - The data root was used by this version of Docker or a newer one, as the names in it show. Docker writes its
      version nowhere there. Empty where nothing tells, as before Docker 1.4.
  returned: success
  type: str
  sample: "1.10"
kernel:
  description: The release of the kernel of the target host, which decides what storage drivers it can mount.
  returned: success
  type: str
  sample: 3.10.0-1160.el7.x86_64
orphans:
  description: The layers that no container and no image has any more, null unless O(orphans=true).
  returned: success
  type: list
  elements: dict
  contains:
    driver:
      description: The storage driver.
      type: str
    layer_id:
      description: The layer, as O(drydock.rescue.container_rootfs#module:layer) takes it.
      type: str
    reason:
      description:
        - V(no_container), its container has no record any more; V(no_record), no record that can be read names it;
          V(deleted), devicemapper's own record says that Docker was to delete it.
      type: str
    container:
      description: The full ID of the container that it belonged to, empty where that is not known.
      type: str
    storage:
      description: As of a container.
      type: dict
not_found:
  description: What in O(containers) is the name or ID of no container.
  returned: success
  type: list
  elements: str
problems:
  description:
    - What is damaged, of all returned containers, and what keeps layers without a container from being known.
  returned: success
  type: list
  elements: dict
  contains: &problem
    code:
      description: A fixed word for the kind of problem.
      type: str
      sample: config_broken
    subject:
      description: The ID of the container, empty where it is none's.
      type: str
    message:
      description: What is wrong, with the file.
      type: str
containers:
  description: The containers, ordered as they were asked for, or by ID.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The full ID.
      type: str
    name:
      description: The name without the leading slash; empty where it could not be read.
      type: str
      sample: payroll-db
    image:
      description: The image as it was typed when the container was created.
      type: str
      sample: mysql:5.7
    image_id:
      description: The image's ID as it was recorded.
      returned: with O(details=true)
      type: str
    created:
      description: When the container was created, as Docker wrote it.
      type: str
    driver:
      description: The storage driver that holds the container's layer.
      type: str
      sample: devicemapper
    layout:
      description:
        - V(graph) for a container as Docker before 1.10 keeps it, V(layerdb) since, V(containerd) for one whose layer
          containerd holds.
      type: str
      sample: layerdb
    layer_id:
      description:
        - By what the storage driver knows the container's layer.
        - The container's ID under V(graph), its mount-id under V(layerdb), the key of its snapshot under V(containerd).
      returned: with O(details=true)
      type: str
    init_layer_id:
      description: The layer between the image and the container's own.
      returned: with O(details=true)
      type: str
    parent:
      description:
        - The chain ID of the image's top layer, or the image's ID under V(graph). Under V(containerd) the key of the
          snapshot below, which is a chain ID for most images.
      returned: with O(details=true)
      type: str
    alive:
      description:
        - Whether the container is alive now, as processes, mounts of every namespace and device holders show it.
        - Always V(false) for a data root that no process of this host uses.
      type: bool
    state:
      description: What Docker last wrote, not checked.
      type: dict
      contains:
        status:
          description: The word that C(docker ps) would show, such as V(running) or V(exited).
          type: str
        running:
          description: Whether Docker wrote that it runs.
          type: bool
        exit_code:
          description: The last exit code.
          type: int
        error:
          description: Why the last start failed.
          type: str
        oom_killed:
          description: Whether it was killed for want of memory.
          type: bool
        pid:
          description: The process ID that was recorded.
          type: int
        started_at:
          description: When it was last started.
          type: str
        finished_at:
          description: When it last ended.
          type: str
    config:
      description: How the container was made to run.
      returned: with O(details=true)
      type: dict
      contains:
        cmd:
          description: The command and its arguments, or null.
          type: list
          elements: str
        entrypoint:
          description: The entrypoint and its arguments, or null.
          type: list
          elements: str
        working_dir:
          description: The working directory.
          type: str
        user:
          description: The user.
          type: str
        exposed_ports:
          description: Ports, such as V(80/tcp).
          type: list
          elements: str
        env:
          description: Environment variables, only with O(include_env=true).
          type: list
          elements: str
        labels:
          description: Labels, only with O(include_env=true).
          type: dict
    mounts:
      description: Volumes and binds. What is in them is not in the container's layer.
      returned: with O(details=true)
      type: list
      elements: dict
      contains:
        destination:
          description: The mount point inside the container.
          type: str
        source:
          description:
            - Where the data lies on the host today. Resolved for anonymous volumes, for volumes of Docker before 1.7,
              and for a data root that was moved.
            - Empty where that is not known, as for a path of another machine. A data root that is not the one that this
              host's Docker uses is taken for another machine's.
          type: str
        recorded_source:
          description: The source as it is recorded; empty for an anonymous volume.
          type: str
        type:
          description: V(volume), V(bind) or V(tmpfs).
          type: str
        name:
          description: The volume's name.
          type: str
        driver:
          description: The volume's driver.
          type: str
        read_write:
          description: Whether the container may write to it.
          type: bool
        available:
          description: Whether the data can be had at RV(containers[].mounts[].source) now.
          type: bool
        reason:
          description:
            - Why it cannot be had, null where it can. It is missing, it is a volume that is mounted from elsewhere
              (NFS, a device) and is not mounted now, another driver keeps it, or the path is one of another machine.
          type: str
          sample: "the volume is :/export (nfs), which is not mounted here now at /var/lib/docker/volumes/db/_data"
    log_path:
      description: The container's log on the host.
      returned: with O(details=true)
      type: str
    storage:
      description:
        - Where the layer is. For devicemapper C(device_id), C(size_bytes), C(sectors) (of 512 bytes),
          C(transaction_id), C(deleted), C(pool_name) and C(device_name); the two names are what this host's Docker
          would use today.
        - For overlay2, overlay, overlayfs, fuse-overlayfs and aufs C(upper_dir), C(lower_dirs) (the nearest first),
          C(work_dir) and C(merged_dir); for btrfs and vfs C(directory); for zfs C(dataset).
        - Empty where it is not known; the reason is in RV(containers[].problems).
      returned: with O(details=true)
      type: dict
      sample:
        device_id: 10
        size_bytes: 10737418240
        sectors: 20971520
        transaction_id: 10
        deleted: false
        pool_name: docker-8:1-131103-pool
        device_name: docker-8:1-131103-68bdfbdb1b897e4164aad2504ebe7f68a43e1ae36f418800cce445b93618088c
    problems:
      description: What is damaged of this container.
      type: list
      elements: dict
      contains: *problem
"""

from ansible_collections.drydock.rescue.plugins.module_utils import _ansible
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.container_facts import container_facts


def main():
    _ansible.run(
        dict(
            _ansible.CONTAINERS,
            missing=dict(type="str", choices=["fail", "ignore"], default="fail"),
            include_env=dict(type="bool", default=False),
            orphans=dict(type="bool", default=False),
            details=dict(type="bool", default=True),
        ),
        lambda host, params, check_mode: container_facts(
            host,
            params["data_root"],
            params["containers"],
            params["missing"] == "ignore",
            params["include_env"],
            params["orphans"],
            params["containerd_root"],
            params["details"],
        ),
        bulk="containers",
    )


if __name__ == "__main__":
    main()
