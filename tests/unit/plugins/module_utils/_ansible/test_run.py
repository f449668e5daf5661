# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible.run import carried, of_diagnosis, run, timing_of
from ansible_collections.evercert.entra.plugins.module_utils._ansible.timing import SlicedTiming
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    ApplicationNotFound,
    EvercertError,
    InvalidInput,
    KeyStoreError,
    NotProven,
    StillWaiting,
)
from ansible_collections.evercert.entra.tests.unit.builders import trouble


class Ended(Exception):
    """The module reported and is over."""


class Module:
    """As much of an AnsibleModule as reporting needs."""

    def __init__(self, _waiting=None, **params):
        self.params, self.waiting = params, _waiting or {}

    def exit_json(self, **result):
        raise Ended(result)

    def fail_json(self, msg, **result):
        raise Ended({"failed": True, "msg": msg, **result})


def reported(act, **params):
    with pytest.raises(Ended) as ended:
        run(Module(**params), act)
    return ended.value.args[0]


def raises(error):
    def act(module):
        raise error

    return act


def test_a_result_is_returned_as_it_is():
    assert reported(lambda module: {"changed": True, "finding": None}) == {"changed": True, "finding": None}


def test_a_result_that_failed_keeps_its_values():
    assert reported(lambda module: {"_failed": "Not verified.", "checks": [1]}) == {
        "failed": True,
        "msg": "Not verified.",
        "checks": [1],
    }


def test_bad_input_is_reported_as_one_sentence_and_as_a_list():
    found = reported(raises(InvalidInput(["One.", "Two."])))

    diagnosis = found.pop("diagnosis")
    assert found == {"failed": True, "msg": "One. Two.", "problems": ["One.", "Two."]}
    assert (diagnosis["code"], diagnosis["cause"]) == ("invalid_input", "One. Two.")


def test_a_failure_with_a_diagnosis_returns_it():
    found = reported(raises(NotProven("Not proven.", trouble("throttled", http_status=429))))

    assert found["msg"] == "Not proven."
    assert found["diagnosis"]["code"] == "throttled"
    assert found["diagnosis"]["evidence"]["http_status"] == 429


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EvercertError("No."), "unknown"),
        (KeyStoreError("No."), "key_store_error"),
        (NotProven("No."), "not_proven"),
        (ApplicationNotFound("No."), "application_not_found"),
    ],
)
def test_a_failure_without_a_diagnosis_has_that_of_its_kind(error, code):
    found = reported(raises(error))

    assert found.keys() == {"failed", "msg", "diagnosis"}
    assert (found["diagnosis"]["code"], found["diagnosis"]["cause"]) == (code, "No.")


def test_what_we_do_not_know_is_not_caught():
    with pytest.raises(ZeroDivisionError):
        run(Module(), raises(ZeroDivisionError()))


def test_a_wait_is_handed_over_with_what_the_next_call_needs():
    pause = StillWaiting(12.34567, "the directory")
    pause.carry = {"lock_deadline": 7.0}

    found = reported(raises(pause), _waiting={"slice": 4, "carry": {"progress": {"position": 1}}})

    assert found == {
        "changed": False,
        "_waiting": {
            "seconds": 12.346,
            "what": "the directory",
            "carry": {"progress": {"position": 1}, "lock_deadline": 7.0},
        },
    }


def test_a_wait_without_facts_of_its_own_keeps_those_that_were_handed_in():
    assert reported(raises(StillWaiting(1, "x")))["_waiting"]["carry"] == {}


@pytest.mark.parametrize("waiting", [None, {}, {"slice": None}])
def test_a_module_that_runs_by_itself_waits_in_place(waiting):
    module = Module(_waiting=waiting)

    assert not isinstance(timing_of(module), SlicedTiming)
    assert carried(module) == {}
    assert carried(Module()) == {}


def test_the_action_plugin_asks_for_slices():
    module = Module(_waiting={"slice": "4", "carry": {"a": 1}})

    assert isinstance(timing_of(module), SlicedTiming)
    assert carried(module) == {"a": 1}


def test_a_diagnosis_has_all_its_evidence_named():
    found = of_diagnosis(trouble("dns"))

    assert set(found) == {"code", "cause", "remedy", "retry", "evidence"}
    assert found["evidence"] == {
        "http_status": None,
        "error_codes": [],
        "correlation_id": None,
        "trace_id": None,
        "timestamp": None,
        "host": "login.test",
    }
