# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import dataclasses
import re

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core import (
    access,
    diagnosis,
    limits,
    model,
    plan,
    policy,
    privileges,
    quota,
    status,
    verdict,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.model import thumbprint_of_identifier
from ansible_collections.evercert.entra.tests.unit.builders import (
    a_certificate,
    a_credential,
    a_store,
    a_version,
    an_application,
)
from hypothesis import example, given
from hypothesis import strategies as st

HEX = "9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A"
BASE64 = base64.b64encode(bytes.fromhex(HEX)).decode()


@pytest.mark.parametrize("identifier", [HEX, HEX.lower(), f" {HEX}\n", BASE64])
def test_an_identifier_that_is_a_thumbprint_is_read_in_either_form(identifier):
    assert thumbprint_of_identifier(identifier) == HEX


@pytest.mark.parametrize(
    "identifier",
    [
        *(None, "", "CN=payroll", base64.b64encode(b"CN=payroll").decode(), 12, "é" * 40),
        *(HEX[:-1], HEX + "0", "Z" * 39 + "A", BASE64 + "="),
        *(base64.b64encode(bytes(length)).decode() for length in (19, 21)),
    ],
)
def test_any_other_identifier_is_no_thumbprint(identifier):
    assert thumbprint_of_identifier(identifier) is None


@given(st.one_of(st.text(), st.binary().map(lambda raw: base64.b64encode(raw).decode()), st.integers(), st.none()))
@example("ß" * 20)
@example("\uff10" * 40)
def test_whatever_somebody_put_there_gives_a_thumbprint_or_nothing(identifier):
    found = thumbprint_of_identifier(identifier)

    assert found is None or re.fullmatch("[0-9A-F]{40}", found)


@given(st.binary(min_size=20, max_size=20))
def test_both_forms_of_one_hash_are_one_thumbprint(raw):
    assert thumbprint_of_identifier(base64.b64encode(raw).decode()) == thumbprint_of_identifier(raw.hex())


def test_the_bytes_decide_where_they_are_known():
    ours, theirs = a_certificate("ours"), a_certificate("theirs")

    assert not a_credential(theirs, identifier=ours.thumbprint).holds(ours)
    assert a_credential(ours, identifier="CN=whatever").holds(ours)
    assert a_credential(ours, identifier="CN=whatever").thumbprint == ours.thumbprint


def test_two_certificates_with_one_sha1_are_two():
    ours = a_certificate("ours")
    forged = dataclasses.replace(a_certificate("forged"), thumbprint=ours.thumbprint)

    assert not a_credential(forged).holds(ours)


def test_without_bytes_an_identifier_that_is_the_thumbprint_counts():
    ours = a_certificate("ours")

    assert a_credential(ours, certificate=None).holds(ours)
    assert not a_credential(ours, certificate=None, identifier=None).holds(ours)


@pytest.mark.parametrize(
    "kind, usage",
    [("X509CertAndPassword", "Sign"), ("Symmetric", "Verify"), (None, None), ("AsymmetricX509Cert", "Sign")],
)
def test_only_certificates_for_verifying_sign_in(kind, usage):
    application = an_application(a_credential(type=kind, usage=usage))

    assert application.sign_in_credentials == ()
    assert application.find_credential(a_certificate()) is None


def test_the_token_encryption_key_is_not_for_sign_in_and_protected():
    entry = a_credential(key_id="decrypts")
    application = an_application(entry, token_encryption_key_id="decrypts")

    assert application.find_credential(entry.certificate) is None
    assert application.why_protected(entry) == "it decrypts tokens (tokenEncryptionKeyId names it)"


def test_an_identifier_that_anybody_may_set_counts_only_where_no_entry_has_the_bytes():
    certificate = a_certificate()
    named = dataclasses.replace(a_credential(certificate, identifier=certificate.thumbprint), certificate=None)
    held = a_credential(certificate, key_id="held")

    assert an_application(named, held).find_credential(certificate) is held
    assert an_application(named).find_credential(certificate) is named


def test_both_halves_of_a_saml_pair_are_protected():
    signs = a_credential(key_id="signs", type="X509CertAndPassword", usage="Sign", identifier="pair")
    verifies = a_credential(key_id="verifies", identifier="pair")
    other = a_credential(key_id="other", identifier=None)
    application = an_application(signs, verifies, other)

    assert application.why_protected(signs) == "it signs tokens"
    assert application.why_protected(verifies) == "it is one of a SAML signing pair"
    assert application.why_protected(other) is None


def test_entries_that_have_no_identifier_are_no_pair():
    signs = a_credential(key_id="signs", usage="Sign", identifier=None)
    plain = a_credential(key_id="plain", identifier=None)

    assert an_application(signs, plain).why_protected(plain) is None


def test_a_credential_is_found_by_its_key_id():
    entry = a_credential(key_id="one")

    assert an_application(entry).find_credential_by_id("one") is entry
    assert an_application(entry).find_credential_by_id("two") is None


def test_der_is_written_as_base64():
    assert a_certificate("abc").base64_der == "YWJj"


def test_a_new_store_is_empty():
    assert a_store().is_empty
    assert a_store().versions == ()
    assert a_store().predecessor is None


def test_the_predecessor_is_the_version_that_current_names():
    old, other = a_version("old", promoted=-90), a_version("other", promoted=-200)
    store = a_store(a_version("new", replaces=old), others=[other, old])

    assert store.predecessor == old
    assert store.find(old.thumbprint) == old
    assert store.find("unknown") is None


def test_versions_that_were_never_registered_or_are_retired_are_no_predecessors():
    served, sent = a_version("served", promoted=-90), a_version("sent", intent=-1)
    others = [served, sent, a_version("unsent", generated=-1), a_version("gone", promoted=-90, retired=-1)]

    assert a_store(a_version("new"), others=others).predecessors == (served, sent)


@pytest.mark.parametrize("module", [access, diagnosis, limits, model, plan, policy, privileges, quota, status, verdict])
def test_no_noun_changes(module):
    """What a decision rests on is the same when it is carried out."""
    nouns = [each for each in vars(module).values() if dataclasses.is_dataclass(each)]

    assert nouns
    assert all(noun.__dataclass_params__.frozen for noun in nouns)


def test_one_entry_is_the_same_whatever_else_graph_tells_of_it():
    assert a_credential(raw={"hint": "abc"}) == a_credential(raw={})


def test_a_credential_is_managed_when_its_certificate_is_in_the_store_with_or_without_a_record():
    store = a_store(a_version("other"), others=[a_version("ours")])

    assert store.holds(a_credential(a_certificate("ours")))
    assert not store.holds(a_credential(a_certificate("theirs")))


def test_keys_and_raw_entries_stay_out_of_a_repr():
    entry = a_credential(raw={"key": "raw-bytes"})

    assert "raw-bytes" not in repr(entry)
    assert "der=" not in repr(a_certificate())


def a_principal(*entries):
    return model.ServicePrincipal("principal", "app", True, entries, token_encryption_key_id="decrypts")


def test_an_entry_of_a_service_principal_is_for_sign_in_unless_it_has_another_purpose():
    plain, signs, verifies, stray, decrypts = (
        a_credential(a_certificate(name), key_id=name, identifier=identifier, usage=usage)
        for name, identifier, usage in [
            ("plain", None, "Verify"),
            ("signs", "pair", "Sign"),
            ("verifies", "pair", "Verify"),
            ("stray", None, "Sign"),
            ("decrypts", None, "Verify"),
        ]
    )
    principal = a_principal(signs, verifies, stray, decrypts, plain)

    assert [principal.purpose_of(entry) for entry in principal.key_credentials] == [
        "saml_signing",
        "saml_signing",
        "saml_signing",
        "token_encryption",
        "sign_in",
    ]
    assert principal.find_credential(a_certificate("plain")) == plain
    assert principal.find_credential(a_certificate("verifies")) is None
    assert principal.find_credential(a_certificate("unknown")) is None
