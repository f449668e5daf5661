# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose word counts: what a task says, then what the key store was made for, then variables of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.modules import (
    application_certificate_info,
    application_certificate_renew,
    application_certificate_verify,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

INFO, RENEW, VERIFY = application_certificate_info, application_certificate_renew, application_certificate_verify
OMITTED = dict.fromkeys(["auth_source", "client_id", "client_secret"])
STRANGER = "99999999-2222-4333-8444-555555555555"
OWN = {**OMITTED, "auth_source": "key_store"}
QUICK = {"sign_ins": 1, "sign_in_interval": 0, "initial_pause": 0}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Somebody else's, whose secret is refused here."""
    for name in ("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "ENTRA_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_CLIENT_ID", STRANGER)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "of-somebody-else")
    return monkeypatch


@pytest.fixture
def run(call, server, administrator):
    """Run a module as the administrator; what is None is left out, as a null would keep the environment out."""

    def make(module, **options):
        place = {"tenant_id": server.emulator.tenant.id, "ca_path": str(server.ca_path)}
        urls = {"authority_host": server.url, "graph_url": server.url}
        signed_in = {"client_id": administrator.app_id, "client_secret": "s3cret"}
        given = {**place, **urls, **signed_in, **options}
        return call(module, **{name: value for name, value in given.items() if value is not None})

    return make


@pytest.fixture
def operator(tenant, pem_of):
    """One that signs in with a certificate, as the options that say so."""
    pair = tenant.issue("operator")
    made = tenant.add_application("operator", [pair], roles=["Application.Read.All"])
    path = {"client_certificate_path": pem_of(pair)}
    return {**OMITTED, "client_id": made.app_id, **path}


@pytest.fixture
def adopted(run, payroll, old, key_store, pem_of):
    """The key store of payroll, which its records name."""
    found = run(RENEW, app_id=payroll.app_id, key_store=key_store, adopt_path=pem_of(old))
    assert not found.get("failed"), found
    return key_store


def test_a_credential_of_the_task_keeps_those_of_the_environment_out(run, payroll, operator):
    found = run(INFO, app_id=payroll.app_id, **operator)

    assert found["auth"]["source"] == "certificate"
    assert found["auth"]["skipped"][1] == {
        "source": "client_secret",
        "why": "AZURE_CLIENT_SECRET is set, and not used beside what the options say.",
    }


def test_the_environment_signs_in_where_a_task_names_no_credential(run, payroll, administrator, environment):
    environment.setenv("AZURE_CLIENT_ID", administrator.app_id)
    environment.setenv("AZURE_CLIENT_SECRET", "s3cret")

    found = run(INFO, app_id=payroll.app_id, **OMITTED)

    assert found["auth"]["source"] == "client_secret" and found["summary"]["total"] == 1


def test_a_refusal_says_what_the_environment_gave(run, payroll):
    found = run(INFO, **OMITTED)

    told = " (auth_source auto took client_secret. From the environment: client_id, client_secret.)"
    assert found["msg"].endswith(told)


def test_what_the_task_gave_is_not_told_of_the_environment(run, payroll):
    found = run(INFO, **{**OMITTED, "auth_source": "client_secret", "client_secret": "wrong"})

    assert found["msg"].endswith(" (From the environment: client_id.)")


def test_a_passphrase_of_the_environment_opens_the_file_of_the_task(run, payroll, operator, environment):
    """It signs nobody in, and is often the one thing that is not in a playbook."""
    path = Path(operator["client_certificate_path"])
    key, certificate = load_pem_private_key(path.read_bytes(), None), path.read_bytes().partition(b"-----BEGIN CERT")
    path.write_bytes(encrypted(key) + certificate[1] + certificate[2])
    environment.setenv("AZURE_CLIENT_CERTIFICATE_PASSWORD", "for-the-file")

    assert run(INFO, app_id=payroll.app_id, **operator)["auth"]["source"] == "certificate"


def encrypted(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"for-the-file"))


def test_an_alias_is_a_credential_too(run, payroll, environment):
    environment.setenv("ENTRA_ACCESS_TOKEN", "of-somebody-else")

    found = run(INFO, app_id=payroll.app_id, client_secret=None, secret="s3cret")

    assert found["auth"]["source"] == "client_secret"


def test_a_key_pair_on_trial_is_no_credential_of_the_operator(run, payroll, old, pem_of, environment, tenant):
    """It says what is verified; the application is looked up by whoever else was named."""
    reader = tenant.add_application("reader", secret="r3ader", roles=["Application.Read.All"])
    environment.setenv("AZURE_CLIENT_ID", reader.app_id)
    environment.setenv("AZURE_CLIENT_SECRET", "r3ader")

    found = run(VERIFY, object_id=payroll.object_id, client_certificate_path=pem_of(old), **OMITTED, **QUICK)

    assert found["verified"] and found["auth"]["source"] == "client_secret"


def test_the_application_of_the_key_store_comes_before_a_variable(run, payroll, adopted):
    found = run(INFO, key_store=adopted, sign_in=True, **OWN)

    assert [one["app_id"] for one in found["applications"]] == [payroll.app_id]


def test_a_client_id_of_the_task_still_names_it(run, adopted):
    found = run(VERIFY, key_store=adopted, **{**OWN, "client_id": STRANGER}, **QUICK)

    assert f"and this task is about {STRANGER}" in found["msg"]


def test_a_variable_names_the_application_where_nothing_else_does(run, tmp_path):
    found = run(INFO, key_store=str(tmp_path), **OWN)

    assert [one["app_id"] for one in found["applications"]] == [STRANGER]
