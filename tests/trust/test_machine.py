# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Anything in any order: administrators, time, two key stores, renewals, faults, kills, policies.

Hypothesis makes up the stories and shortens those that break a promise. The promises are asked for after every step. At
the end of a story all faults are over, and one renewal in each key store brings everything into order.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import oracle
import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import Killed, World, tree
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

PARTS = scale.either(4, soak=8, short=1)  # so that several processes share the work
EXAMPLES = scale.either(160, soak=50_000, short=40) // PARTS
STORES = ("first", "second")
LONGEST_LAG = 90

in_store = st.sampled_from(STORES)
identities = st.sampled_from(["as_admin", "as_itself"])
passing_trouble = st.sampled_from(
    [
        {"kind": "lost_reply"},
        {"kind": "no_reply"},
        {"kind": "reset", "applied": True},
        {"kind": "error", "status": 503, "applied": True},
        {"kind": "error", "status": 503},
        {"kind": "error", "status": 429, "retry_after": 7},
        {"kind": "error", "status": 409},
        {"kind": "html", "status": 502},
    ]
)
# Lost while the certificate is on trial: what is lost after the proof nobody can see, and the overlap is there for it.
lies = st.sampled_from([{"kind": "not_applied"}, {"kind": "reverted", "seconds": 5}])
requests_made = st.sampled_from(["token", "get_application", "add_key", "remove_key", "patch_application"])
writes_made = st.sampled_from(["add_key", "remove_key", "patch_application"])


class Renewals(RuleBasedStateMachine):
    """One application, two key stores that renew it, and everybody else."""

    told = compared = 0  # stories that came to their end, and check runs that a real one followed

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self.folder.name))
        self.world.contract.observe = lambda seen: None
        self.theirs, self.said, self.had_lag, self.days = {}, [], False, 0
        self.at("first").adopt()
        self.world.settle()
        self.somebody_registers()

    def at(self, store):
        self.world.key_store = self.world.folder / store
        return self.world

    # What the project does

    @rule(
        store=in_store,
        identity=identities,
        way=st.sampled_from(["auto", "auto", "update"]),
        overlap=st.sampled_from([0, 7]),
        stop_after=st.sampled_from(["retired", "retired", "generated", "registered", "proven", "promoted"]),
        force=st.sampled_from([False, False, True]),
        kill=st.none() | st.integers(0, 150),
    )
    def renew(self, store, identity, way, overlap, stop_after, force, kill):
        world = self.at(store)
        options = {"add_method": way, "overlap": overlap, "stop_after": stop_after, "force": force}
        if kill is not None:
            world.kill_at(kill)
        result = self.act(store, lambda: world.renew(**getattr(world, identity), **options))
        oracle.no_false_success(world, result, "in a story")

    @rule(store=in_store)
    def roll_back(self, store):
        world = self.at(store)
        self.act(store, lambda: world.roll_back(**world.as_admin, sign_in_budget=0))

    @rule(store=in_store, identity=identities, overlap=st.sampled_from([0, 7]), force=st.booleans())
    def only_look(self, store, identity, overlap, force):
        world = self.at(store)
        options = {**getattr(world, identity), "overlap": overlap, "force": force}
        before = tree(world.folder), world.credentials
        predicted = self.act(store, lambda: world.renew(check=True, **options))
        assert (tree(world.folder), world.credentials) == before, "I7 check mode changed something"
        if predicted and self.is_calm():
            self.compare(predicted, self.act(store, lambda: world.renew(**options)))

    def is_calm(self):
        """Whether nothing will disturb the next run."""
        tenant = self.world.tenant
        lags = any(lag.seconds for lag in (*tenant.reads.lags, *tenant.sign_ins.lags))
        return not (tenant.faults.waiting or lags)

    def compare(self, predicted, happened):
        """I7: what check mode said is what the run did; what stopped the run was said by its error."""
        if happened:
            told, done = ((one.changed, one.finding, one.steps) for one in (predicted, happened))
            assert told == done, f"I7 predicted {told}, and it was {done}"
            type(self).compared += 1

    def act(self, store, deed):
        """I1: where a key was usable and its certificate has not ended meanwhile, one still is."""
        before = {name: {one: self.ends_at(one) for one in self.at(name).usable()} for name in STORES}
        self.at(store)
        try:
            with self.world.watching_effects():
                return deed()
        except Killed:
            return None
        except EvercertError as error:
            self.said += [error.message, vars(error)]
            return None
        finally:
            self.world.strike_no_more()
            for name in STORES:
                if any(end > self.world.tenant.clock.now() for end in before[name].values()):
                    oracle.no_lock_out(self.at(name), f"store {name}")
            self.at(store)

    def ends_at(self, thumbprint):
        return self.world.contents.find(thumbprint).certificate.not_after

    # What others do, and what happens

    @rule()
    def somebody_registers(self):
        entry = self.world.foreign("somebody", custom_key_identifier="b2Rk")
        self.theirs[entry.key_id] = entry, self.world.tenant.clock.elapsed()

    @rule(data=st.data())
    def somebody_removes_their_own(self, data):
        if self.theirs:
            key_id = data.draw(st.sampled_from(sorted(self.theirs)))
            self.world.tenant.remove_credential(self.world.payroll, key_id)
            del self.theirs[key_id]

    @rule(data=st.data())
    def somebody_removes_ours(self, data):
        ours = sorted(set(self.world.credentials) - set(self.theirs))
        if ours:
            self.world.tenant.remove_credential(self.world.payroll, data.draw(st.sampled_from(ours)))

    @rule(days=st.sampled_from([0.001, 0.01, 1, 8, 60, 200]))
    def time_passes(self, days):
        if self.days + days < 365:  # the administrator's secret lasts a year
            self.days += days
            self.world.settle(days * 86400)

    @rule(operation=requests_made, trouble=passing_trouble, skip=st.integers(0, 3))
    def trouble_comes(self, operation, trouble, skip):
        self.world.tenant.faults.add(match=operation, skip=skip, **trouble)

    @rule(operation=writes_made, lie=lies)
    def the_service_lies(self, operation, lie):
        self.world.tenant.faults.add(match=operation, **lie)

    @rule(reads=st.sampled_from([0, 20, LONGEST_LAG]), sign_ins=st.sampled_from([0, 30]))
    def replicas_lag(self, reads, sign_ins):
        self.had_lag = self.had_lag or reads > 0
        self.world.tenant.reads.lag(seconds=[0, reads])
        self.world.tenant.sign_ins.lag(seconds=[0, sign_ins])

    @rule(enabled=st.booleans())
    def an_administrator_switches_the_application(self, enabled):
        self.world.tenant.enable(self.world.payroll, enabled)

    @rule(limit=st.sampled_from([None, "P90D"]))
    def the_policy_changes(self, limit):
        self.world.tenant.limit_lifetime(limit, self.world.payroll)

    # What must hold

    @invariant()
    def promises_hold(self):
        for key_id, (entry, registered) in list(self.theirs.items()):
            if key_id not in self.world.credentials and self.is_in_the_window(registered):
                del self.theirs[key_id]
                continue
            oracle.nothing_foreign_lost(self.world, entry, "in a story")
        self.no_key_is_lost()
        oracle.nothing_secret_told(self.world, self.said, "in a story")
        self.said.clear()

    def is_in_the_window(self, registered):
        """What no client can promise: an entry that somebody adds within the lag before a PATCH may be overwritten."""
        patches = [line for line in self.world.emulator.log.lines if line["operation"] == "patch_application"]
        times = (dt.datetime.fromisoformat(line["time"]).timestamp() for line in patches)
        return self.had_lag and any(registered <= time <= registered + LONGEST_LAG for time in times)

    def no_key_is_lost(self):
        """I4, in whichever key store; what was retired is let go after a while."""
        held, retired = {}, set()
        for name in STORES:
            store = self.at(name).store
            held.update((version.thumbprint, store) for version in store.read().versions)
            retired |= {line["thumbprint"] for line in store.history(10_000) if line["event"] == "retired"}
        for thumbprint in set(self.world.registered) & set(self.world.made) - retired:
            assert thumbprint in held, f"I4 key of {thumbprint} lost"
            held[thumbprint].signer(thumbprint)

    def teardown(self):
        if not hasattr(self, "world"):
            return
        with self.folder:
            self.everything_comes_into_order()
        type(self).told += 1

    def everything_comes_into_order(self):
        tenant = self.world.tenant
        tenant.faults.clear()
        tenant.reads.reset()
        tenant.sign_ins.reset()
        tenant.enable(self.world.payroll)
        tenant.limit_lifetime(None, self.world.payroll)
        self.world.settle()
        in_use = set()
        for name in STORES:
            world = self.at(name)
            world.renew()
            assert world.current in world.usable(), "I5 the current certificate does not work"
            assert world.contents.successor is None, "I5 a successor is left"
            assert not world.renew().changed, "I5 a second run changes something"
            in_use |= {one.thumbprint for one in world.contents.versions if one.record.promoted}
        ours = [one for one in self.world.registered if one in self.world.made]
        assert set(ours) <= in_use, "I5 stray credentials"
        assert len(ours) == len(set(ours)), "I5 a certificate is registered twice"
        self.promises_hold()


@pytest.mark.parametrize("part", range(PARTS))
def test_no_story_breaks_a_promise(part, monkeypatch):
    monkeypatch.setitem(durable.EFFECTS, "sync", lambda effect: None)
    number = scale.SEED * 1000 + part
    print(f"seed {number}")
    stories = seed(number)(type("Stories", (Renewals,), {}))
    some = settings(
        max_examples=EXAMPLES,
        stateful_step_count=8,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )

    run_state_machine_as_test(stories, settings=some)

    assert stories.compared, "no check run was followed by a real one"
    scale.note("stories", told=stories.told, check_runs_compared=stories.compared)
