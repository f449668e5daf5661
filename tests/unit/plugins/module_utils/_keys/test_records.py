# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt
from dataclasses import fields, replace
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.records import (
    format_record,
    parse_record,
    take_over,
    without_stop,
)

NOW = dt.datetime(2026, 11, 22, 10, 0, 0, 1, tzinfo=dt.timezone.utc)
PATH = Path("/keys/record.json")


def full_record():
    values = {each.name: NOW if "datetime" in str(each.type) else f"<{each.name}>" for each in fields(Record)}
    return Record(**values)


def test_every_field_reads_back_as_it_was_written():
    assert parse_record(format_record(full_record()), PATH) == full_record()
    assert parse_record(format_record(Record()), PATH) == Record()


def test_times_are_written_in_utc():
    local = NOW.astimezone(dt.timezone(dt.timedelta(hours=5)))

    assert b'"intent": "2026-11-22T10:00:00.000001Z"' in format_record(Record(intent=local))


def test_fields_of_a_later_release_are_skipped():
    assert parse_record(b'{"app_id": "a", "novelty": [1], "key_id": null}', PATH) == Record(app_id="a")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"app_id": 1}',
        b'{"intent": "yesterday"}',
        b'{"intent": "0001-01-01T00:00:00+05:00"}',
        b'{"intent": {}}',
        b"[" * 100_000,
        b'{"app_id": ' * 50_000,
        b'{"intent": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_broken_record_is_a_sentence(content):
    with pytest.raises(KeyStoreError) as caught:
        parse_record(content, PATH)

    assert caught.value.message.startswith("Key store: /keys/record.json is not a readable record (")
    assert "Restore it from a backup" in caught.value.message


def test_a_key_pair_brought_again_may_still_be_registered():
    known = replace(full_record(), retired=None)
    new = Record(generated=NOW + dt.timedelta(1), finding="near_expiry")

    record = take_over(known, new)

    assert (record.intent, record.key_id, record.seen) == (NOW, "<key_id>", NOW)
    assert (record.generated, record.finding) == (new.generated, "near_expiry")
    assert (record.proven, record.promoted, record.refused, record.stop_after) == (None, None, None, None)


def test_a_key_pair_that_was_in_use_without_an_intent_may_still_be_registered():
    assert take_over(Record(promoted=NOW), Record()).intent == NOW


def test_a_retired_key_pair_brought_again_starts_anew():
    assert take_over(full_record(), Record(generated=NOW)) == Record(generated=NOW)


def test_a_promoted_version_forgets_why_it_stopped():
    assert without_stop(Record(app_id="a", stop_after="proven", finding="expired")) == Record(app_id="a")
