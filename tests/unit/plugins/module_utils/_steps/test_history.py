# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The health history: what was applied, when health was checked, and which runs failed."""

from __future__ import annotations

import os

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.diagnosis import TABLE
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput, KeyStoreError, Unsafe
from ansible_collections.evercert.entra.plugins.module_utils._core.plan import Step
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._steps.history import noting_failures
from ansible_collections.evercert.entra.plugins.module_utils._steps.run import Progress

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


def latest(world):
    return world.store.history(1)[0]


def test_a_renewal_is_told_step_by_step(adopted):
    adopted.renew(overlap=0)

    told = adopted.store.history(100)[1:]
    assert [line["event"] for line in told] == ["generated", "registered", "proven", "promoted", "retired"]
    assert {line["thumbprint"] for line in told[:-1]} == {adopted.current}
    assert told[1]["proof"] == "directory" and told[1]["key_id"] == adopted.contents.current.record.key_id
    assert (told[2]["sign_ins"], told[2]["attempts"]) == (3, 3)
    assert told[3]["predecessor"] == told[4]["thumbprint"] == adopted.old.thumbprint


def test_what_only_the_service_acknowledged_is_told_as_that(world):
    world.adopt(**world.as_itself)
    world.settle()
    world.renew(**world.as_itself)

    assert [line["proof"] for line in world.store.history(100) if line["event"] == "registered"] == ["acknowledged"]


def test_a_failed_step_is_told_with_its_reason_and_its_certificate(adopted):
    adopted.tenant.faults.add("not_applied", match="add_key")

    error = adopted.refused()

    line = latest(adopted)
    assert (line["event"], line["step"], line["reason"]) == ("failed", "register", "not_shown")
    assert line["thumbprint"] == adopted.made[0]
    assert line["message"] and error.message.startswith(line["message"])


def test_a_refused_sign_in_is_told_with_the_code_of_its_diagnosis(adopted):
    adopted.tenant.enable(adopted.payroll, False)

    adopted.refused()

    assert (latest(adopted)["step"], latest(adopted)["reason"]) == ("prepare", "application_disabled")
    assert latest(adopted)["message"] == TABLE["application_disabled"].cause


def test_a_failure_to_retire_names_the_certificate_that_was_to_go(adopted):
    adopted.tenant.faults.add("error", match="remove_key", status=503, times=None)

    adopted.refused(overlap=0)

    line = latest(adopted)
    assert (line["step"], line["reason"]) == ("retire", "service_unavailable")
    assert line["thumbprint"] == adopted.old.thumbprint


def test_a_lock_that_is_not_free_in_time_is_told(adopted):
    with DirectoryStore(str(adopted.key_store)).lock(0, lambda seconds, what: None):
        adopted.refused(lock_timeout=0)

    assert latest(adopted)["reason"] == "key_store_error" and latest(adopted)["message"]


def test_a_check_is_told_whether_it_is_good_or_not(adopted):
    key_id = next(iter(adopted.credentials))
    adopted.verify()
    assert latest(adopted) == {
        "at": latest(adopted)["at"],
        "event": "checked",
        "thumbprint": adopted.old.thumbprint,
        "verified": True,
        "reason": None,
        "key_id": key_id,
        "sign_ins": 3,
        "attempts": 3,
        "failed_checks": [],
    }

    adopted.tenant.enable(adopted.payroll, False)
    adopted.verify()
    line = latest(adopted)
    assert (line["verified"], line["reason"], line["failed_checks"]) == (False, "application_disabled", ["sign_in"])


def test_a_check_that_waits_outside_is_told_once(adopted):
    adopted.verify_in_slices()

    assert adopted.events() == ["adopted", "checked"]


def test_info_tells_a_check_only_where_it_signed_in(adopted):
    adopted.info()
    assert adopted.events() == ["adopted"]

    result = adopted.info(sign_in=True, history=2)
    assert [line["event"] for line in result.history] == ["adopted", "checked"]
    assert result.history[1]["verified"] is True

    adopted.tenant.faults.add("error", match="token", skip=1, status=401, error="invalid_client", code=7000274)
    adopted.info(sign_in=True)
    assert (latest(adopted)["verified"], latest(adopted)["reason"]) == (False, "certificate_refused")


def test_check_mode_tells_nothing(adopted):
    adopted.tenant.enable(adopted.payroll, False)
    adopted.verify(check=True)
    adopted.refused(check=True, add_method="add_key")

    assert adopted.events() == ["adopted"]


def test_a_failure_before_there_is_a_store_leaves_none(world):
    world.tenant.clock.skew = 400
    world.refused()

    assert not world.key_store.exists()


def test_a_history_that_cannot_be_written_hides_no_reason(adopted, monkeypatch):
    def refuse(store, event):
        raise KeyStoreError("The disk is full.")

    monkeypatch.setattr(DirectoryStore, "append_history", refuse)
    adopted.tenant.enable(adopted.payroll, False)

    assert adopted.refused().diagnosis.code == "application_disabled"
    assert adopted.verify().diagnosis["code"] == "application_disabled"


def test_a_failure_of_a_call_that_goes_on_is_told_with_the_step_it_was_at(adopted):
    progress = Progress(steps=(Step("generate", ""), Step("prove", "")), position=1, made="AB")

    with pytest.raises(Unsafe), noting_failures(adopted.connect(adopted.options()), "prepare", progress):
        raise Unsafe("no")

    assert (latest(adopted)["step"], latest(adopted)["thumbprint"]) == ("prove", "AB")


def test_where_there_is_no_key_store_the_failure_alone_is_the_result(adopted):
    with pytest.raises(Unsafe), noting_failures(adopted.connect(adopted.options(key_store=None)), "prepare"):
        raise Unsafe("no")


def test_a_long_message_is_cut(adopted):
    with pytest.raises(Unsafe), noting_failures(adopted.connect(adopted.options()), "prepare"):
        raise Unsafe("x" * 5000)

    assert latest(adopted)["message"] == "x" * 500


def test_neither_an_option_nor_an_answer_is_quoted(adopted):
    adopted.tenant.faults.add("error", match="get_application", status=400, message="said by the service", times=None)
    adopted.refused()
    assert "said by the service" not in (adopted.key_store / "history.jsonl").read_text()

    with pytest.raises(InvalidInput), noting_failures(adopted.connect(adopted.options()), "prepare"):
        raise InvalidInput(["certificate_path: cannot read -----BEGIN PRIVATE KEY-----."])
    assert (latest(adopted)["reason"], latest(adopted)["message"]) == ("invalid_input", None)


def test_trouble_with_the_key_store_after_the_last_step_is_told_as_that(adopted):
    """Another run has finished the work during a pause, and nothing is left to retire."""
    progress = Progress(steps=(Step("prove", ""), Step("promote", "")), position=2)

    with pytest.raises(KeyStoreError), noting_failures(adopted.connect(adopted.options()), "renew", progress):
        raise KeyStoreError("the disk is full")
    assert (latest(adopted)["step"], latest(adopted)["message"]) == ("renew", "the disk is full")


@is_root
def test_a_run_as_another_user_is_refused_and_leaves_nothing_in_the_store(world):
    """A journal of that user would stand in the way of every later renewal of the owner."""
    world.key_store.mkdir(mode=0o700)
    os.chown(world.key_store, 54321, -1)

    for act in (world.renew, world.adopt):
        with pytest.raises(KeyStoreError, match="belongs to user ID 54321"):
            act()

    assert list(world.key_store.iterdir()) == []


@is_root
def test_a_check_in_the_store_of_another_user_leaves_nothing_there(adopted):
    for path in (adopted.key_store, *adopted.key_store.rglob("*")):
        os.chown(path, 54321, -1, follow_symlinks=False)
    before = sorted(path.name for path in adopted.key_store.iterdir())
    size = (adopted.key_store / "history.jsonl").stat().st_size

    with pytest.raises(KeyStoreError, match="belongs to user ID 54321"):
        adopted.verify()
    with pytest.raises(KeyStoreError, match="belongs to user ID 54321"):
        adopted.info(sign_in=True)

    assert sorted(path.name for path in adopted.key_store.iterdir()) == before
    assert (adopted.key_store / "history.jsonl").stat().st_size == size


def test_a_store_that_others_may_change_is_not_told_of_its_own_refusal(adopted):
    lines = (adopted.key_store / "history.jsonl").read_text()
    adopted.key_store.chmod(0o777)

    assert "others could replace the keys" in adopted.refused().message
    assert (adopted.key_store / "history.jsonl").read_text() == lines


def test_a_history_that_cannot_be_written_is_one_warning_and_stops_nothing(adopted, monkeypatch):
    """A journal for people is no reason to stop between two effects."""

    def refuse(moment, effect):
        if moment == "before" and effect.path.name == "history.jsonl":
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(durable, "observe", refuse)

    result = adopted.renew(overlap=0)

    assert result.steps == ["generate", "register", "prove", "promote", "retire"]
    [said] = [warning for warning in adopted.warnings if "history" in warning]
    assert f"{adopted.key_store}/history.jsonl" in said and "chown" in said


def test_a_sign_in_that_cannot_be_noted_is_not_made(adopted, monkeypatch):
    """Those notes are state: the budget rests on them."""

    def refuse(moment, effect):
        if moment == "before" and effect.path.name == "sign_ins.jsonl":
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(durable, "observe", refuse)
    asked = len(adopted.sign_ins())

    with pytest.raises(KeyStoreError, match=r"sign_ins\.jsonl"):
        adopted.verify()

    assert len(adopted.sign_ins()) == asked
