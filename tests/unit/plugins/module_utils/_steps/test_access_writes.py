# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One write of application_access at a time: when it is sent, what counts as done, and when it is given up."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.access import (
    AccessStep,
    Assignment,
    Permission,
    Principal,
)
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import (
    GraphRefused,
    InvalidInput,
    NetworkFailure,
    NotProven,
    StillWaiting,
)
from ansible_collections.evercert.entra.plugins.module_utils._steps import access_writes as writes
from ansible_collections.evercert.entra.plugins.module_utils._steps.access import (
    AccessProgress,
    Interrupted,
    keep_access,
    state_after,
)
from ansible_collections.evercert.entra.tests.unit.builders import trouble

READ = Permission("resource-1", "app-1", "Pay slips", "Slips.Read.All", "role-1")
CREATE = AccessStep("create_service_principal", "The service principal is created.")
ENABLE = AccessStep("enable_service_principal", "The service principal is enabled.")
GRANT = AccessStep("grant", "Slips.Read.All of Pay slips is granted.", READ)
REVOKE = AccessStep("revoke", "Slips.Read.All of Pay slips is withdrawn.", READ)
NO_ANSWER = NetworkFailure("no answer", trouble("timeout"))


def refusal(status, code="x", retry_after=None, message=""):
    return GraphRefused(f"refused with {status}", trouble("unknown", message=message), status, code, retry_after)


@dataclass
class Fate:
    """What becomes of one write: the failure that its sender sees, and after how many seconds its effect shows."""

    failure: Exception | None = None
    shows_after: float | None = 0.0  # None: never


APPLIED, IGNORED = Fate(), Fate(shows_after=None)


class Directory:
    """What is written becomes of it what the next fate says; what is read is kept, with its time."""

    def __init__(self, monkeypatch, *fates, held=False):
        self.fates, self.time, self.effects, self.held = list(fates), 0.0, [], held
        self.writes, self.waits, self.reads, self.forgotten = [], [], [], 0
        for name, act in {
            "create_principal": lambda _graph, app_id: self.write(CREATE),
            "enable_principal": lambda _graph, principal_id, enabled: self.write(ENABLE),
            "grant_role": lambda _graph, principal_id, resource_id, role_id: self.write(GRANT),
            "revoke_role": lambda _graph, principal_id, assignment_id: self.write(REVOKE),
            "find_principal": self.find_principal,
            "list_assignments": self.list_assignments,
        }.items():
            monkeypatch.setattr(writes, name, act)

    def write(self, step):
        fate = self.fates.pop(0) if self.fates else APPLIED
        self.writes.append(self.time)
        if fate.shows_after is not None:
            self.effects.append((step, self.time + fate.shows_after))
        if fate.failure:
            raise fate.failure

    def has(self, step):
        return any(one == step and since <= self.time for one, since in self.effects)

    def find_principal(self, _graph, _app_id, new_connection=False):
        self.reads.append(new_connection)
        return Principal("principal-1", enabled=self.has(ENABLE)) if self.has(CREATE) or self.has(ENABLE) else None

    def list_assignments(self, _graph, _principal_id):
        self.reads.append("assignments")
        held = (self.held or self.has(GRANT)) and not self.has(REVOKE)
        return (Assignment("assignment-1", READ.resource_id, READ.role_id),) if held else ()

    # What a connection has

    def forget_tokens(self):
        self.forgotten += 1

    def monotonic(self):
        return self.time

    def wait(self, seconds, what):
        self.waits.append(round(seconds, 2))
        self.said = what
        self.time += seconds

    def keep(self, *steps, timeout=600.0, timing=None):
        graph = SimpleNamespace(tried=None)
        connection = SimpleNamespace(graph=graph, timing=timing or self, forget_tokens=self.forget_tokens)
        progress = AccessProgress(prepared=True, steps=steps, looked={"replica": 1})
        keep_access(connection, None, timeout, dry_run=False, progress=progress)
        assert connection.graph.tried is progress.looked
        return progress


class Outside:
    """Leaves every wait to the caller."""

    def __init__(self, directory):
        self.monotonic = directory.monotonic

    def wait(self, seconds, what):
        raise StillWaiting(seconds, what)


def handed_over(directory, *steps):
    """The progress that is carried out of the first wait."""
    with pytest.raises(Interrupted) as caught:
        directory.keep(*steps, timing=Outside(directory))
    return caught.value.carry["progress"]


def test_a_write_that_shows_at_once_is_sent_first_and_once_and_waits_for_nothing(monkeypatch):
    directory = Directory(monkeypatch, APPLIED)

    directory.keep(GRANT)

    assert (directory.writes, directory.waits, directory.reads) == ([0.0], [], ["assignments"])


def test_what_is_acknowledged_is_not_sent_again_and_looked_for_ever_more_rarely(monkeypatch):
    directory = Directory(monkeypatch, Fate(shows_after=40))

    directory.keep(GRANT)

    assert directory.writes == [0.0]
    assert directory.waits == [2.0, 3.0, 4.5, 6.75, 10.0, 10.0, 10.0]
    assert directory.said == "the directory to show it: Slips.Read.All of Pay slips is granted. (564 s left)"


@pytest.mark.parametrize("failure", [NO_ANSWER, refusal(408), refusal(499), refusal(503), refusal(504)])
def test_what_may_have_been_applied_is_given_twenty_seconds_to_show(monkeypatch, failure):
    directory = Directory(monkeypatch, Fate(failure, shows_after=None))

    directory.keep(GRANT)

    assert directory.writes == [0.0, 26.25]
    assert directory.waits[:5] == [2.0, 3.0, 4.5, 6.75, 10.0]
    carried = handed_over(Directory(monkeypatch, Fate(failure, shows_after=None)), GRANT)
    assert (carried["again_at"], carried["acknowledged"], carried["attempts"]) == (20.0, False, 1)


@pytest.mark.parametrize("failure", [NO_ANSWER, refusal(503, retry_after=9)])
def test_what_a_second_attempt_may_have_applied_is_looked_for_as_soon(monkeypatch, failure):
    directory = Directory(monkeypatch, *[Fate(failure, shows_after=None)] * 2)

    directory.keep(GRANT)

    assert directory.waits == [2.0, 3.0, 4.5, 6.75, 10.0] * 2


@pytest.mark.parametrize(("fates", "forgotten"), [([APPLIED, APPLIED], 2), ([APPLIED, IGNORED], 1)])
def test_tokens_of_before_are_forgotten_once_a_step_shows(monkeypatch, fates, forgotten):
    directory = Directory(monkeypatch, *fates)

    with contextlib.suppress(NotProven):
        directory.keep(CREATE, GRANT)

    assert directory.forgotten == forgotten


def test_a_refusal_that_passes_is_answered_after_two_four_and_six_seconds(monkeypatch):
    directory = Directory(monkeypatch, *[Fate(refusal(409), shows_after=None)] * 3)

    directory.keep(GRANT)

    assert directory.writes == [0.0, 2.0, 6.0, 12.0]
    assert directory.waits == [2.0, 4.0, 6.0]


@pytest.mark.parametrize("asked", [7.0, 120.0])
def test_the_service_says_when(monkeypatch, asked):
    directory = Directory(monkeypatch, Fate(refusal(429, retry_after=asked), shows_after=None))

    directory.keep(GRANT)

    assert directory.writes == [0.0, asked]


@pytest.mark.parametrize("failure", [refusal(429, retry_after=120.1), refusal(400), refusal(403), refusal(404)])
def test_a_refusal_for_good_or_for_too_long_is_raised_at_once(monkeypatch, failure):
    directory = Directory(monkeypatch, Fate(failure, shows_after=None))

    with pytest.raises(GraphRefused) as caught:
        directory.keep(GRANT)

    assert caught.value.status == failure.status
    assert (directory.writes, directory.waits) == ([0.0], [])
    assert ("a person needs to be" in caught.value.message) == (failure.status == 403)


@pytest.mark.parametrize("failure", [refusal(400), refusal(403)])
def test_a_refusal_of_what_shows_all_the_same_is_no_failure(monkeypatch, failure):
    directory = Directory(monkeypatch, Fate(failure))

    directory.keep(GRANT)

    assert (directory.writes, directory.waits) == ([0.0], [])


def test_the_fourth_failure_is_the_last(monkeypatch):
    directory = Directory(monkeypatch, *[Fate(refusal(409), shows_after=None)] * 9)

    with pytest.raises(GraphRefused):
        directory.keep(GRANT)

    assert len(directory.writes) == 4


def test_a_failure_at_the_deadline_is_the_last(monkeypatch):
    directory = Directory(monkeypatch, *[Fate(NO_ANSWER, shows_after=None)] * 9)

    with pytest.raises(NetworkFailure):
        directory.keep(GRANT, timeout=0.0)

    assert directory.writes == [0.0]


def test_what_never_shows_is_told_when_the_time_is_over_to_the_second(monkeypatch):
    directory = Directory(monkeypatch, IGNORED)

    with pytest.raises(NotProven, match=r"after 2 s: .* Done before it: Nothing before it\. Run again\.$"):
        directory.keep(GRANT, timeout=2.5)

    assert directory.waits == [2.0, 0.5]


def test_what_was_done_before_it_is_told(monkeypatch):
    directory = Directory(monkeypatch, APPLIED, APPLIED, IGNORED)

    with pytest.raises(NotProven) as caught:
        directory.keep(CREATE, ENABLE, GRANT, timeout=10.0)

    done = "Done before it: The service principal is created., The service principal is enabled. Run again."
    assert caught.value.message.endswith(done)


def test_each_step_has_its_own_deadline(monkeypatch):
    directory = Directory(monkeypatch, Fate(shows_after=8), Fate(shows_after=8))

    directory.keep(CREATE, ENABLE, timeout=10.0)

    assert directory.time == 19.0


@pytest.mark.parametrize(("steps", "passes"), [((GRANT,), False), ((CREATE, GRANT), True), ((REVOKE,), True)])
def test_not_found_passes_only_where_a_replica_may_be_behind(monkeypatch, steps, passes):
    created = [APPLIED] * (len(steps) - 1)
    directory = Directory(monkeypatch, *created, Fate(refusal(404), shows_after=None), held=steps == (REVOKE,))

    if passes:
        directory.keep(*steps)
        assert directory.writes[-2:] == [0.0, 2.0]
    else:
        with pytest.raises(GraphRefused):
            directory.keep(*steps)


def test_no_other_refusal_passes_because_something_was_created(monkeypatch):
    directory = Directory(monkeypatch, APPLIED, Fate(refusal(405), shows_after=None))

    with pytest.raises(GraphRefused):
        directory.keep(CREATE, GRANT)


EXISTS = "Request_MultipleObjectsWithSameKeyValue"
SAYS_SO = "Permission being assigned already exists on the object"


@pytest.mark.parametrize(
    ("step", "failure"),
    [(CREATE, refusal(409, EXISTS)), (GRANT, refusal(400, "Request_BadRequest", message=SAYS_SO))],
)
def test_what_is_there_already_has_to_show_and_is_not_sent_again(monkeypatch, step, failure):
    directory = Directory(monkeypatch, Fate(failure, shows_after=60))

    directory.keep(step)

    assert directory.writes == [0.0]
    assert directory.time > 60


@pytest.mark.parametrize(
    ("step", "failure"),
    [
        (CREATE, refusal(400, EXISTS)),
        (CREATE, refusal(410, EXISTS)),
        (CREATE, refusal(400, message=SAYS_SO)),
        (ENABLE, refusal(400, message=SAYS_SO)),
        (GRANT, refusal(405, message=SAYS_SO)),
        (GRANT, refusal(400, message="something else")),
    ],
)
def test_nothing_else_counts_as_there_already(monkeypatch, step, failure):
    directory = Directory(monkeypatch, Fate(failure, shows_after=60))

    with pytest.raises(GraphRefused):
        directory.keep(step)


def test_an_ordinary_conflict_is_sent_again(monkeypatch):
    directory = Directory(monkeypatch, Fate(refusal(409, "Directory_ConcurrencyViolation"), shows_after=None))

    directory.keep(CREATE)

    assert directory.writes == [0.0, 2.0]


def test_a_permission_that_somebody_else_withdrew_meanwhile_is_not_withdrawn_again(monkeypatch):
    directory = Directory(monkeypatch, held=False)

    directory.keep(REVOKE)

    assert directory.writes == []


def test_after_a_second_attempt_another_replica_is_asked(monkeypatch):
    directory = Directory(monkeypatch, *[Fate(refusal(409), shows_after=None)] * 2)

    directory.keep(ENABLE)

    assert directory.writes == [0.0, 2.0, 6.0]
    assert directory.reads == [False, False, True, True, True]


def test_a_new_service_principal_is_known_afterwards(monkeypatch):
    assert Directory(monkeypatch).keep(CREATE).principal_id == "principal-1"


def test_an_unknown_service_principal_has_no_permissions_and_other_trouble_is_raised(monkeypatch):
    directory = Directory(monkeypatch, held=True)
    for status in (404, 403):
        answer = refusal(status)
        monkeypatch.setattr(writes, "list_assignments", lambda _graph, _id, answer=answer: _raise(answer))
        if status == 404:
            with pytest.raises(NotProven):
                directory.keep(GRANT, timeout=1.0)
        else:
            with pytest.raises(GraphRefused):
                directory.keep(GRANT, timeout=1.0)


def _raise(error):
    raise error


def test_a_run_begins_with_nothing_done():
    assert AccessProgress().to_values() == {
        "prepared": False,
        "app_id": "",
        "object_id": "",
        "display_name": "",
        "principal_id": "",
        "steps": (),
        "blocked": (),
        "not_handled": (),
        "before": {},
        "position": 0,
        "attempts": 0,
        "acknowledged": False,
        "answer": "",
        "again_at": 0.0,
        "pause": 0.0,
        "deadline": 0.0,
        "looked": {},
    }


GIVEN = {"steps": [], "blocked": [], "not_handled": []}


@pytest.mark.parametrize(
    "values", [{}, {**GIVEN, "steps": [1]}, {**GIVEN, "steps": 1}, {**GIVEN, "more": 1}, "ab", [["a"]]]
)
def test_a_progress_of_somebody_elses_making_is_refused(values):
    with pytest.raises(InvalidInput, match="_waiting holds something else"):
        AccessProgress.from_values(values)


def test_a_progress_survives_the_way_out_and_back():
    progress = AccessProgress(prepared=True, steps=(CREATE, GRANT), blocked=("b",), not_handled=("n",), pause=2.0)

    assert AccessProgress.from_values(progress.to_values()) == progress


def test_the_state_afterwards_is_that_before_with_the_steps_taken():
    before = {"service_principal": {"enabled": False}, "permissions": ["A: b"]}
    after = {"service_principal": {"enabled": True}, "permissions": ["A: b", "Pay slips: Slips.Read.All"]}

    assert state_after(before, [ENABLE, GRANT]) == after
    assert state_after(after, [REVOKE, AccessStep("disable_service_principal", "")]) == before
