# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an entry may say; and with split duty, who registers: one credential, whatever there is besides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.evercert.entra.plugins.module_utils._ansible.specs import CONNECTION
from ansible_collections.evercert.entra.plugins.plugin_utils._role_specs import OF_ROLES

ROOT = Path(__file__).resolve().parents[3]
VARIABLES = sorted((ROOT / "roles" / "renew" / "vars" / "main").glob("*.yml"))
ENVIRONMENT = {
    "AZURE_CLIENT_ID": "of the environment",
    "AZURE_CLIENT_SECRET": "s3cret",
    "AZURE_CLIENT_CERTIFICATE_PATH": "/environment.pem",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD": "phrase",
    "AZURE_FEDERATED_TOKEN_FILE": "/environment.jwt",
}
# Where to sign in comes from the host of the application; these say who.
PLACES = {"authority_host", "ca_path", "cloud", "graph_url", "tenant_id"}


OWN = (
    {"client_certificate_path": "/own.pem"},
    {"x509_certificate_path": "/own.pem"},
    {"client_secret": "own"},
    {"secret": "own"},
    {"access_token": "own"},
)


@pytest.fixture(scope="module")
def identities(tmp_path_factory):
    """What the task that registers is given for no registrar, and for each of OWN, with all of ENVIRONMENT set."""
    folder = tmp_path_factory.mktemp("registrars")
    write = {
        "ansible.builtin.copy": {"dest": "{{ playbook_dir }}/{{ item }}.json", "content": "{{ given | to_json }}"},
        "loop": list(range(len(OWN) + 1)),
        "vars": {"renew_registrar": "{{ registrars[item] }}", "given": "{{ __renew_registrar_options }}"},
    }
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [write]}
    play |= {"vars": {"registrars": [{}, *OWN]}, "vars_files": [str(path) for path in VARIABLES]}
    (folder / "play.yml").write_text(json.dumps([play]))
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "play.yml"]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads((folder / f"{number}.json").read_text()) for number in write["loop"]]


def test_nothing_that_says_who_signs_in_comes_from_the_host_of_the_application(identities):
    assert all(given.keys() >= CONNECTION.keys() - PLACES for given in identities)


def test_without_a_registrar_the_environment_counts(identities):
    assert {name: value for name, value in identities[0].items() if value} == {
        "auth_source": "auto",
        "client_id": "of the environment",
        "client_secret": "s3cret",
        "client_certificate_path": "/environment.pem",
        "client_certificate_passphrase": "phrase",
    }


@pytest.mark.parametrize("number", range(1, len(OWN) + 1), ids=lambda number: next(iter(OWN[number - 1])))
def test_a_credential_of_the_registrar_is_the_only_one(identities, number):
    given, own = identities[number], OWN[number - 1]

    assert {**given, **own} == given and given["client_id"] == "of the environment"
    assert not {"s3cret", "/environment.pem", "/environment.jwt", "phrase"} & set(given.values())


def test_an_entry_may_be_set_to_what_the_variable_may_be_set_to():
    known = yaml.safe_load((ROOT / "roles/renew/vars/main/options.yml").read_text())
    given = {name: OF_ROLES["renew"].get(f"renew_{name}", {}).get("choices", ()) for name in known["__renew_known"]}
    choices = {f"{name}={word}" for name, words in given.items() for word in words}

    assert set(known["__renew_choices"]) == choices and "state=retired" not in choices
