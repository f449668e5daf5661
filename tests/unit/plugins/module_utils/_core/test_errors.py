# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core import errors
from ansible_collections.evercert.entra.tests.unit.builders import trouble


def test_every_problem_with_the_input_is_in_one_message():
    error = errors.InvalidInput(["app_id is wrong.", "validity is negative."])

    assert error.message == "app_id is wrong. validity is negative."
    assert error.problems == ("app_id is wrong.", "validity is negative.")


@pytest.mark.parametrize("status, unclear", [(400, False), (403, False), (409, False), (429, False), (500, True)])
def test_only_a_write_that_ended_in_a_server_error_may_have_been_applied(status, unclear):
    assert errors.GraphRefused("no", trouble("unknown"), status, "code").may_have_applied is unclear


@pytest.mark.parametrize(
    "kind", [errors.EvercertError, errors.Unsafe, errors.NotProven, errors.NetworkFailure, errors.SignInRefused]
)
def test_a_failure_tells_its_sentence_and_its_diagnosis(kind):
    why = trouble("unknown")
    failure = kind("No.", why)

    assert (str(failure), failure.message, failure.diagnosis) == ("No.", "No.", why)


def test_a_refusal_by_graph_tells_all_that_graph_told():
    refusal = errors.GraphRefused("No.", trouble("throttled"), 429, "TooManyRequests", 30.0)

    assert (str(refusal), refusal.diagnosis) == ("No.", trouble("throttled"))
    assert (refusal.status, refusal.code, refusal.retry_after) == (429, "TooManyRequests", 30.0)


def test_every_problem_of_the_options_is_told_at_once():
    found = errors.InvalidInput(["One.", "Two."])

    assert (str(found), found.message, found.problems) == ("One. Two.", "One. Two.", ("One.", "Two."))


def test_waiting_is_no_failure():
    pause = errors.StillWaiting(12.5, "the directory")

    assert not isinstance(pause, errors.EvercertError)
    assert (str(pause), pause.seconds, pause.what) == ("the directory", 12.5, "the directory")


@pytest.mark.parametrize(
    "kind", [errors.NetworkFailure, errors.SignInRefused, errors.UntrustedAnswer, errors.GraphRefused]
)
def test_what_the_service_did_is_one_kind_of_our_failures(kind):
    assert issubclass(kind, errors.ServiceError)
    assert issubclass(kind, errors.EvercertError)


@pytest.mark.parametrize(
    ("status", "code", "put_off"),
    [
        (409, "service_unavailable", True),
        (429, "throttled", True),
        (503, "service_unavailable", False),
        (409, "conflict", False),
    ],
)
def test_a_write_is_put_off_when_the_service_took_none_of_it_and_may_take_it_later(status, code, put_off):
    assert errors.GraphRefused("No.", trouble(code), status, "code").is_put_off is put_off


def test_what_is_not_permitted_tells_everything_that_is_lacking():
    assert errors.NotPermitted("No.", trouble("permission_denied"), ["one", "other"]).lacks == ("one", "other")
