# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The loop of every write: what is sent, when it is sent again, and when it is given up."""

from __future__ import annotations

import dataclasses
import math

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import GraphRefused, NetworkFailure
from ansible_collections.evercert.entra.plugins.module_utils._steps import settling as steps
from ansible_collections.evercert.entra.tests.unit.builders import trouble

NO_ANSWER = NetworkFailure("no answer", trouble("timeout"))
NOT_SENT = NetworkFailure("no name", trouble("dns"), was_sent=False)


def refusal(status, retry_after=None, code="x", retry="no"):
    diagnosis = dataclasses.replace(trouble("unknown"), retry=retry)
    return GraphRefused(f"refused with {status}", diagnosis, status, code, retry_after)


def put_off(retry_after=None):
    return refusal(429, retry_after, retry="later")


def young(retry_after=20.0):
    return refusal(401, retry_after, "Authentication_MissingOrMalformed", "later")


class Writer:
    """Sends what the next answer says becomes of it, and notes all that is asked of it."""

    def __init__(self, *answers, settles=(), shows=()):
        self.answers, self.settles, self.shows, self.did = list(answers), list(settles), list(shows), []

    def ready(self, name="write"):
        def write():
            self.did.append(name)
            if self.answers:
                raise self.answers.pop(0)
            return "key"

        return lambda: write

    def intend(self):
        self.did.append("intend")
        return lambda: self.did.append("take back")

    def settle(self, _failure, attempt):
        self.did.append(f"settle {attempt}")
        return self.settles.pop(0) if self.settles else False

    def is_there(self):
        return self.shows.pop(0) if self.shows else False

    def carry_out(self, *ways, made=0, **facts):
        writing = steps.Writing(
            "the write",
            ways or (steps.Way(self.ready()),),
            wait=lambda seconds, _what: self.did.append(seconds),
            settle=self.settle,
            is_there=self.is_there,
            intend=self.intend,
            acknowledged=lambda key_id: self.did.append(f"got {key_id}"),
            **facts,
        )
        return steps.carry_out(writing, made)


def test_what_is_acknowledged_is_noted_and_was_not_seen():
    writer = Writer()

    assert writer.carry_out() is False
    assert writer.did == ["intend", "write", "got key"]


def test_where_nothing_is_left_to_send_nothing_is_intended():
    writer = Writer()

    assert writer.carry_out(steps.Way(lambda: None)) is False and writer.did == []


def test_what_cannot_have_been_sent_fails_at_once_and_was_never_intended():
    writer = Writer(NOT_SENT)

    with pytest.raises(NetworkFailure, match="no name"):
        writer.carry_out()
    assert writer.did == ["intend", "write", "take back"]


@pytest.mark.parametrize("failure", [NO_ANSWER, refusal(408), refusal(499), refusal(500), refusal(504)])
def test_what_may_have_been_applied_is_settled_before_it_is_sent_again(failure):
    writer = Writer(failure, failure, settles=[False, True])

    assert writer.carry_out() is True
    assert writer.did == ["intend", "write", "settle 1", "intend", "write", "settle 2"]


@pytest.mark.parametrize("failure", [NO_ANSWER, refusal(503), put_off()])
def test_the_last_attempt_is_given_up(failure):
    writer = Writer(*[failure] * 9)

    with pytest.raises((GraphRefused, NetworkFailure)):
        writer.carry_out()
    assert writer.did.count("write") == steps.ATTEMPTS == 4


def test_attempts_of_earlier_calls_count():
    writer = Writer(*[put_off()] * 9)

    with pytest.raises(GraphRefused):
        writer.carry_out(made=2)
    assert writer.did.count("write") == 2


def test_a_refusal_takes_the_intent_back_and_is_the_result():
    writer = Writer(refusal(400))

    with pytest.raises(GraphRefused):
        writer.carry_out()
    assert writer.did == ["intend", "write", "take back"]


def test_what_is_put_off_is_sent_again_more_and_more_slowly():
    writer = Writer(*[put_off()] * 3)

    writer.carry_out()

    assert [one for one in writer.did if isinstance(one, float)] == [2.0, 4.0, 6.0]


@pytest.mark.parametrize(("asked", "left", "is_sent"), [(120, 121, True), (121, 999, False), (60, 60, False)])
def test_a_pause_that_is_too_long_is_given_up(asked, left, is_sent):
    writer = Writer(put_off(asked))

    if is_sent:
        writer.carry_out(left=lambda: left)
    else:
        with pytest.raises(GraphRefused):
            writer.carry_out(left=lambda: left)
    assert (asked in writer.did) == is_sent


def test_what_shows_after_a_pause_is_not_sent_again():
    writer = Writer(put_off(), shows=[True])

    assert writer.carry_out() is True and writer.did.count("write") == 1


def test_a_proof_by_a_young_key_is_repeated_as_often_as_that_takes():
    writer = Writer(*[young()] * 9)

    writer.carry_out()

    assert writer.did.count(20.0) == 9


@pytest.mark.parametrize(("left", "is_sent"), [(math.inf, True), (5.0, False)])
def test_refused_dates_are_sent_once_more_where_there_is_time(left, is_sent):
    writer, told = Writer(refusal(400)), iter([True])

    if is_sent:
        writer.carry_out(left=lambda: left, sends_dates_again=lambda _refusal: next(told))
    else:
        with pytest.raises(GraphRefused):
            writer.carry_out(left=lambda: left, sends_dates_again=lambda _refusal: next(told))
    assert (5.0 in writer.did) == is_sent


def test_another_way_follows_where_the_first_gives_way_and_its_refusal_is_the_result():
    writer = Writer(refusal(403), refusal(403))
    always = steps.Way(writer.ready("PATCH"), gives_way=lambda _refusal: True)

    with pytest.raises(GraphRefused):
        writer.carry_out(steps.Way(writer.ready("addKey"), gives_way=lambda _refusal: True), always)
    assert [one for one in writer.did if one in ("addKey", "PATCH")] == ["addKey", "PATCH"]


def test_no_other_way_is_taken_where_the_effect_shows():
    writer = Writer(refusal(403), shows=[True])
    first = steps.Way(writer.ready("addKey"), gives_way=lambda _refusal: True)

    assert writer.carry_out(first, steps.Way(writer.ready("PATCH"))) is True
    assert "PATCH" not in writer.did


@pytest.mark.parametrize("made", [0, 9])
def test_a_hint_is_settled_however_often_it_was_sent(made):
    writer = Writer(refusal(404), settles=[True])

    assert writer.carry_out(steps.Way(writer.ready(), is_hint=lambda _refusal: True), made=made) is True
    assert writer.did[-1] == f"settle {made + 1}"


def test_a_writer_may_see_the_effect_of_what_it_would_give_up():
    writer = Writer(refusal(400))

    assert writer.carry_out(give_up=lambda _failure: True) is True
