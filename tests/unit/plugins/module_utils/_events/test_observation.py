# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an event says, and what it cannot say."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import RenewalPolicy
from ansible_collections.evercert.entra.plugins.module_utils._core.verdict import Facts, judge
from ansible_collections.evercert.entra.plugins.module_utils._events.observation import (
    observe,
    of_application,
    of_outage,
    of_return,
)
from ansible_collections.evercert.entra.tests.unit.builders import (
    a_certificate,
    a_credential,
    an_application,
    at,
    trouble,
)
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._events.conftest import START


def observed(*credentials):
    application, policy = an_application(*credentials), RenewalPolicy()
    facts = Facts(at(0), application, None)
    return observe(facts, judge(facts, policy), application)


def test_the_dates_are_those_of_the_certificate_that_ends_last():
    one = observed(a_credential(a_certificate("old", expires=5)), a_credential(a_certificate("new", expires=20)))

    assert (one.status, one.days_left, one.not_after, one.next_renewal) == ("near_expiry", 20, at(20), at(-10))


def test_the_next_renewal_is_that_of_reports_and_inventories():
    application = an_application(a_credential(a_certificate(expires=90)))
    policy = RenewalPolicy(rotation_period=dt.timedelta(days=1))
    facts = Facts(at(0), application, None)

    verdict = judge(facts, policy)

    assert observe(facts, verdict, application).next_renewal == verdict.next_renewal == at(-89)


def test_an_application_without_a_certificate_has_no_dates():
    one = observed()

    assert (one.status, one.days_left, one.not_after, one.next_renewal) == ("missing", None, None, None)


@pytest.mark.parametrize(("words", "matches"), [(["near_expiry"], True), (["expired"], False), ([], False)])
def test_it_matches_by_status_or_finding(seen, words, matches):
    assert seen().matches(words) is matches


def test_the_event_on_an_application_is_plain(seen):
    event = of_application("finding", "tenant", seen())

    assert (
        json.loads(json.dumps(event))
        == event
        == {
            "kind": "finding",
            "tenant_id": "tenant",
            "app_id": "payroll-app",
            "object_id": "payroll-object",
            "display_name": "payroll",
            "status": "near_expiry",
            "findings": [{"reason": "near_expiry", "message": "It is near_expiry.", "remedy": "Renew it."}],
            "not_after": "2026-12-02T10:00:00Z",
            "days_left": 10,
            "next_renewal": None,
        }
    )


@pytest.mark.parametrize("template", ["{{ lookup('pipe', 'id') }}", "{% if x %}", "{# x #}", "{{{ x }}}"])
def test_a_display_name_cannot_be_a_template(seen, template):
    event = of_application("finding", "tenant", seen(display_name=template))

    assert not any(start in event["display_name"] for start in ("{{", "{%", "{#"))


def test_the_event_on_an_outage_has_the_diagnosis():
    found = trouble("secret_expired")
    event = of_outage("tenant", EvercertError("No. {{ x }}", found), 3, START)

    assert event == {
        "kind": "unreachable",
        "tenant_id": "tenant",
        "failures": 3,
        "since": "2026-11-22T10:00:00Z",
        "message": "No. { { x }}",
        "diagnosis": {"code": "secret_expired", "cause": found.cause, "remedy": found.remedy},
    }
    assert of_outage("tenant", EvercertError("No."), 3, START)["diagnosis"] is None


def test_the_event_on_a_return_says_since_when_it_was_away():
    assert of_return("tenant", START) == {"kind": "reachable", "tenant_id": "tenant", "since": "2026-11-22T10:00:00Z"}
