# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later

import os

from ansible_collections.drydock.rescue.plugins.module_utils._docker import docker_version


def test_the_newest_docker_is_told_whatever_older_ones_left(tmp_path):
    def after(*names):
        for name in names:
            os.makedirs(str(tmp_path / name))
        return docker_version.at_least(str(tmp_path))

    assert after("containers", "devicemapper/metadata") == ""
    assert after("devicemapper/metadata/deviceset-metadata") == "1.4"
    assert after("volumes") == "1.7"
    assert after("image/devicemapper") == "1.10"
    assert after("volumes/metadata.db") == "1.11"
    assert after("overlay2") == "1.12"
    assert after("buildkit") == "18.06"
    assert after("engine-id") == "23.0"
