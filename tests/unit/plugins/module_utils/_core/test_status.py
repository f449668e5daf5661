# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import RenewalPolicy
from ansible_collections.evercert.entra.plugins.module_utils._core.status import (
    STATUSES,
    assess,
    best_status,
    certificate_status,
    is_propagating,
    next_renewal,
    next_renewal_of,
)
from ansible_collections.evercert.entra.tests.unit.builders import (
    ACCEPTED,
    NOW,
    a_certificate,
    a_credential,
    a_snapshot,
    a_version,
    an_application,
    at,
    refused,
)

POLICY = RenewalPolicy()
SECOND = 1 / 86400


def days(count):
    return dt.timedelta(days=count)


def reason(snapshot, policy=POLICY):
    finding = assess(snapshot, policy)
    return finding.reason if finding else None


@pytest.mark.parametrize(
    "issued, expires, status",
    [
        (-90, 90, "healthy"),
        (-90, 30 + SECOND, "healthy"),
        (-90, 30, "near_expiry"),
        (-90, SECOND, "near_expiry"),
        (-90, 0, "expired"),
        (-90, -5, "expired"),
        (SECOND, 90, "not_yet_valid"),
        (0, 90, "healthy"),
    ],
)
def test_a_certificate_stands_by_its_dates(issued, expires, status):
    assert certificate_status(a_certificate(issued=issued, expires=expires), NOW, days(30)) == status


def test_the_words_for_machines_stay_what_they_are():
    words = "healthy near_expiry rotation_due expired not_yet_valid missing unregistered propagating"
    words += " key_unavailable rejected unreachable unknown"

    assert " ".join(STATUSES) == words


def test_an_entry_without_an_end_is_unknown():
    assert best_status(an_application(a_credential(not_after=None)), NOW, days(30)) == "unknown"
    assert certificate_status(a_credential(not_after=None), NOW, days(30)) == "unknown"
    assert certificate_status(a_credential(not_before=None), NOW, days(30)) == "healthy"


@pytest.mark.parametrize(
    "certificates, status",
    [
        ([], "missing"),
        ([(-90, 90), (-400, -35), (5, 200)], "healthy"),
        ([(-90, 20), (-400, -35), (5, 200)], "near_expiry"),
        ([(-400, -35), (5, 200)], "not_yet_valid"),
        ([(-400, -35), (-800, -400)], "expired"),
    ],
)
def test_an_application_without_a_store_is_as_good_as_its_best_certificate(certificates, status):
    held = (a_certificate(f"{i}", issued, expires) for i, (issued, expires) in enumerate(certificates))

    assert best_status(an_application(*held), NOW, days(30)) == status


def test_the_token_encryption_key_does_not_make_an_application_healthy():
    application = an_application(a_credential(key_id="decrypts"), token_encryption_key_id="decrypts")

    assert best_status(application, NOW, days(30)) == "missing"


@pytest.mark.parametrize(
    "record, expected",
    [
        ({"intent": -0.001}, True),
        ({"intent": -0.001, "registered": -0.001}, True),
        ({"intent": -600 * SECOND}, False),
        ({"intent": -0.001, "seen": 0}, False),
        ({"intent": -0.001, "accepted": 0}, False),
        ({}, False),
    ],
)
def test_a_certificate_propagates_until_it_was_seen_or_accepted_or_its_time_is_over(record, expected):
    assert is_propagating(a_version(**record), NOW, dt.timedelta(seconds=600)) is expected


def test_nothing_is_due_for_a_healthy_certificate():
    assert assess(a_snapshot(a_version()), POLICY) is None


def test_an_empty_store_is_missing_whatever_the_application_has():
    assert reason(a_snapshot(application=an_application(a_certificate()))) == "missing"


def test_a_certificate_that_ended_is_expired():
    assert reason(a_snapshot(a_version(expires=0))) == "expired"


def test_the_findings_name_the_certificate_and_the_day():
    ended, ends = a_version("a", expires=-1), a_version("b", expires=20)

    assert (
        assess(a_snapshot(ended), POLICY).message == f"Certificate {ended.thumbprint} expired on 2026-11-21 10:00 UTC."
    )
    assert assess(a_snapshot(ends), RenewalPolicy(renew_before=days(20.5))).message == (
        f"Certificate {ends.thumbprint} expires on 2026-12-12 10:00 UTC, within 20.5 days."
    )


@pytest.mark.parametrize("expires, expected", [(30, "near_expiry"), (30 + SECOND, None)])
def test_a_certificate_is_near_expiry_from_renew_before_on(expires, expected):
    assert reason(a_snapshot(a_version(expires=expires))) == expected


@pytest.mark.parametrize("issued, expected", [(-60, "rotation_due"), (-60 + SECOND, None)])
def test_a_rotation_is_due_when_the_certificate_is_as_old_as_the_period(issued, expected):
    policy = RenewalPolicy(rotation_period=days(60))

    assert reason(a_snapshot(a_version(issued=issued, promoted=-1)), policy) == expected


def test_force_is_a_finding_of_its_own_and_the_last():
    assert reason(a_snapshot(a_version()), RenewalPolicy(force=True)) == "forced"
    assert reason(a_snapshot(a_version(expires=5)), RenewalPolicy(force=True)) == "near_expiry"


def test_a_certificate_absent_and_refused_as_not_found_is_unregistered():
    snapshot = a_snapshot(a_version(), application=an_application(), current_sign_in=refused())

    assert reason(snapshot) == "unregistered"


@pytest.mark.parametrize(
    "application, sign_in",
    [
        (an_application(), None),
        (an_application(), ACCEPTED),
        (an_application(), refused("application_disabled")),
        (an_application(), refused("certificate_expired")),
        (an_application(a_version()), refused()),
    ],
)
def test_a_renewal_acts_on_absence_only_after_a_sign_in_was_refused_as_not_found(application, sign_in):
    assert reason(a_snapshot(a_version(), application=application, current_sign_in=sign_in)) is None


def test_where_the_directory_may_not_be_read_the_refusal_decides():
    assert reason(a_snapshot(a_version(), application=False, current_sign_in=refused())) == "unregistered"
    assert reason(a_snapshot(a_version(), application=False, current_sign_in=ACCEPTED)) is None


def test_a_successor_that_nobody_asked_to_stop_at_is_interrupted():
    finding = assess(a_snapshot(a_version("old"), a_version("new")), POLICY)

    assert finding.reason == "interrupted"
    assert "is unfinished" in finding.message


def test_a_refused_successor_is_interrupted_although_a_stop_left_it():
    new = a_version("new", stop_after="registered", finding="near_expiry", refused=-1)

    finding = assess(a_snapshot(a_version("old"), new), POLICY)

    assert finding.reason == "interrupted"
    assert "was refused at sign-in" in finding.message


def test_a_stop_by_request_goes_on_with_the_finding_it_had():
    new = a_version("new", stop_after="generated", finding="near_expiry")

    finding = assess(a_snapshot(a_version("old"), new), POLICY)

    assert finding.reason == "near_expiry"
    assert new.thumbprint in finding.message


def test_a_stop_without_a_recorded_finding_is_interrupted():
    assert reason(a_snapshot(a_version("old"), a_version("new", stop_after="generated"))) == "interrupted"


# Each row has everything that the rows below it have, so that only the order decides.
ENDED = {"issued": -400, "expires": -5}


@pytest.mark.parametrize(
    "snapshot, expected",
    [
        (a_snapshot(None, a_version("new")), "interrupted"),
        (a_snapshot(), "missing"),
        (
            a_snapshot(a_version(**ENDED), application=an_application(), current_sign_in=refused()),
            "unregistered",
        ),
        (a_snapshot(a_version(**ENDED)), "expired"),
        (a_snapshot(a_version(issued=-400, expires=5)), "near_expiry"),
        (a_snapshot(a_version(issued=-400, expires=50)), "rotation_due"),
        (a_snapshot(a_version(issued=-1, expires=50)), "forced"),
    ],
)
def test_the_first_finding_that_matches_wins(snapshot, expected):
    assert reason(snapshot, RenewalPolicy(rotation_period=days(60), force=True)) == expected


def test_every_finding_but_a_wish_has_a_remedy_or_goes_on():
    snapshots = [
        a_snapshot(None, a_version("new")),
        a_snapshot(),
        a_snapshot(a_version(), application=an_application(), current_sign_in=refused()),
        a_snapshot(a_version(**ENDED)),
        a_snapshot(a_version(expires=5)),
    ]

    assert all(assess(snapshot, POLICY).remedy.endswith(".") for snapshot in snapshots)


@pytest.mark.parametrize(
    "period, due", [(None, at(60)), (days(120), at(30)), (days(170), at(60)), (days(90), NOW), (days(30), at(-60))]
)
def test_the_next_renewal_falls_due_at_whichever_comes_first(period, due):
    certificate = a_certificate(issued=-90, expires=90)

    assert next_renewal(certificate, RenewalPolicy(rotation_period=period)) == due


@pytest.mark.parametrize(
    ("certificates", "period", "due"),
    [
        ([], None, None),
        ([(-90, 90)], None, 60),
        ([(-90, 90), (-10, 300)], None, 270),
        ([(-90, 300)], 60, -30),
        ([(-90, 300), (-10, 80)], 60, 50),
    ],
)
def test_without_a_key_store_the_certificate_counts_that_falls_due_last(certificates, period, due):
    held = [a_certificate(f"{issued}-{expires}", issued, expires) for issued, expires in certificates]
    policy = RenewalPolicy(rotation_period=dt.timedelta(days=period) if period else None)

    assert next_renewal_of(an_application(*held), policy) == at(due)


def test_an_entry_without_dates_says_nothing_about_the_next_renewal():
    undated = a_credential(not_after=None), a_credential(not_before=None)

    assert next_renewal_of(an_application(*undated), RenewalPolicy()) is None


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({}, "/store/versions/new"),
        ({"intent": -1}, "is unfinished"),
        ({"refused": -1}, "was refused at sign-in"),
    ],
)
def test_a_rotation_by_the_store_itself_is_told_as_one_until_a_run_takes_it_up(record, words):
    finding = assess(a_snapshot(a_version("old"), a_version("new", origin="vault", **record)), POLICY)

    assert words in finding.message


def test_a_rotation_by_a_store_without_paths_is_named_by_its_thumbprint():
    version = dataclasses.replace(a_version("new", origin="vault"), path="")

    assert f"Version {version.thumbprint} " in assess(a_snapshot(a_version("old"), version), POLICY).message
