# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of the collection's modules without Ansible around it; prints what it returns.

usage: module.py NAME ARGUMENTS   the arguments as JSON
"""

import importlib
import json
import sys

sys.path.insert(0, "/root/modules")
from ansible.module_utils import basic

basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.loads(sys.argv[2])}).encode()
basic._ANSIBLE_PROFILE = "legacy"
importlib.import_module("ansible_collections.drydock.rescue.plugins.modules." + sys.argv[1]).main()
