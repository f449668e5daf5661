# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options → the place that a connection leads to: the cloud and the tenant, who sends, whose clock counts."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .._entra.clock import ServiceClock, Timing
from .._entra.clouds import CLOUDS, Cloud, find_cloud, names, problems_of_url
from .._entra.patience import Patience
from .._entra.transport import Transport
from . import arguments
from .arguments import Options
from .call import Call
from .requests_transport import RequestsTransport


@dataclass(frozen=True)
class Place:
    """Where everything is sent, and how."""

    cloud: Cloud
    tenant_id: str
    transport: Transport
    timing: Timing
    clock: ServiceClock
    patience: Patience


def find_place(options: Options, call: Call, problems: list[str]) -> Place:
    """The place that the options name. One with problems serves only to find the others."""
    # A moment that is no moment is among the problems by now.
    now = None if problems else arguments.fixed_now(options)
    return Place(
        cloud=_cloud(options, problems),
        tenant_id=options.get("tenant_id") or "",
        transport=call.transport or RequestsTransport(options.get("ca_path")),
        timing=call.timing,
        clock=ServiceClock(call.timing, now),
        patience=Patience(call.timing),
    )


def _cloud(options: Options, problems: list[str]) -> Cloud:
    for name in ("authority_host", "graph_url"):
        problems += problems_of_url(name, options.get(name))
    cloud = find_cloud(options.get("cloud") or "public", options.get("authority_host"), options.get("graph_url"))
    if cloud is None:
        problems.append(f"cloud must be one of {', '.join(names())}, not '{options.get('cloud')}'.")
    ca_path = options.get("ca_path")
    if ca_path and not os.path.exists(ca_path):
        problems.append(f"ca_path: {ca_path} does not exist.")
    return cloud or CLOUDS["public"]
