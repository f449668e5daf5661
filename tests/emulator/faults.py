# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults on demand: what goes wrong, at which request, how often.

A fault acts before the request reaches the service, after it, or both. Kinds are functions in two tables, so a new kind
is a function and a line.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from .errors import TOO_MANY, ConnectionReset, GraphError, NoReply, SignInError, VaultError

GRAPH_CODES = {
    400: ("Request_BadRequest", "The request is malformed or incorrect."),
    401: ("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."),
    403: ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
    404: ("Request_ResourceNotFound", "Resource does not exist."),
    409: (
        "Directory_ConcurrencyViolation",
        "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.",
    ),
    429: ("TooManyRequests", TOO_MANY.format("11111111-0000-4000-8000-000000000001")),
    500: ("Service_InternalServerError", "Encountered an internal server error."),
    503: ("serviceNotAvailable", "The service is temporarily unavailable."),
    504: ("UnknownError", "The gateway timed out."),
}
# 14 P, recorded throttled: without a Retry-After unless the fault has one.
VAULT_THROTTLED = (
    "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached"
)


@dataclass
class Fault:
    """One thing that goes wrong. `match` names operations; `times` None means always."""

    kind: str
    match: tuple = ("any",)
    application: str | None = None
    skip: int = 0
    times: int | None = 1
    status: int = 503
    code: str | int | None = None
    message: str | None = None
    error: str | None = None
    retry_after: float | None = None
    seconds: float = 0.0
    applied: bool = False
    action: str | None = None
    arguments: dict = field(default_factory=dict)
    when: str = "before"
    to: str = "service_principal"
    id: int = 0

    def __post_init__(self):
        self.match = (self.match,) if isinstance(self.match, str) else tuple(self.match)
        if self.kind not in KINDS:
            raise ValueError(f"Unknown fault kind {self.kind!r}. Known: {', '.join(sorted(KINDS))}.")

    def concerns(self, call):
        """Whether this request is one that the fault waits for; counts skip and times."""
        if not self._matches(call):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def _matches(self, call):
        named = call.operation in self.match or "any" in self.match or (call.is_part and "batch_item" in self.match)
        return named and self.times != 0 and (self.application is None or call.concerns(self.application))

    def before(self, call):
        return BEFORE.get(self.kind, _nothing)(self, call)

    def after(self, call, response):
        return AFTER.get(self.kind, _unchanged)(self, call, response)


class Faults:
    """The faults that wait for their request."""

    def __init__(self):
        self._numbers = itertools.count(1)
        self.waiting = []

    def add(self, kind, **details):
        """Ask for a fault; see README.md for the kinds and their details."""
        fault = Fault(kind, id=next(self._numbers), **details)
        self.waiting.append(fault)
        return fault

    def take(self, call):
        """The faults that strike this request."""
        struck = [fault for fault in self.waiting if fault.concerns(call)]
        self.waiting = [fault for fault in self.waiting if fault.times != 0]
        return struck

    def clear(self):
        self.waiting = []


def _nothing(fault, call):
    return None


def _unchanged(fault, call, response):
    return response


def _error_of(fault, call):
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
    if call.is_sign_in:
        text = fault.message or "The service is temporarily unavailable. Please retry the request."
        return SignInError(fault.status, fault.error or "temporarily_unavailable", fault.code or 90033, text, headers)
    if call.is_vault:
        code = {429: "Throttled", 403: "Forbidden"}.get(fault.status, "InternalServerError")
        message = VAULT_THROTTLED if fault.status == 429 else "An error occurred."
        return VaultError(fault.status, fault.code or code, fault.message or message, headers=headers)
    code, message = GRAPH_CODES.get(fault.status, ("UnknownError", "An error has occurred."))
    return GraphError(fault.status, fault.code or code, fault.message or message, headers=headers)


def refuse(fault, call):
    """error: an error answer instead of the work."""
    if not fault.applied:
        raise _error_of(fault, call)


def refuse_afterwards(fault, call, response):
    """error, applied: the work is done, and an error is answered all the same."""
    if fault.applied:
        raise _error_of(fault, call)
    return response


def reset(fault, call):
    """reset: the connection is torn down."""
    if not fault.applied:
        raise ConnectionReset(call.operation)


def reset_afterwards(fault, call, response):
    if fault.applied:
        raise ConnectionReset(call.operation)
    return response


def no_reply(fault, call):
    """no_reply: the request is lost, the connection closes after some seconds of silence."""
    call.delay(fault.seconds)
    raise NoReply(call.operation)


def lose_reply(fault, call, response):
    """lost_reply: the work is done, the answer never arrives."""
    call.delay(fault.seconds)
    raise NoReply(call.operation)


def denied(fault, call, response):
    """denied: the work is done, and answered as if there had been nothing to do (3 P, recorded remove_key_absent)."""
    if response is not None:
        code, message = fault.code or "Request_BadRequest", fault.message or "No credentials found to be removed."
        raise GraphError(400, code, message)
    return response


def lying_date(fault, call):
    """date: the `Date` header of this answer is so many seconds off; nothing else is."""
    call.date_offset = fault.seconds


def slow(fault, call):
    """slow: the answer comes after so many seconds."""
    call.delay(fault.seconds)


def not_applied(fault, call, response):
    """not_applied: the write is acknowledged and never reaches the directory."""
    call.tenant.take_back(call.tenant.changes)
    return response


def reverted(fault, call, response):
    """reverted: the write is applied, and lost again after so many seconds."""
    changes = list(call.tenant.changes)
    call.tenant.later(fault.seconds, lambda: call.tenant.revert(changes))
    return response


def misdirected(fault, call, response):
    """misdirected: the write is acknowledged, and what it added lands on another object."""
    changes = list(call.tenant.changes)
    call.tenant.take_back(changes)
    elsewhere = call.emulator.tenant_named(fault.to)
    for _history, before, after in changes:
        (elsewhere or call.tenant).add_elsewhere(before, after, after.app_id if elsewhere else fault.to)
    return response


def change_before(fault, call):
    """change: someone else does something just before the request is served."""
    if fault.when == "before":
        call.act(fault.action, fault.arguments)


def change_afterwards(fault, call, response):
    """change, when after: someone else does something just after it was served."""
    if fault.when == "after":
        call.act(fault.action, fault.arguments)
    return response


def html(fault, call):
    """html: a proxy answers with a page of its own."""
    return call.html(fault.status)


BEFORE = {
    "error": refuse,
    "reset": reset,
    "no_reply": no_reply,
    "slow": slow,
    "change": change_before,
    "html": html,
    "date": lying_date,
}
AFTER = {
    "error": refuse_afterwards,
    "reset": reset_afterwards,
    "lost_reply": lose_reply,
    "denied": denied,
    "not_applied": not_applied,
    "reverted": reverted,
    "misdirected": misdirected,
    "change": change_afterwards,
}
KINDS = set(BEFORE) | set(AFTER)
