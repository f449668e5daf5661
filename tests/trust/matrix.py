# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fault matrix: every effect of a renewal, and everything that can go wrong at it.

A run without a fault writes down its moments: each change to the key store's files (the names of
`durable.EFFECTS`) and each request (the emulator's names), those to a vault included. The tables below say what may
strike at which kind of moment; a cell is one strike at one moment of one scenario. `make test` has each effect in each
scenario, each fault at each kind of change and each family of faults at each kind of read, and a sample. `make check`
has every kill, every write with everything that may befall it, and of the rest a larger sample; the soak has all.

A renewal with its key in a vault has sixty moments, and half of them are one read or one change of tags after the
other. `make check` kills at each write, has everything where a key is made, whatever took effect where one is imported,
each family of faults at each write to the directory, and at most other requests one fault, in turn. `make test` has one
cell for each effect, each family at a read and at a write of the vault, and each kill at each kind of its writes, other
ones for each commit. The soak has the rest: every other fault at every request, kills at reads, and what befalls the
directory while a key pair is brought.
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
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import VaultWorld, World, ours
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
    return {**world.as_itself, "add_method": "update", "keep_retired": 0, "group": str(os.getegid())}


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


# The private key is in Azure Key Vault, and the effects on the key store are requests.


def administrator_in_a_vault(world):
    """By PATCH; the predecessor's version is disabled at once."""
    return {**world.as_admin, "add_method": "update", "keep_retired": 0}


def itself_in_a_vault(world):
    """Whoever opens the vault may do nothing else, so the application adds and removes by itself, unread."""
    host = world.tenant.add_application("host", secret="s3cret")
    world.vault.allow(host)
    return {**world.as_admin, "client_id": host.app_id, "object_id": world.payroll.object_id, "add_method": "add_key"}


def brought_to_a_vault(world):
    """A key pair that the user has made is imported."""
    return {**world.as_admin, "provided": ours(world.tenant.issue("payroll", -0.01, 300))}


IN_A_VAULT = (administrator_in_a_vault, itself_in_a_vault, brought_to_a_vault)
VAULT_READS = ("list_versions", "get_certificate", "get_pending", "sign_with_key")
VAULT_MAKES = ("create_certificate", "import_certificate")
VAULT_WRITES = (*VAULT_MAKES, "update_certificate")
DIRECTORY_READS = ("discovery", "token", "get_application", "get_service_principal", "batch")
OFTEN_READ = ("get_certificate", "get_pending", "sign_with_key", "discovery", "token")
DIRECTORY_WRITES = ("add_key", "patch_application", "remove_key")
ALL_SCENARIOS = (*SCENARIOS, *BROKEN, *IN_A_VAULT)


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
        to_the_directory = [name for name in world.operations(self.since) if name not in (*VAULT_READS, *VAULT_WRITES)]
        return in_the_window and to_the_directory[:1] == ["patch_application"]


def a_scene(folder, scenario):
    world = (VaultWorld if scenario in IN_A_VAULT else World)(Path(folder))
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
    usable = world.usable()
    world.moments.clear()
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


def _befall(scene, moment, *faults):
    """Faults of the emulator at this very request. One without a token gets its refusal, and the next one the fault."""

    def add(_moment):
        for kind, details in faults:
            scene.world.tenant.faults.add(kind, match=moment.name, **details)

    scene.world.strike_at(moment.number, add)


def _faulty(name, kind, **details):
    """A fault of the emulator at the request of this moment."""

    def strike(scene, moment):
        _befall(scene, moment, (kind, details))

    strike.__name__ = name
    return strike


def _someone_else(when):
    """Somebody registers a certificate in the portal, just before or after this request is served."""

    def strike(scene, moment):
        def write(at):
            world = scene.world
            entry = world.foreign("theirs", custom_key_identifier="dGhlaXJz")
            shown = world.tenant.clock.from_now(seconds=max(lag.seconds for lag in world.tenant.reads.lags))
            operation = _name_of("before " + at.partition(" ")[2])
            if operation in durable.EFFECTS:  # a fleet's moments are not quite those of one application
                operation = world.operations()[-1]
            scene.others.append(Other(entry, operation, len(world.emulator.log.lines), shown))

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
    _befall(scene, moment, ("change", {"when": "before", **STALE_EVERYWHERE}))
    scene.world.kill_at(moment.number + 1)


process_killed_after_and_stale_replicas.goes_on_at_once = True


def reply_lost_and_stale_replicas(scene, moment):
    """Nor can this run, when it looks whether the write took effect."""
    _befall(scene, moment, ("change", {"when": "before", **STALE_EVERYWHERE}), ("lost_reply", {}))


def someone_tags_a_version(scene, moment):
    """A person writes a tag of their own to the vault's latest version."""
    scene.world.strike_at(moment.number, lambda _moment: scene.world.versions[-1].tags.update(team="payroll"))


KILLS = (process_killed_before, process_killed_after)
REFUSALS = (_refusing(errno.ENOSPC), _refusing(errno.EROFS), _refusing(errno.EACCES))
OF_FILES = (*KILLS, *REFUSALS)
PASSING = (
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
)
# Whoever answers so, the write has taken effect: a gateway may not have heard of it.
REFUSED_AND_APPLIED = tuple(
    _faulty(f"error_{status}_applied", "error", status=status, applied=True)
    for status in (400, 401, 403, 404, 408, 409, 412, 429, 499)
)
APPLIED = (
    *REFUSED_AND_APPLIED,
    _faulty("error_500_applied", "error", status=500, applied=True),
    _faulty("error_503_applied", "error", status=503, applied=True),
    _faulty("error_504_applied", "error", status=504, applied=True),
    _faulty("reset_applied", "reset", applied=True),
)
OF_REQUESTS = (
    *KILLS,
    *PASSING,
    _faulty("stale_replicas", "change", when="before", **STALE),
    _someone_else("before"),
    _someone_else("after"),
    _clock_wrong(-15),
    _clock_wrong(15),
)
CONFLICT = _faulty("conflict_409", "error", status=409)
OF_WRITES = (
    *OF_REQUESTS,
    process_killed_after_and_stale_replicas,
    reply_lost_and_stale_replicas,
    CONFLICT,
    *APPLIED,
    _faulty("acknowledged_not_applied", "not_applied"),
    _faulty("reverted_during_the_proof", "reverted", seconds=12),
    _faulty("reverted_later", "reverted", seconds=300),
)
# What befalls the directory, its replicas and this host's clock strikes at the requests that go to the directory.
OF_VAULT = (
    *KILLS,
    *PASSING,
    _faulty("forbidden_403", "error", status=403),
    _faulty("not_found_404", "error", status=404),
    someone_tags_a_version,
)
OF_VAULT_WRITES = (*OF_VAULT, CONFLICT, *APPLIED)

REMOVALS = (("remove_key", 0), ("patch_application", 1))


def settings_of(fault, moment):
    """What is lost after everything was proven cannot be seen by that run; the overlap is there for it."""
    is_lost_later = fault.__name__ == "reverted_later" and (moment.name, moment.earlier) not in REMOVALS
    return RETIRES_LATER if is_lost_later else RETIRES_AT_ONCE


# Kind of moment → what may strike. A new effect without its row is a red test.
FAULTS = {
    **dict.fromkeys(durable.EFFECTS, OF_FILES),
    **dict.fromkeys(DIRECTORY_READS, OF_REQUESTS),
    **dict.fromkeys(("add_key", "patch_application"), OF_WRITES),
    "remove_key": (*OF_WRITES, _faulty("applied_and_answered_not_there", "denied")),
    **dict.fromkeys(VAULT_READS, OF_VAULT),
    **dict.fromkeys(VAULT_WRITES, OF_VAULT_WRITES),
}


# Who may not read the directory cannot see that a removal was lost; verifying that the old key is refused does, and it
# sees what holds at that moment. Where the private key is deleted at once, a lost removal leaves a foreign credential.
# So the predecessor's may be left in these cells, and nothing else.
UNSEEN = {
    (itself_by_add_key, "remove_key", 0): ("acknowledged_not_applied", "reverted_during_the_proof", "reverted_later"),
    (itself_by_update, "patch_application", 1): ("reverted_during_the_proof", "reverted_later"),
}
UNSEEN[itself_in_a_vault, "remove_key", 0] = UNSEEN[itself_by_add_key, "remove_key", 0]
UNSEEN[administrator_in_a_vault, "patch_application", 1] = UNSEEN[itself_by_update, "patch_application", 1]


def cells(scenario, fault):
    """The moments of a scenario at which this fault may strike."""
    return [moment for moment in moments(scenario) if (scenario, fault, moment) in chosen()]


def chosen():
    """The cells of this run: those that the docstring of this file names."""
    return _chosen_of_directories() | _chosen_of_vaults()


@functools.cache
def _chosen_of_directories():
    everything = _worth_striking((*SCENARIOS, *BROKEN))
    effects = scale.part_of(everything, lambda cell: (cell[0], cell[2].name), test=0, check=0)
    whole = scale.part_of(filter(_is_whole_in_check, everything), _kind, test=0.03)
    return {*effects, *whole, *scale.part_of(everything, _kind, test=0.03, check=0.12)}


def _is_whole_in_check(cell):
    scenario, fault, moment = cell
    return scenario in SCENARIOS and (fault in KILLS or moment.name in DIRECTORY_WRITES)


def _kind(cell):
    """One refusal of a write that was applied stands for all of them, and at a read one fault for its family."""
    _scenario, fault, moment = cell
    if moment.name in DIRECTORY_READS:
        return family_of(fault), moment.name
    return REFUSED_AND_APPLIED if fault in REFUSED_AND_APPLIED else fault, moment.name


@functools.cache
def _chosen_of_vaults():
    return set(scale.one_of_each(_worth_striking(IN_A_VAULT), kind_in_a_vault))


def _worth_striking(scenarios):
    return [
        (scenario, fault, moment)
        for fault in all_faults()
        for scenario in scenarios
        for moment in moments(scenario)
        if fault in FAULTS[moment.name] and (scale.SOAK or not comes_to_the_same(scenario, fault, moment))
    ]


def kind_in_a_vault(cell):
    """A vault is read in one way, whatever is read, and written to in one way; a kill is a matter of the moment."""
    _scenario, fault, moment = cell
    if moment.name not in (*VAULT_READS, *VAULT_WRITES):
        return moment.name
    if fault in KILLS:
        return fault, moment.name
    return family_of(fault), moment.name in VAULT_WRITES


def family_of(fault):
    """What passes and is waited out, what took effect all the same; every other fault is one by itself."""
    return next((family for family in (PASSING, APPLIED) if fault in family), (fault,))


def left_by(scenario, fault, moment, world):
    """What this run cannot know to be still there: the predecessor, where its removal is lost unseen."""
    is_unseen = fault.__name__ in UNSEEN.get((scenario, moment.name, moment.earlier), ())
    return [world.old.thumbprint] if is_unseen else []


def comes_to_the_same(scenario, fault, moment):
    """What `make check` leaves to the soak: another cell is the same death, or the same refusal by another name."""
    if scenario in IN_A_VAULT and _is_said_elsewhere(scenario, fault, moment):
        return True
    if fault is process_killed_after and moment.name not in DIRECTORY_WRITES and scenario not in IN_A_VAULT:
        return True  # nothing lies between the end of this effect and the beginning of the next
    if scenario in BROKEN and fault in REFUSED_AND_APPLIED:
        return not _has_its_turn(scenario, moment, fault, REFUSED_AND_APPLIED)  # all of them strike where all is well
    if moment.name not in durable.EFFECTS:
        return False
    if fault is process_killed_before:
        return moment.name == "sync"  # a process that dies keeps what it has written
    return REFUSALS.index(fault) != moment.number % len(REFUSALS)


def _is_said_elsewhere(scenario, fault, moment):
    """Of a renewal with a vault: what the docstring of this file leaves to the soak."""
    if scenario is brought_to_a_vault and moment.name != "import_certificate":
        return True  # the rest is as with a key that the vault has made
    if fault is process_killed_before:
        return moment.name not in (*VAULT_WRITES, *DIRECTORY_WRITES)  # else it has done no more than a moment before
    if fault is process_killed_after:
        return moment.name not in VAULT_MAKES or moment.earlier > 0  # else the next write is the same death
    if moment.name == "create_certificate" and scenario is administrator_in_a_vault:
        return False
    if moment.name == "import_certificate":  # sent as a creation is, but it is done at once
        return fault in PASSING and not _has_its_turn(scenario, moment, fault, PASSING)
    if moment.name in DIRECTORY_WRITES and moment.earlier == 0:
        return not _has_its_turn(scenario, moment, fault, family_of(fault))
    if moment.name in OFTEN_READ and (scenario is itself_in_a_vault or moment.earlier > 2):
        return True  # as at the first ones: before each change of tags, until a key is made, at each sign-in
    if moment.name == "update_certificate" and scenario is itself_in_a_vault:
        return True  # the same changes of the same tags
    return not _has_its_turn(scenario, moment, fault, [one for one in FAULTS[moment.name] if one not in KILLS])


def _has_its_turn(scenario, moment, fault, faults):
    """One of these at each moment of a name.

    A second scenario begins in the middle, and so does what changes tags: it waits out passing trouble as reads do.
    """
    ahead = len(faults) // 2 if scenario is itself_in_a_vault or moment.name == "update_certificate" else 0
    return faults[(moment.earlier + ahead) % len(faults)] is fault


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
