# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import json
import os
import threading
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import load_key_pair
from ansible_collections.evercert.entra.plugins.modules import application_certificate_renew as module

STEPS = ["generate", "register", "prove", "promote"]
QUICK = {"sign_in_interval": 0, "initial_pause": 0}
# One that whoever runs the tests may give files to.
OWN_GROUP = str(os.getegid())


@pytest.fixture
def renew(run_module, payroll, key_store):
    def make(check=False, **options):
        return run_module(module, check, **{"app_id": payroll.app_id, "key_store": key_store, **QUICK, **options})

    return make


def steps(found):
    return [step["step"] for step in found["steps"]]


def test_a_token_without_its_tenant_is_refused_before_anything_is_sent(renew, server, key_store):
    asked = len(server.emulator.log.lines)

    found = renew(auth_source="access_token", access_token="t0ken", tenant_id=None)

    assert found["failed"] and found["msg"].startswith("tenant_id is needed (AZURE_TENANT_ID) beside access_token")
    assert len(server.emulator.log.lines) == asked and not os.path.exists(key_store)


def test_a_check_says_what_the_run_then_does_and_makes_nothing(renew, key_store):
    planned = renew(check=True)

    assert not os.path.exists(key_store)
    done = renew()
    assert (planned["changed"], planned["finding"], steps(planned)) == (True, "missing", steps(done))
    assert planned["certificate"]["thumbprint"] == planned["next_renewal"] == "(generated)"
    assert planned["certificate"]["stage"] == "planned"
    assert done["certificate"]["stage"] == "current"
    assert done["proof"] == "directory+sign_in"
    assert done["sign_ins"]["consecutive"] == 3


@pytest.mark.parametrize(
    "name",
    [
        "Contoso Corporation - Payroll Synchronisation Service (Production, West Europe, Team Finance)",
        "env=prod payroll",
        "https://payroll.example/app?x=1",
        " ",
    ],
)
def test_a_name_that_nobody_gave_is_no_reason_to_fail_and_a_check_agrees(renew, tenant, name):
    application = tenant.add_application(name, [tenant.issue("short", -170, 10)])

    planned, done = (renew(check, app_id=application.app_id, sign_ins=1) for check in (True, False))

    assert (planned["changed"], steps(planned)) == (done["changed"], steps(done)) == (True, STEPS)


@pytest.mark.parametrize("subject", ["x" * 65, "O=", "CN=a=b,=c"])
@pytest.mark.parametrize("check", [True, False])
def test_a_subject_that_cannot_be_is_refused_before_it_is_due(renew, check, subject):
    found = renew(check, subject=subject, renew_before=1)

    assert found["failed"] and f"The subject '{subject}' cannot be the name of a certificate" in found["msg"]


def test_a_second_run_changes_nothing_and_a_check_agrees(renew):
    first = renew()

    for check in (False, True):
        again = renew(check)
        assert (again["changed"], again["finding"], again["steps"]) == (False, None, [])
        assert again["message"] == "Nothing is due."
        assert again["certificate"]["thumbprint"] == first["certificate"]["thumbprint"]
        assert again["predecessor"] is None


def test_the_predecessor_is_shown_and_retired(renew):
    first = renew()
    forced = renew(force=True)

    assert forced["predecessor"]["thumbprint"] == first["certificate"]["thumbprint"]
    for check in (True, False):
        gone = renew(check, overlap=0)
        assert [each["thumbprint"] for each in gone["retired"]] == [first["certificate"]["thumbprint"]]
        assert len(gone["diff"]["after"]["key_credentials"]) == len(gone["diff"]["before"]["key_credentials"]) - 1
        assert gone["predecessor"]["thumbprint"] == first["certificate"]["thumbprint"]


def test_of_two_adoptions_at_once_the_second_finds_the_work_done(renew, pem_of, old, key_store):
    os.mkdir(key_store, 0o700)
    path = pem_of(old)
    pair = load_key_pair(Path(path).read_bytes(), None, path)
    held = os.open(key_store, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)

    def adopt_first():
        DirectoryStore(key_store).adopt_current(pair, Record(origin="adopted"))
        os.close(held)

    first = threading.Timer(0.5, adopt_first)
    first.start()
    second = renew(adopt_path=path, renew_before=10)
    first.join()

    assert not second.get("failed") and not second["changed"] and steps(second) == []


def test_a_pair_in_use_is_adopted_once_and_then_left_alone(renew, pem_of, old):
    options = {"adopt_path": pem_of(old), "renew_before": 10}

    planned, done, again = renew(check=True, **options), renew(**options), renew(**options)

    assert steps(planned) == steps(done) == ["adopt"]
    assert done["certificate"]["thumbprint"] == old.thumbprint
    assert again["changed"] is False


@pytest.mark.parametrize(("renew_before", "due"), [(30, ": due, run again to renew it."), (10, ".")])
def test_an_adoption_says_what_is_taken_over_and_whether_it_is_due_and_a_check_agrees(
    renew, pem_of, old, payroll, renew_before, due
):
    planned, done = (renew(check, adopt_path=pem_of(old), renew_before=renew_before) for check in (True, False))

    assert planned["certificate"]["thumbprint"] == done["certificate"]["thumbprint"] == old.thumbprint
    assert planned["certificate"]["not_after"] == done["certificate"]["not_after"]
    assert planned["certificate"]["key_id"] == done["certificate"]["key_id"] == payroll.key_credentials[0].key_id
    assert (planned["certificate"]["stage"], done["certificate"]["stage"]) == ("planned", "current")
    assert planned["next_renewal"] == done["next_renewal"]
    day = done["certificate"]["not_after"][:10]
    told = f"Certificate {old.thumbprint} is taken over as current. It ends on {day}, in 19 days{due}"
    assert planned["message"] == done["message"] == told


def test_what_only_retires_adopts_nothing(renew, pem_of, old, key_store):
    found = renew(adopt_path=pem_of(old), state="retired")

    assert (found["changed"], found["finding"], found["certificate"]) == (False, None, None)
    assert not os.path.exists(key_store)


def test_what_cannot_be_rolled_back_makes_no_key_store(renew, key_store):
    assert "holds no current certificate" in renew(state="rolled_back")["msg"]
    assert not os.path.exists(key_store)


def test_a_pair_brought_by_the_user_is_planned_by_name(renew, tenant, pem_of):
    path = pem_of(tenant.issue("mine"))
    options = {"certificate_path": path, "private_key_path": path}

    planned, done = renew(check=True, **options), renew(**options)

    assert planned["certificate"]["thumbprint"] == done["certificate"]["thumbprint"]


def test_a_signing_request_is_returned_for_the_successor(renew):
    options = {"csr": True, "stop_after": "generated"}

    assert renew(check=True, **options)["csr"] is None
    assert renew(**options)["csr"].startswith("-----BEGIN CERTIFICATE REQUEST-----")
    assert "csr" not in renew(check=True)


def test_a_rollback_without_a_reason_moves_nothing(renew):
    renew()
    done = renew(force=True)

    for check in (True, False):
        found = renew(check, state="rolled_back")
        assert found["failed"]
        assert "accepts sign-ins with the current certificate" in found["msg"]
    assert renew()["certificate"]["thumbprint"] == done["certificate"]["thumbprint"]


def test_a_rollback_goes_back_to_a_predecessor_that_signs_in(renew, tenant, payroll):
    first = renew()
    second = renew(force=True)["certificate"]
    tenant.remove_credential(payroll, second["key_id"])

    planned, done = renew(check=True, state="rolled_back"), renew(state="rolled_back")

    assert steps(planned) == steps(done) == ["roll_back"]
    assert done["certificate"]["thumbprint"] == first["certificate"]["thumbprint"]


def test_a_wait_is_handed_over_and_gone_on_with(renew):
    options, waits = {"initial_pause": 60, "sign_in_interval": 60}, 0

    found = renew(_waiting={"slice": 0.1}, **options)
    while "_waiting" in found:
        waits += 1
        carry = json.loads(json.dumps(found["_waiting"]["carry"]))
        carry["progress"]["proof"]["next_at"] = 0.0  # as if the caller had waited
        found = renew(_waiting={"slice": 0.1, "carry": carry}, **options)

    assert waits >= 3
    assert steps(found) == ["generate", "register", "prove", "promote"]


def test_a_wait_for_the_lock_keeps_its_deadline(renew, key_store):
    store = DirectoryStore(key_store)
    store.prepare()
    with store.lock(0, lambda seconds, what: None):
        first = renew(_waiting={"slice": 0.1}, lock_timeout=60)["_waiting"]
        second = renew(_waiting={"slice": 0.1, "carry": first["carry"]}, lock_timeout=60)["_waiting"]

    assert first["carry"]["lock_deadline"] == second["carry"]["lock_deadline"]


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"app_id": "payroll"}, "app_id must be a GUID"),
        ({"renew_before": 200}, "renew_before (200 days) must be less than validity (180 days)"),
        ({"validity": "nan"}, "validity must be a number, and is nan."),
        ({"validity": "inf"}, "validity must be at most 36500 days, and is inf."),
        ({"overlap": -1}, "overlap must not be negative, and is -1."),
        ({"lock_timeout": "inf"}, "lock_timeout must be at most 604800 seconds, and is inf."),
        ({"key_store": __file__}, "key_store must be a directory"),
        ({"graph_url": "http://graph.test"}, "graph_url must be an https URL"),
        ({"adopt_path": "/nowhere"}, "adopt_path: cannot read /nowhere: No such file or directory."),
        ({"certificate_content": "x", "certificate_path": "/x"}, "mutually exclusive"),
        ({"stop_after": "midnight"}, "value of stop_after must be one of"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(renew, given, sentence, key_store):
    found = renew(**given)

    assert found["failed"]
    assert sentence in found["msg"]
    assert not os.path.exists(key_store) or not os.listdir(os.path.join(key_store, "versions"))


def test_a_refused_operator_is_told_where_the_application_goes_on_as_itself(renew):
    """The first renewal is the operator's, the next one the application's own."""
    assert renew()["operator_expires"] is None

    found = renew(client_secret="wrong", force=True, check=True)

    assert steps(found) == ["generate", "register", "prove", "promote"] and found["proof"] == "sign_in"
    assert found["auth"]["source"] == "key_store" and found["auth"]["skipped"][-1]["source"] == "client_secret"
    assert found["operator_expires"] == "unknown"
    assert renew(client_secret="wrong", force=True, fall_back=False)["diagnosis"]["code"] == "secret_invalid"


def test_a_refused_sign_in_is_a_failure_with_its_diagnosis(renew):
    found = renew(client_secret="wrong")

    assert found["failed"]
    assert found["diagnosis"]["code"] == "secret_invalid"
    assert "wrong" not in found["diagnosis"]["evidence"]["message"].split()


def test_no_secret_is_in_any_result(renew, key_store):
    found = json.dumps(renew())

    assert "PRIVATE KEY" not in found and "s3cret" not in found


def test_consumers_are_let_in_reported_and_predicted(renew, key_store):
    made = renew(group=OWN_GROUP)
    bundle = Path(key_store, "current", "bundle.pem")
    assert oct(bundle.stat().st_mode)[-3:] == "640" and made["changed"]

    bundle.chmod(0o600)
    planned, done, again = renew(check=True), renew(), renew()
    for found in (planned, done):
        assert found["changed"] and found["steps"] == []
        (change,) = found["diff"]["before"]["file_access"].items()
        assert change[0] == str(bundle.resolve()) and change[1]["mode"] == "0600"
        assert found["diff"]["after"]["file_access"][change[0]]["mode"] == "0640"
    assert not again["changed"] and "file_access" not in again["diff"]


def test_an_unknown_group_is_refused_with_every_other_problem(renew, key_store):
    failed = renew(group="nothing-here", key_passphrase="")

    assert [problem.split(" ")[0] for problem in failed["problems"]] == ["key_passphrase", "group:"]
    assert not os.path.exists(key_store)


def test_an_encrypted_store_needs_its_passphrase_before_anything_is_done(renew, key_store):
    renew(key_passphrase="s3cret words")

    for wrong in ({}, {"key_passphrase": "other words"}):
        failed = renew(force=True, add_method="update", **wrong)
        assert failed["failed"] and "key_passphrase" in failed["msg"] and "words" not in str(failed["msg"])
        assert len(os.listdir(Path(key_store, "versions"))) == 1
    done = renew(force=True, key_passphrase="s3cret words")
    assert done["certificate"]["stage"] == "current" and "s3cret words" not in json.dumps(done)


def test_what_was_corrected_before_a_wait_is_reported_after_it(renew, key_store):
    renew(group=OWN_GROUP)
    bundle = Path(key_store, "current", "bundle.pem")
    bundle.chmod(0o600)
    options = {"force": True, "initial_pause": 60}

    found, waits = renew(_waiting={"slice": 0.1}, **options), 0
    while "_waiting" in found:
        waits += 1
        carry = json.loads(json.dumps(found["_waiting"]["carry"]))
        carry["progress"]["proof"]["next_at"] = 0.0  # as if the caller had waited
        found = renew(_waiting={"slice": 0.1, "carry": carry}, **options)

    assert waits and list(found["diff"]["before"]["file_access"]) == [
        str(Path(key_store, "versions", bundle_name(found)))
    ]


def bundle_name(found):
    return Path(found["predecessor"]["thumbprint"], "bundle.pem")


@pytest.mark.parametrize("odd", ["x", [1], [{"path": "/"}], {"path": 1}])
def test_something_else_than_what_was_handed_over_is_refused(renew, odd):
    renew()

    failed = renew(_waiting={"carry": {"access_changes": odd}})
    assert failed["failed"] and "_waiting holds something else" in failed["msg"]


@pytest.mark.parametrize("check", [True, False])
def test_a_directory_that_is_full_of_something_else_is_refused_and_left_as_it_is(renew, tmp_path, check):
    (tmp_path / "etc").mkdir(mode=0o700)
    (tmp_path / "etc" / "passwd").write_text("")

    found = renew(check, key_store=str(tmp_path / "etc"))

    assert found["failed"] and f"{tmp_path}/etc holds passwd and no key store" in found["msg"]
    assert [path.name for path in (tmp_path / "etc").iterdir()] == ["passwd"]


@pytest.mark.parametrize("check", [True, False])
def test_a_place_that_others_could_exchange_is_refused_in_a_check_as_in_a_run(renew, tmp_path, check):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o2775)

    found = renew(check, key_store=str(tmp_path / "open" / "keys"))

    assert found["failed"] and "Run 'chmod g-w" in found["msg"]
    assert list((tmp_path / "open").iterdir()) == []


def test_a_check_makes_no_file_not_even_a_lock(renew, tmp_path):
    (tmp_path / "empty").mkdir(mode=0o700)

    assert renew(True, key_store=str(tmp_path / "empty"))["changed"]
    assert list((tmp_path / "empty").iterdir()) == []
