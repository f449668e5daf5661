# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One poll of one tenant. It blocks, so it runs in a thread; a source that ends wakes it out of a wait."""

from __future__ import annotations

import threading
import typing as t
from dataclasses import dataclass, field

from .._ansible import arguments
from .._ansible.call import Call
from .._ansible.connect import open_connection
from .._ansible.timing import PlainTiming
from .._core.errors import EvercertError, GraphRefused
from .._entra.patience import seconds_asked
from .._entra.transport import Transport
from .._steps.report import inspect_all
from .observation import Observation, observe
from .options import Watched


class Stopped(Exception):
    """Raised in a poll's thread when the source has ended meanwhile. Nobody waits for it any more."""


class StoppableTiming(PlainTiming):
    """Waits until the time is over or the source ends."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped

    def wait(self, seconds: float, what: str) -> None:
        if self._stopped.wait(max(0.0, seconds)):
            raise Stopped(what)


@dataclass
class Poll:
    """What a complete poll saw: applications with a watched finding, and those of `remembered` without one."""

    due: list[Observation] = field(default_factory=list)
    others: list[Observation] = field(default_factory=list)


# The tenant, words to watch for, object IDs told before, and the way to wait.
Look = t.Callable[[Watched, t.Collection[str], t.Collection[str], PlainTiming], Poll]


def look(
    tenant: Watched,
    words: t.Collection[str],
    remembered: t.Collection[str],
    timing: PlainTiming,
    transport: Transport | None = None,
) -> Poll:
    """List the tenant's applications once. All or nothing: a listing that breaks off says nothing on what has ended.

    The connection is opened anew each time, as certificates and tokens in files are renewed between two polls.
    """
    options = tenant.options
    around = tenant.from_environment
    call = Call(timing=timing, transport=transport, needs_application=False, is_audit=True, from_environment=around)
    connection = open_connection(options, call)
    policy, seen = arguments.renewal_policy(options), Poll()
    for report in inspect_all(connection, policy, options.get("filter")):
        application = report.facts.application
        if application is None:
            continue
        if report.verdict.findings:
            one = observe(report.facts, report.verdict, application)
            if one.matches(words):
                seen.due.append(one)
                continue
        if application.object_id in remembered:
            seen.others.append(observe(report.facts, report.verdict, application))
    return seen


def asked_pause(error: EvercertError) -> float | None:
    """The seconds that the service asked to be left alone for, with whatever answer."""
    if isinstance(error, GraphRefused) and error.retry_after is not None:
        return error.retry_after
    return seconds_asked(error)
