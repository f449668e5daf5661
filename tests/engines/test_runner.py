# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-runner, by its Python interface and by its command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from engines.fleet import as_json, program, run, static_inventory
from secrecy.hunt import a_canary

JOB = Path(__file__).with_name("job.py")


def test_a_failed_proof_is_a_failed_job_and_its_artifacts_hold_no_secret(fleet, hunt, tmp_path):
    """All but what runner itself writes: it keeps the environment of the job in the artifact `command`."""
    fleet.add("payroll")
    mailer = fleet.add("mailer")
    fleet.tenant.faults.add(
        "not_applied", match=["add_key", "patch_application"], application=mailer.app_id, times=None
    )
    data = private_data(fleet, tmp_path, renew_timeout_propagation=3)
    exported = a_canary()
    hunt.add_text("exported", exported)
    as_json(data / "env" / "envvars", {"EXPORTED": exported})

    done = run(sys.executable, JOB, data, "evercert.entra.renew")

    job = json.loads(done.stdout)
    assert (job["status"], job["rc"]) == ("failed", 2)
    assert set(job["stats"]["failures"]) == {"mailer"}
    assert [(event["host"], event["task"]) for event in job["failed"]] == [
        ("mailer", "Renew when due, up to the promotion")
    ]
    assert "the write was not applied" in job["failed"][0]["message"]
    assert fleet.current("payroll") in fleet.registered("payroll")
    assert job["stats"]["changed"]["payroll"]
    fleet.learn_keys()
    assert hunt.found_in_files(data / "artifacts") == {f"{job['id']}/command": ["exported"]}


def test_the_command_takes_the_same_directory(fleet, hunt, tmp_path):
    fleet.add("payroll", ends=90.0)
    data = private_data(fleet, tmp_path)

    done = run(program("ansible-runner"), "run", data, "--playbook", "evercert.entra.verify", "--ident", "proof")

    assert done.returncode == 0, done.stdout
    assert "1 consecutive sign-ins accepted" in done.stdout
    artifacts = data / "artifacts" / "proof"
    assert (artifacts / "status").read_text(encoding="utf-8") == "successful"
    assert (artifacts / "rc").read_text(encoding="utf-8") == "0"
    fleet.learn_keys()
    assert hunt.found_in_files(data / "artifacts") == {}
    assert not hunt.found_in(done.stdout.encode())


def test_an_application_that_may_not_sign_in_fails_the_command(fleet, tmp_path):
    fleet.add("payroll", ends=90.0, enabled=False)

    done = run(program("ansible-runner"), "run", private_data(fleet, tmp_path), "--playbook", "evercert.entra.verify")

    assert done.returncode == 2
    assert "application_disabled" in done.stdout


def private_data(fleet, tmp_path, **variables):
    """A private data directory: the secret comes from env/extravars, which is an input."""
    data = tmp_path / "job"
    as_json(data / "inventory" / "hosts.json", static_inventory(fleet, **variables))
    as_json(data / "env" / "extravars", {"entra_client_secret": fleet.secret})
    (data / "project").mkdir()
    return data
