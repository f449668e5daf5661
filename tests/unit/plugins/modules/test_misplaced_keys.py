# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private key in an option for public things is in no log and in no result, whichever module refuses it."""

from __future__ import annotations

import base64
import json
import types

import pytest
from ansible.module_utils import basic
from ansible_collections.evercert.entra.plugins.modules import (
    application_access,
    application_certificate,
    application_certificate_info,
    application_certificate_renew,
    application_certificate_verify,
    application_recovery,
    application_report,
)
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

STORE = {"key_store": "/nowhere"}
MODULES = {
    application_access: {},
    application_certificate: {},
    application_certificate_info: {},
    application_certificate_renew: STORE,
    application_certificate_verify: STORE,
    application_recovery: STORE,
    application_report: {"directory": "/nowhere"},
}


@pytest.fixture
def logged(monkeypatch):
    """What is sent to the journal and to syslog, which is taken where the journal cannot be reached."""
    lines = []

    def send(**fields):
        lines.append(str(fields))
        raise OSError

    monkeypatch.setattr(basic, "has_journal", True)
    monkeypatch.setattr(basic, "journal", types.SimpleNamespace(send=send), raising=False)
    monkeypatch.setattr(basic.syslog, "syslog", lambda *given: lines.append(str(given)))
    return lines


@pytest.fixture
def forms(old, public_of, pem_of):
    """One private key as PEM, and as a vault's secret: base64 of a PFX."""
    with open(pem_of(old), encoding="utf-8") as file:
        pem = file.read()
    content = pkcs12.serialize_key_and_certificates(b"x", old.private_key, None, None, NoEncryption())
    return {"PEM": pem, "PFX": base64.b64encode(content).decode()}


def shown(key, *texts):
    """Where 23 characters of the key in a row are found in what was said, wrapped or escaped."""
    plain = "".join(json.dumps(text) for text in texts).replace("\\", "").replace("\n", "")
    plain = plain.replace("n", "")  # of line ends, escaped
    secret = "".join(line for line in key.splitlines() if "-----" not in line).replace("n", "")[400:-8]
    return [start for start in range(len(secret) - 23) if secret[start : start + 23] in plain]


@pytest.mark.parametrize("form", ["PEM", "PFX"])
@pytest.mark.parametrize(("module", "options"), MODULES.items(), ids=lambda one: getattr(one, "__name__", "")[38:])
@pytest.mark.parametrize("option", ["tenant_id", "cloud", "auth_source", "nonsense"])
def test_a_misplaced_private_key_is_in_no_log_and_no_result(call, logged, forms, module, options, option, form):
    found = call(module, _ansible_inject_invocation=True, **{"tenant_id": "x.test", **options, option: forms[form]})

    assert found["failed"]
    assert shown(forms[form], found, *logged) == []


@pytest.mark.parametrize("form", ["PEM", "PFX"])
def test_a_certificate_with_its_private_key_is_in_no_log_and_no_result(run_module, logged, forms, payroll, form):
    found = run_module(application_certificate, app_id=payroll.app_id, certificate_content=forms[form])

    assert found["failed"] and len(logged) == 2
    assert shown(forms[form], found, *logged) == []


def test_the_search_finds_a_key(forms):
    assert all(shown(key, {"msg": f"Invoked with {key!r}"}) for key in forms.values())
