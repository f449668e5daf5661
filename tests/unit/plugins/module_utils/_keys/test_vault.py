# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store over a vault in memory: each change one by one; test_in_a_vault.py has whole renewals."""

from __future__ import annotations

import base64
import datetime as dt
from dataclasses import replace

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput, KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import load_key_pair, signing_request
from ansible_collections.evercert.entra.plugins.module_utils._keys.pem import parse_blocks, parse_der
from ansible_collections.evercert.entra.plugins.module_utils._keys.vault import VaultStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.vault_tags import Marks, tags_for

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.timezone.utc)
SENT = Record(app_id="app", generated=NOW, intent=NOW)
SPAN = {"not_before": NOW, "not_after": NOW + dt.timedelta(days=90)}


class MemoryVault:
    """What `_entra/key_vault.py` is to a real one. `makes` are the key pairs it will make."""

    location = "https://payroll.vault.azure.net/certificates/payroll"

    def __init__(self, makes=()):
        self.makes = list(makes)
        self.held = {}  # version → [certificate, tags, enabled, created]
        self.operation = None
        self.calls = []

    def add(self, certificate, tags):
        self.held[f"v{len(self.held)}"] = [certificate, dict(tags), True, len(self.held)]

    def versions(self):
        return [
            {
                "id": f"{self.location}/{name}",
                "attributes": {"enabled": enabled, "created": created},
                "tags": dict(tags),
            }
            for name, (_certificate, tags, enabled, created) in self.held.items()
        ]

    def certificate(self, version):
        certificate, tags, *_rest = self.held[version]
        return {"cer": certificate.base64_der if certificate else None, "tags": dict(tags)}

    def create(self, policy, tags):
        self.calls.append("create")
        waits = policy["issuer"]["name"] == "Unknown"
        csr = parse_der(parse_blocks(signing_request(self.makes[0], "CN=x").encode())[0]) if waits else b""
        self.operation = {"status": "inProgress", "issuer": policy["issuer"], "csr": base64.b64encode(csr).decode()}
        self.tags = tags

    def pending(self):
        return self.operation

    def wait_until_made(self):
        if self.operation and self.operation["issuer"]["name"] == "Self":
            self.add(self.makes.pop(0).certificate, self.tags)
            self.operation = {**self.operation, "status": "completed"}

    def import_pem(self, content, policy, tags):
        self.calls.append("import")
        self.add(load_key_pair(content, None, "import").certificate, tags)

    def merge(self, certificates, tags):
        self.calls.append("merge")
        self.operation = None
        self.add(self.makes.pop(0).certificate, tags)

    def update(self, version, tags, enabled):
        self.calls.append("update")
        self.held[version][1] = dict(tags)
        self.held[version][2] = self.held[version][2] if enabled is None else enabled

    def sign(self, version, algorithm, digest):
        return f"{version} {algorithm} {digest.hex()[:6]}".encode()


@pytest.fixture
def vault(key_pairs):
    return MemoryVault(key_pairs)


@pytest.fixture
def store(vault):
    return VaultStore(vault)


@pytest.fixture
def current(store, key_pairs):
    """The first key pair is current."""
    store.adopt_current(key_pairs[0], SENT)
    return store


def made(store):
    return store.make_key_pair(key_size=2048, subject="payroll", **SPAN)


def refusal(act, *arguments):
    with pytest.raises(KeyStoreError) as caught:
        act(*arguments)
    return caught.value.message


def test_an_empty_vault_is_an_empty_store(store):
    assert not store.exists and store.read().is_empty and store.history(5) == []
    assert store.clear_debris() == [] and store.signing_request() is None
    store.prepare()
    store.refuse_obstacles()
    assert store.wrong_access() == store.correct_access() == []


def test_a_key_signs_the_digest_of_what_it_is_given(current, old):
    assert current.signer(old).sign(b"", "RS256") == b"v0 RS256 e3b0c4"  # SHA-256 of nothing


def test_a_version_that_the_vault_is_making_already_is_waited_for(store, vault):
    vault.tags = {"evercert-made": "1"}
    vault.operation = {"status": "inProgress", "issuer": {"name": "Self"}, "csr": ""}

    assert made(store).certificate == store.read().successor.certificate
    assert "create" not in vault.calls


def test_a_vault_that_makes_nothing_is_told(store, vault):
    vault.wait_until_made = lambda: None

    assert "Key Vault shows no new version" in refusal(made, store)


def test_a_version_without_a_certificate_is_none_yet(store, vault):
    vault.add(None, {})

    assert store.read().is_empty


def test_the_current_certificate_is_no_successor(current, key_pairs):
    assert "is already the current one" in refusal(current.keep_successor, key_pairs[0], SENT)


def test_only_an_empty_store_adopts(current, key_pairs):
    assert "already holds a key pair" in refusal(current.adopt_current, key_pairs[1], SENT)


def test_a_kept_pair_that_was_given_up_comes_back_to_life(current, vault, key_pairs):
    version = current.keep_successor(key_pairs[1], SENT)
    current.release_successor()
    current.delete_version(version.thumbprint)
    assert current.read().find(version.thumbprint) is None and not vault.held["v1"][2]

    again = current.keep_successor(key_pairs[1], Record(generated=NOW, origin="provided"))

    assert current.read().successor.thumbprint == again.thumbprint and vault.held["v1"][2]
    assert again.record.intent == NOW and vault.calls.count("import") == 2


def test_there_has_to_be_a_successor_to_promote(current):
    assert "has no successor to promote" in refusal(current.promote_successor, NOW)


def test_a_promotion_remembers_who_follows_whom(store, vault, key_pairs, old):
    store.adopt_current(key_pairs[0], Record())
    store.keep_successor(key_pairs[1], replace(SENT, stop_after="proven", finding="near_expiry"))
    promoted = store.promote_successor(NOW)

    assert (promoted.record.predecessor, promoted.record.promoted) == (old, NOW)
    assert promoted.record.stop_after is None
    assert store.read().predecessor.record.promoted == key_pairs[0].certificate.not_before


def test_of_a_certificate_that_was_imported_twice_one_version_counts_to_its_end(current, vault, key_pairs, new):
    """By two runs at once, or by a person: the other one stays as it is, and is never found again."""
    current.keep_successor(key_pairs[1], SENT)
    tags = next(tags for certificate, tags, *_rest in vault.held.values() if certificate.thumbprint == new)
    vault.add(key_pairs[1].certificate, tags)
    store = VaultStore(vault)

    store.promote_successor(NOW)
    contents = VaultStore(vault).read()
    assert contents.current.thumbprint == new and not contents.successor and len(contents.versions) == 2
    current = VaultStore(vault)
    current.roll_back(contents.predecessor.thumbprint)
    current.release_successor()
    current.delete_version(new)
    assert VaultStore(vault).read().find(new) is None
    assert [tags for _certificate, tags, *_rest in vault.held.values()][-1] == tags


def test_going_back_makes_the_refused_version_the_successor(current, key_pairs, old, new):
    current.keep_successor(key_pairs[1], SENT)
    current.promote_successor(NOW)
    current.keep_successor(key_pairs[2], SENT)
    current.roll_back(old)

    contents = current.read()
    assert (contents.current.thumbprint, contents.successor.thumbprint) == (old, new)
    current.roll_back(old)
    current.roll_back(new)
    assert current.read().current.thumbprint == new


def test_going_back_again_finishes_what_was_stopped_after_its_first_request(store, vault, key_pairs, old, new):
    store.adopt_current(key_pairs[0], SENT)
    store.keep_successor(key_pairs[1], SENT)
    store.promote_successor(NOW)
    vault.held["v1"][1].update({"evercert-successor": "8"})

    VaultStore(vault).roll_back(old)

    contents = VaultStore(vault).read()
    assert (contents.current.thumbprint, contents.successor.thumbprint) == (old, new)


def test_what_a_stop_between_two_requests_left_is_cleared(current, vault, key_pairs, new):
    """A roll back that was killed after its first request. A version that was never sent waits for somebody to ask."""
    current.keep_successor(key_pairs[1], Record(generated=NOW))
    current.release_successor()
    vault.held["v0"][1]["evercert-successor"] = "9"
    current = VaultStore(vault)

    assert current.read().successor is None
    assert current.clear_debris() == ["v0"]
    assert "evercert-successor" not in vault.held["v0"][1]
    assert current.read().find(new) and vault.held["v1"][2]
    assert current.clear_debris() == []


def test_a_version_in_use_is_not_deleted_and_one_that_is_gone_is_no_error(current, key_pairs, old, new):
    current.keep_successor(key_pairs[1], SENT)

    for name in (old, new):
        assert "is in use, so it is not deleted" in refusal(current.delete_version, name)
    current.delete_version("0" * 40)


@pytest.mark.parametrize("act", ["signer", "write_record"])
def test_a_version_that_the_vault_does_not_hold_is_told(current, act):
    arguments = ("0" * 40,) if act == "signer" else ("0" * 40, Record())

    assert "holds no version 0000" in refusal(getattr(current, act), *arguments)


def test_a_successor_that_another_run_has_exchanged_is_not_promoted(current, vault, key_pairs):
    current.keep_successor(key_pairs[1], SENT)
    VaultStore(vault).release_successor()
    VaultStore(vault).keep_successor(key_pairs[2], SENT)

    assert "Another run, or a person, has changed" in refusal(current.promote_successor, NOW)
    assert VaultStore(vault).read().current.thumbprint == key_pairs[0].certificate.thumbprint


def test_what_another_run_has_made_current_meanwhile_stays_current(current, vault, key_pairs):
    current.keep_successor(key_pairs[1], SENT)
    third = key_pairs[2].certificate
    vault.add(third, tags_for(third.thumbprint, Marks(SENT, current=9), {}))

    assert "Another run, or a person, has changed" in refusal(current.promote_successor, NOW)
    assert VaultStore(vault).read().current.thumbprint == third.thumbprint


def test_a_version_that_was_removed_can_be_adopted(store, vault, key_pairs, old):
    store.keep_successor(key_pairs[0], SENT)
    store.release_successor()
    store.delete_version(old)

    store.adopt_current(key_pairs[0], Record())

    assert VaultStore(vault).read().current.thumbprint == old and vault.held["v0"][2]


def test_a_request_waits_for_its_certificate_and_for_nothing_else(store, vault, key_pairs):
    store.requester(key_size=2048, subject="payroll")

    assert store.signing_request().startswith("-----BEGIN CERTIFICATE REQUEST-----")
    assert "waits for a certificate from an authority" in refusal(made, store)
    with pytest.raises(InvalidInput, match="has another public key"):
        store.certify(key_pairs[1].certificate_pem(), "certificate_content")
    signed = store.certify(key_pairs[0].certificate_pem(), "certificate_content")
    assert "so nothing signs" in refusal(signed.sign, b"", "PS256")
    version = store.keep_successor(signed, Record(generated=NOW))
    assert version.thumbprint == signed.certificate.thumbprint and vault.calls[-1:] == ["merge"]


def test_a_request_that_cannot_be_read_is_told(store, vault):
    vault.operation = {"status": "inProgress", "issuer": {"name": "Unknown"}, "csr": "a"}

    assert "The signing request of" in refusal(store.signing_request)


@pytest.mark.parametrize("identifier", ["", "https://x/certificates/payroll/", "../v1/..", "v" * 65])
def test_a_version_without_a_usable_name_is_refused(store, vault, identifier):
    vault.versions = lambda: [{"id": identifier}]

    assert "lists a version without a name" in refusal(store.read)


def test_a_certificate_that_is_none_is_refused(store, vault, key_pair):
    vault.add(replace(key_pair.certificate, der=b"no certificate"), {})

    assert "holds no X.509 certificate" in refusal(store.read)


def test_sign_ins_are_noted_in_tags_under_the_lock_only(current, vault, old):
    current.note_sign_in(NOW, old, "verify")
    assert "evercert-sign-ins" not in vault.held["v0"][1]
    with current.lock(0, None):
        current.note_sign_in(NOW + dt.timedelta(seconds=30), old, "prove")
        current.note_sign_in(NOW, "0" * 40, "adopt")

    assert vault.held["v0"][1]["evercert-sign-ins"] == str(int(NOW.timestamp()) + 30)
    assert current.sign_ins_since(NOW) == [NOW, NOW + dt.timedelta(seconds=30)]
    assert VaultStore(vault).sign_ins_since(NOW) == [NOW + dt.timedelta(seconds=30)]


def test_events_are_not_written_anywhere(current, vault):
    before = list(vault.calls)
    current.append_history({"event": "promoted"})

    assert vault.calls == before
