# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reads have shown is known, whichever of them showed it."""

from __future__ import annotations

import dataclasses

from ansible_collections.evercert.entra.plugins.module_utils._core.memory import Memory, summary
from ansible_collections.evercert.entra.tests.unit.builders import (
    a_certificate,
    a_credential,
    a_store,
    a_version,
    an_application,
    at,
)

OURS, THEIRS = a_version("ours"), a_certificate("theirs")
OUR_ENTRY, THEIR_ENTRY = a_credential(OURS), a_credential(THEIRS)


def remembering(*reads, store=None):
    """One read a day, each of them the entries that it shows."""
    memory = Memory()
    for day, entries in enumerate(reads):
        memory.note(an_application(*entries), at(day))
    memory.own(store or a_store(OURS))
    return memory


def test_what_one_read_has_shown_is_not_undone_by_another():
    memory = remembering([OUR_ENTRY, THEIR_ENTRY], [OUR_ENTRY], [])

    assert list(memory.entries) == [OUR_ENTRY.key_id, THEIR_ENTRY.key_id]
    assert memory.foreign() == {THEIR_ENTRY.key_id: summary(THEIR_ENTRY)}


def test_the_last_time_counts_but_not_that_of_an_entry_that_was_removed():
    memory = remembering([OUR_ENTRY], [OUR_ENTRY], [])

    assert memory.last_shown(OURS.certificate) == at(1)
    assert memory.last_shown(OURS.certificate, [OUR_ENTRY.key_id]) is None
    assert memory.last_shown(a_certificate("another")) is None


def test_what_is_forgotten_is_that_certificate_alone():
    memory = remembering([OUR_ENTRY, THEIR_ENTRY])
    memory.forget(OURS.certificate)

    assert list(memory.entries) == list(memory.shown) == list(memory.held) == [THEIR_ENTRY.key_id]


def test_what_was_in_the_key_store_once_stays_managed():
    memory = remembering([OUR_ENTRY])
    memory.own(a_store())

    assert memory.foreign() == {}


def test_a_foreign_certificate_with_the_same_sha1_is_foreign():
    forged = dataclasses.replace(THEIRS, thumbprint=OURS.thumbprint)
    entry = a_credential(forged, identifier=OURS.thumbprint)

    memory = remembering([entry])

    assert list(memory.foreign()) == [entry.key_id] and memory.last_shown(OURS.certificate) is None


def test_an_entry_that_shows_only_an_identifier_is_known_by_it():
    """A list of applications shows no bytes; and anybody's identifier may be no thumbprint at all."""
    ours = a_credential(OURS, certificate=None)
    odd = a_credential(THEIRS, certificate=None, identifier="odd")

    assert list(remembering([ours, odd]).foreign()) == [odd.key_id]


def test_two_memories_become_one():
    earlier, later = remembering([OUR_ENTRY], store=a_store()), remembering([], [THEIR_ENTRY])
    earlier.absorb(later)

    assert list(earlier.entries) == [OUR_ENTRY.key_id, THEIR_ENTRY.key_id]
    assert list(earlier.foreign()) == [THEIR_ENTRY.key_id] and earlier.last_shown(THEIRS) == at(1)
