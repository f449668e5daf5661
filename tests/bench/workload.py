# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job over a whole fleet takes, from the cost of one application and from the quotas of Microsoft Graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

PER_PAGE = 999  # applications that one list call returns


@dataclass(frozen=True)
class Quota:
    """So many in so many seconds; the words of Microsoft's page on throttling limits."""

    scope: str
    counted: str
    amount: int
    seconds: int

    def time_for(self, number: float) -> float:
        """Seconds that so many take at least; the first windowful is free."""
        return max(0.0, number - self.amount) * self.seconds / self.amount


READS = Quota("tenant", "reads of keyCredentials", 150, 60)
UNITS = Quota("application and tenant", "resource units", 3_500, 10)
WRITES = Quota("application and tenant", "writes", 3_000, 150)
ALL_UNITS = Quota("application, all tenants", "resource units", 150_000, 20)
ALL_WRITES = Quota("application, all tenants", "writes", 70_000, 300)
ALL_REQUESTS = Quota("application, all of Graph", "requests", 2_000, 1)
QUOTAS = (READS, UNITS, WRITES, ALL_UNITS, ALL_WRITES, ALL_REQUESTS)


@dataclass(frozen=True)
class Fleet:
    """What is calculated for: the collection's defaults, and a night."""

    applications: int = 1_000_000
    tenants: int = 10_000
    validity: int = 180  # days
    renew_before: int = 30  # days
    waiting: int = 70  # seconds of a renewal that nobody works: initial_pause, and sign_in_interval between 3 sign-ins
    window: int = 6 * 3600  # seconds of a night
    processors: int = 4  # of one control node
    forks: int = 50

    @property
    def per_tenant(self) -> int:
        return math.ceil(self.applications / self.tenants)

    @property
    def due_daily(self) -> int:
        return math.ceil(self.applications / (self.validity - self.renew_before))


@dataclass(frozen=True)
class Work:
    """One job over the fleet, in numbers."""

    name: str
    requests: float  # to Graph, without those for tokens
    busiest: float  # requests for keyCredentials in one tenant
    units: float
    writes: float
    cpu: float  # processor seconds
    waiting: float = 0.0  # seconds during which a fork is taken and does nothing

    @property
    def by_quotas(self) -> float:
        """Seconds that Graph makes it take at least, one multi-tenant application signing in everywhere."""
        limits = (
            (READS, self.busiest),
            (ALL_UNITS, self.units),
            (ALL_WRITES, self.writes),
            (ALL_REQUESTS, self.requests),
        )
        return max(quota.time_for(number) for quota, number in limits)

    def on_one_node(self, fleet: Fleet) -> float:
        """Seconds on one control node: its processors or its forks are what runs out."""
        return max(self.cpu / fleet.processors, (self.cpu + self.waiting) / fleet.forks, self.by_quotas)

    def nodes(self, fleet: Fleet) -> int:
        return math.ceil(self.on_one_node(fleet) / max(fleet.window, self.by_quotas))


def works(fleet: Fleet, measured: dict[str, Any]) -> tuple[Work, ...]:
    renewal, nothing_due = measured["renewal"], measured["nothing_due"]
    due, every, busiest = fleet.due_daily, fleet.applications, fleet.per_tenant
    return (
        _audit(fleet, measured),
        _plays(f"renewing what is due in a day, {due:,}", due, 1, renewal, fleet.waiting),
        _plays("renewing everything at once", every, busiest, renewal, fleet.waiting),
        _plays("a renewal run that finds nothing due", every, busiest, nothing_due, 0),
    )


def _audit(fleet: Fleet, measured: dict[str, Any]) -> Work:
    """One task for each tenant: the default policy, and pages of applications."""
    pages = math.ceil(fleet.per_tenant / PER_PAGE)
    listed = fleet.applications * measured["listing"]["cpu_milliseconds"] / 1000
    cpu = fleet.tenants * measured["status"]["cpu_seconds"] + listed
    return Work("audit of every tenant", fleet.tenants * (1 + pages), pages, fleet.tenants * (1 + pages), 0, cpu)


def _plays(name: str, number: int, busiest: int, cost: dict[str, float], waiting: int) -> Work:
    """The role `renew` for each of so many applications, of which the busiest tenant has so many."""
    return Work(
        name,
        number * (cost["requests"] - cost["authority_requests"]),
        busiest * cost["key_credential_reads"],
        number * cost["resource_units"],
        number * cost["writes"],
        number * cost["cpu_seconds"],
        number * waiting,
    )
