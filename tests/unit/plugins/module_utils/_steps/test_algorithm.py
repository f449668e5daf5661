# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An authority that does not take PS256: signed again with RS256, on exactly that refusal, and remembered."""

from __future__ import annotations

import base64
import json
import urllib.parse

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import SignInRefused
from ansible_collections.evercert.entra.plugins.module_utils._entra.algorithm import Algorithm
from ansible_collections.evercert.entra.tests.unit.builders import trouble
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import VaultWorld

AUTHORITY = "https://login.microsoftonline.com"
REMEMBERED = f"RS256 {AUTHORITY}"


@pytest.fixture
def strict(adopted):
    adopted.tenant.switches.set(pss_refused=True)
    adopted.sent.clear()
    return adopted


def headers(world):
    """The headers of the client assertions that were sent, in their order."""
    found = []
    for request in world.sent:
        form = urllib.parse.parse_qs((request.body or b"").decode()) if "oauth2" in request.url else {}
        for assertion in form.get("client_assertion", ()):
            segment = assertion.split(".")[0]
            found.append(json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))))
    return found


def algorithms(world):
    return [header["alg"] for header in headers(world)]


@pytest.mark.parametrize("who", ["as_itself", "as_admin"])
def test_one_refusal_is_all_that_it_costs_and_the_next_run_knows(strict, who):
    result = strict.renew(**getattr(strict, who))

    assert result.changed and strict.current in strict.registered
    assert algorithms(strict)[0] == "PS256" and set(algorithms(strict)[1:]) == {"RS256"}
    assert {"x5t"} == set(headers(strict)[1]) - {"alg", "typ"}
    assert strict.contents.current.record.assertion_alg == REMEMBERED
    strict.settle()
    strict.sent.clear()
    strict.renew(**strict.as_itself, force=True)
    strict.verify()
    strict.info(sign_in=True)
    assert set(algorithms(strict)) == {"RS256"}


def test_a_run_with_nothing_to_do_remembers_it_too(strict):
    strict.renew(**strict.as_itself, renew_before=5)
    strict.sent.clear()
    strict.renew(**strict.as_itself, renew_before=5)

    assert algorithms(strict) == ["RS256"]


def test_waits_that_are_handed_over_forget_nothing(strict):
    strict.renew_in_slices()

    assert algorithms(strict).count("PS256") == 1


@pytest.mark.parametrize("act", ["info", "verify", "check"])
def test_what_only_reads_signs_in_and_remembers_nothing(strict, act):
    before = strict.contents
    strict.info(sign_in=True) if act == "info" else strict.verify() if act == "verify" else strict.renew(
        check=True, **strict.as_itself
    )

    assert algorithms(strict)[:2] == ["PS256", "RS256"] and strict.contents == before


def test_the_evidence_names_the_algorithm_that_was_taken(strict):
    assert strict.verify().evidence["assertion_alg"] == "RS256"
    strict.tenant.switches.set(pss_refused=False)
    assert strict.verify().evidence["assertion_alg"] == "PS256"


def test_every_attempt_counts_against_the_budget(strict):
    noted = len(strict.purposes())
    strict.verify(sign_ins=1)

    assert len(strict.purposes()) == noted + 2


def test_an_adoption_remembers_it(world):
    world.tenant.switches.set(pss_refused=True)
    world.adopt()

    assert world.contents.current.record.assertion_alg == REMEMBERED


def test_no_other_refusal_changes_the_algorithm(adopted):
    adopted.tenant.faults.add("error", match="token", status=400, code=50027, error="invalid_request")
    adopted.sent.clear()

    assert adopted.refused(**adopted.as_itself).diagnosis.code == "assertion_refused"
    assert algorithms(adopted) == ["PS256"]


def test_where_neither_is_taken_the_refusal_is_the_result(adopted):
    adopted.tenant.faults.add("error", match="token", status=400, code=5002730, error="invalid_request", times=None)
    adopted.sent.clear()

    error = adopted.refused(**adopted.as_itself)

    assert error.diagnosis.code == "assertion_refused" and "algorithm" in error.message
    assert algorithms(adopted) == ["PS256", "RS256"]


def test_the_operators_own_certificate_signs_the_same_way(strict, tmp_path):
    pair = strict.tenant.issue("operator", -1, 100)
    operator = strict.tenant.add_application("operator", [pair], roles=["Application.ReadWrite.All"])
    path = tmp_path / "operator.pem"
    path.write_text(pair.bundle_pem)
    path.chmod(0o600)
    who = {"auth_source": "certificate", "client_id": operator.app_id, "client_certificate_path": str(path)}

    assert strict.renew(**who, client_secret=None).changed
    assert algorithms(strict).count("PS256") == 1


def test_a_vault_signs_and_remembers_it(tmp_path):
    world = VaultWorld(tmp_path)
    world.tenant.switches.set(pss_refused=True)
    world.adopt()
    world.settle()
    world.sent.clear()

    world.renew()

    assert set(algorithms(world)) == {"RS256"} and world.contents.current.record.assertion_alg == REMEMBERED
    assert all(len(version.tags) <= 9 for version in world.versions)


def refusal(*numbers):
    return SignInRefused("No.", trouble("assertion_refused", error_codes=list(numbers)))


def test_what_was_remembered_for_another_authority_says_nothing():
    assert Algorithm(AUTHORITY, lambda: ["RS256 https://login.chinacloudapi.cn"]).name == "PS256"
    assert Algorithm(AUTHORITY, lambda: [REMEMBERED]).name == "RS256"


def test_what_was_remembered_and_is_taken_no_more_gives_way_once():
    algorithm = Algorithm(AUTHORITY, lambda: [REMEMBERED])

    assert algorithm.name == "RS256" and not algorithm.gives_way(refusal(700027))
    assert algorithm.gives_way(refusal(5002730)) and algorithm.name == "PS256"
    assert algorithm.is_news_to(REMEMBERED) and not algorithm.is_news_to(None)
    assert not algorithm.gives_way(refusal(5002730))


def test_what_nobody_signed_in_with_is_no_news():
    assert not Algorithm(AUTHORITY, lambda: [REMEMBERED]).is_news_to(None)
