# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task says of a connection beside its options: how it runs, and what it is about to do."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._entra.clock import Timing
from .._entra.sign_in.device_code import Person
from .._entra.transport import Transport
from .timing import PlainTiming


@dataclass(frozen=True)
class Call:
    """One call of a module or a plugin."""

    check_mode: bool = False
    warn: t.Callable[[str], None] = lambda message: None
    timing: Timing = field(default_factory=PlainTiming)
    transport: Transport | None = None
    needs_application: bool = True
    # What is wrong with the options that are not the connection's.
    problems: t.Sequence[str] = ()
    person: Person | None = None
    # An audit gives way: where the service's limits are near, its requests are refused before those of a renewal.
    is_audit: bool = False
    # Whether it signs in with the application's own key, whoever reads and writes the directory.
    signs_in: bool = False
    # See `Connection.repairs`.
    repairs: frozenset[str] = frozenset()
    # The options that come from the environment, as nobody else gave them.
    from_environment: t.Collection[str] = ()
