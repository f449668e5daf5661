# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agent identity blueprints, which Graph lists with the applications: shown as what they are, and never written to."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import arguments, results
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import Unsafe
from ansible_collections.evercert.entra.plugins.module_utils._entra.applications import as_listed, parse_application
from ansible_collections.evercert.entra.plugins.module_utils._steps import report

PERMISSION = "AgentIdentityBlueprint.AddRemoveCreds.All"
WRITES = {"add_key", "remove_key", "patch_application", "post_service_principal", "post_app_role_assignment"}


@pytest.fixture
def blueprint(adopted):
    """payroll turns out to be one; it may read itself."""
    adopted.tenant.change(adopted.payroll, is_blueprint=True)
    adopted.tenant.grant(adopted.payroll, "Application.Read.All")
    adopted.settle()
    return adopted


def test_a_status_says_what_it_is(blueprint):
    assert blueprint.info().kind == "agent_identity_blueprint"


def test_a_listing_tells_them_apart(blueprint):
    options = blueprint.options(app_id=None, key_store=None, needs_application=False)
    policy = arguments.renewal_policy(options)
    found = report.inspect_all(blueprint.connect(options), policy, None)

    kinds = {one["display_name"]: one["kind"] for one in results.of_reports(found, policy, "all")["applications"]}
    assert kinds == {"payroll": "agent_identity_blueprint", "admin": "application"}


@pytest.mark.parametrize("without", ["key_store", "nothing"])
def test_what_a_report_or_an_event_finds_says_what_it_is_and_asks_nobody_to_renew_it(blueprint, without):
    found = blueprint.info(**({"key_store": None} if without == "key_store" else {})).findings

    assert [finding["reason"] for finding in found] == ["near_expiry"]
    assert "is an agent identity blueprint" in found[0]["message"]
    assert PERMISSION in found[0]["remedy"] and "Renew" not in found[0]["remedy"]


def test_a_cached_listing_still_knows(blueprint):
    application = blueprint.connect(blueprint.options()).find_application()

    assert parse_application(as_listed(application), lambda der: None).kind == "agent_identity_blueprint"


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("who", ["as_itself", "as_admin"])
def test_a_renewal_leaves_it_alone_and_names_the_permission(blueprint, who, check):
    error = blueprint.refused(check=check, **getattr(blueprint, who))

    assert isinstance(error, Unsafe) and "is an agent identity blueprint" in error.message
    assert PERMISSION in error.message and PERMISSION in error.diagnosis.remedy
    assert error.diagnosis.evidence["missing"] == [PERMISSION]
    assert not WRITES & set(blueprint.operations()) and blueprint.made == []


@pytest.mark.parametrize("check", [True, False])
def test_no_certificate_is_added_or_removed(blueprint, check):
    for given in ({"pair": blueprint.tenant.issue("given", 0, 100)}, {"pair": blueprint.old, "state": "absent"}):
        with pytest.raises(Unsafe, match=PERMISSION):
            blueprint.certificate(check=check, **given)
    assert not WRITES & set(blueprint.operations())


def test_its_access_is_left_alone(blueprint):
    blueprint.tenant.enable(blueprint.payroll, False)

    with pytest.raises(Unsafe, match=PERMISSION):
        blueprint.access()
    assert not WRITES & set(blueprint.operations())


def test_what_is_as_it_should_be_is_no_failure(blueprint):
    assert not blueprint.renew(renew_before=5).changed
    assert not blueprint.certificate(blueprint.old).changed
