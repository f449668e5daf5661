# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Split duty: the host makes the key and proves it, somebody else registers the certificate, and neither does more."""

from __future__ import annotations

import types

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible.contradictions import problems_of_renewal
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput, NotProven, SignInRefused
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Certificate

WRITES = {"add_key", "remove_key", "patch_application"}


def on_the_host(world, **given):
    """The host's identity is the application itself; its object ID is not known there."""
    return world.renew(**{"auth_source": "key_store", "client_id": None, "client_secret": None, **given})


def register(world, made):
    """What the control node does with the public certificate; its result."""
    certificate = world.contents.find(made.certificate["thumbprint"]).certificate
    assert isinstance(certificate, Certificate)
    return world.certificate(types.SimpleNamespace(der=certificate.der))


def split(world, **given):
    made = on_the_host(world, stop_after="generated", **given)
    registered = register(world, made)
    return made, registered, on_the_host(world, registered_key_id=registered.key_id, **given)


def near_expiry(world):
    world.adopt()
    return "near_expiry"


def expired(world):
    world.adopt()
    world.settle(21 * 86400)
    return "expired"


def first(world):
    return "missing"


@pytest.mark.parametrize("scene", [near_expiry, expired, first], ids=lambda scene: scene.__name__)
def test_a_renewal_over_two_hands(world, scene):
    finding = scene(world)

    made, registered, proven = split(world)

    assert (made.finding, made.steps) == (finding, ["generate"])
    assert made.certificate["content"].startswith("-----BEGIN CERTIFICATE-----") and not WRITES & set(made.operations)
    assert registered.changed
    assert (proven.finding, proven.changed) == (finding, True) and not WRITES & set(proven.operations)
    assert proven.certificate["stage"] == "current" and proven.certificate["key_id"] == registered.key_id
    assert [world.current] == world.made and world.current in world.registered


@pytest.mark.parametrize("scene", [expired, first], ids=lambda scene: scene.__name__)
def test_without_a_key_that_works_the_host_asks_nothing_of_graph(world, scene):
    scene(world)
    since = len(world.emulator.log.lines)

    on_the_host(world, stop_after="generated")

    assert set(world.operations(since)) == {"discovery"}


def test_a_certificate_that_replicas_do_not_know_yet_is_waited_for_and_never_sent_again(world):
    expired(world)
    made = on_the_host(world, stop_after="generated")
    world.tenant.sign_ins.lag(seconds=[90])
    registered = register(world, made)

    proven = on_the_host(world, registered_key_id=registered.key_id)

    assert proven.steps == ["register", "prove", "promote"] and not WRITES & set(proven.operations)
    assert any("registered elsewhere to be accepted" in words for words in world.timing.said)
    assert world.registered.count(world.current) == 1 and len(world.made) == 1


def test_a_valid_key_does_not_send_a_second_entry_for_it_either(world):
    near_expiry(world)
    given = {"object_id": world.payroll.object_id}
    made = on_the_host(world, stop_after="generated", **given)
    world.tenant.sign_ins.lag(seconds=[90])
    registered = register(world, made)

    on_the_host(world, registered_key_id=registered.key_id, **given)

    assert world.registered.count(world.current) == 1


def test_the_wait_is_left_to_a_caller_who_shows_it(world):
    expired(world)
    made = on_the_host(world, stop_after="generated")
    world.tenant.sign_ins.lag(seconds=[90])
    registered = register(world, made)

    proven = world.renew_in_slices(
        auth_source="key_store", client_id=None, client_secret=None, registered_key_id=registered.key_id
    )

    assert proven.certificate["key_id"] == registered.key_id and [world.current] == world.made


def test_what_nobody_registered_is_not_promoted_and_not_sent(world):
    expired(world)
    on_the_host(world, stop_after="generated")
    since = len(world.emulator.log.lines)

    with pytest.raises(NotProven, match="although it was registered elsewhere"):
        on_the_host(world, registered_key_id="11111111-2222-4333-8444-555555555555")

    assert world.current == world.old.thumbprint and not WRITES & set(world.operations(since))


def test_an_application_that_is_disabled_is_diagnosed_and_not_waited_for(world):
    expired(world)
    made = on_the_host(world, stop_after="generated")
    registered = register(world, made)
    world.tenant.enable(world.payroll, False)

    with pytest.raises(SignInRefused) as refused:
        on_the_host(world, registered_key_id=registered.key_id)

    assert refused.value.diagnosis.code == "application_disabled"


def test_a_run_that_was_interrupted_goes_on_with_the_pair_that_exists(world):
    expired(world)
    on_the_host(world, stop_after="generated")

    _made, registered, proven = split(world)

    assert registered.changed and [world.current] == world.made
    assert proven.finding == "expired"


def test_nothing_due_is_nothing_done_whatever_key_id_is_given(world):
    near_expiry(world)

    found = on_the_host(world, renew_before=5, registered_key_id="11111111-2222-4333-8444-555555555555")

    assert not found.changed


def test_a_key_id_without_a_certificate_to_go_on_with_is_refused_before_anything_is_made(world):
    near_expiry(world)

    with pytest.raises(InvalidInput, match="holds no certificate that could go on"):
        on_the_host(world, registered_key_id="11111111-2222-4333-8444-555555555555")

    assert world.made == [] and world.contents.successor is None


def test_the_predecessor_is_retired_with_the_applications_own_key_by_the_id_that_was_handed_over(world):
    near_expiry(world)
    _made, first_one, _proven = split(world)
    world.settle(160 * 86400)
    given = {"object_id": world.payroll.object_id, "overlap": 0}

    _made, second_one, proven = split(world, **given)

    assert "retire" in proven.steps and "remove_key" in proven.operations
    assert {"key_id": first_one.key_id, "thumbprint": world.made[0]}.items() <= proven.retired[-1].items()
    assert second_one.key_id in world.credentials and first_one.key_id not in world.credentials


def test_check_mode_predicts_the_second_run_of_the_host(world):
    expired(world)
    made = on_the_host(world, stop_after="generated")
    registered = register(world, made)

    planned = on_the_host(world, check=True, registered_key_id=registered.key_id)
    done = on_the_host(world, registered_key_id=registered.key_id)

    assert (planned.steps, planned.finding, planned.changed) == (done.steps, done.finding, done.changed)


@pytest.mark.parametrize(
    "given", [{"stop_after": "generated"}, {"state": "retired"}, {"state": "rolled_back"}], ids=str
)
def test_a_key_id_where_it_has_no_sense_is_a_problem_of_the_options(world, given):
    options = world.options(registered_key_id="11111111-2222-4333-8444-555555555555", **given)

    assert [problem for problem in problems_of_renewal(options) if problem.startswith("registered_key_id is for a run")]


def test_a_current_certificate_that_is_not_registered_is_what_the_first_run_returns(world):
    near_expiry(world)
    world.tenant.change(world.payroll, key_credentials=())
    given = {"renew_before": 5}

    made, registered, proven = split(world, **given)

    assert (made.finding, made.steps, made.certificate["stage"]) == ("unregistered", [], "current")
    assert registered.changed and world.made == []
    assert proven.certificate["key_id"] == registered.key_id and world.registered == [world.current]
