# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lifetimes that management policies allow, and how long a certificate may live by them."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import Unsafe
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import RenewalPolicy
from ansible_collections.evercert.entra.plugins.module_utils._steps.limits import find_limit, fit_to_limit

DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)


@pytest.fixture
def fit(adopted):
    """What becomes of a policy where Graph names these limits: (policy ID, duration)."""

    def fit(limits, **policy):
        restrictions = [
            {"restrictionType": "asymmetricKeyLifetime", "maxLifetime": span} for _policy_id, span in limits
        ]
        entries = [
            {"id": policy_id, "isEnabled": True, "restrictions": {"keyCredentials": [restriction]}}
            for (policy_id, _span), restriction in zip(limits, restrictions)
        ]
        answers = [{"id": "0", "status": 200, "body": {"value": entries}}, {"id": "1", "status": 403, "body": {}}]
        answer = {"body": json.dumps({"responses": answers}).encode()}
        adopted.liar = lambda request: answer if request.url.endswith("$batch") else None
        connection = adopted.connect(adopted.options())
        application, wanted = connection.find_application(), RenewalPolicy(**policy)
        limit = find_limit(connection, application)
        return fit_to_limit(connection, application, wanted, limit) if limit else wanted

    return fit


def test_without_limits_a_policy_stays(fit):
    assert fit([]) == RenewalPolicy() == fit([("a", "of sorts")])


def test_whoever_may_not_read_policies_goes_on(adopted):
    adopted.tenant.faults.add("error", match="batch", status=400)
    connection = adopted.connect(adopted.options())

    assert find_limit(connection, connection.find_application()) is None


def test_a_lifetime_up_to_the_limit_stays(fit):
    assert fit([("a", "P180D")]) == RenewalPolicy()


def test_the_shortest_limit_counts(fit):
    with pytest.raises(Unsafe, match="management policy b allows") as caught:
        fit([("a", "P100D"), ("b", "P90D"), ("c", "P120D")])

    assert {name: caught.value.diagnosis.evidence[name] for name in ("policy_id", "limit_days")} == {
        "policy_id": "b",
        "limit_days": "90",
    }
    assert "validity is 180 days" in caught.value.message and "live 90 days at most" in caught.value.message


def test_a_lifetime_is_lowered_to_a_minute_below_the_limit_where_that_is_wanted(fit, adopted):
    assert fit([("a", "P90D")], on_policy_limit="clamp") == RenewalPolicy(
        on_policy_limit="clamp", validity=90 * DAY - MINUTE
    )
    assert adopted.warnings == ["validity is lowered to 90 days, the limit of management policy a."]


@pytest.mark.parametrize(("days", "lowered"), [(90 * DAY - MINUTE, False), (90 * DAY - 2 * MINUTE, True)])
def test_it_is_not_lowered_where_every_run_would_renew_again(fit, days, lowered):
    if lowered:
        assert fit([("a", "P90D")], on_policy_limit="clamp", renew_before=days).validity == 90 * DAY - MINUTE
    else:
        with pytest.raises(Unsafe):
            fit([("a", "P90D")], on_policy_limit="clamp", renew_before=days)
