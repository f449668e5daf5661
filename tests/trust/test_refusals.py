# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every refusal that the tables know, at every kind of request: no promise is broken, and the next run converges."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import judge
import matrix
import oracle
import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core import service_codes
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError

pytestmark = pytest.mark.usefixtures("quick_disk")


@dataclass(frozen=True)
class Refusal:
    """An error of the service, as the emulator's fault has it."""

    status: int
    code: int | str
    error: str = "invalid_client"
    message: str | None = None

    def __str__(self):
        return f"{self.status} {self.code}" + (f" {self.message}" if self.message else "")


@dataclass(frozen=True)
class Place:
    """A request of a renewal, and which of its kind."""

    scenario: object
    operation: str
    skip: int = 0
    by: str | None = None


REASONS = ("The key was not found.", "The key used is expired.", "The key has another algorithm.")
SIGN_INS = [
    *(Refusal(401, 700027, message=f"The certificate is not registered. [Reason - {reason}]") for reason in REASONS),
    *(Refusal(401, number) for number in service_codes.SIGN_IN),
    Refusal(401, service_codes.SECURITY_POLICIES.start),
    Refusal(429, 1),
    Refusal(400, 1),
]
STATUS_OF = {"token_refused": 401, "permission_denied": 403, "application_not_found": 404, "service_unavailable": 503}
WRITES = [
    *(Refusal(STATUS_OF.get(meaning.code, 400), code) for code, meaning in service_codes.GRAPH.items()),
    *(Refusal(status, "UnknownError") for status in service_codes.STATUSES),
    *(Refusal(400, "Request_BadRequest", message=text) for text in service_codes.GRAPH_TEXTS),
    Refusal(400, f"Any{service_codes.POLICY_ENDING}"),
    Refusal(418, "Teapot"),
]
PLACES = {
    "the operator signs in": Place(matrix.administrator_by_update, "token", by="admin"),
    "the application signs in": Place(matrix.itself_by_add_key, "token", by="payroll"),
    "the new key signs in": Place(matrix.itself_by_add_key, "token", skip=1, by="payroll"),
    "the directory is read": Place(matrix.administrator_by_update, "get_application"),
    "addKey": Place(matrix.itself_by_add_key, "add_key"),
    "removeKey": Place(matrix.itself_by_add_key, "remove_key"),
    "PATCH adds": Place(matrix.administrator_by_update, "patch_application"),
    "PATCH removes": Place(matrix.administrator_by_update, "patch_application", skip=1),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_refusal_that_stays_breaks_no_promise_and_without_it_the_next_run_converges(place, tmp_path):
    refusals = SIGN_INS if PLACES[place].operation == "token" else WRITES
    folders = (tmp_path / str(number) for number in itertools.count())
    chosen = scale.one_of(47, refusals)
    for refusal in chosen:
        folder = next(folders)
        folder.mkdir()
        strike(folder, PLACES[place], refusal, f"{refusal} when {place}")
    scale.note("refusals", met=len(chosen))


def strike(folder, place, refusal, where):
    scene = matrix.a_scene(folder, place.scenario)
    world, options = scene.world, {**scene.options, **matrix.RETIRES_AT_ONCE}
    world.tenant.faults.add(
        "error", match=place.operation, skip=place.skip, application=place.by, times=None, **vars(refusal)
    )
    result, told = attempt(world, options)
    promises_hold(scene, result, told, where)

    refused = {version.thumbprint for version in world.contents.versions if version.record.refused}
    world.made[:] = [one for one in world.made if one not in refused]  # the next run is to replace it
    # Who may not read takes "not there" for an answer about a key that was registered long ago.
    is_unseen = place.operation == "remove_key" and refusal.status == 404
    world.tenant.faults.clear()
    world.settle()
    result = world.renew(**options)
    promises_hold(scene, result, None, where)
    oracle.converged(world, scene.foreign, [], where, [world.old.thumbprint] if is_unseen else [])
    world.settle()
    assert not world.renew(**options).changed, f"not idempotent: {where}"


def attempt(world, options):
    try:
        return world.renew(**options), None
    except EvercertError as error:
        return None, error


def promises_hold(scene, result, told, where):
    world = scene.world
    judge.well_said(told)
    oracle.consumers_sign_in(world, where)
    oracle.nothing_foreign_lost(world, scene.foreign, where)
    oracle.no_false_success(world, result, where)
    oracle.no_key_lost(world, scene.not_ours, where)
    oracle.nothing_secret_told(world, [result, told], where)
