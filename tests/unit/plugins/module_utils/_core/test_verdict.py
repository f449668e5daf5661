# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.limits import LifetimeLimit
from ansible_collections.evercert.entra.plugins.module_utils._core.model import ServicePrincipal
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import RenewalPolicy
from ansible_collections.evercert.entra.plugins.module_utils._core.status import STATUSES
from ansible_collections.evercert.entra.plugins.module_utils._core.verdict import Facts, judge, normal_thumbprint
from ansible_collections.evercert.entra.tests.unit.builders import (
    ACCEPTED,
    NOW,
    a_certificate,
    a_credential,
    a_store,
    a_version,
    an_application,
    at,
    refused,
    trouble,
)
from hypothesis import given
from hypothesis import strategies as st

POLICY = RenewalPolicy()
CURRENT = a_version("current", promoted=-90)


def verdict(application=None, store=None, policy=POLICY, **facts):
    return judge(Facts(NOW, application, store, **facts), policy)


def of_store(current=CURRENT, application=None, **facts):
    """The verdict with a key store; the application has its current certificate unless one is given."""
    shown = an_application(current) if application is None else application or None
    return verdict(shown, a_store(current), **facts)


def reasons(found):
    return [finding.reason for finding in found.findings]


# --- Without a key store -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "issued, expires, status",
    [(-90, 90, "healthy"), (-90, 20, "near_expiry"), (-90, -1, "expired"), (1, 90, "not_yet_valid")],
)
def test_without_a_store_an_application_is_as_good_as_its_best_certificate(issued, expires, status):
    found = verdict(an_application(a_certificate(issued=issued, expires=expires)))

    assert found.status == status
    assert reasons(found) == ([] if status == "healthy" else [status])
    assert all("could not be determined" not in finding.message for finding in found.findings)
    assert found.next_renewal == at(expires - 30)


@pytest.mark.parametrize(
    ("issued", "status"),
    [([-100], "rotation_due"), ([-20], "healthy"), ([-100, -20], "healthy"), ([-61, -60], "rotation_due")],
)
def test_without_a_store_age_counts_where_no_certificate_is_younger(issued, status):
    policy = RenewalPolicy(rotation_period=dt.timedelta(days=60))
    held = [a_certificate(str(start), issued=start, expires=90) for start in issued]

    found = verdict(an_application(*held), policy=policy)

    assert found.status == status and reasons(found) == ([] if status == "healthy" else [status])
    assert all(finding.remedy == "Renew it." for finding in found.findings)


def test_an_application_without_certificates_is_missing():
    found = verdict(an_application())

    assert (found.status, reasons(found)) == ("missing", ["missing"])
    assert found.findings[0].message == "The application has no certificate for sign-in."


def test_without_anything_read_the_status_is_unknown():
    assert verdict(None).status == "unknown"
    assert verdict(None).findings[0].message == "The status could not be determined: unknown."


# --- With an empty key store -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "issued, expires, status",
    [(-90, 90, "key_unavailable"), (-90, 20, "key_unavailable"), (-90, -1, "expired"), (1, 90, "not_yet_valid")],
)
def test_with_an_empty_store_a_valid_certificate_is_one_whose_key_is_not_here(issued, expires, status):
    found = verdict(an_application(a_certificate(issued=issued, expires=expires)), a_store())

    assert (found.status, reasons(found)) == (status, [status])
    assert "could not be determined" not in found.findings[0].message


def test_with_an_empty_store_an_application_without_certificates_is_missing():
    assert verdict(an_application(), a_store()).status == "missing"
    assert verdict(None, a_store()).status == "missing"


def test_a_store_that_holds_only_a_successor_is_an_unfinished_renewal():
    rotating = RenewalPolicy(rotation_period=dt.timedelta(100))
    found = verdict(an_application(a_certificate()), a_store(successor=a_version("new")), rotating)

    assert found.status == "key_unavailable"
    assert reasons(found) == ["key_unavailable", "interrupted"]


# --- With a current certificate ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "issued, expires, status",
    [
        (-90, 90, "healthy"),
        (-99.9, 90, "healthy"),
        (-100, 90, "rotation_due"),
        (-101, 20, "near_expiry"),
        (-90, -1, "expired"),
        (1, 90, "not_yet_valid"),
    ],
)
def test_a_registered_current_certificate_stands_by_its_dates(issued, expires, status):
    found = of_store(a_version(issued=issued, expires=expires), policy=RenewalPolicy(rotation_period=dt.timedelta(100)))

    assert found.status == status
    assert status == "healthy" or status in reasons(found)


def test_the_status_is_that_of_the_stores_current_whatever_else_the_application_has():
    other = a_certificate("other", expires=300)

    assert of_store(a_version(expires=-1), an_application(a_version(expires=-1), other)).status == "expired"


@pytest.mark.parametrize("expires", [0, -1])
def test_an_expired_certificate_is_not_called_near_expiry_too(expires):
    assert reasons(of_store(a_version(expires=expires))) == ["expired"]


def test_a_report_has_no_wish_of_its_own():
    assert of_store(policy=RenewalPolicy(force=True)).findings == ()


def test_the_next_renewal_is_that_of_current():
    assert of_store(a_version(expires=90)).next_renewal == at(60)


def test_without_a_current_certificate_the_next_renewal_is_that_of_the_application():
    """The same as the inventory and the event source say of it."""
    application = an_application(a_certificate(expires=90), a_certificate("young", issued=-1, expires=50))
    policy = RenewalPolicy(rotation_period=dt.timedelta(days=100))

    assert judge(Facts(NOW, application, None), RenewalPolicy()).next_renewal == at(60)
    assert judge(Facts(NOW, application, None), policy).next_renewal == at(20)
    assert judge(Facts(NOW, None, None), policy).next_renewal is None


def test_a_current_certificate_that_reads_do_not_show_is_unregistered_without_a_sign_in():
    found = of_store(application=an_application())

    assert found.status == "unregistered"
    assert found.findings[0].message == (
        "Three reads do not show the current certificate: a renewal was reported and never applied. "
        "No sign-in was made."
    )


@pytest.mark.parametrize("sign_in", [None, refused()])
def test_a_certificate_sent_a_moment_ago_and_never_seen_is_propagating(sign_in):
    sent = a_version(intent=-0.001, promoted=0)

    for application in (an_application(), False) if sign_in else (an_application(),):
        found = of_store(sent, application, sign_in=sign_in)

        assert (found.status, reasons(found)) == ("propagating", ["propagating"])
        assert "sent a short while ago" in found.findings[0].message


def test_a_certificate_that_is_shown_and_refused_is_rejected_although_it_was_sent_a_moment_ago():
    assert of_store(a_version(intent=-0.001), sign_in=refused()).status == "rejected"


def test_a_refused_certificate_is_rejected_where_nobody_may_see_whether_it_is_registered():
    assert of_store(application=False, sign_in=refused()).status == "rejected"


@pytest.mark.parametrize("record", [{"intent": -1}, {"intent": -0.001, "seen": 0}, {"intent": -0.001, "accepted": 0}])
def test_one_that_was_seen_once_or_sent_long_ago_is_unregistered(record):
    assert of_store(a_version(**record), an_application()).status == "unregistered"


def test_a_final_refusal_of_another_kind_is_not_propagation():
    sent = a_version(intent=-0.001)

    assert of_store(sent, an_application(), sign_in=refused("wrong_private_key")).status == "unregistered"


def test_an_accepted_sign_in_outweighs_reads_that_do_not_show_it():
    assert of_store(application=an_application(), sign_in=ACCEPTED).status == "healthy"


def test_a_refused_sign_in_with_an_absent_certificate_is_unregistered_and_quoted():
    found = of_store(application=an_application(), sign_in=refused("application_disabled"))

    assert (found.status, reasons(found)) == ("unregistered", ["unregistered"])
    assert found.findings[0].message.endswith(
        "A sign-in with it was refused: The application is disabled in this tenant."
    )


@pytest.mark.parametrize("code", ["wrong_private_key", "application_disabled", "certificate_not_registered"])
def test_a_registered_certificate_that_is_refused_is_rejected(code):
    found = of_store(sign_in=refused(code))

    assert (found.status, reasons(found)) == ("rejected", ["rejected"])
    assert code in found.findings[0].message


def test_an_expired_certificate_that_is_refused_is_expired():
    assert of_store(a_version(expires=-1), sign_in=refused("certificate_expired")).status == "expired"


@pytest.mark.parametrize(
    "code", ["network_refused", "dns", "tls", "proxy", "timeout", "throttled", "service_unavailable"]
)
def test_trouble_on_the_way_to_a_sign_in_says_nothing_about_the_certificate(code):
    found = of_store(trouble=trouble(code))

    assert (found.status, reasons(found)) == ("unreachable", ["unreachable"])
    assert f"({code})" in found.findings[0].message


def test_trouble_does_not_hide_what_the_dates_say():
    assert of_store(a_version(expires=-1), trouble=trouble("timeout")).status == "expired"


def test_trouble_at_the_sign_in_does_not_replace_what_the_reads_say():
    found = of_store(application=an_application(), trouble=trouble("timeout"))

    assert found.status == "unregistered"
    assert "Three reads" in found.findings[0].message


# --- Where the directory could not be read -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "code, status",
    [
        ("timeout", "unreachable"),
        ("permission_denied", "unknown"),
        ("application_disabled", "unknown"),
        ("certificate_not_registered", "unknown"),  # that is the certificate of whoever reads
    ],
)
def test_what_could_not_be_read_is_unreachable_or_unknown(code, status):
    found = of_store(application=False, trouble=trouble(code))

    assert (found.status, reasons(found)) == (status, [status])


@pytest.mark.parametrize(
    "code, status",
    [
        ("certificate_not_registered", "rejected"),
        ("wrong_private_key", "rejected"),
        ("certificate_expired", "expired"),
        ("timeout", "unreachable"),
        ("application_disabled", "unknown"),
    ],
)
def test_an_application_that_reads_as_itself_is_judged_by_that_sign_in(code, status):
    found = of_store(application=False, trouble=trouble(code), reads_as_itself=True)

    assert found.status == status
    assert found.findings[0].reason == status


def test_an_application_that_signs_in_but_may_not_read_is_proven_by_the_sign_in():
    found = of_store(application=False, trouble=trouble("permission_denied"), reads_as_itself=True)

    assert (found.status, found.findings) == ("healthy", ())


def test_an_application_that_was_not_asked_for_stands_by_its_dates():
    assert of_store(application=False, reads_as_itself=True).status == "healthy"


def test_a_sign_in_that_was_asked_for_proves_what_may_not_be_read():
    found = of_store(application=False, trouble=trouble("permission_denied"), sign_in=ACCEPTED)

    assert found.status == "healthy"


def test_an_expired_current_certificate_needs_no_service_to_be_expired():
    found = of_store(a_version(expires=-1), application=False, trouble=trouble("timeout"))

    assert (found.status, reasons(found)) == ("expired", ["expired"])


# --- A claim, and an unfinished renewal --------------------------------------------------------------------------


def test_a_claim_that_no_registered_certificate_meets_is_unregistered_by_name():
    claim = a_certificate("claimed").thumbprint

    for store in (None, a_store(CURRENT), a_store()):
        found = verdict(an_application(CURRENT), store, claim=claim)

        assert found.status == "unregistered"
        assert claim in found.findings[0].message
        assert reasons(found).count("unregistered") == 1


@pytest.mark.parametrize("word", ["thumbprint", "thumbprint_sha256"])
def test_a_claim_that_is_the_current_certificate_adds_nothing(word):
    found = of_store(claim=getattr(CURRENT.certificate, word))

    assert (found.status, found.findings) == ("healthy", ())


@pytest.mark.parametrize("word", ["thumbprint", "thumbprint_sha256"])
def test_a_claim_that_is_registered_but_not_current_differs_and_the_status_stays(word):
    other = a_certificate("other")

    found = of_store(application=an_application(CURRENT, other), claim=getattr(other, word))

    assert (found.status, reasons(found)) == ("healthy", ["claim_differs"])


def test_a_claim_is_met_by_an_identifier_where_the_bytes_are_not_shown():
    entry = a_credential(CURRENT, certificate=None)

    assert verdict(an_application(entry), claim=CURRENT.thumbprint).status == "healthy"


def test_a_claim_cannot_be_compared_with_what_was_not_read():
    found = of_store(application=False, trouble=trouble("timeout"), claim=CURRENT.thumbprint)

    assert reasons(found) == ["unreachable"]


def test_an_unfinished_renewal_is_a_finding_and_the_status_stays():
    found = verdict(an_application(CURRENT), a_store(CURRENT, a_version("new")))

    assert (found.status, reasons(found)) == ("healthy", ["interrupted"])


def test_a_reason_is_given_once():
    ends = a_version("old", expires=5)
    stopped = a_version("new", stop_after="generated", finding="near_expiry")

    assert reasons(verdict(an_application(ends), a_store(ends, stopped))) == ["near_expiry"]


@pytest.mark.parametrize("text", ["aa:bb:0c", "AABB0C", "aa bb 0C", "AA:BB:0C"])
def test_a_thumbprint_is_compared_however_it_was_written(text):
    assert normal_thumbprint(text) == "AABB0C"


# --- What holds for every verdict --------------------------------------------------------------------------------

CODES = st.sampled_from(
    ["timeout", "permission_denied", "certificate_not_registered", "certificate_expired", "application_disabled"]
)


@given(
    current=st.none()
    | st.sampled_from([CURRENT, a_version(expires=5), a_version(expires=-5), a_version(intent=-0.001)]),
    registered=st.booleans(),
    readable=st.booleans(),
    has_store=st.booleans(),
    sign_in=st.none() | st.just(ACCEPTED) | CODES.map(refused),
    problem=st.none() | CODES.map(trouble),
    own=st.booleans(),
    claim=st.none() | st.sampled_from([CURRENT.thumbprint, "0" * 40]),
)
def test_every_verdict_is_a_known_word_and_explained_unless_all_is_well(
    current, registered, readable, has_store, sign_in, problem, own, claim
):
    application = an_application(*([current] if current and registered else [])) if readable else None
    store = a_store(current) if has_store else None

    found = verdict(application, store, trouble=problem, reads_as_itself=own, sign_in=sign_in, claim=claim)

    assert found.status in STATUSES
    assert found.status == "healthy" or found.status in reasons(found)
    assert len(reasons(found)) == len(set(reasons(found)))
    assert all(finding.message.endswith((".", ")")) for finding in found.findings)


# --- What the management policies allow --------------------------------------------------------------------------

LIMIT = LifetimeLimit("policy", dt.timedelta(days=90))


def test_certificates_in_use_that_live_too_long_are_told_and_no_others():
    lived, endless = a_certificate("lived", -500, 0), a_credential(a_certificate("endless"), not_after=None)
    application = an_application(a_certificate("long", -90, 1), a_certificate("short", -45, 45), lived, endless)

    found = verdict(application, limits=(LIMIT,))

    [finding] = [one for one in found.findings if one.reason == "policy_exceeded"]
    assert a_certificate("long").thumbprint in finding.message


def test_no_application_has_no_limit():
    assert Facts(NOW, None, None, limits=(LIMIT,)).limit is None
    assert reasons(verdict(limits=(LIMIT,))) == reasons(verdict())


def test_a_certificate_that_ends_soon_is_so_whatever_the_rotation_period():
    policy = RenewalPolicy(rotation_period=dt.timedelta(days=30))

    assert verdict(an_application(a_certificate(issued=-90, expires=20)), policy=policy).status == "near_expiry"
    assert verdict(an_application(a_certificate(issued=-90, expires=90)), policy=policy).status == "rotation_due"


# --- Certificates on the service principal alone -----------------------------------------------------------------


def a_principal(*held):
    return ServicePrincipal("principal", "app", True, tuple(a_credential(each) for each in held))


def misplaced(application, store=None, claim=None, principal=()):
    found = verdict(application, store, claim=claim, service_principal=a_principal(*principal))
    return [one.message.split()[1] for one in found.findings if one.reason == "wrong_object"]


def test_a_claimed_certificate_is_looked_for_on_the_service_principal():
    claimed, other, current = a_certificate("claimed"), a_certificate("other"), a_certificate("current")

    assert misplaced(an_application(current), None, claimed.thumbprint, [other, claimed]) == [claimed.thumbprint]
    assert misplaced(an_application(claimed), None, claimed.thumbprint, [other, claimed]) == []
    assert misplaced(an_application(current), None, None, [other, claimed]) == []


def test_a_misplaced_certificate_is_told_once_although_it_is_claimed_too():
    new = a_version("new", intent=-1)
    store = a_store(CURRENT, new)

    assert misplaced(an_application(CURRENT), store, new.thumbprint, [new]) == [new.thumbprint]


def test_a_retired_certificate_on_the_service_principal_is_nobodys_concern():
    gone = a_version("gone", promoted=-200, retired=-90)

    assert misplaced(an_application(CURRENT), a_store(CURRENT, others=[gone]), None, [gone]) == []


def test_nothing_is_misplaced_where_the_application_is_not_known():
    assert misplaced(None, a_store(CURRENT), None, [CURRENT]) == []


def test_an_entry_that_cannot_be_read_is_not_taken_for_a_claim_that_was_not_made():
    unreadable = a_credential(certificate=None, identifier="somebody's own words")
    principal = ServicePrincipal("principal", "app", True, (unreadable,))

    assert "wrong_object" not in reasons(verdict(an_application(CURRENT), service_principal=principal))
