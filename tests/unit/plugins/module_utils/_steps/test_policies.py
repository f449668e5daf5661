# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Management policies: what would be refused is named before anything is made, and what breaks them is marked."""

from __future__ import annotations

import dataclasses
import json

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import arguments, results
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import Unsafe
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import KeyPair, certificate_from_der
from ansible_collections.evercert.entra.plugins.module_utils._steps import report

DEFAULT = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def limited(adopted):
    """The tenant allows certificates 90 days, and the administrator may read that."""
    adopted.tenant.limit_lifetime("P90D")
    adopted.tenant.grant(adopted.admin, "Policy.Read.All")
    return adopted


def ours(pair):
    return KeyPair(certificate_from_der(pair.der), pair.private_key)


def writes(world):
    return {"add_key", "patch_application"} & set(world.operations())


@pytest.mark.parametrize("check", [True, False])
def test_a_validity_beyond_the_limit_is_refused_with_the_limit(limited, check):
    error = limited.refused(check=check)

    assert error.diagnosis.code == "policy_refused"
    assert error.diagnosis.evidence["limit_days"] == "90" and error.diagnosis.evidence["policy_id"] == DEFAULT
    assert "validity is 180 days" in error.message and "Nothing was changed" in error.message
    assert limited.made == [] and not writes(limited)


def test_check_mode_says_how_long_a_clamped_certificate_will_live(limited):
    planned = limited.renew(check=True, on_policy_limit="clamp", renew_before=60)

    assert planned.steps[0] == "generate" and not writes(limited)
    assert limited.warnings == [f"validity is lowered to 90 days, the limit of management policy {DEFAULT}."]


@pytest.mark.parametrize("check", [True, False])
def test_a_certificate_that_was_brought_and_lives_too_long_is_refused_by_name(limited, check):
    brought = limited.tenant.issue("brought", -1, 120)

    error = limited.refused(check=check, provided=ours(brought), on_policy_limit="clamp")

    assert error.diagnosis.code == "policy_refused" and not writes(limited)
    assert (
        f"Certificate {brought.thumbprint} lives 121 days" in error.message and "certificate_content" in error.message
    )
    assert limited.contents.successor is None


def test_one_that_was_brought_and_is_short_enough_is_renewed_with(limited):
    brought = limited.tenant.issue("brought", -1, 60)

    limited.renew(provided=ours(brought))

    assert limited.current == brought.thumbprint


@pytest.mark.parametrize("check", [True, False])
def test_application_certificate_refuses_it_too(limited, check):
    with pytest.raises(Unsafe, match="allows certificates of application payroll to live 90 days at most"):
        limited.certificate(limited.tenant.issue("given", 0, 100), check=check)
    assert not writes(limited)


def test_a_certificate_that_is_there_already_is_no_matter_of_policy(limited):
    assert not limited.certificate(limited.old).changed


def test_a_successor_that_became_too_long_is_replaced_by_a_shorter_one(adopted):
    adopted.renew(stop_after="generated")
    too_long = adopted.made[0]
    adopted.tenant.limit_lifetime("P90D")
    adopted.tenant.grant(adopted.admin, "Policy.Read.All")

    result = adopted.renew(on_policy_limit="clamp", renew_before=60)

    assert result.steps[:2] == ["replace_successor", "generate"]
    assert adopted.current == adopted.made[1] != too_long


def test_a_successor_that_is_registered_goes_on_whatever_the_policy_says_now(adopted):
    adopted.renew(stop_after="registered")
    adopted.tenant.limit_lifetime("P90D")
    adopted.tenant.grant(adopted.admin, "Policy.Read.All")

    adopted.renew()

    assert [adopted.current] == adopted.made


def test_who_may_not_read_policies_hears_it_from_the_service(adopted):
    adopted.tenant.limit_lifetime("P90D")

    error = adopted.refused(add_method="update")

    assert error.diagnosis.code == "policy_refused" and error.status == 400
    assert "lifetime exceeds the max value" in error.message


def test_the_applications_own_policy_replaces_the_default(limited):
    limited.tenant.limit_lifetime("P365D", limited.payroll)

    assert limited.renew().steps[0] == "generate"


@pytest.mark.parametrize(
    ("created_after", "allowed"), [("2026-12-01T00:00:00Z", True), ("2020-01-01T00:00:00Z", False)]
)
def test_a_rule_for_newer_applications_spares_the_older_ones(adopted, created_after, allowed):
    adopted.tenant.limit_lifetime("P90D", created_after=created_after)
    adopted.tenant.grant(adopted.admin, "Policy.Read.All")

    if allowed:
        assert adopted.renew().changed
    else:
        assert adopted.refused().diagnosis.code == "policy_refused"


# Reports


def test_a_certificate_that_breaks_the_policy_is_marked_and_the_status_stays(limited):
    found = limited.info(renew_before=5)

    assert found.status == "healthy" and found.reasons == ["policy_exceeded"]
    assert found.certificates[0]["policy"] == {"limit_days": 90.0, "policy_id": DEFAULT, "state": "exceeds"}
    assert "lives 180 days" in found.findings[0]["message"] and "allows 90" in found.findings[0]["message"]


def test_one_that_keeps_it_is_ok(limited):
    limited.tenant.limit_lifetime("P365D")

    found = limited.info(renew_before=5)

    assert found.reasons == [] and found.certificates[0]["policy"]["state"] == "ok"


def test_without_a_limit_every_lifetime_is_ok(limited):
    limited.tenant.limit_lifetime(None)

    assert limited.info().certificates[0]["policy"] == {"limit_days": None, "policy_id": None, "state": "ok"}


def test_who_may_not_read_policies_gets_no_word_on_them(adopted):
    adopted.tenant.limit_lifetime("P90D")

    found = adopted.info(renew_before=5)

    assert found.reasons == [] and "policy" not in found.certificates[0]


def test_an_expired_certificate_is_marked_and_no_reason_for_attention_by_that(limited):
    limited.settle(30 * 86400)

    found = limited.info()

    assert "policy_exceeded" not in found.reasons and found.certificates[0]["policy"]["state"] == "exceeds"


def listing(world, **given):
    options = world.options(app_id=None, key_store=None, needs_application=False, renew_before=5)
    policy, since = arguments.renewal_policy(options), len(world.emulator.log.lines)
    found = report.inspect_all(world.connect(options), policy, None, **given)
    values = results.of_reports(found, policy, "all")["applications"]
    return {one["display_name"]: one for one in values}, world.operations(since)


def test_a_listing_marks_by_the_default_policy_for_one_request_more(limited):
    limited.tenant.limit_lifetime("P365D", limited.payroll)

    found, operations = listing(limited)

    assert [one["reason"] for one in found["payroll"]["findings"]] == ["policy_exceeded"]
    assert operations.count("get_default_policy") == 1 and "get_application_policies" not in operations


def test_a_listing_without_the_permission_says_nothing_of_policies(adopted):
    found, _operations = listing(adopted)

    assert "policy" not in found["payroll"]["certificates"][0] and found["payroll"]["findings"] == []


def test_policies_that_cannot_be_read_do_not_stop_a_renewal(adopted):
    adopted.tenant.faults.add("error", match="batch", status=403)

    assert adopted.renew().changed


def test_the_lifetime_of_an_entry_without_dates_is_unknown(limited, monkeypatch):
    plain = report._read

    def without_dates(connection, contents):
        found, trouble = plain(connection, contents)
        entries = tuple(dataclasses.replace(entry, not_before=None) for entry in found.key_credentials)
        return dataclasses.replace(found, key_credentials=entries), trouble

    monkeypatch.setattr(report, "_read", without_dates)

    found = limited.info(renew_before=5)

    assert found.certificates[0]["policy"]["state"] == "unknown" and found.reasons == []


# Items of a batch are throttled one by one

OWN, TENANT, PRINCIPAL = "get_application_policies", "get_default_policy", "get_service_principal"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("item", [OWN, TENANT])
def test_an_item_of_a_batch_that_was_put_off_is_asked_again_alone_after_its_own_pause(limited, item, status):
    limited.tenant.limit_lifetime("P365D", limited.payroll if item == OWN else None)
    limited.tenant.faults.add("error", match=item, status=status, retry_after=2.5)

    result = limited.renew()

    assert result.steps[0] == "generate"
    assert limited.timing.said[0].startswith(f"Graph answered {status}; reading again")
    assert result.operations.count("batch") == 1 and result.operations.count(item) == 2
    assert limited.warnings == []


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("item", [OWN, TENANT])
def test_a_policy_that_stays_throttled_is_not_known_and_another_is_not_taken_for_it(adopted, item, check):
    """The tenant's default is stricter than what holds for the application."""
    adopted.tenant.limit_lifetime("P90D")
    adopted.tenant.limit_lifetime("P365D", adopted.payroll) if item == OWN else None
    adopted.tenant.limit_lifetime(None) if item == TENANT else None
    adopted.tenant.grant(adopted.admin, "Policy.Read.All")
    adopted.tenant.faults.add("error", match=item, status=429, retry_after=1, times=None)

    assert adopted.renew(check=check).steps[0] == "generate"
    assert [warning for warning in adopted.warnings if "could not be read just now (Graph answered 429)" in warning]


def test_a_throttled_item_ends_in_slices_too(limited):
    limited.tenant.limit_lifetime("P365D")
    limited.tenant.faults.add("error", match=TENANT, status=429, retry_after=20, times=None)

    assert limited.renew_in_slices().steps[0] == "generate"


def test_a_status_says_what_of_it_is_not_known(limited):
    limited.tenant.faults.add("error", match=[OWN, PRINCIPAL], status=429, retry_after=1, times=None)

    found = limited.info(renew_before=5)

    assert found.status == "healthy" and not hasattr(found, "service_principal")
    assert found.certificates[0]["policy"] == {"limit_days": None, "policy_id": None, "state": "unknown"}
    assert [warning.split(" of application")[0] for warning in limited.warnings] == [
        "Nothing is known of the management policies",
        "Nothing is known of the service principal",
    ]


@pytest.mark.parametrize("trouble", [{"kind": "error", "status": 503}, {"kind": "reset"}], ids=["answer", "no_answer"])
def test_trouble_with_all_of_it_is_said_too(limited, trouble):
    limited.tenant.faults.add(match="batch", times=None, **trouble)

    assert limited.info(renew_before=5).certificates[0]["policy"]["state"] == "unknown" and len(limited.warnings) == 2
    limited.warnings.clear()
    assert limited.renew(check=True).steps[0] == "generate"
    assert "could not be read just now" in limited.warnings[0]


def test_a_listing_says_that_the_policy_is_not_known(limited):
    limited.tenant.faults.add("error", match=TENANT, status=503, retry_after=1, times=None)

    found, _operations = listing(limited)

    assert found["payroll"]["certificates"][0]["policy"]["state"] == "unknown"
    assert len(limited.warnings) == 1 and "What they allow is not known" in limited.warnings[0]


# Rules that v1.0 does not name


def showing(world, *restrictions, own=True):
    """Graph shows these rules, of a policy of the application or of the tenant, and all else as it is."""
    restricted = {"keyCredentials": list(restrictions)}
    policy = {"id": "policy-1", "isEnabled": True, "restrictions": restricted, "applicationRestrictions": restricted}
    body = {"value": [policy] if own else []}
    answers = [{"id": "0", "status": 200, "body": body}, {"id": "1", "status": 200, "body": policy}]
    lie = {"body": json.dumps({"responses": answers}).encode()}
    plain = {"body": json.dumps(policy).encode()}
    lies = {"$batch": lie, "/policies/defaultAppManagementPolicy": plain}
    world.liar = lambda request: next((lies[end] for end in lies if request.url.endswith(end)), None)


NAMELESS = {"restrictionType": None, "state": "enabled", "restrictForAppsCreatedAfterDateTime": None}
UNNAMED = [NAMELESS, {**NAMELESS, "restrictionType": "unknownFutureValue"}, {**NAMELESS, "restrictionType": "newer"}]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("rule", UNNAMED, ids=["null", "future", "newer"])
def test_a_rule_without_a_name_is_unknown_and_never_no_limit(adopted, rule, own):
    showing(adopted, rule, own=own)

    assert adopted.info(renew_before=5).certificates[0]["policy"] == {
        "limit_days": None,
        "policy_id": "policy-1",
        "state": "unknown",
    }
    assert adopted.renew(check=True).steps[0] == "generate"
    assert "policy-1 has a rule for certificates that Graph shows without its name" in adopted.warnings[-1]
    assert "not known before it is sent" in adopted.warnings[-1]


def test_a_lifetime_beside_a_rule_without_a_name_still_counts(adopted):
    lifetime = {**NAMELESS, "restrictionType": "asymmetricKeyLifetime", "maxLifetime": "P90D"}
    showing(adopted, NAMELESS, lifetime)

    assert adopted.info(renew_before=5).certificates[0]["policy"]["state"] == "exceeds"
    assert "live 90 days at most" in adopted.refused().message


@pytest.mark.parametrize(
    "spared", [{"state": "disabled"}, {"restrictForAppsCreatedAfterDateTime": "2099-01-01T00:00:00Z"}]
)
def test_one_that_does_not_hold_for_the_application_is_none(adopted, spared):
    showing(adopted, {**NAMELESS, **spared})

    assert adopted.info(renew_before=5).certificates[0]["policy"]["state"] == "ok"
    assert adopted.renew(check=True).steps[0] == "generate" and adopted.warnings == []


def test_a_lifetime_that_cannot_be_read_is_unknown_too(adopted):
    showing(adopted, {"restrictionType": "asymmetricKeyLifetime", "maxLifetime": "of sorts"})

    assert adopted.info(renew_before=5).certificates[0]["policy"]["state"] == "unknown"


def test_application_certificate_says_it_before_it_sends(adopted):
    showing(adopted, NAMELESS)

    assert adopted.certificate(adopted.tenant.issue("given", 0, 100), check=True).changed
    assert "not known before it is sent" in adopted.warnings[-1]


def test_a_listing_knows_of_rules_without_a_name(adopted):
    showing(adopted, NAMELESS)

    found, _operations = listing(adopted)

    assert found["payroll"]["certificates"][0]["policy"]["state"] == "unknown"
