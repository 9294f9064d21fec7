# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-test takes for get-pip.py.

It wants to download that file whenever it makes a virtual environment. The pip that comes with Python does as
well, also where only a package index can be reached. The arguments are what to install, pip among it.
"""

import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.exit(
    subprocess.call([sys.executable, "-m", "pip", "install", "--upgrade", "--force-reinstall", *arguments])
)
