# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a broken plan would do is stopped where it would leave."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.memory import Memory
from ansible_collections.evercert.entra.plugins.module_utils._core.safety import KeyWrite, why_unsafe
from ansible_collections.evercert.entra.tests.unit.builders import (
    a_certificate,
    a_credential,
    a_store,
    a_version,
    an_application,
    at,
)

OLD = a_version("old", registered=-90, promoted=-90, key_id="old")
NEW = a_version("new", registered=-8, promoted=-8, key_id="new", replaces=OLD)
STORE = a_store(NEW, others=[OLD])
ENTRIES = (
    a_credential(OLD, key_id="old"),
    a_credential(NEW, key_id="new"),
    a_credential(a_certificate("theirs"), key_id="theirs"),
)


def a_write(entries=ENTRIES, store=STORE, readable=True, shown_before=(), **facts):
    """The removal of the predecessor after a fresh sign-in; a test says what is different."""
    application, memory = an_application(*entries), Memory()
    memory.note(an_application(*shown_before), at(-1))
    memory.note(application, at(0))
    memory.own(store)
    usual = {"removes": "old", "removed": ["old"], "signed_in": [NEW.thumbprint]}
    return KeyWrite(at(0), store, memory, application if readable else None, **{**usual, **facts})


def an_update(*keeps, **facts):
    return a_write(keeps=frozenset(keeps), **facts)


@pytest.mark.parametrize("readable", [True, False])
def test_a_removal_as_it_should_be_is_sent(readable):
    assert why_unsafe(a_write(readable=readable)) is None
    assert why_unsafe(an_update("new", "theirs")) is None


def test_an_update_that_only_adds_keeps_everything():
    assert why_unsafe(an_update("old", "new", "theirs", removes=None, removed=[], signed_in=[])) is None


@pytest.mark.parametrize("keeps", [("new",), ("new", "old")])
def test_an_entry_that_was_seen_is_in_every_body(keeps):
    removes = None if "old" in keeps else "old"

    assert "seen on the application: theirs" in why_unsafe(an_update(*keeps, removes=removes))


def test_an_entry_that_only_an_earlier_read_has_shown_counts():
    newcomer = a_credential(a_certificate("newcomer"), key_id="newcomer")

    assert "newcomer" in why_unsafe(an_update("new", "theirs", shown_before=[newcomer]))


def test_one_that_this_run_or_an_earlier_one_has_removed_is_not_missed():
    retired = a_version("retired", retired=-1)
    before = [a_credential(retired, key_id="retired"), a_credential(a_certificate("gone"), key_id="gone")]
    store = a_store(NEW, others=[OLD, retired])

    assert why_unsafe(an_update("new", "theirs", shown_before=before, store=store, removed=["old", "gone"])) is None


def test_one_whose_key_another_run_has_deleted_meanwhile_is_not_missed():
    deleted = a_version("deleted")
    write = an_update("new", "theirs", shown_before=[a_credential(deleted, key_id="deleted")])
    write.memory.own(a_store(deleted))

    assert why_unsafe(write) is None


def test_a_managed_certificate_may_be_there_under_a_new_key_id():
    before = [a_credential(NEW, key_id="first")]

    assert why_unsafe(an_update("new", "theirs", shown_before=before)) is None


@pytest.mark.parametrize("readable", [True, False])
def test_what_is_somebody_elses_is_removed_only_where_the_user_names_it(readable):
    assert "somebody else's" in why_unsafe(a_write(removes="theirs", readable=readable))
    assert why_unsafe(a_write(removes="theirs", readable=readable, is_named=True)) is None


def test_what_decrypts_tokens_is_not_removed_even_then():
    write = a_write(is_named=True)
    application = dataclasses.replace(write.application, token_encryption_key_id="old")

    assert "it decrypts tokens" in why_unsafe(dataclasses.replace(write, application=application))


def test_an_entry_that_is_not_shown_any_more_may_be_removed_again():
    assert why_unsafe(a_write(ENTRIES[1:])) is None


@pytest.mark.parametrize("readable", [True, False])
@pytest.mark.parametrize("is_named", [True, False])
def test_the_last_usable_key_is_never_removed(readable, is_named):
    store = a_store(NEW)

    why = why_unsafe(a_write(ENTRIES[1:], store, readable, removes="new", is_named=is_named))

    assert "no key of the key store could sign in" in why


def test_a_key_that_has_just_signed_in_is_left_although_a_replica_that_lags_does_not_show_it_yet():
    behind = [ENTRIES[0], ENTRIES[2]]

    assert why_unsafe(a_write(behind)) is None
    assert why_unsafe(a_write(behind, signed_in=[])) is not None
    assert why_unsafe(an_update("theirs", entries=behind)) is not None


def test_a_body_without_any_usable_key_is_not_sent():
    assert "no key of the key store could sign in" in why_unsafe(an_update("theirs", removed=["old", "new"]))


@pytest.mark.parametrize(
    "useless",
    [
        {"issued": -90, "expires": 0},
        {"issued": 0.01, "expires": 90},
        {"refused": -1},
    ],
)
def test_a_key_that_cannot_sign_in_anyway_may_go(useless):
    version = a_version("useless", registered=-80, key_id="useless", **useless)
    store, entries = a_store(NEW, others=[version]), [a_credential(version, key_id="useless"), ENTRIES[1]]

    assert why_unsafe(a_write(entries, store, removes="useless", removed=["useless"])) is None
    alone = a_write(entries[:1], a_store(others=[version]), removes="useless", is_named=True)
    assert why_unsafe(alone) is None


def test_a_second_entry_of_the_same_certificate_is_enough_to_sign_in_with():
    twice = [a_credential(NEW, key_id="first"), a_credential(NEW, key_id="second")]

    assert why_unsafe(a_write(twice, a_store(NEW), removes="first")) is None


@pytest.mark.parametrize("signed_in", [[], [OLD.thumbprint], ["another"]])
@pytest.mark.parametrize("readable", [True, False])
def test_nothing_is_removed_unless_a_key_that_stays_has_just_signed_in(signed_in, readable):
    assert "has just signed in" in why_unsafe(a_write(signed_in=signed_in, readable=readable))
    assert why_unsafe(a_write(signed_in=signed_in, readable=readable, is_named=True)) is None
