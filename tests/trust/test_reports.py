# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report on every state in which trouble can leave an application: it names that state, and changes nothing."""

from __future__ import annotations

import contextlib

import matrix
import oracle
import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError
from ansible_collections.evercert.entra.plugins.module_utils._core.status import STATUSES
from ansible_collections.evercert.entra.plugins.module_utils._report.words import REASONS
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import Killed, tree

pytestmark = pytest.mark.usefixtures("quick_disk")

DAY = 86400
LONG_VALID = {"renew_before": 5}


# How each state comes about, in a scene of the matrix; the options of the report that sees it.


def healthy(world):
    return LONG_VALID


def near_expiry(world):
    return {}


def rotation_due(world):
    return {**LONG_VALID, "rotation_period": 90}


def expired(world):
    world.settle(21 * DAY)
    return {}


def not_yet_valid(world):
    """Somebody has removed all others."""
    later = world.tenant.issue("payroll", starts=2)
    world.tenant.change(world.payroll, key_credentials=())
    world.tenant.add_credential(world.payroll, later)
    return {"key_store": None}


def missing(world):
    world.tenant.change(world.payroll, key_credentials=())
    return {"key_store": None}


def unregistered(world):
    world.lose(world.current)
    return {}


def propagating(world):
    """Sent a moment ago by a run that was killed then; no replica shows it yet."""
    world.lose(world.current)
    world.settle()
    world.tenant.faults.add("change", match="patch_application", when="before", **matrix.STALE_EVERYWHERE)
    dies_next(world, lambda moment: moment.startswith("after PATCH"), **LONG_VALID)
    return LONG_VALID


def dies_next(world, is_it, **given):
    """A renewal by PATCH that is killed at the first such moment."""
    passed = world.at

    def at(moment):
        passed(moment)
        if is_it(moment):
            raise Killed(moment)

    world.at = at
    with contextlib.suppress(Killed):
        world.renew(add_method="update", **given)
    world.at = passed


def interrupted(world):
    dies_next(world, lambda moment: world.contents.successor is not None)
    return {}


def key_unavailable(world):
    (world.key_store / "current" / "key.pem").unlink()
    return LONG_VALID


def wrong_link(world):
    """A copy that kept no links."""
    (world.key_store / "current").unlink()
    return LONG_VALID


def rejected(world):
    world.tenant.faults.add("error", match="token", skip=1, status=401, error="invalid_client", code=7000274)
    return {"sign_in": True}


def unreachable(world):
    world.tenant.faults.add("reset", match="discovery", times=None)
    return {}


def unknown(world):
    return {"client_secret": "wrong"}


def claim_differs(world):
    return {"claim": world.foreign().certificate.thumbprint}


def wrong_object(world):
    world.tenant.faults.add("misdirected", match="add_key", to="service_principal")
    with contextlib.suppress(EvercertError):
        world.renew()
    return {}


def policy_exceeded(world):
    world.tenant.grant(world.admin, "Policy.Read.All")
    world.tenant.limit_lifetime("P30D")
    return {}


STATES = (
    healthy,
    near_expiry,
    rotation_due,
    expired,
    not_yet_valid,
    missing,
    unregistered,
    propagating,
    interrupted,
    key_unavailable,
    wrong_link,
    rejected,
    unreachable,
    unknown,
    claim_differs,
    wrong_object,
    policy_exceeded,
)


def test_every_word_of_a_report_has_its_state():
    assert {state.__name__ for state in STATES} == {*STATUSES, *REASONS}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_report_names_the_state_and_changes_nothing(state, tmp_path):
    world = matrix.a_scene(tmp_path, matrix.administrator_by_add_key).world
    options = state(world)
    before = tree(world.key_store / "versions"), world.credentials

    found = world.info(**options)

    assert state.__name__ in (found.status, *found.reasons)
    assert (tree(world.key_store / "versions"), world.credentials) == before
    oracle.nothing_secret_told(world, [found], state.__name__)
