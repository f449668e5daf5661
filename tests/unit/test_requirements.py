# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lower bounds are stated in several places, for different readers: they agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ROOT / "requirements.txt"
BOUND = re.compile(r"\b(cryptography|msal|requests|ansible-core)\W*>=\s*([0-9.]*[0-9])")


def bounds_in(path):
    return dict(BOUND.findall(path.read_text(encoding="utf-8")))


def names_in(path):
    return set(re.findall(r"^[\w-]+", path.read_text(encoding="utf-8").lower(), re.MULTILINE))


ANSIBLE_CORE = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["requires_ansible"]
STATED = {**bounds_in(PRODUCT), "ansible-core": ANSIBLE_CORE.removeprefix(">=").removesuffix(".0")}
# What runs roles needs another ansible-core than what runs modules.
ROLE = yaml.safe_load((ROOT / "roles" / "renew" / "meta" / "main.yml").read_text(encoding="utf-8"))
OF_ROLES = {**STATED, "ansible-core": ROLE["galaxy_info"]["min_ansible_version"]}
READERS = [ROOT / "README.md", *sorted((ROOT / "plugins").rglob("*.py")), *sorted((ROOT / "docs").rglob("*.rst"))]


def test_every_library_has_a_lower_bound():
    assert set(bounds_in(PRODUCT)) == {"cryptography", "msal", "requests"}


@pytest.mark.parametrize("path", READERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_bounds_named_elsewhere_are_the_same(path):
    assert bounds_in(path).items() <= STATED.items() | OF_ROLES.items()


def test_the_readme_names_them_all():
    assert set(bounds_in(ROOT / "README.md")) == set(STATED)


def test_an_execution_environment_installs_them():
    environment = yaml.safe_load((ROOT / "meta" / "execution-environment.yml").read_text(encoding="utf-8"))

    assert environment["dependencies"]["python"] == "requirements.txt"


def test_ansible_test_by_hand_installs_what_modules_and_emulator_need():
    """ansible-test reads only this file and follows no reference to another one."""
    integration = names_in(ROOT / "tests" / "integration" / "requirements.txt")

    assert integration == names_in(PRODUCT) | names_in(ROOT / "tests" / "requirements" / "emulator.txt")
