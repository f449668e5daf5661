# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How often a proof succeeds while some token server still refuses the new certificate: measured, not computed.

Each trial registers a certificate, lets every token server learn of it after a time of its own, and runs the real proof
against the emulator, which answers each sign-in from a server picked at random. The tables of the guide, with so many
trials for each figure: python tests/trust/curve.py 400
"""

from __future__ import annotations

import dataclasses
import math
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from ansible_collections.evercert.entra.plugins.module_utils._core.errors import NotProven
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import ProofPolicy
from ansible_collections.evercert.entra.plugins.module_utils._core.strength import would_detect
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import KeyPair, certificate_from_der
from ansible_collections.evercert.entra.plugins.module_utils._steps import prove
from ansible_collections.evercert.entra.plugins.module_utils._steps.run import ProofProgress
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World

FOR_EVER = math.inf


@dataclass(frozen=True)
class Servers:
    """`count` token servers, of which `late` learn of a write later: after `mean` seconds on average, or never.

    One of them may answer all sign-ins of `stick` seconds.
    """

    count: int
    late: int
    mean: float
    stick: float = 0.0

    def lags(self, chance):
        late = [1e9 if self.mean == FOR_EVER else chance.expovariate(1 / self.mean) for _late in range(self.late)]
        return [0.0] * (self.count - self.late) + late

    def formula(self, sign_ins):
        """With what chance so many sign-ins in a row meet none of the late ones, when these stay as they are."""
        return ((self.count - self.late) / self.count) ** sign_ins

    def __str__(self):
        how = "for ever" if self.mean == FOR_EVER else f"{self.mean:g} s on average"
        kept = f", one answers for {self.stick:g} s" if self.stick else ""
        return f"{self.late} of {self.count} late, {how}{kept}"


@dataclass
class Tally:
    """What came of the trials of one setting. `overstated`: the result excluded a share that refused in truth."""

    trials: int = 0
    successes: int = 0
    false_successes: int = 0
    overstated: int = 0
    waited: float = 0.0

    @property
    def false_share(self):
        return self.false_successes / self.trials

    @property
    def overstated_share(self):
        return self.overstated / self.trials

    @property
    def seconds(self):
        """Seconds that a trial took on average, by the clock that the waits move."""
        return self.waited / self.trials


class Notes:
    """As much of a key store as a proof touches: the sign-ins made, for the budget."""

    location = "memory"

    def __init__(self):
        self._made = []

    def note_sign_in(self, moment, thumbprint, purpose):
        self._made.append(moment)

    def sign_ins_since(self, moment):
        return [made for made in self._made if made > moment]


class Bench:
    """One tenant for many trials."""

    def __init__(self, folder, seed, **switches):
        self._world = World(Path(folder))
        self._world.contract.observe = lambda seen: None
        self._world.tenant.switches.set(**switches)
        self._chance = random.Random(seed)
        self._world.tenant.sign_ins._random = random.Random(seed + 1)
        new = self._world.tenant.issue("payroll", -1, 180)
        self._new, self._signer = new, KeyPair(certificate_from_der(new.der), new.private_key)

    def measure(self, servers, policy, trials):
        tally = Tally()
        for _trial in range(trials):
            self._try(servers, policy, tally)
        return tally

    def _try(self, servers, policy, tally):
        world, tenant = self._world, self._world.tenant
        application = tenant.add_application("payroll", [world.old])
        tenant.sign_ins.lag(seconds=servers.lags(self._chance), order="random", stick=servers.stick)
        tenant.add_credential(application, self._new)
        connection = world.connect(world.options(key_store=None))
        connection = dataclasses.replace(connection, proof=policy, key_store=Notes())
        progress, began = ProofProgress(), world.timing.waited
        prove.begin(progress, connection, policy.sign_ins, policy.initial_pause)
        try:
            prove.prove(connection, progress, application.app_id, self._signer)
        except NotProven:
            pass
        else:
            accepting = tenant.oracle.sign_in(application, self._new).replicas
            refusing = accepting.count(False) / len(accepting)
            tally.successes += 1
            tally.false_successes += refusing > 0
            tally.overstated += refusing >= would_detect(progress.consecutive, progress.restarts)
        tally.trials += 1
        tally.waited += world.timing.waited - began
        world.emulator.log.lines.clear()


DEFAULT = ProofPolicy()
RECOMMENDED = dataclasses.replace(DEFAULT, sign_ins=5)
SETTINGS = (
    dataclasses.replace(DEFAULT, interval=5),
    DEFAULT,
    RECOMMENDED,
    dataclasses.replace(DEFAULT, sign_ins=10),
)
LATE = (Servers(10, 10, 10), Servers(10, 10, 30), Servers(10, 10, 60))
STICKY = (Servers(10, 10, 30, stick=20), Servers(10, 10, 30, stick=60))
BROKEN = (Servers(3, 1, FOR_EVER), Servers(5, 1, FOR_EVER), Servers(10, 1, FOR_EVER), Servers(10, 5, FOR_EVER))
CACHED = {"remember_refusals": 300}


def without_retry(policy):
    """The same sign-ins, with no time for others after a refusal."""
    return dataclasses.replace(policy, timeout=policy.initial_pause + policy.interval * (policy.sign_ins - 1) + 1)


def main():
    trials = int(sys.argv[1]) if sys.argv[1:] else 200
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder, seed=1)
        _table(f"False successes, {trials} trials each", bench, LATE + STICKY + BROKEN, SETTINGS, trials)
        print("\nWithout another attempt after a refusal, and by the formula ((n-k)/n)^N")
        for servers in BROKEN:
            for sign_ins in (1, 2, 3, 5, 8, 10):
                once = without_retry(dataclasses.replace(DEFAULT, sign_ins=sign_ins, budget=0))
                found = bench.measure(servers, once, trials)
                print(f"{servers!s:<44} {sign_ins:>3} {found.false_share:>6.1%} {servers.formula(sign_ins):>6.1%}")
    with tempfile.TemporaryDirectory() as folder:
        pauses = [dataclasses.replace(DEFAULT, initial_pause=pause) for pause in (10, 60, 120)]
        title = "The same, where a refusal is remembered for 300 s; initial_pause 10, 60, 120"
        _table(title, Bench(folder, seed=1, **CACHED), LATE, pauses, trials)


def _table(title, bench, fleets, settings, trials):
    print(f"\n{title}: sign_ins at sign_in_interval, false, proven, overstated, seconds")
    for servers in fleets:
        for policy in settings:
            found = bench.measure(servers, policy, trials)
            print(
                f"{servers!s:<44} {policy.sign_ins:>3} at {policy.interval:>3g} s {found.false_share:>6.1%} "
                f"{found.successes / found.trials:>6.1%} {found.overstated_share:>6.1%} {found.seconds:>5.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
