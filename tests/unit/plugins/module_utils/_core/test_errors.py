# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core import errors
from ansible_collections.evercert.entra.tests.unit.builders import trouble


@pytest.mark.parametrize(
    "status, unclear",
    [(400, False), (403, False), (408, True), (409, False), (429, False), (498, False), (499, True), (500, True)],
)
def test_only_a_write_that_ended_in_trouble_on_the_way_or_of_the_server_may_have_been_applied(status, unclear):
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
