# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host without the libraries is told. Each test asks an interpreter that cannot import some of them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import libraries
from ansible_collections.evercert.entra.plugins.module_utils._ansible.libraries import REQUIRED, missing_libraries
from ansible_collections.evercert.entra.plugins.module_utils._ansible.run import run

ASK = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ImportError(name)

sys.meta_path.insert(0, Blocker())
from ansible_collections.evercert.entra.plugins.module_utils._ansible.libraries import missing_libraries
print(missing_libraries())
"""


def told(*blocked):
    script = ASK.format(blocked=set(blocked))
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    asked = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=variables)
    return asked.stdout.strip()


def test_nothing_is_missing_here():
    assert missing_libraries() is None


def test_all_missing_libraries_are_named_at_once_with_the_interpreter_and_the_command():
    assert told("msal", "cryptography", "requests") == (
        "These Python libraries are missing on the host that runs the module: cryptography>=42.0.0, msal>=1.31.0, "
        f"requests>=2.32.2. Install them for {sys.executable}, for example with: {sys.executable} -m pip install "
        "'cryptography>=42.0.0' 'msal>=1.31.0' 'requests>=2.32.2'"
    )


@pytest.mark.parametrize("name", ["msal", "cryptography"])
def test_one_that_is_missing_is_named_alone(name):
    assert f"module: {name}>=" in told(name)


def test_every_library_is_required():
    assert {name for name, _version, _error in REQUIRED} == {"cryptography", "msal", "requests"}


def test_a_module_reports_them_before_it_does_anything(monkeypatch):
    class Module:
        def fail_json(self, msg):
            raise SystemExit(msg)

    monkeypatch.setattr(libraries, "REQUIRED", (("msal", "1.31.0", "Traceback"),))

    with pytest.raises(SystemExit, match=r"missing on the host that runs the module: msal"):
        run(Module(), lambda module: pytest.fail("it did something"))
