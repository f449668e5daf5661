# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A PATCH only from a read that shows everything that is known, and nothing that would break a promise."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import types

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import GraphRefused, Unsafe
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import certificate_from_der
from ansible_collections.evercert.entra.plugins.module_utils._steps import update as steps
from ansible_collections.evercert.entra.plugins.module_utils._steps.signing import remove_with_proof

DAY, LATE = 86400, 10**6


def start(world, **options):
    """A run under way, and its current version; the world then knows where its requests begin."""
    run = world.run(**options)
    run.begin_writing()
    world.since, world.timing.waited = len(world.sent), 0.0
    return run, run.version(world.current)


def reads(world):
    return [one for one in world.sent[world.since :] if one.method == "GET" and "/applications" in one.url]


def own_token(world, run, version):
    """Graph with the application's own token or None, with the reason."""
    reasons = []
    return steps.own_token_for(run, version, reasons.append), "".join(reasons)


def body_of(world):
    return json.loads(world.sent[-1].body)


# The body of a PATCH


def test_an_update_sends_back_what_was_read_and_the_new_entry(adopted):
    foreign = adopted.foreign(custom_key_identifier="b2Rk", start="2026-11-01T00:00:00.1234567Z")
    run, _version = start(adopted)
    new = certificate_from_der(adopted.tenant.issue("new").der)

    steps.update_to_add(run, new)()

    entries = body_of(adopted)["keyCredentials"]
    assert [entry.get("keyId") for entry in entries] == [*[*adopted.credentials][:2], None]
    assert entries[1]["startDateTime"] == "2026-11-01T00:00:00.1234567Z" and entries[1]["key"] is None
    assert entries[1]["customKeyIdentifier"] == foreign.custom_key_identifier
    assert entries[2]["key"] == new.base64_der


@pytest.mark.parametrize(
    ("name", "subject", "shown"), [("mine", "CN=x", "mine"), (None, "CN=x", "CN=x"), (None, "", "payroll")]
)
def test_a_new_entry_is_called_as_asked_or_as_its_subject_or_as_the_application(adopted, name, subject, shown):
    run, _version = start(adopted)
    new = dataclasses.replace(certificate_from_der(adopted.tenant.issue("new").der), subject=subject)

    steps.update_to_add(run, new, name)()

    assert body_of(adopted)["keyCredentials"][-1]["displayName"] == shown


def test_what_is_there_already_is_not_added(adopted):
    run, version = start(adopted)

    assert steps.update_to_add(run, version.certificate) is None


def test_a_removal_leaves_out_one_entry(adopted):
    foreign = adopted.foreign()
    run, version = start(adopted)
    run.is_named = True

    steps.update_to_remove(run, foreign.key_id, keep=version.certificate)()

    assert [entry["keyId"] for entry in body_of(adopted)["keyCredentials"]] == list(adopted.credentials)
    assert foreign.key_id not in adopted.credentials


def test_what_is_gone_is_not_removed(adopted):
    run, _version = start(adopted)

    assert steps.update_to_remove(run, "another") is None


def test_nothing_is_removed_while_what_should_stay_is_not_shown(adopted):
    foreign = adopted.foreign()
    run, _version = start(adopted)
    other = certificate_from_der(adopted.tenant.issue("other").der)

    with pytest.raises(Unsafe, match="could lock it out"):
        steps.update_to_remove(run, foreign.key_id, keep=other)
    assert foreign.key_id in adopted.credentials


# Asked again of what is about to leave


@pytest.fixture
def replaced(adopted):
    """A predecessor, a current certificate, and an entry of somebody else."""
    adopted.renew()
    adopted.foreign("theirs")
    adopted.settle()
    return adopted


def names(world):
    """The key IDs by what they hold."""
    held = {one.certificate.thumbprint: key_id for key_id, one in world.credentials.items()}
    current, old = held.pop(world.current), held.pop(world.old.thumbprint)
    return types.SimpleNamespace(current=current, old=old, foreign=next(iter(held.values())))


def body_without(run, *key_ids):
    return [steps.existing_entry(one) for one in run.latest.key_credentials if one.key_id not in key_ids]


def stopped(world, act):
    """Why a write was stopped, of which nothing was sent."""
    before, since = dict(world.credentials), len(world.sent)
    with pytest.raises(Unsafe, match="Nothing was sent to application payroll") as caught:
        act()
    assert caught.value.diagnosis.code == "unsafe" and len(world.sent) == since and world.credentials == before
    return caught.value.message


@pytest.mark.parametrize("lost", ["foreign", "old"])
def test_a_body_without_an_entry_that_was_seen_is_never_sent(replaced, lost):
    """As one would be that is built on the read of a replica that lags."""
    run, _version = start(replaced)
    key_id = getattr(names(replaced), lost)

    why = stopped(replaced, lambda: steps._update(run, run.latest, body_without(run, key_id)))

    assert f"would delete key credentials that were seen on the application: {key_id}" in why


@pytest.mark.parametrize("way", ["update", "removeKey"])
def test_nothing_is_removed_by_a_call_that_has_not_signed_in_with_a_key_that_stays(replaced, way):
    run, version = start(replaced)
    old = names(replaced).old

    why = stopped(replaced, lambda: remove(run, way, version, old))

    assert "no key that stays has just signed in" in why
    run.tokens[version.thumbprint] = run.connection.sign_in_patiently(run.progress.app_id, version, "retire")
    remove(run, way, version, old)
    assert old not in replaced.credentials


@pytest.mark.parametrize("way", ["update", "removeKey"])
def test_what_is_somebody_elses_is_not_removed_by_a_renewal(replaced, way):
    run, version = start(replaced)
    run.tokens[version.thumbprint] = run.connection.sign_in_patiently(run.progress.app_id, version, "retire")

    why = stopped(replaced, lambda: remove(run, way, version, names(replaced).foreign))

    assert "it is somebody else's" in why


@pytest.mark.parametrize("way", ["update", "removeKey"])
def test_the_last_key_that_could_sign_in_is_never_removed(adopted, way):
    run, version = start(adopted)
    run.tokens[version.thumbprint] = run.connection.sign_in_patiently(run.progress.app_id, version, "retire")
    [key_id] = adopted.credentials

    assert "no key of the key store could sign in afterwards" in stopped(
        adopted, lambda: remove(run, way, version, key_id)
    )


def remove(run, way, version, key_id):
    if way == "update":
        steps._update(run, run.latest, body_without(run, key_id), removes=key_id)
    else:
        token = run.tokens.get(version.thumbprint) or run.connection.graph.token
        remove_with_proof(run, run.connection.graph_as(token), version, key_id, leaving=version.thumbprint)


# A PATCH that is refused


def refused_update(world, code):
    """What a refusal of a PATCH with this code says of three entries: one ends now, one tomorrow, one never."""
    run, _version = start(world)
    [entry] = run.latest.key_credentials
    now = run.connection.clock.service_time()
    ends = {"ends now": now, "ends tomorrow": now + dt.timedelta(days=1), "never ends": None}
    entries = [dataclasses.replace(entry, display_name=name, not_after=end) for name, end in ends.items()]
    world.liar = lambda request: {"status": 400, "body": json.dumps({"error": {"code": code}}).encode()}
    with pytest.raises(GraphRefused) as caught:
        steps._update(run, dataclasses.replace(run.latest, key_credentials=tuple(entries)), [{"keyId": entry.key_id}])
    return caught.value.message


def test_refused_dates_may_be_those_of_any_entry_that_has_ended(adopted):
    message = refused_update(adopted, "KeyCredentialsInvalidEndDate")

    assert "have expired, and may be what is refused: ends now (key ID" in message
    assert "tomorrow" not in message and "never" not in message


def test_any_other_refusal_says_nothing_of_dates(adopted):
    assert "expired" not in refused_update(adopted, "Request_BadRequest")


# The read before it


def test_one_read_is_enough_when_it_shows_everything(adopted):
    adopted.foreign()
    run, _version = start(adopted)
    adopted.since = len(adopted.sent)

    assert steps.read_before_write(run).app_id == adopted.payroll.app_id
    assert [one.new_connection for one in reads(adopted)] == [False] and adopted.timing.waited == 0


def test_an_entry_of_others_that_was_seen_is_waited_for_and_then_stops_the_write(adopted):
    foreign = adopted.foreign("theirs")
    run, _version = start(adopted, timeout_propagation=60)
    run.read()
    adopted.tenant.remove_credential(adopted.payroll, foreign.key_id)
    adopted.since, moments = len(adopted.sent), []
    adopted.liar = lambda request: moments.append(adopted.timing.waited)

    with pytest.raises(Unsafe, match=f"no longer shown: CN=theirs .key ID {foreign.key_id}"):
        steps.read_before_write(run)

    assert moments == pytest.approx([0, 2, 5, 9.5, 16.25, 26.25, 36.25, 46.25, 56.25, 60])
    assert [one.new_connection for one in reads(adopted)] == [False] + [True] * 9
    assert "complete read" not in run.progress.deadlines


def test_an_entry_without_a_name_is_told_as_that(adopted):
    foreign = adopted.foreign(display_name=None)
    run, _version = start(adopted, timeout_propagation=6)
    run.read()
    adopted.tenant.remove_credential(adopted.payroll, foreign.key_id)

    with pytest.raises(Unsafe, match="no longer shown: unnamed"):
        steps.read_before_write(run)
    assert adopted.timing.waited == 6


def test_an_entry_of_others_that_shows_again_is_no_reason_to_stop(adopted):
    adopted.foreign()
    run, _version = start(adopted)
    run.read()
    adopted.tenant.reads.lag(seconds=[LATE, 0])
    adopted.foreign("later")
    run.read()
    run.read()

    assert len(steps.read_before_write(run).key_credentials) >= 2


@pytest.fixture
def gone(adopted):
    """A managed certificate that was seen, and that somebody has removed."""
    adopted.renew(overlap=7)
    adopted.settle(0)
    adopted.foreign()
    adopted.lose(adopted.old.thumbprint)
    return adopted


def test_a_managed_entry_that_stays_away_counts_as_removed_and_is_told_once(gone):
    run, _version = start(gone, timeout_propagation=60)

    for _again in range(2):
        steps.read_before_write(run)

    assert 50 < gone.timing.waited <= 60
    assert [warning.split(" was on")[0] for warning in gone.warnings] == [f"Certificate {gone.old.thumbprint}"]
    assert gone.contents.find(gone.old.thumbprint).record.seen is None


@pytest.mark.parametrize("changes", [{"retired": True}, {"removed": True}])
def test_one_that_was_removed_on_purpose_is_not_missed(gone, changes):
    run, _version = start(gone)
    version = run.version(gone.old.thumbprint)
    if "retired" in changes:
        run.remember(version, retired=run.now)
    else:
        run.progress.removed.append(version.record.key_id)

    steps.read_before_write(run)

    assert gone.timing.waited == 0 and gone.warnings == []


def test_one_that_only_this_run_has_seen_is_told_too(adopted):
    version = adopted.contents.current
    adopted.store.write_record(version.thumbprint, dataclasses.replace(version.record, seen=None))
    run = adopted.run(timeout_propagation=5)
    adopted.lose(version.thumbprint)

    steps.read_before_write(run)

    assert len(adopted.warnings) == 1


def test_what_is_missed_is_counted(gone):
    foreign = gone.foreign()
    run, _version = start(gone, timeout_propagation=60)
    run.read()
    gone.tenant.remove_credential(gone.payroll, foreign.key_id)
    gone.timing.said.clear()

    with pytest.raises(Unsafe):
        steps.read_before_write(run)
    assert gone.timing.said[0] == "the directory to show 2 credential(s) again before the write"


def test_one_that_was_seen_long_ago_is_told_without_a_wait(gone):
    gone.settle(700)
    run, _version = start(gone)

    steps.read_before_write(run)

    assert gone.timing.waited == 0 and len(gone.warnings) == 1


def test_one_that_was_never_seen_is_neither_waited_for_nor_told(gone):
    run, _version = start(gone)
    run.forget_seen(run.version(gone.old.thumbprint))

    steps.read_before_write(run)

    assert gone.timing.waited == 0 and gone.warnings == []
