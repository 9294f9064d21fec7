#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, the drydock.rescue authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: image_info
short_description: Look up images in Docker's files, without a Docker daemon
version_added: 0.1.0
description:
  - Reads what Docker left on the disk of the target host and returns every image of every storage driver with its
    names, configuration, history and layers. The Docker daemon is neither needed nor asked.
  - Every image is verified as far as Docker's records allow. Its ID must be the SHA-256 digest of its configuration,
    the chain IDs are computed again from the digests of the layers, and each layer must be there. What is in a layer
    is not read. Before Docker 1.10 an ID was not made from any content, and there are no chain IDs.
  - Of an image for several platforms that containerd keeps, the one is shown whose manifest is there; of several, that
    of the target host's processor, else the first. Index, manifest and configuration must have their digests.
  - Images without a name are listed too, as C(docker images -a) does it. What Docker 1.10 took over from an older
    Docker is listed once.
  - Control characters in what is returned are escaped, and an image is found by its name as it is shown.
  - Nothing is changed, and an image whose records are damaged never hides the others. It is listed with its problems.
author:
  - The drydock.rescue authors (@drydock-rescue)
extends_documentation_fragment:
  - drydock.rescue.attributes
  - drydock.rescue.attributes.info
  - drydock.rescue.selection
  - drydock.rescue.selection.containerd_root
  - drydock.rescue.selection.missing
options:
  images:
    description:
      - Names, full IDs, or unambiguous prefixes of IDs, with or without C(sha256:). By default all images of the data
        root.
      - A name without a tag chooses all its tags. An image that several storage drivers have is returned once for each.
    type: list
    elements: str
  include_env:
    description:
      - Whether to return environment variables, labels, and the commands that made the layers. Each can hold secrets,
        such as the arguments of a build. Use C(no_log) on such a task.
    type: bool
    default: false
seealso:
  - module: drydock.rescue.container_info
  - module: drydock.rescue.container_rootfs
"""

EXAMPLES = r"""
- name: List all images of a host whose Docker does not start
  drydock.rescue.image_info:
  register: docker

- name: Show the tree of layers, as `docker images -tree` did
  ansible.builtin.debug:
    msg: "{{ tree.splitlines() }}"
  vars:
    tree: |
      {% for layer in docker.layers %}
      {{ '  ' * layer.depth }}- {{ (layer.id | split(':') | last)[:12] -}}
      {{ ' ' ~ ((layer.total_size or 0) | human_readable) ~ ' ' ~ layer.tags | join(', ') }}
      {% endfor %}

- name: Show which images are damaged, and which containers need them
  ansible.builtin.debug:
    msg: "{{ item.tags }} {{ item.id }}: {{ item.reason }}, used by {{ item.used_by | map(attribute='name') | list }}"
  loop: "{{ docker.images | rejectattr('verified') }}"
  loop_control:
    label: "{{ item.id }}"

- name: Look at one image on a disk that was mounted from another machine
  drydock.rescue.image_info:
    data_root: /mnt/old/var/lib/docker
    images: ["mysql:5.7"]
"""

RETURN = r"""
data_root:
  description: The data root that was read, absolute and without symbolic links.
  returned: success
  type: str
  sample: /var/lib/docker
data_root_source:
  description: What said that it is this data root, as in M(drydock.rescue.container_info).
  returned: success
  type: str
  sample: docker.service
storage_drivers:
  description: The storage drivers of which something is in the data root.
  returned: success
  type: list
  elements: str
  sample: [overlay2]
not_found:
  description: What in O(images) is the name or ID of no image.
  returned: success
  type: list
  elements: str
problems:
  description: What is damaged, of all returned images and of the lists of their names.
  returned: success
  type: list
  elements: dict
  contains: &problem
    code:
      description:
        - A fixed word for the kind of problem.
        - V(config_missing), V(config_broken); V(hash_mismatch), the configuration has another digest than the image's
          ID, or under V(containerd) one of its files than its own name; V(layer_missing), the layer has no record;
          V(layer_broken), its record cannot be right; V(storage_unknown), the storage driver does not have the layer;
          V(repositories_broken), the names of the images are not known.
      type: str
      sample: layer_missing
    subject:
      description: The ID of the image, or a file.
      type: str
    message:
      description: What is wrong, with the file.
      type: str
images:
  description: The images, ordered as they were asked for, or by storage driver and ID.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description:
        - The full ID, C(sha256:) and 64 digits; under V(graph) the digits alone.
        - Under V(containerd) the digest of the image's index or manifest, as Docker shows it then.
      type: str
    driver:
      description: The storage driver that holds the layers.
      type: str
      sample: overlay2
    layout:
      description:
        - V(graph) for an image as Docker before 1.10 keeps it, V(layerdb) since, V(containerd) for one that containerd
          keeps for Docker.
      type: str
      sample: layerdb
    tags:
      description: The names with tags; none of an image that is part of others, or lost its name.
      type: list
      elements: str
      sample: ["mysql:5.7"]
    digests:
      description: The names with the digest that the registry knows the image by.
      type: list
      elements: str
    parent:
      description: The ID of the image that it was built or committed from on this host, or empty.
      type: str
    children:
      description: The IDs of the images whose RV(images[].parent) it is.
      type: list
      elements: str
    used_by:
      description: The containers that were made from it.
      type: list
      elements: dict
      contains:
        id:
          description: The full ID.
          type: str
        name:
          description: The name.
          type: str
    created:
      description: When it was made, as its maker wrote it.
      type: str
    author:
      description: Who made it, as its maker wrote it.
      type: str
    comment:
      description: A comment.
      type: str
    architecture:
      description: The processor that it is made for.
      type: str
    variant:
      description: The variant of the processor.
      type: str
    os:
      description: The operating system that it is made for.
      type: str
    docker_version:
      description: The version of the Docker that made it.
      type: str
    size:
      description:
        - The size of all layers in bytes, as Docker or containerd recorded it; null where that is not known.
        - Under V(containerd) C(docker image inspect) shows another one, of the compressed files of the image.
      type: int
    config:
      description: How a container of it runs.
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
        volumes:
          description: The directories that become volumes.
          type: list
          elements: str
        env:
          description: Environment variables, only with O(include_env=true).
          type: list
          elements: str
        labels:
          description: Labels, only with O(include_env=true).
          type: dict
    history:
      description: How it was made, the oldest step first. Empty where its maker left it out.
      type: list
      elements: dict
      contains:
        created:
          description: When.
          type: str
        created_by:
          description: The command, only with O(include_env=true).
          type: str
        author:
          description: Who made it.
          type: str
        comment:
          description: A comment.
          type: str
        empty_layer:
          description: Whether the step made no layer.
          type: bool
        layer:
          description: The RV(images[].layers[].id) of the layer that it made, or null.
          type: str
        size:
          description: The size of that layer in bytes, 0 without one, null where it is not known.
          type: int
    layers:
      description: The layers, the lowest first.
      type: list
      elements: dict
      contains: &layer
        id:
          description: The chain ID of the layer, or under V(graph) the ID of the image that it belongs to.
          type: str
        diff_id:
          description: The digest of what is in the layer alone, null under V(graph).
          type: str
        chain_id:
          description:
            - The ID of the layer and all below it, computed from their digests, null under V(graph).
            - A record under another chain ID than comes out of it is not V(verified).
          type: str
        parent:
          description: The C(id) of the layer below, empty for the lowest.
          type: str
        children:
          description: The C(id) of each layer directly over it, of whatever image.
          type: list
          elements: str
        cache_id:
          description:
            - By what the storage driver knows the layer; under V(containerd) the key of its snapshot.
            - O(drydock.rescue.container_rootfs#module:layer) opens it with all below it.
          type: str
        size:
          description: The size of what is in the layer alone in bytes, null where it is not known.
          type: int
        path:
          description:
            - The directory with the files of the layer; for btrfs, vfs and overlay with those of the layers below too.
            - Null where it is not known, and for devicemapper and zfs, which have no directories.
          type: str
          sample: /var/lib/docker/overlay2/68bdfbdb1b897e4164aad2504ebe7f68a43e1ae36f418800cce445b93618088c/diff
        sources:
          description: The names and digests by which the layer was pulled or pushed, to fetch it again.
          type: list
          elements: str
          sample: ["docker.io/library/mysql@sha256:c0ee41dd35f3d0b940b2875ec854e0e5048b19ffb62d980aef978e8b2c52e04a"]
        verified:
          description: Whether its record is right, and the storage driver has it.
          type: bool
        reason:
          description: Why it is not V(verified), or null.
          type: str
    verified:
      description: Whether the ID, the configuration and all layers hold together, and every layer is there.
      type: bool
    reason:
      description: Why it is not V(verified), null where it is. RV(images[].problems) has all reasons.
      type: str
      sample: "/var/lib/docker/overlay2/68bdfbdb1b89.../diff is missing"
    problems:
      description: What is damaged of this image.
      type: list
      elements: dict
      contains: *problem
layers:
  description:
    - The layers of the returned images, each once, in the order in which a tree of them is printed. Below each stand
      those directly over it.
    - Without O(images) also layers that no image has.
  returned: success
  type: list
  elements: dict
  contains:
    <<: *layer
    driver:
      description: The storage driver that holds it.
      type: str
    layout:
      description: As of an image.
      type: str
    depth:
      description: How many layers are below it.
      type: int
    total_size:
      description: The size of it and all layers below it in bytes, null where it is not known.
      type: int
    images:
      description: The IDs of the returned images whose top layer it is.
      type: list
      elements: str
    tags:
      description: The names of these images.
      type: list
      elements: str
"""

from ansible_collections.drydock.rescue.plugins.module_utils import _ansible
from ansible_collections.drydock.rescue.plugins.module_utils._rootfs.image_facts import image_facts


def main():
    _ansible.run(
        dict(
            _ansible.ROOTS,
            images=dict(type="list", elements="str"),
            missing=dict(type="str", choices=["fail", "ignore"], default="fail"),
            include_env=dict(type="bool", default=False),
        ),
        lambda host, params, check_mode: image_facts(
            host,
            params["data_root"],
            params["images"],
            params["missing"] == "ignore",
            params["include_env"],
            params["containerd_root"],
        ),
        bulk="images",
    )


if __name__ == "__main__":
    main()
