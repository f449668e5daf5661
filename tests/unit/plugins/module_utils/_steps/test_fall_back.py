# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An operator's credential that is refused: when the application goes on by itself, and when that is ruled out."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import SignInRefused
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World, ours, tree

KEY_ID = "3f0a6f2e-8c0d-4c5e-9b54-6d1f0f2a7c90"
REFUSED = {"kind": "error", "match": "token", "status": 401, "error": "invalid_client"}


@pytest.fixture
def forgotten(adopted):
    """The administrator's secret has ended; nobody made a new one."""
    adopted.tenant.faults.add(**REFUSED, application="admin", code=7000222, times=None)
    return adopted


def test_the_application_goes_on_by_itself_with_a_warning(forgotten):
    result = forgotten.renew(overlap=7)

    assert result.steps == ["generate", "register", "prove", "promote"] and result.proof == "sign_in"
    assert "add_key" in result.operations and "patch_application" not in result.operations
    (warning,) = [one for one in forgotten.warnings if "fall_back" in one]
    assert "client_secret" in warning and "The client secret has expired" in warning
    assert forgotten.old.thumbprint in warning
    assert len(forgotten.made) == 1 and forgotten.made[0] in forgotten.usable()


@pytest.mark.parametrize("why", ["ended", "removed"])
def test_an_operators_certificate_counts_as_a_secret_does(adopted, why):
    pair = adopted.tenant.issue("operator", -100, -1 if why == "ended" else 100)
    entries = [pair] if why == "ended" else []
    operator = adopted.tenant.add_application("operator", entries, roles=["Application.ReadWrite.All"])
    path = adopted.folder / "operator.pem"
    path.touch(0o600)
    path.write_bytes(ours(pair).private_key_pem() + ours(pair).certificate_pem())
    given = {"auth_source": "certificate", "client_id": operator.app_id, "client_certificate_path": str(path)}

    result = adopted.renew(overlap=7, **given, client_secret=None)

    assert result.steps == ["generate", "register", "prove", "promote"]
    assert any("auth_source certificate" in one and "fall_back" in one for one in adopted.warnings)


def test_it_retires_what_it_has_key_ids_for(forgotten):
    forgotten.renew(overlap=0)

    assert forgotten.old.thumbprint not in forgotten.registered


def test_years_without_an_operator_lock_nobody_out(forgotten):
    """Each renewal knows the key ID of the next one's predecessor."""
    for _renewal in range(4):
        forgotten.renew(overlap=0, force=True)
        forgotten.settle(86400)

    assert forgotten.registered == [forgotten.current] and len(forgotten.made) == 4


def test_where_the_application_may_read_itself_the_directory_is_a_part_of_the_proof(forgotten):
    forgotten.tenant.grant(forgotten.payroll, "Application.Read.All")

    result = forgotten.renew(overlap=7)

    assert result.proof == "directory+sign_in" and "patch_application" not in result.operations


def test_check_mode_predicts_it(forgotten):
    predicted = forgotten.renew(check=True, overlap=7)

    assert predicted.steps == forgotten.renew(overlap=7).steps
    assert forgotten.warnings[0] == forgotten.warnings[-1]


def test_a_run_in_slices_goes_on_as_it_began(forgotten):
    result = forgotten.renew_in_slices(overlap=7)

    assert result.steps == ["generate", "register", "prove", "promote"] and len(forgotten.made) == 1


def test_nothing_due_is_nothing_done(forgotten):
    assert forgotten.renew(renew_before=1).steps == []


@pytest.mark.parametrize(
    ("code", "falls_back"), [(7000222, True), (7000215, True), (7000112, False), (53003, False), (700016, False)]
)
def test_only_a_refusal_of_the_credential_itself_counts(adopted, code, falls_back):
    adopted.tenant.faults.add(**REFUSED, application="admin", code=code, times=None)

    with contextlib.nullcontext() if falls_back else pytest.raises(SignInRefused):
        assert adopted.renew(overlap=7).steps


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("given", [{"fall_back": False}, {"add_method": "update"}, {"registered_key_id": KEY_ID}])
def test_it_can_be_ruled_out(forgotten, given, check):
    before = tree(forgotten.folder / "store" / "versions")

    error = forgotten.refused(check=check, **given)

    assert error.diagnosis.code == "secret_expired" and tree(forgotten.folder / "store" / "versions") == before
    assert "add_key" not in forgotten.operations()


def test_without_a_key_that_signs_in_the_operators_refusal_is_the_result(forgotten):
    forgotten.lose(forgotten.old.thumbprint)

    assert forgotten.refused().diagnosis.code == "secret_expired" and forgotten.made == []


def test_an_expired_key_cannot_go_on(tmp_path):
    world = World(tmp_path, ends=1)
    world.adopt()
    world.settle(2 * 86400)
    world.tenant.faults.add(**REFUSED, application="admin", code=7000222, times=None)

    assert world.refused().diagnosis.code == "secret_expired"


def test_an_empty_store_cannot_go_on(world):
    world.tenant.faults.add(**REFUSED, application="admin", code=7000222, times=None)

    assert world.refused().diagnosis.code == "secret_expired" and not world.key_store.exists()


def test_a_report_says_so_and_does_not_go_on(forgotten):
    assert forgotten.info().status == "unknown"
