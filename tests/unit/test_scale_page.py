# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide on scale says what follows from the figures."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from emulator.tenant import Tenant

ROOT = Path(__file__).resolve().parents[2]
WORKLOAD, PROGRAM = (ROOT / "tests" / "bench" / name for name in ("workload.py", "scale_page.py"))
MEASURED = yaml.safe_load((ROOT / "tests" / "bench" / "measured.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def workload():
    spec = importlib.util.spec_from_file_location("workload", WORKLOAD)
    program = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


@pytest.fixture
def works(workload):
    return {work.name.split(",")[0]: work for work in workload.works(workload.Fleet(), MEASURED)}


def test_the_page_matches_the_figures():
    checked = subprocess.run([sys.executable, PROGRAM, "--check"], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr


def test_the_quotas_of_one_tenant_are_those_of_the_emulator(workload):
    quotas = {"units": workload.UNITS, "writes": workload.WRITES, "keys": workload.READS}

    assert Tenant().throttle.limits == {name: (quota.amount, quota.seconds) for name, quota in quotas.items()}


def test_the_arithmetic_by_hand(works):
    everything = works["renewing everything at once"]

    assert works["audit of every tenant"].requests == 10_000 * 2
    assert works["renewing what is due in a day"].writes == 6_667 * MEASURED["renewal"]["writes"]
    assert everything.by_quotas >= (1_000_000 * 2 - 70_000) * 300 / 70_000
    assert everything.cpu == 1_000_000 * MEASURED["renewal"]["cpu_seconds"]


def test_measured_requests_are_whole():
    """They are counted: a fraction would mean that applications were not treated alike."""
    for name in ("status", "renewal", "nothing_due"):
        assert all(
            MEASURED[name][what] % 1 == 0
            for what in ("requests", "authority_requests", "key_credential_reads", "writes")
        )
