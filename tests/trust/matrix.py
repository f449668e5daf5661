# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fault matrix: every effect of a renewal, and everything that can go wrong at it.

A run without a fault writes down its moments: each change to the key store's files (the names of
`durable.EFFECTS`) and each request (the emulator's names). The tables below say what may strike at which kind of
moment; a cell is one strike at one moment of one scenario. Nothing is sampled in `make check`; `make test` has each
effect in each scenario, each fault at each kind of effect, each write with everything that may befall it, and a sample.
"""

from __future__ import annotations

import datetime as dt
import errno
import functools
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import scale
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World
from emulator import routes

RETIRES_AT_ONCE = {"overlap": 0}
RETIRES_LATER = {"overlap": 7}
LATE = dt.timedelta(days=8).total_seconds()


# Who signs in, and how the certificate gets there and away.


def administrator_by_add_key(world):
    return world.as_admin


def administrator_by_update(world):
    return {**world.as_admin, "add_method": "update"}


def itself_by_add_key(world):
    """Without any permission: it cannot read its own object."""
    return {**world.as_itself, "add_method": "add_key"}


def itself_by_update(world):
    """With permission; the predecessor's private key is deleted at once, and a group may read the new one."""
    own = world.tenant.service_principal(world.payroll)
    world.tenant.change(world.payroll, owners=(own.object_id,))
    world.tenant.grant(world.payroll, "Application.ReadWrite.OwnedBy")
    return {**world.as_itself, "add_method": "update", "keep_retired": 0, "mode": "0640"}


SCENARIOS = (administrator_by_add_key, administrator_by_update, itself_by_add_key, itself_by_update)


# What is in use today does not sign in: an administrator repairs it. The directory is read three times before that.


def unregistered_by_update(world):
    """Reported rotated and never applied: the same certificate is registered again, and nothing else signs in."""
    return {**world.as_admin, "add_method": "update", "renew_before": 5}


def unregistered_by_add_key(world):
    """The same with a predecessor that still signs in: it becomes current at once, and signs the proof."""
    return {**world.as_admin, "add_method": "add_key", "renew_before": 15}


def expired(world):
    """An expired key makes no proof, so a new certificate comes by PATCH; the new key then removes the old one."""
    return world.as_admin


def _lose_current(world):
    world.lose(world.current)
    world.settle()


def _lose_successor(world):
    world.renew(overlap=7)
    world.settle()
    _lose_current(world)


def _let_expire(world):
    world.settle(dt.timedelta(days=21).total_seconds())


# What happens to today's certificate before the run.
BROKEN = {
    unregistered_by_update: _lose_current,
    unregistered_by_add_key: _lose_successor,
    expired: _let_expire,
}
ALL_SCENARIOS = (*SCENARIOS, *BROKEN)


@dataclass(frozen=True)
class Moment:
    """One effect of the run: its name, and how many of that name came before it."""

    number: int
    name: str
    earlier: int


@dataclass
class Scene:
    """One world in which a fault strikes: today's certificate in use, one credential of somebody else."""

    world: World
    options: dict
    foreign: object
    others: list = field(default_factory=list)  # what somebody else wrote meanwhile, each an Other
    left: list = field(default_factory=list)  # a predecessor that may stay behind because its removal was lost unseen
    is_open: bool = True  # a key of the store signs in before the run
    is_served: bool = True  # so does the current one, which consumers read

    @property
    def not_ours(self):
        """The thumbprints of everybody else's certificates."""
        return [entry.certificate.thumbprint for entry in (self.foreign, *(one.entry for one in self.others))]

    @property
    def theirs(self):
        """What others wrote that must still be there: all but what a PATCH was bound to overwrite."""
        return [one.entry for one in self.others if not one.is_overwritten_by(self.world)]


@dataclass(frozen=True)
class Other:
    """A credential that somebody else added: at which request, how many were served before, from when all show it."""

    entry: object
    operation: str
    since: int
    shown: dt.datetime

    def is_overwritten_by(self, world):
        """The one window that no client can close: after the read directly before a PATCH, and before that PATCH.

        Where replicas lag that read is as old as the lag.
        """
        asked = [line for line in world.emulator.log.lines[self.since :] if line["operation"] == "patch_application"]
        if any(dt.datetime.fromisoformat(line["time"]) < self.shown for line in asked):
            return True
        in_the_window = self.operation in ("get_application", "patch_application")
        return in_the_window and world.operations(self.since)[:1] == ["patch_application"]


def a_scene(folder, scenario):
    world = World(Path(folder))
    world.contract.observe = lambda seen: None  # runs without a fault are validated elsewhere
    # Each refused proof of a young key would be a moment of its own, and none of them changes anything.
    world.tenant.switches.set(young_key_refused=0)
    options = scenario(world)
    world.adopt()  # who may read the directory learns the key ID, so that it can be retired
    world.settle()
    if scenario in BROKEN:
        BROKEN[scenario](world)
        world.made.clear()
        world.warnings.clear()
    foreign = world.foreign(custom_key_identifier="b2Rk", start="2026-11-01T00:00:00.1234567Z")
    world.moments.clear()
    usable = world.usable()
    return Scene(world, options, foreign, is_open=bool(usable), is_served=world.current in usable)


@functools.cache
def moments(scenario):
    """Every effect of a run of this scenario, in order, whether it reads or writes."""
    with tempfile.TemporaryDirectory() as folder:
        scene = a_scene(folder, scenario)
        world, options = scene.world, {**scene.options, **RETIRES_AT_ONCE}
        with world.watching_effects():
            world.renew(**options)
    names = [(number, name) for number, name in enumerate(map(_name_of, world.moments)) if name]
    return [
        Moment(number, name, [one for _number, one in names[:at]].count(name))
        for at, (number, name) in enumerate(names)
    ]


def _name_of(moment):
    """The effect's name for `before …`; nothing for `after …`, which the next moment begins with."""
    when, what, *rest = moment.split(" ")
    if when == "after":
        return None
    return operation_of(what, rest[0]) if rest and rest[0].startswith("https:") else what


def operation_of(method, url):
    path = url.partition("://")[2].partition("/")[2]
    return routes.match(method, "/" + path.partition("?")[0])[0]


# What may strike. Each function gets the scene and the moment, and sets the trap.


def process_killed_before(scene, moment):
    scene.world.kill_at(moment.number)


def process_killed_after(scene, moment):
    scene.world.kill_at(moment.number + 1)


def _refusing(number):
    """From this effect on the file system refuses every one."""

    def strike(scene, moment):
        def refuse(_moment):
            scene.world.refuses = number

        scene.world.strike_at(moment.number, refuse)

    strike.__name__ = errno.errorcode[number]
    return strike


def _faulty(name, kind, **details):
    """A fault of the emulator at the request of this moment."""

    def strike(scene, moment):
        scene.world.tenant.faults.add(kind, match=moment.name, skip=moment.earlier, **details)

    strike.__name__ = name
    return strike


def _someone_else(when):
    """Somebody registers a certificate in the portal, just before or after this request is served."""

    def strike(scene, moment):
        def write(at):
            world = scene.world
            entry = world.foreign("theirs", custom_key_identifier="dGhlaXJz")
            shown = world.tenant.clock.from_now(seconds=max(lag.seconds for lag in world.tenant.reads.lags))
            scene.others.append(Other(entry, operation_of(*at.split(" ")[1:]), len(world.emulator.log.lines), shown))

        scene.world.strike_at(moment.number + (when == "after"), write)

    strike.__name__ = f"concurrent_writer_{when}"
    return strike


def _clock_wrong(minutes):
    """This host's clock jumps."""

    def strike(scene, moment):
        def jump(_moment):
            scene.world.timing.ahead = dt.timedelta(minutes=minutes)

        scene.world.strike_at(moment.number, jump)

    strike.__name__ = f"clock_{minutes:+d}_minutes"
    return strike


STALE = {"action": "lag", "arguments": {"reads": [0, 45, 90], "sign_ins": [0, 45, 90]}}
STALE_EVERYWHERE = {"action": "lag", "arguments": {"reads": 45, "sign_ins": 45}}


def process_killed_after_and_stale_replicas(scene, moment):
    """The next run cannot see yet what the killed one has sent."""
    scene.world.tenant.faults.add("change", match=moment.name, skip=moment.earlier, when="before", **STALE_EVERYWHERE)
    scene.world.kill_at(moment.number + 1)


process_killed_after_and_stale_replicas.goes_on_at_once = True


def reply_lost_and_stale_replicas(scene, moment):
    """Nor can this run, when it looks whether the write took effect."""
    for kind, details in (("change", {"when": "before", **STALE_EVERYWHERE}), ("lost_reply", {})):
        scene.world.tenant.faults.add(kind, match=moment.name, skip=moment.earlier, **details)


KILLS = (process_killed_before, process_killed_after)
REFUSALS = (_refusing(errno.ENOSPC), _refusing(errno.EROFS), _refusing(errno.EACCES))
OF_FILES = (*KILLS, *REFUSALS)
OF_REQUESTS = (
    *KILLS,
    _faulty("reply_lost", "lost_reply"),
    _faulty("request_lost", "no_reply"),
    _faulty("reset", "reset"),
    _faulty("stall", "no_reply", seconds=60),
    _faulty("stall_with_effect", "slow", seconds=60),
    _faulty("too_many_requests", "error", status=429),
    _faulty("too_many_requests_retry_after", "error", status=429, retry_after=17),
    _faulty("error_500", "error", status=500),
    _faulty("error_503", "error", status=503),
    _faulty("error_504", "error", status=504),
    _faulty("page_of_a_proxy", "html", status=502),
    _faulty("stale_replicas", "change", when="before", **STALE),
    _someone_else("before"),
    _someone_else("after"),
    _clock_wrong(-15),
    _clock_wrong(15),
)
OF_WRITES = (
    *OF_REQUESTS,
    process_killed_after_and_stale_replicas,
    reply_lost_and_stale_replicas,
    _faulty("conflict_409", "error", status=409),
    _faulty("error_500_applied", "error", status=500, applied=True),
    _faulty("error_503_applied", "error", status=503, applied=True),
    _faulty("error_504_applied", "error", status=504, applied=True),
    _faulty("reset_applied", "reset", applied=True),
    _faulty("acknowledged_not_applied", "not_applied"),
    _faulty("reverted_during_the_proof", "reverted", seconds=12),
    _faulty("reverted_later", "reverted", seconds=300),
)

REMOVALS = (("remove_key", 0), ("patch_application", 1))


def settings_of(fault, moment):
    """What is lost after everything was proven cannot be seen by that run; the overlap is there for it."""
    is_lost_later = fault.__name__ == "reverted_later" and (moment.name, moment.earlier) not in REMOVALS
    return RETIRES_LATER if is_lost_later else RETIRES_AT_ONCE


# Kind of moment → what may strike. A new effect without its row is a red test.
FAULTS = {
    **dict.fromkeys(durable.EFFECTS, OF_FILES),
    **dict.fromkeys(("discovery", "token", "get_application", "get_service_principal", "batch"), OF_REQUESTS),
    **dict.fromkeys(("add_key", "patch_application"), OF_WRITES),
    "remove_key": (*OF_WRITES, _faulty("applied_and_answered_not_there", "denied")),
}


# Who may not read the directory cannot see that a removal was lost; `confirm_retired` is the option for that, and it
# sees what holds at that moment. Where the private key is deleted at once, a lost removal leaves a foreign credential.
# So the predecessor's may be left in these cells, and nothing else.
UNSEEN = {
    (itself_by_add_key, "remove_key", 0): ("acknowledged_not_applied", "reverted_during_the_proof", "reverted_later"),
    (itself_by_update, "patch_application", 1): ("reverted_during_the_proof", "reverted_later"),
}


def cells(scenario, fault):
    """The moments of a scenario at which this fault may strike."""
    return [moment for moment in moments(scenario) if (scenario, fault, moment) in _chosen()]


@functools.cache
def _chosen():
    """The cells of this run: of `make test`, those that the docstring of this file names."""
    everything = [
        (scenario, fault, moment)
        for fault in all_faults()
        for scenario in ALL_SCENARIOS
        for moment in moments(scenario)
        if fault in FAULTS[moment.name] and (scale.SOAK or not comes_to_the_same(fault, moment))
    ]
    pairs = set(scale.part_of(everything, lambda cell: (cell[1], cell[2].name)))
    effects = set(scale.part_of(everything, lambda cell: (cell[0], cell[2].name), of_the_rest=0))
    return pairs | effects


def left_by(scenario, fault, moment, world):
    """What this run cannot know to be still there: the predecessor, where its removal is lost unseen."""
    is_unseen = fault.__name__ in UNSEEN.get((scenario, moment.name, moment.earlier), ())
    return [world.old.thumbprint] if is_unseen else []


def comes_to_the_same(fault, moment):
    """What `make test` leaves to the soak: another cell is the same death, or the same refusal by another name."""
    if moment.name not in durable.EFFECTS:
        return False
    if fault is process_killed_after:
        return True  # nothing lies between the end of this effect and the beginning of the next
    if fault is process_killed_before:
        return moment.name == "sync"  # a process that dies keeps what it has written
    return REFUSALS.index(fault) != moment.number % len(REFUSALS)


def all_faults():
    return list(dict.fromkeys(fault for faults in FAULTS.values() for fault in faults))


class RefusingDisk:
    """Makes the file system refuse from the moment that a fault set `world.refuses`, until it is cleared."""

    def __init__(self, world):
        self._world = world
        world.refuses = None

    def observe(self, when, effect):
        self._world.at(f"{when} {effect.name} {effect.path.name}")
        if when == "before" and self._world.refuses:
            raise OSError(self._world.refuses, os.strerror(self._world.refuses))
