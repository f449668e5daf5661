# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The definitions for automation controller and AWX: imported by awxkit, and what a job gets from them."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path

import pytest
import yaml
from engines import controller_rules as rules
from engines.controller import Controller, serving
from engines.fleet import program, run

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples" / "engines"
CREDENTIAL, DEFINITIONS = (EXAMPLES / name for name in ("credential.yml", "controller.yml"))
[TYPE] = yaml.safe_load(CREDENTIAL.read_text(encoding="utf-8"))["credential_types"]
TEMPLATES = {
    template["playbook"]: template
    for template in yaml.safe_load(DEFINITIONS.read_text(encoding="utf-8"))["job_templates"]
}
SURVEYS = {name: one["related"]["survey_spec"] for name, one in TEMPLATES.items() if "survey_spec" in one["related"]}


def test_the_definitions_are_imported_and_importing_them_again_leaves_the_secret():
    controller = Controller()
    with serving(controller) as url:
        import_into(url, CREDENTIAL)
        [credential] = controller.objects["credentials"].values()
        credential["inputs"]["client_secret"] = "$encrypted$"
        import_into(url, DEFINITIONS)
        posted, first = controller.posted, copy.deepcopy(controller.objects)
        import_into(url, DEFINITIONS)

    assert controller.posted == posted
    assert controller.objects == first
    assert {kind: len(found) for kind, found in first.items()} == {
        "organizations": 1,
        "credential_types": 1,
        "credentials": 1,
        "execution_environments": 1,
        "projects": 1,
        "inventories": 1,
        "inventory_sources": 1,
        "job_templates": 3,
        "schedules": 3,
    }
    for number, template in first["job_templates"].items():
        assert controller.attached[template["url"]] == {"Entra certificates"}
        assert template["execution_environment"] in first["execution_environments"], number
        assert (template["url"] in controller.surveys) == template.get("survey_enabled", False)
    [source] = first["inventory_sources"].values()
    assert source["credential"] in first["credentials"]


def test_the_inventory_is_new_before_anything_is_renewed():
    [source] = yaml.safe_load(DEFINITIONS.read_text(encoding="utf-8"))["inventory_sources"]
    [look], [renew] = source["related"]["schedules"], TEMPLATES["renew.yml"]["related"]["schedules"]

    assert rules.check_rrule(look["rrule"]) < rules.check_rrule(renew["rrule"])
    assert not source["update_on_launch"]


def test_only_applications_that_somebody_chose_are_renewed():
    """A renewal of all makes a certificate wherever a key store is empty."""
    file = EXAMPLES / "project" / "inventory" / "applications.evercert_entra.yml"

    assert yaml.safe_load(file.read_text(encoding="utf-8"))["filter"]


def test_the_survey_of_the_renewal_asks_for_what_the_role_knows():
    path = ROOT / "roles" / "renew" / "meta" / "argument_specs.yml"
    known = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    asked = {question["variable"]: question for question in SURVEYS["renew.yml"]["spec"]}

    assert asked.pop("target")["default"] == "all"
    assert set(asked) <= set(known)
    for name, question in asked.items():
        assert question["default"] == known[name]["default"]
        assert set(question.get("choices", [])) <= set(known[name].get("choices", []))


@pytest.mark.parametrize("playbook", sorted(SURVEYS))
def test_every_answer_is_read_by_the_playbook(playbook):
    text = (ROOT / "playbooks" / playbook).read_text(encoding="utf-8")
    others = [one["variable"] for one in SURVEYS[playbook]["spec"] if not one["variable"].startswith("renew_")]

    assert "target" in others
    assert all(name in text for name in others)


def test_a_job_signs_in_with_the_certificate_of_its_credential(fleet, tmp_path):
    pair = fleet.tenant.issue("job", -10.0, 90.0)
    job = fleet.tenant.add_application("job", [pair], roles=["Application.Read.All"])
    given = {"client_id": job.app_id, "client_certificate": pair.bundle_pem}

    assert source_of_token(fleet, tmp_path, given) == "certificate"


def test_a_job_signs_in_with_the_secret_of_its_credential(fleet, tmp_path):
    """Inputs that were left empty reach the job as empty variables, and count as not given."""
    given = {"client_id": fleet.tenant.application("admin").app_id, "client_secret": fleet.secret, "cloud": "public"}

    assert source_of_token(fleet, tmp_path, given) == "client_secret"


def source_of_token(fleet, tmp_path, given):
    """How a task signed in that got nothing but the environment of a job."""
    variables = rules.inject(TYPE, {"tenant_id": fleet.tenant.id, **given}, tmp_path)
    options = {"authority_host": fleet.server.url, "graph_url": fleet.server.url, "ca_path": str(fleet.server.ca_path)}
    module = ["-m", "evercert.entra.application_certificate_info", "-a", json.dumps(options)]
    shown = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1"}
    done = run(program("ansible"), "localhost", *module, **variables, **shown)
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout[done.stdout.index("{") :])["auth"]["source"]


SPOILED_TYPES = {
    "an unknown name": lambda kind: kind["injectors"]["env"].update(AZURE_TENANT_ID="{{ tenant }}"),
    "Ansible's own": lambda kind: kind["injectors"]["env"].update(ANSIBLE_CONFIG="/tmp"),
    "two files": lambda kind: kind["injectors"]["file"].update({"template.other": ""}),
    "a file that is not there": lambda kind: kind["injectors"].pop("file"),
    "a field twice": lambda kind: kind["inputs"]["fields"].append({"id": "tenant_id", "label": "Again"}),
    "a reserved name": lambda kind: kind["inputs"]["fields"].append({"id": "tower", "label": "Tower"}),
    "a secret switch": lambda kind: kind["inputs"]["fields"].append(
        {"id": "switch", "label": "Switch", "type": "boolean", "secret": True}
    ),
}


@pytest.mark.parametrize("how", SPOILED_TYPES)
def test_a_spoiled_credential_type_would_be_refused(how):
    kind = copy.deepcopy(TYPE)
    SPOILED_TYPES[how](kind)

    with pytest.raises(rules.Refused):
        rules.check_credential_type(kind["inputs"], kind["injectors"])


@pytest.mark.parametrize(
    "change",
    [{"default": "some"}, {"type": "choice"}, {"choices": []}, {"required": "yes"}, {"variable": "renew_stop_after"}],
)
def test_a_spoiled_survey_would_be_refused(change):
    survey = copy.deepcopy(SURVEYS["renew.yml"])
    survey["spec"][0].update(change)

    with pytest.raises(rules.Refused):
        rules.check_survey(survey)


@pytest.mark.parametrize(
    "rrule",
    [
        "RRULE:FREQ=DAILY;INTERVAL=1",
        "DTSTART:20270101T031700 RRULE:FREQ=DAILY;INTERVAL=1",
        "DTSTART:20270101T031700Z RRULE:FREQ=DAILY",
        "DTSTART:20270101T031700Z RRULE:FREQ=SECONDLY;INTERVAL=1",
        "DTSTART:20270101T031700Z RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=1MO",
        "DTSTART;TZID=Nowhere/Else:20270101T031700 RRULE:FREQ=DAILY;INTERVAL=1",
        "DTSTART:20270101T031700Z RRULE:FREQ=REGULARLY;INTERVAL=1",
    ],
)
def test_a_spoiled_schedule_would_be_refused(rrule):
    with pytest.raises(rules.Refused):
        rules.check_rrule(rrule)


def import_into(url, path):
    """The import as a person does it; a complaint of the client about one of the objects is an exit code."""
    command = [program("awx"), "import", "-f", "yaml", "--conf.host", url, "--conf.token", "any"]
    with path.open(encoding="utf-8") as definitions:
        done = subprocess.run(command, stdin=definitions, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
