# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt
import math

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import arguments, contradictions, specs
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import ProofPolicy, RenewalPolicy
from ansible_collections.evercert.entra.plugins.module_utils._steps.verify import Probe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEX = "9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A"
FLOATS = (
    "renew_before",
    "rotation_period",
    "validity",
    "overlap",
    "keep_retired",
    "sign_in_interval",
    "initial_pause",
    "timeout_propagation",
    "lock_timeout",
)


def test_the_defaults_of_every_module_are_no_problem(options):
    for module in ("renew", "info", "verify", "certificate"):
        assert arguments.problems_of(options(module)) == []
    assert contradictions.problems_of_renewal(options()) == []
    assert contradictions.problems_of_report(options("info")) == []


@pytest.mark.parametrize("name", ["app_id", "object_id", "client_id", "key_id"])
@pytest.mark.parametrize("value", ["payroll", "11111111-2222-3333-4444", "{11111111-2222-3333-4444-555555555555}"])
def test_an_id_that_is_no_guid_is_refused_with_an_example(name, value):
    assert arguments.problems_of({name: value}) == [
        f"{name} must be a GUID such as 11111111-2222-3333-4444-555555555555, not '{value}'."
    ]


@pytest.mark.parametrize("tenant", ["contoso.onmicrosoft.com", "contoso.com", "11111111-2222-3333-4444-55555555555A"])
def test_a_tenant_is_a_guid_or_a_domain(tenant):
    assert arguments.problems_of({"tenant_id": tenant}) == []


@pytest.mark.parametrize("tenant", ["common", "contoso", "contoso.com/../x", "https://contoso.com", "a b.com", ".com"])
def test_any_other_tenant_is_refused(tenant):
    assert arguments.problems_of({"tenant_id": tenant}) == [
        f"tenant_id must be a GUID or a domain such as contoso.onmicrosoft.com, not '{tenant}'."
    ]


def test_every_problem_is_named_at_once(options):
    given = options(app_id="x", tenant_id="y", overlap=-1.0, sign_ins=0, now="soon")

    assert len(arguments.problems_of(given)) == 5


def test_a_name_beside_an_id_is_refused():
    assert arguments.problems_of({"display_name": "Payroll", "object_id": "11111111-2222-3333-4444-555555555555"}) == [
        "display_name cannot be combined with app_id or object_id."
    ]


@pytest.mark.parametrize(
    "name", ["renew_before", "overlap", "keep_retired", "sign_in_interval", "initial_pause", "lock_timeout"]
)
def test_a_negative_number_is_refused_and_zero_is_not(name):
    assert arguments.problems_of({name: -0.5}) == [f"{name} must not be negative, and is -0.5."]
    assert arguments.problems_of({name: 0.0}) == []


@pytest.mark.parametrize("name", ["sign_in_budget", "history"])
def test_a_negative_count_is_refused(name):
    assert arguments.problems_of({name: -1}) == [f"{name} must not be negative, and is -1."]


@pytest.mark.parametrize("name", ["validity", "rotation_period", "sign_ins", "timeout_propagation"])
def test_where_zero_means_nothing_it_is_refused(name):
    assert arguments.problems_of({name: 0}) == [f"{name} must be greater than 0, and is 0."]


@pytest.mark.parametrize("name", FLOATS)
def test_what_is_no_number_is_refused(name):
    assert arguments.problems_of({name: math.nan}) == [f"{name} must be a number, and is nan."]
    assert len(arguments.problems_of({name: math.inf})) == 1
    assert len(arguments.problems_of({name: -math.inf})) == 1


def test_a_number_that_no_calendar_holds_is_refused():
    assert arguments.problems_of({"validity": 1e9}) == ["validity must be at most 36500 days, and is 1e+09."]
    assert arguments.problems_of({"lock_timeout": 1e9}) == [
        "lock_timeout must be at most 604800 seconds, and is 1e+09."
    ]


@given(name=st.sampled_from(FLOATS), value=st.floats())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_number_is_a_problem_or_a_policy(options, name, value):
    """What is not refused makes a policy; what is refused is a sentence and never an exception."""
    given = options(**{name: value})
    problems = arguments.problems_of(given) + contradictions.problems_of_renewal(given)

    if not problems:
        arguments.renewal_policy(given)
    assert all(problem.endswith(".") for problem in problems)


@pytest.mark.parametrize("budget, refused", [(0, False), (2, True), (3, False)])
def test_a_budget_smaller_than_one_proof_is_refused(budget, refused):
    found = arguments.problems_of({"sign_in_budget": budget, "sign_ins": 3})

    assert found == ["sign_in_budget (2) must be 0 (no limit) or at least sign_ins (3)."] * refused


@pytest.mark.parametrize("name", ["expected_thumbprint", "thumbprint"])
def test_a_thumbprint_is_40_or_64_hex_digits_however_written(name):
    for good in (HEX, HEX.lower(), "A" * 64, ":".join(["aa"] * 20)):
        assert arguments.problems_of({name: good}) == []
    assert arguments.problems_of({name: "A" * 41}) == [
        f"{name} must be 40 (SHA-1) or 64 (SHA-256) hex digits, not '{'A' * 41}'."
    ]


def test_a_moment_that_is_none_is_refused():
    (problem,) = arguments.problems_of({"now": "tomorrow"})

    assert problem == "now: 'tomorrow' is not an ISO 8601 time such as 2026-11-22T10:00:00Z."
    assert len(arguments.problems_of({"now": "0001-01-01T00:00:00+05:00"})) == 1


@pytest.mark.parametrize(
    "url", ["https://evil.test/x", "//evil.test/x", "\\\\evil.test", "/a b", "/a\r\nHost: evil.test", "http://x"]
)
def test_a_probe_that_names_a_host_is_refused(url):
    (problem,) = arguments.problems_of({"probes": [{"url": url, "status": 200}]})

    assert problem == f"probes: '{url}' must be a path relative to Graph such as /organization, without a host."


def test_a_probe_is_a_path_with_or_without_a_leading_slash(options):
    given = options("verify", probes=[{"url": "organization", "status": 200}, {"url": "/users", "status": 403}])

    assert arguments.problems_of(given) == []
    assert arguments.expectation(given).probes == (Probe("/organization", 200), Probe("/users", 403))


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "dots\u2026"])
def test_a_token_that_cannot_be_one_is_refused_and_not_shown(token):
    assert arguments.problems_of({"access_token": token}) == [
        "access_token holds a space or a character that no access token has."
    ]
    assert arguments.problems_of({"access_token": "eyJ0.eyJh.c2ln\n"}) == []


def test_the_defaults_of_the_options_are_those_of_the_policies(options):
    assert arguments.renewal_policy(options()) == RenewalPolicy()
    assert arguments.proof_policy(options()) == ProofPolicy()


def test_what_a_module_has_no_option_for_keeps_its_default():
    assert arguments.renewal_policy({}) == RenewalPolicy()
    assert arguments.proof_policy({}) == ProofPolicy()


def test_options_become_a_policy(options):
    given = options(renew_before=10.5, rotation_period=60.0, stop_after="proven", force=True, timeout_propagation=30.0)

    policy = arguments.renewal_policy(given)

    assert policy.renew_before == dt.timedelta(days=10.5)
    assert policy.rotation_period == dt.timedelta(days=60)
    assert policy.propagation == dt.timedelta(seconds=30)
    assert (policy.stop_after, policy.force) == ("proven", True)


def test_a_budget_of_zero_is_no_missing_value(options):
    assert arguments.proof_policy(options(sign_in_budget=0, sign_in_interval=0.0)).budget == 0
    assert arguments.proof_policy(options(sign_in_interval=0.0)).interval == 0


def test_an_expectation_without_lists_expects_the_sign_in_alone(options):
    found = arguments.expectation(options("verify", required_roles=None, probes=None, expect="refused"))

    assert (found.accepted, found.required_roles, found.probes) == (False, (), ())


def test_now_fixes_the_moment():
    assert arguments.fixed_now({"now": "2026-11-22T10:00:00Z"}) == dt.datetime(2026, 11, 22, 10, tzinfo=dt.timezone.utc)
    assert arguments.fixed_now({"now": None}) is None


SECRETS = {
    "client_secret",
    "client_certificate_passphrase",
    "access_token",
    "pfx_passphrase",
    "key_passphrase",
    "private_key_passphrase",
}


def test_every_secret_and_nothing_else_is_kept_out_of_logs():
    groups = [value for name, value in vars(specs).items() if name.startswith("OF_")]
    options = {name: entry for group in groups for name, entry in group.items()}

    assert {name for name, entry in options.items() if entry.get("no_log")} == SECRETS
    assert set(options) >= SECRETS


@pytest.mark.parametrize("number", [10**400, -(10**400)])
def test_a_whole_number_without_an_end_is_no_error(number):
    assert not [problem for problem in arguments.problems_of({"sign_ins": 10**400}) if "nan" in problem]
    assert (arguments.problems_of({"history": number}) == []) is (number > 0)


@pytest.mark.parametrize("odd", ["pay\x00roll", "pay\ud800roll"])
@pytest.mark.parametrize("name", ["display_name", "key_store", "client_secret", "certificate_content", "filter"])
def test_what_is_no_text_is_refused_and_not_shown(name, odd):
    (problem,) = arguments.problems_of({name: odd})

    assert name in problem and "pay" not in problem
    assert arguments.problems_of({"required_roles": ["fine", odd]})
