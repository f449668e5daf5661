# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-navigator without an execution environment: there is no container engine where the tests run."""

from __future__ import annotations

import json

from engines.fleet import as_json, program, run, static_inventory


def test_navigator_runs_the_playbook_and_its_artifact_holds_no_secret(fleet, hunt, tmp_path):
    fleet.add("payroll", ends=90.0)

    done = navigate(fleet, tmp_path, "evercert.entra.report")

    assert done.returncode == 0, done.stdout
    assert "healthy" in done.stdout
    kept = json.loads((tmp_path / "artifact.json").read_text(encoding="utf-8"))
    assert kept["status"] == "successful"
    fleet.learn_keys()
    assert not hunt.found_in((tmp_path / "artifact.json").read_bytes())
    assert not hunt.found_in(done.stdout.encode())


def test_navigator_hands_on_that_a_proof_failed(fleet, tmp_path):
    fleet.add("payroll", ends=90.0, enabled=False)

    done = navigate(fleet, tmp_path, "evercert.entra.verify")

    assert done.returncode == 2
    assert "application_disabled" in done.stdout


def navigate(fleet, tmp_path, playbook):
    inventory = as_json(tmp_path / "inventory.json", static_inventory(fleet))
    secret = as_json(tmp_path / "secret.json", {"entra_client_secret": fleet.secret})
    how = ("--ee", "false", "--mode", "stdout", "--lf", tmp_path / "navigator.log", "--pas", tmp_path / "artifact.json")
    where = f"report_directory={tmp_path}/report"
    told = ("-e", f"@{secret}", "-e", where)
    return run(program("ansible-navigator"), "run", playbook, "-i", inventory, *how, *told, cwd=tmp_path)
