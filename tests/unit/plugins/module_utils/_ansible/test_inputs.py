# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import inputs
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import to_pfx


def test_a_public_certificate_comes_from_content_or_a_file(options, write, key_pair):
    text = key_pair.certificate_pem()

    assert inputs.public_certificate(options("certificate", certificate_content=text.decode())) == key_pair.certificate
    assert inputs.public_certificate(options("certificate", certificate_path=write(text))) == key_pair.certificate
    assert inputs.public_certificate(options("certificate", certificate_path=write(key_pair.certificate.der)))
    assert inputs.public_certificate(options("certificate")) is None


def test_a_private_key_beside_a_public_certificate_is_refused(options, key_file):
    with pytest.raises(InvalidInput) as failure:
        inputs.public_certificate(options("certificate", certificate_path=key_file))
    assert failure.value.message.startswith(
        f"certificate_path ({key_file}) holds a private key, which must stay secret"
    )


def test_a_key_pair_on_trial_is_loaded_when_it_is_needed(options, key_file, key_pair):
    assert inputs.key_pair_on_trial(options("verify")) is None
    assert inputs.key_pair_on_trial(options("verify", client_certificate_path="/nowhere"))
    load = inputs.key_pair_on_trial(options("verify", client_certificate_path=key_file))
    assert load().certificate == key_pair.certificate


def test_a_key_pair_is_adopted_from_a_file(options, key_file, key_pair):
    assert inputs.adopted_key_pair(options(adopt_path=key_file)).certificate == key_pair.certificate


def test_a_pfx_is_adopted_with_the_passphrase_of_a_private_key(options, write, key_pair):
    given = options(adopt_path=write(to_pfx(key_pair, "pw", "payroll"), "old.pfx"), private_key_passphrase="pw")

    assert inputs.adopted_key_pair(given).certificate == key_pair.certificate
    with pytest.raises(InvalidInput, match="the passphrase is wrong"):
        inputs.adopted_key_pair({**given, "private_key_passphrase": "other"})


def test_without_a_certificate_the_renewal_makes_its_own(options, store):
    assert inputs.provided_key_pair(options(), store) is None


def test_the_certificate_of_a_key_file_may_be_content_or_a_file(options, store, write, key_pair):
    certificate, key = key_pair.certificate_pem(), write(key_pair.private_key_pem(), "k.pem")
    by_content = options(certificate_content=certificate.decode(), private_key_path=key)
    by_path = options(certificate_path=write(certificate, "c.pem", 0o644), private_key_path=key)

    for given in (by_content, by_path):
        assert inputs.provided_key_pair(given, store).certificate == key_pair.certificate


def test_what_is_wrong_with_two_files_names_both(options, store, write, key_pair, other_pair):
    certificate, key = write(other_pair.certificate_pem(), "c.pem"), write(key_pair.private_key_pem(), "k.pem")

    with pytest.raises(InvalidInput) as failure:
        inputs.provided_key_pair(options(certificate_path=certificate, private_key_path=key), store)
    assert failure.value.message.startswith(
        f"private_key_path ({key}) with certificate_path ({certificate}) holds a private key and a certificate that "
        "do not belong together"
    )


def test_a_private_key_file_that_everybody_can_read_is_refused(options, store, write, key_pair):
    certificate, key = write(key_pair.certificate_pem(), "c.pem"), write(key_pair.private_key_pem(), "k.pem", 0o644)

    with pytest.raises(InvalidInput, match=f"private_key_path: {key} is readable by everybody"):
        inputs.provided_key_pair(options(certificate_path=certificate, private_key_path=key), store)


def test_an_ec_key_with_its_certificate_is_refused(options, store, write, ec_key, key_pair):
    given = options(certificate_content=key_pair.certificate_pem().decode(), private_key_path=write(ec_key, "k.pem"))

    with pytest.raises(InvalidInput, match="RSA keys only"):
        inputs.provided_key_pair(given, store)


def test_no_key_gets_into_a_refusal(options, store, write, key_pair, other_pair):
    key = key_pair.private_key_pem().decode()
    path = write(key.encode(), "k.pem")
    given = options(certificate_content=other_pair.certificate_pem().decode(), private_key_path=path)

    with pytest.raises(InvalidInput) as failure:
        inputs.provided_key_pair(given, store)
    assert not any(line in repr(failure.value) for line in key.splitlines()[1:-1])


def test_a_certificate_alone_that_the_store_has_goes_with_the_key_there(options, store, key_pair):
    found = inputs.provided_key_pair(options(certificate_content=key_pair.certificate_pem().decode()), store)

    assert found.certificate == key_pair.certificate


def test_a_certificate_alone_without_any_key_says_what_to_give(options, store, other_pair):
    given = options(certificate_content=other_pair.certificate_pem().decode())

    with pytest.raises(InvalidInput) as failure:
        inputs.provided_key_pair(given, store)
    assert failure.value.message == (
        "certificate_content: no private key goes with this certificate. Give private_key_path, or run "
        f"first with stop_after 'generated' and csr, which leaves a key in {store.location}."
    )


def test_a_certificate_made_from_the_request_belongs_to_the_successors_key(options, tmp_path, key_pair, other_pair):
    waiting = DirectoryStore(str(tmp_path / "waiting"))
    waiting.prepare()
    waiting.keep_successor(key_pair, Record(stop_after="generated"), None)

    with pytest.raises(InvalidInput, match="has another public key than the key pair it should certify"):
        inputs.provided_key_pair(options(certificate_content=other_pair.certificate_pem().decode()), waiting)
