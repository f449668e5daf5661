# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passing trouble: what it is, how long it is waited out, who is told, and what is never repeated."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    NetworkFailure,
    SignInRefused,
    StillWaiting,
    UntrustedAnswer,
)
from ansible_collections.evercert.entra.plugins.module_utils._entra.patience import (
    LONGEST_RETRY_AFTER,
    READS,
    SIGN_INS,
    VAULT,
    Patience,
    Trouble,
    parse_seconds,
    put_off,
    trouble_in,
)
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Response
from ansible_collections.evercert.entra.tests.unit.builders import trouble


class Timing:
    def __init__(self):
        self.waits, self.said = [], []

    def wait(self, seconds, what):
        self.waits.append(seconds)
        self.said.append(what)


def busy(**evidence):
    return SignInRefused("busy", trouble("service_unavailable", http_status=503, **evidence))


def no_answer():
    return NetworkFailure("no answer", trouble("timeout"))


def giving(*outcomes):
    """Each outcome in turn, the last one for ever."""
    left = list(outcomes)

    def send():
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, BaseException):
            raise found
        return found

    return send


@pytest.fixture
def patience():
    return Patience(Timing())


def test_a_sign_in_is_made_again_after_longer_and_longer_pauses_and_as_asked(patience):
    longest = int(LONGEST_RETRY_AFTER)
    send = giving(busy(retry_after=f"{longest}"), no_answer(), busy(retry_after="7"), "token")

    assert patience.repeat(SIGN_INS, send) == "token"
    assert patience.timing.waits == [longest, 4.0, 7.0]
    assert patience.timing.said[0] == "the token service answered 503; signing in again (attempt 2 of 4)"
    assert patience.timing.said[1] == "the token service did not answer; signing in again (attempt 3 of 4)"
    assert patience.tried == {}


@pytest.mark.parametrize(
    ("failure", "waits"),
    [
        (busy(), [2.0, 4.0, 8.0]),
        (busy(retry_after=str(int(LONGEST_RETRY_AFTER) + 1)), []),
        (NetworkFailure("not trusted", trouble("tls")), []),
        (SignInRefused("wrong", trouble("secret_invalid")), []),
        (SignInRefused("not yet", trouble("certificate_not_registered")), []),
        (UntrustedAnswer("elsewhere", trouble("unknown")), []),
    ],
)
def test_patience_ends(patience, failure, waits):
    with pytest.raises(type(failure)) as raised:
        patience.repeat(SIGN_INS, giving(failure))

    assert raised.value is failure and patience.timing.waits == waits and patience.tried == {}


def test_two_sign_ins_are_two_seconds_apart_whatever_the_service_asks_for(patience):
    patience.repeat(SIGN_INS, giving(busy(retry_after="0"), "token"))

    assert patience.timing.waits == [2.0]


@pytest.mark.parametrize("kind", [READS, VAULT])
def test_reads_come_back_at_different_times(patience, kind):
    answer = patience.repeat(kind, giving(Response(500)))

    assert answer.status == 500 and len(patience.timing.waits) == 4
    assert all(low <= seconds <= 2 * low for low, seconds in zip((1, 2, 4, 8), patience.timing.waits))


def test_an_answer_that_counts_is_the_answer(patience):
    assert patience.repeat(READS, giving(Response(403))).status == 403
    assert patience.repeat(READS, giving(Response(429, {"retry-after": "3"}), Response(200))).status == 200
    assert patience.timing.waits == [3.0]


def test_a_write_is_made_again_only_where_it_was_not_begun(patience):
    assert put_off(Response(429)) == Trouble(429)
    assert put_off(Response(503)) is put_off(no_answer()) is None
    assert trouble_in(Response(503)) == Trouble(503)


def test_somebody_else_may_see_to_the_pause(patience):
    told = []
    send = giving(Response(429, {"retry-after": "9"}), Response(200))

    patience.repeat(READS, send, take_over=lambda found, pause: told.append((found.status, pause)) or True)

    assert told == [(429, 9.0)] and patience.timing.waits == []


def test_the_count_goes_on_in_a_later_call(patience):
    patience.tried = {"read": 4}

    assert patience.repeat(READS, giving(Response(503), Response(200))).status == 503


def test_an_attempt_that_waits_before_it_is_made_was_none(patience):
    with pytest.raises(StillWaiting):
        patience.repeat(SIGN_INS, giving(StillWaiting(200, "the budget")))

    assert patience.tried == {"sign_in": 0}


@pytest.mark.parametrize(("text", "seconds"), [("0", 1.0), ("17", 17.0), ("soon", None), ("inf", None), (None, None)])
def test_a_pause_is_a_number_of_seconds_and_never_none_at_all(text, seconds):
    assert parse_seconds(text) == seconds
