# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that every step shares: which application, how often to sign in, what is noted, whose clock counts."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import arguments
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    ApplicationNotFound,
    NetworkFailure,
    SignInRefused,
    StillWaiting,
    Unsafe,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._entra.patience import LONGEST_RETRY_AFTER
from ansible_collections.evercert.entra.plugins.module_utils._steps.connection import (
    Choice,
    Connection,
    Selector,
    identity_of,
)
from ansible_collections.evercert.entra.plugins.module_utils._steps.report import inspect_all
from ansible_collections.evercert.entra.tests.unit.builders import trouble
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import SlicedTiming

OTHER = "99999999-2222-4333-8444-555555555555"


@pytest.fixture
def connection(adopted):
    adopted.timing.waited = 0.0
    return adopted.connect(adopted.options())


def sign_in(world, connection):
    """One patient sign-in with the current key; how many attempts it took."""
    before = len(world.sign_ins())
    try:
        connection.sign_in_patiently(world.payroll.app_id, world.contents.current, "test")
    finally:
        world.attempts = len(world.sign_ins()) - before


# What is given, and what is meant without it


@pytest.mark.parametrize("given", ["app_id", "object_id", "display_name"])
def test_a_selector_selects_by_any_of_the_three(given):
    assert Selector(**{given: "x"})
    assert not Selector()


def test_a_way_to_sign_in_was_named_unless_it_says_otherwise():
    assert Choice("client_secret") == Choice("client_secret", skipped=(), is_automatic=False)


def test_a_connection_notes_its_sign_ins_and_its_warnings_are_no_part_of_its_text():
    fields = {one.name: one for one in dataclasses.fields(Connection)}

    assert fields["notes_sign_ins"].default is True
    assert fields["warn"].repr is fields["forget_tokens"].repr is False


# Signing in


def test_passing_trouble_is_tried_four_times_with_longer_and_longer_pauses(adopted, connection):
    adopted.tenant.faults.add("error", match="token", status=503, times=None)

    for _again in range(2):  # a second one is as patient as the first
        adopted.timing.waited = 0.0
        with pytest.raises(SignInRefused):
            sign_in(adopted, connection)
        assert (adopted.attempts, adopted.timing.waited) == (4, 2 + 4 + 8)


@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "error", "status": 503}])
def test_one_failure_is_not_the_end(adopted, connection, fault):
    for _again in range(2):
        adopted.timing.waited = 0.0
        adopted.tenant.faults.add(match="token", **fault)
        sign_in(adopted, connection)
        assert (adopted.attempts, adopted.timing.waited) == (2, 2)


def test_a_network_that_stays_down_is_the_result(adopted, connection):
    adopted.tenant.faults.add("reset", match="token", times=None)

    with pytest.raises(NetworkFailure):
        sign_in(adopted, connection)
    assert adopted.attempts == 4


def test_a_refusal_is_not_tried_again(adopted, connection):
    adopted.tenant.enable(adopted.payroll, False)

    with pytest.raises(SignInRefused):
        sign_in(adopted, connection)
    assert (adopted.attempts, adopted.timing.waited) == (1, 0)


def test_as_long_as_the_service_asks_for_is_waited(adopted, connection):
    adopted.tenant.faults.add("error", match="token", status=429, retry_after=int(LONGEST_RETRY_AFTER))

    sign_in(adopted, connection)

    assert (adopted.attempts, adopted.timing.waited) == (2, LONGEST_RETRY_AFTER)


def test_longer_than_patience_lasts_is_not_waited(adopted, connection):
    adopted.tenant.faults.add("error", match="token", status=429, retry_after=int(LONGEST_RETRY_AFTER) + 1)

    with pytest.raises(SignInRefused):
        sign_in(adopted, connection)
    assert (adopted.attempts, adopted.timing.waited) == (1, 0)


def test_attempts_are_counted_over_the_calls_of_one_task(adopted):
    adopted.tenant.faults.add("error", match="token", status=503, times=None)
    connection = adopted.connect(adopted.options(), timing=SlicedTiming(adopted.tenant))
    attempts = 0

    with pytest.raises(SignInRefused):
        while True:
            try:
                attempts += 1
                sign_in(adopted, connection)
            except StillWaiting as pause:
                adopted.timing.wait(pause.seconds, pause.what)
    assert attempts == 4


def test_a_sign_in_is_fresh_and_told_from_others(adopted, connection):
    token = connection.sign_in_once(adopted.payroll.app_id, adopted.store.signer(adopted.current), "test")

    assert token.source == "key_store"
    assert adopted.sent[-1].new_connection


def test_a_sign_in_is_noted_before_it_is_made(adopted, connection):
    adopted.tenant.faults.add("reset", match="token")

    with pytest.raises(NetworkFailure):
        connection.sign_in_once(adopted.payroll.app_id, adopted.store.signer(adopted.current), "test")
    assert adopted.purposes()[-1] == "test"


def test_nothing_is_noted_when_the_service_is_not_even_reached(adopted, connection):
    adopted.tenant.faults.add("reset", match="discovery", times=None)
    before = adopted.purposes()

    with pytest.raises(NetworkFailure):
        connection.sign_in_once(adopted.payroll.app_id, adopted.store.signer(adopted.current), "test")
    assert adopted.purposes() == before


def test_what_each_sign_in_is_for_is_noted(adopted):
    adopted.renew()
    earlier = adopted.purposes()
    adopted.settle(8 * 86400)  # after two days they are forgotten
    adopted.renew()
    adopted.info(sign_in=True)
    adopted.verify(expect="refused", initial_pause=0, sign_in_interval=1, timeout_propagation=3)

    wanted = ["adopt", "own token", "prove", "retire", "info", "verify"]
    assert list(dict.fromkeys([*earlier, *adopted.purposes()])) == wanted


def test_check_mode_notes_nothing(adopted):
    before = adopted.purposes()

    adopted.connect(adopted.options(), check=True).note_sign_in(adopted.current, "test")

    assert adopted.purposes() == before


def test_without_a_key_store_nothing_is_noted_and_no_budget_counts(world):
    connection = world.connect(world.options(key_store=None, sign_ins=1, sign_in_budget=1))

    connection.note_sign_in("A", "test")

    assert connection.wait_for_budget() == 0.0
    assert not world.key_store.exists()


@pytest.mark.parametrize(("made", "waits"), [(2, 0.0), (3, 300.0)])
def test_the_wait_for_the_budget_is_told(adopted, made, waits):
    connection = adopted.connect(adopted.options(sign_in_budget=3))
    for _number in range(made):
        connection.note_sign_in(adopted.current, "test")
    before = adopted.timing.waited

    assert connection.wait_for_budget() == waits == adopted.timing.waited - before


# Whose clock counts


@pytest.mark.parametrize(("skew", "word"), [(-301, "ahead of"), (301, "behind")])
def test_a_clock_that_is_wrong_is_named_with_its_difference(adopted, connection, skew, word):
    adopted.tenant.clock.skew = skew
    connection.service.discovery()

    with pytest.raises(Unsafe, match=f"301 s {word} the service's") as caught:
        connection.refuse_skew()
    assert dict(caught.value.diagnosis.evidence) == {"host": "", "message": None, "skew_seconds": -skew}


@pytest.mark.parametrize("skew", [-300, 0, 300])
def test_five_minutes_are_accepted(adopted, connection, skew):
    adopted.tenant.clock.skew = skew
    connection.service.discovery()

    connection.refuse_skew()


# What was just repaired


@pytest.mark.parametrize(
    ("repairs", "code", "is_late"),
    [
        (["service_principal"], "service_principal_missing", True),
        (["service_principal"], "application_not_found", True),
        (["service_principal"], "application_disabled", True),
        (["service_principal"], "certificate_refused", False),
        (["Application.Read.All"], "service_principal_missing", False),
        ([], "service_principal_missing", False),
    ],
)
def test_only_what_was_just_repaired_may_not_be_known_yet(adopted, repairs, code, is_late):
    assert adopted.connect(adopted.options(repairs=repairs)).may_be_late(trouble(code)) is is_late


# Which application


def test_an_application_is_read_by_its_object_id_once_that_is_known(adopted, connection):
    connection.find_application()
    assert f"(appId='{adopted.payroll.app_id}')" in adopted.sent[-1].url and not adopted.sent[-1].new_connection

    connection.find_application(new_connection=True, object_id=adopted.payroll.object_id)
    assert f"/applications/{adopted.payroll.object_id}?" in adopted.sent[-1].url and adopted.sent[-1].new_connection


def test_an_app_id_and_an_object_id_of_two_applications_are_refused(adopted):
    other = adopted.tenant.add_application("other")
    connection = adopted.connect(adopted.options(object_id=other.object_id))

    with pytest.raises(ApplicationNotFound, match="name two applications"):
        connection.find_application()


def test_either_id_alone_names_an_application(adopted):
    for name in ("app_id", "object_id", "display_name"):
        options = adopted.options(**{"app_id": None, name: getattr(adopted.payroll, name)})
        assert adopted.connect(options).selector


def named(world, **given):
    """A connection to an application known by its name alone, unless more is given."""
    chosen = {"app_id": None, "key_store": None, "display_name": "payroll", **given}
    return world.connect(world.options(**chosen))


def test_the_identity_of_an_application_that_was_read_is_the_directorys(adopted):
    other = dataclasses.replace(connection_application(adopted), app_id=OTHER, object_id=OTHER)

    assert identity_of(adopted.connect(adopted.options()), other, adopted.contents.current) == (OTHER, OTHER)


def connection_application(world):
    return world.connect(world.options()).find_application()


def test_before_it_is_read_the_options_say_who_it_is(adopted):
    chosen = {"app_id": adopted.payroll.app_id, "object_id": OTHER, "display_name": None}

    assert identity_of(named(adopted, **chosen), None, None) == (adopted.payroll.app_id, OTHER)


def test_an_application_that_signs_in_as_itself_is_who_it_says(world):
    own = {**world.as_itself, "object_id": None, "client_id": OTHER, "key_store": str(world.key_store)}

    assert identity_of(named(world, **own), None, None) == (OTHER, "")


def test_else_the_records_say_it_that_of_the_version_first(adopted):
    current = adopted.contents.current
    other = dataclasses.replace(current, record=Record(app_id=OTHER, object_id=OTHER))
    empty = dataclasses.replace(current, record=Record())
    with_store = named(adopted, key_store=str(adopted.key_store))

    assert identity_of(named(adopted), None, other) == (OTHER, OTHER)
    assert identity_of(with_store, None, other) == (OTHER, OTHER)
    assert identity_of(with_store, None, empty) == (adopted.payroll.app_id, adopted.payroll.object_id)
    assert identity_of(with_store, None, None) == (adopted.payroll.app_id, adopted.payroll.object_id)


def test_the_records_say_only_what_is_not_known(adopted):
    with_store = named(adopted, app_id=None, object_id=OTHER, display_name=None, key_store=str(adopted.key_store))

    assert identity_of(with_store, None, None) == (adopted.payroll.app_id, OTHER)


def test_the_key_store_is_not_read_for_what_is_known(adopted, monkeypatch):
    known = {"app_id": OTHER, "object_id": OTHER, "display_name": None}
    with_store = named(adopted, **known, key_store=str(adopted.key_store))
    monkeypatch.setattr(with_store.key_store, "read", pytest.fail)

    assert identity_of(with_store, None, None) == (OTHER, OTHER)


def test_an_application_of_which_nothing_is_known_has_no_ids(adopted):
    assert identity_of(named(adopted), None, None) == ("", "")


# The identity that reads has the same patience


@pytest.mark.parametrize("match", ["token", "discovery"])
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("identity", ["as_admin", "as_itself"])
def test_a_busy_token_service_delays_a_renewal_and_its_check_run(adopted, identity, status, match):
    options = getattr(adopted, identity)
    for check in (True, False):
        adopted.tenant.faults.add("error", match=match, status=status, retry_after=3)
        waited = adopted.timing.waited

        result = adopted.renew(check=check, **options, overlap=7)

        assert result.steps == ["generate", "register", "prove", "promote"]
        assert adopted.timing.waited - waited >= 3


@pytest.mark.parametrize("match", ["token", "discovery"])
@pytest.mark.parametrize("identity", ["as_admin", "as_itself"])
def test_a_busy_token_service_makes_nothing_unreachable(adopted, identity, match):
    adopted.tenant.faults.add("error", match=match, status=503, times=2)

    assert adopted.info(**getattr(adopted, identity)).status == "near_expiry"


def test_a_busy_token_service_delays_a_listing(adopted):
    adopted.tenant.faults.add("error", match="token", status=429, retry_after=5)

    options = adopted.options(key_store=None, app_id=None, needs_application=False)
    found = list(inspect_all(adopted.connect(options), arguments.renewal_policy(options), None))

    assert found and adopted.timing.waited >= 5


@pytest.mark.parametrize("match", ["token", "discovery"])
@pytest.mark.parametrize("skip", [0, 1])
def test_what_succeeds_again_in_a_later_call_clears_no_count(adopted, match, skip):
    """The first is asked for the operator's token, the second for the application's own."""
    if match == "token" or not skip:
        adopted.tenant.faults.add("error", match=match, status=503, skip=skip, times=None)
        since, ends = len(adopted.operations()), adopted.timing.monotonic() + 120

        with pytest.raises(SignInRefused):
            adopted.renew_in_slices(overlap=7)
        assert adopted.operations(since).count(match) <= 8 and adopted.timing.monotonic() < ends


def test_sign_ins_of_a_read_that_is_repeated_do_not_multiply(adopted, connection):
    adopted.tenant.faults.add("reset", match="token", times=None)

    since = len(adopted.operations())

    with pytest.raises(NetworkFailure):
        connection.find_application()
    assert adopted.operations(since).count("token") == 4
