# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.skew import Times
from ansible_collections.evercert.entra.tests.unit.builders import a_store, a_version, at


def seconds(number):
    return dt.timedelta(seconds=number)


@pytest.mark.parametrize("name", ["offset", "departure", "behind"])
def test_five_minutes_are_no_skew(name):
    assert Times(**{name: seconds(300)}).diagnosis is None
    assert Times(**{name: seconds(301)}).diagnosis.code == "clock_skew"


@pytest.mark.parametrize(
    ("times", "cause", "skew"),
    [
        (Times(offset=seconds(400)), "The clock of this host is 400 s ahead of the service's.", 400),
        (Times(offset=seconds(-400)), "The clock of this host is 400 s behind the service's.", -400),
        (Times(departure=seconds(3600)), "An answer of the service was 3600 s ahead of the time of this run", 3600),
        (Times(departure=seconds(-3600)), "An answer of the service was 3600 s behind the time of this run", -3600),
        (Times(behind=seconds(900)), "The time of this run is 900 s behind the last moment that the key store", -900),
    ],
)
def test_the_clock_that_is_wrong_is_named(times, cause, skew):
    diagnosis = times.diagnosis

    assert diagnosis.cause.startswith(cause) and diagnosis.evidence["skew_seconds"] == skew


def test_a_run_later_than_the_last_note_is_as_it_should_be():
    assert Times(behind=seconds(-86400)).diagnosis is None


def test_the_last_moment_that_a_store_notes_is_the_latest_of_its_records():
    store = a_store(a_version("new", generated=-2, promoted=-1), others=(a_version("old", retired=-5),))

    assert store.last_noted == at(-1) and a_store().last_noted is None
