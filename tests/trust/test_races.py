# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renewals of one application at the same moment, or while another one waits, and a person in the portal meanwhile."""

from __future__ import annotations

import itertools
import threading

import matrix
import oracle
import pytest
import scale
from processes import a_run
from real import a_place, taken_over

AT_ONCE = 8
WAYS = ("as_the_application", "as_administrator", "by_update")
ROUNDS = scale.either(2, soak=25, short=1)


class Portal:
    """A person who adds a certificate and removes it again, as fast as the service lets them. A context manager.

    `lost` counts the times it was gone before that person removed it, `returned` those it was there again afterwards.
    """

    def __init__(self, server, payroll):
        self._server, self._payroll = server, payroll
        self._theirs = server.emulator.tenant.issue("someone", -1, 90)
        self._over = threading.Event()
        self.changes = self.lost = self.returned = 0

    def __enter__(self):
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._over.set()
        self._thread.join(30)
        with self._server.emulator.lock:
            self._see_that_it_is_gone()

    def _work(self):
        tenant, lock = self._server.emulator.tenant, self._server.emulator.lock
        while not self._over.wait(0.02):
            with lock:
                self._see_that_it_is_gone()
                entry = tenant.add_credential(self._payroll, self._theirs)
            self._over.wait(0.02)
            with lock:
                self.lost += tenant.application(self._payroll).key(entry.key_id) != entry
                tenant.remove_credential(self._payroll, entry.key_id)
            self.changes += 2

    def _see_that_it_is_gone(self):
        entries = self._server.emulator.tenant.application(self._payroll).key_credentials
        for entry in entries:
            if entry.certificate.thumbprint == self._theirs.thumbprint:
                self.returned += 1
                self._server.emulator.tenant.remove_credential(self._payroll, entry.key_id)


def start_all(processes, tmp_path, name, places, options):
    """One run in each place, all at once; what each said. A run may fail, but not in an unknown way."""
    runs = [a_run(tmp_path / f"{name}{number}", options(place)) for number, place in enumerate(places)]
    ends = processes.run(*runs)
    assert all(code in (0, 1) and said for code, said in ends), ends
    return [said for _code, said in ends]


def writes_to(server, payroll):
    """The writes to an application that took effect, in their order."""
    lines = [one for one in server.emulator.log.lines if payroll.object_id in one["path"] and one["method"] != "GET"]
    return [one["operation"] for one in lines if one["status"] in (200, 204)]


@pytest.mark.parametrize("round_number", range(ROUNDS))
@pytest.mark.parametrize("identity", ["as_administrator", "as_the_application"])
def test_of_eight_runs_on_one_key_store_one_does_the_work_and_the_others_see_the_result(
    identity, round_number, server, processes, tmp_path
):
    foreign = server.emulator.tenant.issue("somebody", -10, 200)
    place = a_place(server, processes, tmp_path, foreign)
    theirs = next(one for one in place.credentials.values() if one.certificate.thumbprint == foreign.thumbprint)

    ends = start_all(processes, tmp_path, "run", [place] * AT_ONCE, lambda one: getattr(one, identity)(overlap=0))

    assert not any(said.get("failed") for said in ends), ends
    assert sum(said["finding"] == "near_expiry" for said in ends) == 1
    assert sum(said["changed"] for said in ends) == 1
    assert {said["certificate"]["thumbprint"] for said in ends} == {place.current}
    oracle.converged(place, theirs, (), identity)
    scale.note("races", renewals_at_once=AT_ONCE)


@pytest.mark.parametrize("round_number", range(ROUNDS))
@pytest.mark.parametrize("way", scale.either(WAYS, soak=WAYS, short=WAYS[:1]))
def test_eight_key_stores_of_one_application_do_not_lock_each_other_out(way, round_number, server, processes, tmp_path):
    """By addKey and removeKey nothing of anybody is lost; by PATCH a run may have to be repeated, and nobody is out.

    Each PATCH may overwrite what the person in the portal added since the read directly before it.
    """
    tenant = server.emulator.tenant
    mine = [tenant.issue(f"host{number}", -160, 20) for number in range(AT_ONCE)]
    payroll = tenant.add_application("payroll", [*mine, tenant.issue("somebody", -10, 200)])
    foreign = tenant.application(payroll).key_credentials[-1]
    places = [taken_over(server, processes, tmp_path / old.thumbprint, payroll, old) for old in mine]
    options = {
        "as_the_application": lambda place: place.as_the_application(overlap=0),
        "as_administrator": lambda place: place.as_administrator(overlap=0),
        "by_update": lambda place: place.as_administrator(overlap=7, add_method="update"),
    }[way]

    written = len(writes_to(server, payroll))
    with Portal(server, payroll) as portal:
        ends = start_all(processes, tmp_path, "run", places, options)
    writes = writes_to(server, payroll)[written:]
    assert portal.changes and not portal.returned
    assert portal.lost <= writes.count("patch_application"), f"{portal.lost} lost, {way}"
    for place in places:
        oracle.no_lock_out(place, way)
    oracle.nothing_foreign_lost(places[0], foreign, way)
    if way != "by_update":
        assert set(writes) == {"add_key", "remove_key"} and portal.lost == 0
        assert not any(said.get("failed") for said in ends), ends

    for place in places:  # one after the other, what did not come to its end does
        [said] = start_all(processes, tmp_path, "again", [place], options)
        assert not said.get("failed"), said
    current = sorted(place.current for place in places)
    assert set(current).isdisjoint(old.thumbprint for old in mine)
    kept = [old.thumbprint for old in mine] if way == "by_update" else []
    assert places[0].registered == sorted([*current, *kept, foreign.certificate.thumbprint])
    means = "PATCH" if way == "by_update" else "addKey"
    by_hand = {f"added by hand during {means}": portal.changes // 2, f"of those lost to {means}": portal.lost}
    scale.note("races", renewals_at_once=AT_ONCE, **by_hand)


@pytest.mark.usefixtures("quick_disk")
@pytest.mark.parametrize(
    "scenario", [matrix.itself_by_add_key, matrix.administrator_by_update], ids=lambda scenario: scenario.__name__
)
def test_a_run_that_is_overtaken_while_it_waits_leaves_the_rest_to_the_other(scenario, tmp_path, monkeypatch):
    """At each of its pauses in turn another one does all that is to be done."""
    for number in itertools.count():
        folder = tmp_path / str(number)
        folder.mkdir()
        scene = matrix.a_scene(folder, scenario)
        world, where = scene.world, f"overtaken at pause {number} of {scenario.__name__}"
        overtaken = overtake(world, scene.options, number, monkeypatch)

        world.renew_in_slices(**scene.options)
        oracle.no_lock_out(world, where)
        oracle.nothing_foreign_lost(world, scene.foreign, where)
        if not overtaken:
            break
        world.settle(matrix.LATE)
        world.renew(**scene.options)
        oracle.consumers_sign_in(world, where)
        oracle.converged(world, scene.foreign, [], where)
    assert number >= 3
    scale.note("races", runs_overtaken_at_a_pause=number)


def overtake(world, options, number, monkeypatch):
    """A list that is filled when the pause of this number, counted from now, was used by another run."""
    pauses, overtaken, wait = itertools.count(), [], world.timing.wait

    def act(seconds, what):
        wait(seconds, what)
        if not overtaken and next(pauses) == number:
            overtaken.append(what)
            world.renew(**options)

    monkeypatch.setattr(world.timing, "wait", act)
    return overtaken
