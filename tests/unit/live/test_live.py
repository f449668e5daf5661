# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The look at a real tenant, played against the emulator: what it asks, what it concludes, and what it leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import scale
from adapter.wsgi_adapter import connect
from emulator.app import Emulator
from emulator.server import HttpsServer
from emulator.switches import Switches, seen_live
from emulator.tenant import Tenant
from live import answers, run, settings
from live.facts import FACTS
from live.service import Service

PROGRAM = Path(__file__).resolve().parents[2] / "live"
ROLES = ["Application.ReadWrite.All", "Policy.Read.All"]
WRITES = {"patch_application", "add_key", "remove_key"}
# Switch, the value that a tenant may turn out to have, and the beginning of the statement that this refutes.
TURNS = {
    "list_returns_key": (True, "a list with"),
    "old_separators": (True, "a line end"),
    "one_year_limit": (True, "a certificate of two years"),
    "omitted_end_is_one_year": (False, "without dates the service"),
    "start_before_certificate_refused": (False, "a start before"),
    "ended_new_entry_refused": (False, "a certificate that has ended"),
    "duplicate_certificate_refused": (True, "the same certificate"),
    "ec_certificates_refused": (False, "an EC certificate"),
    "proof_audience": ("0003", "the audience"),
    "signing_key_removable": (False, "a key may sign"),
    "absent_key_is_404": (True, "removeKey of a key that is not there"),
    "add_key_ends_in_one_year": (True, "without dates addKey"),
    "app_id_issues_proofs": ("never", "the app ID issues"),
    "not_yet_valid_is_1000502": (False, "a certificate that is not valid yet"),
    "expired_entry_refuses_patch": (True, "an expired entry"),
}


class Play:
    """A tenant with a look-out, and an application to throw away that has a certificate of somebody else."""

    def __init__(self, name="evercert-throw-away 1"):
        self.tenant = Tenant()
        self.admin = self.tenant.add_application("look-out", secret="s3cret", roles=ROLES)
        self.other = self.tenant.issue("somebody", -10, 200)
        self.victim = self.tenant.add_application(name, [self.other])
        self.emulator = Emulator(self.tenant)
        self.said = []

    def environment(self, may_change, **given):
        chosen = {"EVERCERT_LIVE_APPLICATION": self.victim.app_id, "EVERCERT_LIVE_RENEW": settings.YES}
        return {
            "AZURE_TENANT_ID": self.tenant.id,
            "AZURE_CLIENT_ID": self.admin.app_id,
            "AZURE_CLIENT_SECRET": "s3cret",
            **(chosen if may_change else {}),
            **given,
        }

    def run(self, may_change=False, renewed=True, folder=None):
        chosen = settings.read(self.environment(may_change))
        clock, session = self.tenant.clock, connect(requests.Session(), self.emulator)
        service = Service(chosen, session, clock.advance, clock.now)
        return run.run(chosen, self.said.append, service, lambda *arguments: renewed, folder)

    def verdicts(self):
        """Statement to verdict."""
        lines = [line for line in self.said if line.startswith(("confirmed", "REFUTED", "measured", "not observed"))]
        return {line[14:]: line[:13].strip() for line in lines}

    @property
    def credentials(self):
        return self.tenant.application(self.victim).key_credentials


@pytest.fixture
def play():
    return Play()


def test_without_variables_it_is_skipped_with_a_sentence():
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "ENTRA_"))}
    done = subprocess.run([sys.executable, str(PROGRAM)], env=variables, capture_output=True, text=True, check=False)

    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("Skipped: make test-live looks at a real tenant. Set AZURE_TENANT_ID")


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"EVERCERT_LIVE_APPLICATION": "9a0c7f4e-6c1f-4a57-8e0e-2f2d3c4b5a69"}, "set both"),
        ({"EVERCERT_LIVE_RENEW": settings.YES}, "set both"),
        ({"EVERCERT_LIVE_APPLICATION": "payroll", "EVERCERT_LIVE_RENEW": "yes"}, "must be an app ID, not 'payroll'"),
    ],
)
def test_half_a_consent_is_none(play, given, wrong):
    with pytest.raises(settings.Wrong, match=wrong):
        settings.read(play.environment(False, **given))


def test_a_look_changes_nothing_and_says_what_it_did_not_ask(play):
    before = play.credentials

    assert play.run() == 0
    assert play.credentials == before
    assert not WRITES & {line["operation"] for line in play.emulator.log.lines}
    assert len(play.verdicts()) == sum(1 for fact in FACTS if not fact.changes)
    assert "REFUTED" not in play.verdicts().values()
    assert play.said[-1].endswith("the others need an application that may be changed")


def test_with_consent_every_assumption_is_tested_and_the_application_left_as_it_was(play):
    before = play.credentials

    assert play.run(may_change=True) == 0
    assert play.credentials == before
    assert len(play.verdicts()) == len(FACTS)
    assert set(play.verdicts().values()) == {"confirmed", "measured"}
    assert play.said[-1] == "Renewal by the collection: proven"


def test_what_a_replica_shows_late_is_removed_all_the_same(play):
    before = play.credentials
    play.tenant.reads.lag(seconds=[0, 40])

    play.run(may_change=True)

    assert play.credentials == before


def test_what_cannot_be_removed_is_told(play):
    play.tenant.faults.add("not_applied", match="patch_application", skip=1, times=None)

    assert play.run(may_change=True) == 1
    assert "certificates of this run may be left on it, because the directory" in play.said[-1]


@scale.sampled
@pytest.mark.parametrize("switch", scale.one_of(2, TURNS, check=2))
def test_an_assumption_that_does_not_hold_is_refuted_and_no_other(play, switch):
    value, statement = TURNS[switch]
    play.tenant.switches.set(**{switch: value})

    play.run(may_change=True)

    refuted = [said for said, verdict in play.verdicts().items() if verdict == "REFUTED"]
    assert len(refuted) == 1 and refuted[0].startswith(statement)
    assert len(play.credentials) == 1


def test_every_assumption_of_the_emulator_that_is_asked_about_has_its_turn():
    asked = {fact.switch for fact in FACTS if fact.switch and fact.assumed is not None}
    starts = [start for _value, start in TURNS.values()]
    assert asked == set(TURNS)
    assert all(sum(1 for fact in FACTS if fact.statement.startswith(start)) == 1 for start in starts)


def test_what_a_tenant_answered_becomes_the_emulators_switches(play, tmp_path):
    play.tenant.switches.set(young_key_refused=700, absent_key_is_404=True, old_separators=True)

    play.run(may_change=True, folder=tmp_path)

    (path,) = tmp_path.iterdir()
    text = path.read_text()
    assert path.name == f"facts-{play.tenant.clock.now().date()}.json"
    assert not any(one in text for one in (play.tenant.id, play.victim.app_id, play.victim.object_id, "throw-away"))
    learnt = Switches.as_seen(tmp_path)
    assert (learnt.absent_key_is_404, learnt.old_separators, learnt.add_key_ends_in_one_year) == (True, True, False)
    assert 700 <= learnt.young_key_refused < 740


def test_a_later_look_counts_and_what_it_did_not_ask_stays(tmp_path):
    (tmp_path / "facts-2026-12-01.json").write_text(
        '{"date": "2026-12-01", "facts": [{"switch": "young_key_refused", "observed": 90},'
        ' {"switch": "proof_audience", "observed": "either"}]}'
    )
    (tmp_path / "facts-2027-01-01.json").write_text(
        '{"date": "2027-01-01", "facts": [{"switch": "young_key_refused", "observed": 60}, {"switch": null},'
        ' {"switch": "of_an_older_emulator", "observed": 1}]}'
    )

    assert seen_live(tmp_path) == {"young_key_refused": 60, "proof_audience": "either"}


@pytest.mark.parametrize("value", ["9a0c7f4e-6c1f-4a57-8e0e-2f2d3c4b5a69", "A" * 40, "contoso.onmicrosoft.com"])
def test_an_answer_that_names_somebody_is_not_written(tmp_path, value):
    with pytest.raises(ValueError, match="nothing was written"):
        answers.write(tmp_path, "2026-12-01", FACTS, {FACTS[0].name: value})
    assert not list(tmp_path.iterdir())


def test_an_application_that_is_in_use_is_not_touched():
    play = Play(name="payroll")
    before = play.credentials

    assert play.run(may_change=True) == 1
    assert play.credentials == before
    assert not WRITES & {line["operation"] for line in play.emulator.log.lines}
    assert "its name must begin with evercert-throw-away" in play.said[-1]


def test_a_failed_renewal_is_the_exit_status(play):
    assert play.run(may_change=True, renewed=False) == 1
    assert play.said[-1] == "Renewal by the collection: FAILED"


def test_an_identity_that_cannot_sign_in_is_told(play):
    play.tenant.enable(play.admin, False)

    assert play.run(may_change=True) == 1
    assert "the identity cannot sign in: 400 AADSTS7000112" in play.said[-1]


@scale.sampled
@scale.in_check
def test_the_renewal_is_the_collections_own(play, tmp_path, monkeypatch, capfd):
    play.tenant.switches.set(young_key_refused=0)  # time is real here
    with HttpsServer(play.emulator, tmp_path) as server:
        given = {
            "AZURE_AUTHORITY_HOST": server.url,
            "ENTRA_GRAPH_URL": server.url,
            "ENTRA_CA_PATH": str(server.ca_path),
        }
        environment = play.environment(True, EVERCERT_LIVE_INTERVAL="0.1", **given)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        chosen = settings.read(environment)
        application = run.ThrowAway(Service(chosen), chosen.application)

        assert run.by_playbook(chosen, application, play.said.append), capfd.readouterr().out
    assert [entry.certificate.thumbprint for entry in play.credentials] == [play.other.thumbprint]
    assert {"add_key", "remove_key"} <= {line["operation"] for line in play.emulator.log.lines}
