# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates on the service principal: shown, told apart by purpose, found when misplaced, and never written to."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import arguments, results
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import GraphRefused, NotProven
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._steps import report
from ansible_collections.evercert.entra.plugins.module_utils._steps.wrong_object import find_misplaced
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import ours
from emulator.credentials import KeyCredential


def entry(pair, key_id, **fields):
    given = {"type": "AsymmetricX509Cert", "usage": "Verify", "custom_key_identifier": pair.thumbprint, **fields}
    start, end = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (pair.not_before, pair.not_after))
    return KeyCredential(key_id=key_id, start=start, end=end, key=pair.der, display_name="CN=x", **given)


def principal_of(world):
    return world.tenant.service_principal(world.payroll)


def put_on_principal(world, *entries):
    world.tenant.change_service_principal(world.payroll, key_credentials=entries)
    world.settle(0)


def move_to_principal(world):
    """What a script does that confuses the two objects."""
    put_on_principal(world, entry(world.old, "11111111-aaaa-4000-8000-000000000001"))
    world.tenant.change(world.payroll, key_credentials=())


def test_the_service_principal_is_shown_with_the_purpose_of_each_certificate(adopted):
    saml = adopted.tenant.issue("saml", -10, 400)
    pair = {"custom_key_identifier": "c2FtbA=="}
    put_on_principal(
        adopted,
        entry(saml, "11111111-aaaa-4000-8000-000000000001", usage="Sign", type="X509CertAndPassword", **pair),
        entry(saml, "11111111-aaaa-4000-8000-000000000002", **pair),
        entry(adopted.old, "11111111-aaaa-4000-8000-000000000003"),
        entry(saml, "11111111-aaaa-4000-8000-000000000004", type="Symmetric"),
    )

    found = adopted.info(renew_before=5)

    shown = found.service_principal
    assert (shown["object_id"], shown["enabled"]) == (principal_of(adopted).object_id, True)
    assert [one["purpose"] for one in shown["certificates"]] == ["saml_signing", "saml_signing", "sign_in", "other"]
    assert [one["in_key_store"] for one in shown["certificates"]] == [False, False, True, False]
    assert found.status == "healthy" and found.reasons == []


def test_a_certificate_of_the_service_principal_never_makes_an_application_healthy(world):
    move_to_principal(world)

    assert world.info(key_store=None).status == "missing"


def test_a_disabled_service_principal_is_shown_as_such(adopted):
    adopted.tenant.enable(adopted.payroll, False)

    assert adopted.info(auth_source="client_secret").service_principal["enabled"] is False


def test_a_certificate_on_the_wrong_object_is_found_and_the_status_stays(adopted):
    move_to_principal(adopted)

    found = adopted.info()

    assert found.status == "unregistered" and "wrong_object" in found.reasons
    told = next(one for one in found.findings if one["reason"] == "wrong_object")
    assert principal_of(adopted).object_id in told["message"]
    assert "key ID 11111111-aaaa-4000-8000-000000000001" in told["message"]
    assert "application_certificate" in told["remedy"]


def test_a_claimed_certificate_is_found_there_without_a_key_store(world):
    move_to_principal(world)

    found = world.info(key_store=None, claim=world.old.thumbprint)

    assert found.reasons == ["unregistered", "wrong_object"]


def test_one_on_both_objects_is_where_it_should_be(adopted):
    put_on_principal(adopted, entry(adopted.old, "11111111-aaaa-4000-8000-000000000001"))

    assert "wrong_object" not in adopted.info().reasons


def test_a_saml_pair_with_the_same_certificate_is_not_a_misplaced_one(adopted):
    move_to_principal(adopted)
    signing = {"custom_key_identifier": "c2FtbA=="}
    put_on_principal(
        adopted,
        entry(adopted.old, "11111111-aaaa-4000-8000-000000000001", usage="Sign", **signing),
        entry(adopted.old, "11111111-aaaa-4000-8000-000000000002", **signing),
    )

    assert "wrong_object" not in adopted.info().reasons


@pytest.mark.parametrize("check", [True, False])
def test_a_renewal_warns_of_it_and_writes_to_the_application_alone(adopted, check):
    move_to_principal(adopted)
    before = principal_of(adopted)

    adopted.renew(check=check, add_method="update")

    assert any("it was written to the wrong object" in warning for warning in adopted.warnings)
    assert principal_of(adopted) == before
    assert not [request for request in adopted.sent if "servicePrincipals" in request.url and request.method != "GET"]


@pytest.mark.parametrize("known", ["intent", "registered", "promoted", "stop_after", None])
def test_it_is_looked_for_where_it_may_have_been_written(adopted, known):
    """One that was never handed out is on no object at all."""
    record = Record(**{known: "generated" if known == "stop_after" else adopted.tenant.clock.now()} if known else {})
    adopted.store.keep_successor(ours(adopted.tenant.issue("next")), record)

    operations = adopted.renew(check=True).operations

    assert ("get_service_principal" in operations) == bool(known)


def test_a_service_principal_that_is_none_holds_nothing(adopted):
    connection = adopted.connect(adopted.options())
    application = dataclasses.replace(connection.find_application(), key_credentials=())
    adopted.liar = lambda request: {"body": b"{}"}

    assert find_misplaced(connection, application, adopted.contents.current) is None


def test_a_write_that_landed_on_the_service_principal_is_explained(adopted):
    adopted.tenant.faults.add("misdirected", match=["add_key", "patch_application"], to="service_principal", times=None)

    with pytest.raises(NotProven, match=r"not on the application but on its enterprise application \(service prin"):
        adopted.renew(add_method="update")


def test_an_ordinary_renewal_does_not_ask_for_the_service_principal(adopted):
    assert "get_service_principal" not in adopted.renew().operations


def listing(world, **given):
    options = world.options(app_id=None, key_store=None, needs_application=False)
    policy, since = arguments.renewal_policy(options), len(world.emulator.log.lines)
    found = report.inspect_all(world.connect(options), policy, None, **given)
    values = results.of_reports(found, policy, "all")["applications"]
    return {one["display_name"]: one for one in values}, world.operations(since)


def test_a_listing_has_the_service_principals_only_when_asked_for(adopted):
    put_on_principal(adopted, entry(adopted.old, "11111111-aaaa-4000-8000-000000000001"))

    plain, cheap = listing(adopted)
    full, operations = listing(adopted, service_principals=True)

    assert "service_principal" not in plain["payroll"] and "list_service_principals" not in cheap
    assert full["payroll"]["service_principal"]["certificates"][0]["purpose"] == "sign_in"
    assert operations.count("list_service_principals") == 1


def test_a_listing_of_service_principals_that_is_refused_fails(adopted):
    adopted.tenant.faults.add("error", match="list_service_principals", status=403)

    with pytest.raises(GraphRefused):
        listing(adopted, service_principals=True)


def test_a_status_does_not_fail_because_its_surroundings_may_not_be_read(adopted):
    adopted.tenant.faults.add("error", match="batch", status=403)

    found = adopted.info(renew_before=5)

    assert found.status == "healthy" and not hasattr(found, "service_principal")


def test_a_renewal_goes_on_where_the_service_principal_may_not_be_read(adopted):
    move_to_principal(adopted)
    adopted.tenant.faults.add("error", match="get_service_principal", status=403, times=None)

    adopted.renew(add_method="update", force=True)

    assert not [words for words in adopted.warnings if "wrong object" in words] and [adopted.current] == adopted.made
