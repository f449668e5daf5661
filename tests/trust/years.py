# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Years of one application that a timer renews once a week, and what goes on around it meanwhile.

Nothing here is a fault. Secrets end and people forget them; others add and remove their own credentials, some while a
run is under way; replicas lag; management policies come and go.
"""

from __future__ import annotations

import datetime as dt
import random
import typing as t
import uuid
from dataclasses import dataclass, field

import oracle
from ansible_collections.evercert.entra.plugins.module_utils._ansible.operators import with_operator
from ansible_collections.evercert.entra.plugins.module_utils._core.operators import TELL_BEFORE, UNKNOWN
from ansible_collections.evercert.entra.plugins.module_utils._core.times import format_iso
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import VaultWorld, World
from emulator.clock import format_time, parse_time
from emulator.credentials import PasswordCredential

WEEK = dt.timedelta(days=7)
RENEW_BEFORE = 30
# A run is never later than a week after a certificate fell due, and the timer has some hours of leeway.
LEAST_LEFT = dt.timedelta(days=RENEW_BEFORE) - WEEK - dt.timedelta(days=1)
OPTIONS = {"renew_before": RENEW_BEFORE, "overlap": 7, "keep_retired": 7, "on_policy_limit": "clamp"}
# How long certificates may live, from that week of every two years on.
LIMITS = {30: "P120D", 60: "P90D", 70: None}
CYCLE = 104
# The administrator makes a new secret two weeks after the first warning, or half a year after the old one has ended.
SOON, LATE = 2 * WEEK, TELL_BEFORE + 26 * WEEK


class Operated(World):
    """The operator's secret changes, and what the last run signed in with is seen."""

    secret = "s3cret"
    connection = None
    looked = None

    @property
    def as_admin(self):
        return {**super().as_admin, "client_secret": self.secret}

    def connect(self, *given, **named):
        self.connection, self.looked = super().connect(*given, **named), None
        return self.connection

    @property
    def store(self):
        """One look after each run has to do: in a vault each costs requests."""
        if self.looked is None:
            found = super().store
            self.looked = found, found.read()
        return self.looked[0]

    @property
    def contents(self):
        return self.store and self.looked[1]


class InADirectory(Operated):
    """The operator forgets every other secret: the application then goes on by itself."""

    forgets = True

    @property
    def kept(self):
        """The versions there, retired ones included."""
        return len(self.contents.versions)

    def files(self):
        """Each with its name and its size."""
        return [(path.name, path.stat().st_size) for path in self.key_store.rglob("*") if path.is_file()]


class InAVault(Operated, VaultWorld):
    """Only the operator opens the vault, so there is nothing to fall back on, and each warning is heeded."""

    forgets = False

    @property
    def kept(self):
        """A vault keeps every version for ever; what is over is disabled."""
        return len(self.versions)

    def files(self):
        """What takes the place of files: the tags of what is not over."""
        return [(version.id, len(str(version.tags))) for version in self.versions if version.enabled]


@dataclass(frozen=True)
class Week:
    """What one run came to."""

    result: t.Any
    by_itself: bool
    requests: int
    is_quiet: bool
    kept: int
    files: list

    @property
    def bytes(self):
        """Of everything but the history, which grows by what happens and is halved at 1 MiB."""
        return sum(size for name, size in self.files if name != "history.jsonl")

    @property
    def history(self):
        return dict(self.files).get("history.jsonl", 0)


@dataclass
class Life:
    """One key store, with an operator and others around it."""

    world: InADirectory | InAVault
    chance: random.Random
    theirs: list = field(default_factory=list)
    weeks: list = field(default_factory=list)
    warned: dt.datetime | None = None
    secrets: int = 1

    def begin(self):
        world = self.world
        world.contract.observe = lambda seen: None
        world.tenant.grant(world.admin, "Policy.Read.All")
        world.adopt()

    @property
    def now(self):
        return self.world.tenant.clock.now()

    def live(self, number):
        """The week before a run, then the run."""
        for noted in (self.world.warnings, self.world.sent, self.world.moments, self.world.timing.said):
            noted.clear()
        self.world.settle((WEEK + dt.timedelta(hours=self.chance.uniform(-6, 6))).total_seconds())
        self.operator_looks()
        if number % CYCLE in LIMITS:
            self.world.tenant.limit_lifetime(LIMITS[number % CYCLE])
        if number % 4 == 0:
            self.a_report_is_true()
        is_disturbed = any([self.people_come_and_go(), self.replicas_lag(), self.somebody_registers_meanwhile()])
        self.weeks.append(self.run(is_disturbed))
        self.promises_hold(f"week {number}")

    # What goes on around it

    @property
    def end_of_secret(self):
        held = self.world.tenant.application(self.world.admin).password_credentials
        return parse_time(next(one.end for one in held if one.secret == self.world.secret))[0]

    def operator_looks(self):
        """Makes a new secret, sooner or later after the first warning; the old one stays until it ends."""
        patience = LATE if self.world.forgets and self.secrets % 2 else SOON
        if not self.warned or self.now - self.warned < patience:
            return
        tenant, admin = self.world.tenant, self.world.admin
        self.warned, self.world.secret = None, f"{self.secrets}-s3cret"
        begins, ends = (format_time(tenant.clock.from_now(days)) for days in (0, 365))
        made = PasswordCredential(str(uuid.uuid4()), self.world.secret, begins, ends)
        tenant.change(admin, password_credentials=(*tenant.application(admin).password_credentials, made))
        self.secrets += 1
        self.world.settle()  # nobody hands a secret on before it is known everywhere

    def people_come_and_go(self):
        """They look after their own: what has been there for long goes, and now and then something comes."""
        if self.chance.random() < 0.2:
            self.somebody_registers()
        elif len(self.theirs) > 4:
            gone = self.theirs.pop(self.chance.randrange(len(self.theirs)))
            self.world.tenant.remove_credential(self.world.payroll, gone.key_id)

    def somebody_registers(self, _moment=None):
        self.theirs.append(self.world.foreign("somebody", custom_key_identifier="b2Rk"))

    def somebody_registers_meanwhile(self):
        """At any request of the run."""
        if self.chance.random() > 0.1:
            return False
        self.world.strike_at(self.chance.randrange(40), self.somebody_registers)
        return True

    def replicas_lag(self):
        tenant, lags = self.world.tenant, self.chance.random() < 0.3
        tenant.reads.lag(seconds=[0, 45, 90] if lags else 0)
        tenant.sign_ins.lag(seconds=[0, 30] if lags else 0)
        return lags

    # The run, as the module makes it

    def run(self, is_disturbed):
        world, since = self.world, len(self.world.emulator.log.lines)
        result = world.renew(**OPTIONS)
        told = with_operator(world.connection, world.options(**OPTIONS), {})["operator_expires"]
        requests = world.count(since)
        world.strike_no_more()
        by_itself = world.connection.is_stand_in
        self.operator_is_told(told, by_itself)
        is_quiet = not (result.changed or is_disturbed)
        return Week(result, by_itself, requests, is_quiet, world.kept, world.files())

    def operator_is_told(self, told, by_itself):
        """Nobody is left in the dark: the day is named from 30 days before, and afterwards who goes on."""
        left, words = self.end_of_secret - self.now, " ".join(self.world.warnings)
        assert by_itself == (left <= dt.timedelta()), "who signs in depends on the secret alone"
        if by_itself:
            assert told == UNKNOWN and "goes on as the application itself" in words
        elif left <= TELL_BEFORE:
            assert told == format_iso(self.end_of_secret) and "Make a new one" in words
            self.warned = self.warned or self.now
        else:
            assert told is None and "client secret" not in words

    # What must hold

    def a_report_is_true(self):
        """Before the run: what falls due is told, and a report never goes on as somebody else."""
        found, left = self.world.info(renew_before=RENEW_BEFORE), self.left
        due = "near_expiry" if left <= dt.timedelta(days=RENEW_BEFORE) else "healthy"
        assert found.status == ("unknown" if self.end_of_secret <= self.now else due)
        assert set(found.reasons) <= {found.status, "policy_exceeded"}

    @property
    def left(self):
        return self.world.contents.current.certificate.not_after - self.now

    def promises_hold(self, where):
        world = self.world
        oracle.consumers_sign_in(world, where)
        for entry in self.theirs:
            oracle.nothing_foreign_lost(world, entry, where)
        theirs = [entry.certificate.thumbprint for entry in self.theirs]
        oracle.no_key_lost(world, theirs, where)
        oracle.nothing_secret_told(world, [self.weeks[-1].result], where)
        assert self.left > LEAST_LEFT, f"renewed too late, {self.left} are left: {where}"
        assert len(world.credentials) - len(theirs) <= 2, f"predecessors pile up: {where}"
