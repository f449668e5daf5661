# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How often a proof succeeds while some token server still refuses the new certificate: measured, not computed.

Each trial registers a certificate, lets every token server learn of it after a time of its own, and runs the real proof
against the emulator, which answers each sign-in from a server picked at random. A table: python tests/trust/curve.py
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
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import KeyPair, certificate_from_der
from ansible_collections.evercert.entra.plugins.module_utils._steps import prove
from ansible_collections.evercert.entra.plugins.module_utils._steps.run import ProofProgress
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World

FOR_EVER = math.inf


@dataclass(frozen=True)
class Servers:
    """`count` token servers, of which `late` learn of a write later: after `mean` seconds on average, or never."""

    count: int
    late: int
    mean: float

    def lags(self, chance):
        late = [1e9 if self.mean == FOR_EVER else chance.expovariate(1 / self.mean) for _ in range(self.late)]
        return [0.0] * (self.count - self.late) + late

    def __str__(self):
        how = "for ever" if self.mean == FOR_EVER else f"{self.mean:g} s on average"
        return f"{self.late} of {self.count} late, {how}"


@dataclass
class Tally:
    """What came of the trials of one setting."""

    trials: int = 0
    successes: int = 0
    false_successes: int = 0
    waited: float = 0.0

    @property
    def false_share(self):
        return self.false_successes / self.trials

    @property
    def seconds(self):
        """Seconds that a trial took on average, by the clock that the waits move."""
        return self.waited / self.trials


class Bench:
    """One tenant for many trials."""

    def __init__(self, folder, seed):
        self._world = World(Path(folder))
        self._world.contract.observe = lambda seen: None
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
        tenant.sign_ins.lag(seconds=servers.lags(self._chance), order="random")
        tenant.add_credential(application, self._new)
        connection = dataclasses.replace(world.connect(world.options(key_store=None)), proof=policy)
        progress, began = ProofProgress(), world.timing.waited
        prove.begin(progress, connection, policy.sign_ins, policy.initial_pause)
        try:
            prove.prove(connection, progress, application.app_id, self._signer)
        except NotProven:
            pass
        else:
            tally.successes += 1
            tally.false_successes += not all(tenant.oracle.sign_in(application, self._new).replicas)
        tally.trials += 1
        tally.waited += world.timing.waited - began
        world.emulator.log.lines.clear()


DEFAULT = ProofPolicy()
SETTINGS = tuple(
    dataclasses.replace(DEFAULT, sign_ins=sign_ins, interval=interval)
    for interval in (5, DEFAULT.interval)
    for sign_ins in (1, 3, 5, 10)
)
FLEETS = (
    Servers(10, 10, 10),
    Servers(10, 10, 30),
    Servers(10, 10, 60),
    Servers(3, 1, FOR_EVER),
    Servers(10, 1, FOR_EVER),
    Servers(10, 5, FOR_EVER),
)


def main():
    trials = int(sys.argv[1]) if sys.argv[1:] else 200
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder, seed=1)
        print(f"{'token servers':<32} {'sign_ins':>8} {'interval':>8} {'false':>7} {'seconds':>8}   of {trials} trials")
        for servers in FLEETS:
            for policy in SETTINGS:
                found = bench.measure(servers, policy, trials)
                print(
                    f"{servers!s:<32} {policy.sign_ins:>8} {policy.interval:>8g} {found.false_share:>7.1%} "
                    f"{found.seconds:>8.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
