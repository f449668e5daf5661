# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a vault's tags say, whatever has been done to them, and the policies a vault is given."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields, replace

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput, KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.vault_policy import (
    creation,
    importing,
    shortest_life,
    whole_months,
)
from ansible_collections.evercert.entra.plugins.module_utils._keys.vault_tags import (
    LONGEST,
    Entry,
    Marks,
    current_of,
    next_number,
    record_of,
    successor_of,
    tags_for,
    tags_to_free,
)

NOW = dt.datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=dt.timezone.utc)


@pytest.fixture
def entry(key_pairs):
    def make(number=0, created=100, enabled=True, tags=None, **marks):
        certificate = key_pairs[number].certificate
        found = tags_for(certificate.thumbprint, Marks(**marks), {}) if marks else {}
        return Entry(f"v{number}", certificate, created, enabled, {**found, **(tags or {})})

    return make


def full_record():
    """Every field as long as it gets."""
    texts = {field.name: "x" * 40 for field in fields(Record) if "datetime" not in str(field.type)}
    return Record(**{**{field.name: NOW for field in fields(Record)}, **texts})


def test_the_longest_record_fits_into_tags_and_reads_back(entry):
    marks = Marks(full_record(), 3, 4, True, tuple(range(1795342500, 1795342530)))
    found = entry(record=marks.record).with_marks(marks)

    assert len(found.tags) <= 12 and all(len(text) <= LONGEST for text in found.tags.values())
    assert replace(found.marks, sign_ins=()) == replace(marks, sign_ins=())
    assert found.marks.sign_ins == marks.sign_ins[-20:]


def test_tags_of_others_stay_and_old_ones_of_ours_go(entry):
    before = entry(record=full_record(), current=1, tags={"team": "payroll"})
    after = before.with_marks(Marks(Record(), successor=2))

    assert after.tags["team"] == "payroll" and after.marks == Marks(Record(), successor=2)
    assert "evercert-record-3" in before.tags and "evercert-record-3" not in after.tags


def test_tags_that_the_vault_copied_from_another_version_mean_nothing(entry):
    copied = entry(1, tags=dict(entry(0, record=full_record(), current=7).tags))

    assert not copied.is_known and copied.marks == Marks() and record_of(copied).origin == "vault"


def test_a_copied_mark_of_ours_makes_a_version_of_the_vault_none_of_ours(entry):
    """AutoRenew may copy tags; a version that we have just had made has this one alone."""
    copied = entry(1, tags={**entry(0, record=full_record(), current=7).tags, "evercert-made": "9"})

    assert (copied.made, record_of(copied).origin) == (0, "vault")
    noted = copied.with_marks(Marks(record_of(copied)))
    assert (noted.made, record_of(noted).origin) == (0, "vault")


@pytest.mark.parametrize(("others", "too_many"), [(0, 0), (9, 0), (10, 1), (13, 4)])
def test_the_tags_that_a_version_will_need_are_counted_while_there_is_nothing_to_lose(entry, others, too_many):
    adopted = Record(app_id="x" * 36, object_id="x" * 36, key_id="x" * 36, promoted=NOW, origin="adopted")
    found = entry(record=adopted, current=1, tags={f"user{number}": "x" for number in range(others)})

    assert tags_to_free(found) == too_many


def test_a_version_without_a_record_says_where_it_comes_from(entry):
    made_at = dt.datetime.fromtimestamp(100, dt.timezone.utc)

    assert record_of(entry()) == Record(generated=made_at, origin="vault")
    assert record_of(entry(tags={"evercert-made": "1"})) == Record(generated=made_at)


def test_a_record_that_somebody_broke_is_refused(entry):
    with pytest.raises(KeyStoreError, match="of version v0 is not a readable record"):
        record_of(entry(record=Record(app_id="a"), tags={"evercert-record-1": "{"}))


@pytest.mark.parametrize("odd", ["", "x", "-1", "1.5", "9" * 12])
def test_an_odd_number_counts_as_none(entry, odd):
    assert current_of([entry(record=Record(), tags={"evercert-current": odd})]) is None


def test_the_highest_number_is_current(entry):
    versions = [entry(0, record=Record(), current=2), entry(1, record=Record(), current=5), entry(2, record=Record())]

    assert current_of(versions).version == "v1" and next_number(versions) == 6
    assert current_of([]) is None and next_number([]) == 1


def test_of_two_successors_the_older_one_is_meant_whatever_their_numbers(entry):
    versions = [
        entry(0, created=300, record=Record(), successor=2),
        entry(1, created=200, record=Record(), successor=9),
        entry(2, record=Record(), current=1, successor=3),
    ]

    assert successor_of(versions).version == "v1"


@pytest.mark.parametrize(
    ("younger", "expected"),
    [
        ({"created": 101}, "v1"),
        ({"created": 100}, "v1"),
        ({"created": 99}, None),
        ({"created": 101, "enabled": False}, None),
        ({"created": 100, "tags": {"evercert-made": "2"}}, "v1"),
        ({"created": 100, "tags": {"evercert-made": "1"}}, None),
        ({"created": 101, "record": Record()}, None),
    ],
)
def test_a_younger_version_that_nobody_noted_is_the_successor(entry, younger, expected):
    found = successor_of([entry(0, record=Record(), current=1), entry(1, **younger)])

    assert (found.version if found else None) == expected


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ((2026, 11, 22), (2027, 5, 21), 5),
        ((2026, 11, 22), (2027, 5, 22), 6),
        ((2026, 11, 22), (2027, 11, 22), 12),
        ((2026, 1, 31), (2026, 3, 3), 1),
        ((2026, 1, 1), (2026, 2, 1), 1),
    ],
)
def test_only_whole_months_that_fit_are_asked_for(start, end, months):
    zone = {"tzinfo": dt.timezone.utc}

    assert whole_months(dt.datetime(*start, **zone), dt.datetime(*end, **zone)) == months


def test_less_than_a_month_is_refused():
    with pytest.raises(InvalidInput, match="at least 31 days"):
        whole_months(NOW, NOW + dt.timedelta(days=27))


@pytest.mark.parametrize(
    ("validity", "shortest"), [(31, 28), (60, 30), (61, 31), (62, 59), (89, 59), (90, 60), (180, 150), (365, 335)]
)
def test_the_months_that_fit_are_known_to_the_day(validity, shortest):
    """The day that they start on decides how long they are."""
    assert shortest_life(dt.timedelta(days=validity)) == dt.timedelta(days=shortest)


def test_less_than_a_month_may_come_to_nothing():
    assert shortest_life(dt.timedelta(days=30)) == dt.timedelta()


def test_policies_keep_keys_in_the_vault_unless_told_otherwise():
    made = creation(subject="CN=x", key_size=4096, months=6, exportable=False)
    asked = creation(subject="CN=x", key_size=2048, months=None, exportable=True)

    assert made["issuer"] == {"name": "Self"} and made["x509_props"]["validity_months"] == 6
    assert made["key_props"] == {"kty": "RSA", "key_size": 4096, "exportable": False, "reuse_key": False}
    assert asked["issuer"] == {"name": "Unknown"} and "validity_months" not in asked["x509_props"]
    assert asked["key_props"]["exportable"] and not importing(2048, False)["key_props"]["exportable"]
    assert [action["action"]["action_type"] for action in made["lifetime_actions"]] == ["EmailContacts"]
