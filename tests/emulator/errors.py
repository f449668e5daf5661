# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every way in which the emulated service says no.

ServiceError            an answer with an error body
  GraphError            section 13 of the facts page
  SignInError           section 4.6
  PlatformError         a platform's own, each in its own words (facts section 9)
  VaultError            section 14
ConnectionFault         no answer at all
  ConnectionReset       the peer tears the connection down (TCP RST)
  NoReply               the connection closes, or stays silent, without an answer
"""

from __future__ import annotations

# 7.1 P, recorded too_many_requests.
TOO_MANY = "Too many requests from Identifier:{} under category:aadgraph.app.tenant_large. Please try again later."


class ServiceError(Exception):
    """The service answers with an error body."""


class GraphError(ServiceError):
    """Graph refuses a request."""

    def __init__(self, status, code, message, details=None, headers=None):
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = dict(headers or {})


class SignInError(ServiceError):
    """The login service refuses a request; `text` is what follows "AADSTSn: "."""

    def __init__(self, status, error, code, text, headers=None):
        super().__init__(f"{status} {error} AADSTS{code}: {text}")
        self.status = status
        self.error = error
        self.code = code
        self.text = text
        self.headers = dict(headers or {})


class PlatformError(ServiceError):
    """A machine, or a platform outside Entra, refuses a request with a body of its own."""

    def __init__(self, status, body, headers=None):
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class VaultError(ServiceError):
    """A key vault refuses a request; `inner` says more than `code`."""

    def __init__(self, status, code, message, inner=None, headers=None):
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner
        self.headers = dict(headers or {})


class ConnectionFault(Exception):
    """The client gets no answer. Raised out of the application; the server or the adapter acts on it."""


class ConnectionReset(ConnectionFault):
    """The connection is torn down with a TCP RST."""


class NoReply(ConnectionFault):
    """The connection closes before a byte of the answer was sent."""


def bad_request(message, details=None):
    """The directory's ordinary refusal."""
    return GraphError(400, "Request_BadRequest", message, details)


def denied():
    """The refusal for a missing permission, a missing ownership or an unusable proof."""
    return GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def not_found(reference):
    """The refusal for an identifier that the answering replica does not know."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{reference}' does not exist or one of its queried reference-property objects are not present.",
    )
