# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine that a workload runs on, with its managed identities: IMDS, App Service and Azure Arc (facts section 9).

Azure serves these by plain HTTP on a link-local or loopback address. Sources besides the facts page: "How to use
managed identities for Azure resources on an Azure VM to acquire an access token", "Authenticate against Azure resources
with Azure Arc-enabled servers".
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path

from . import access_tokens
from .errors import PlatformError

ARC_FOLDER = "/var/opt/azcmagent/tokens"
IMDS, ARC = "2018-02-01", "2020-06-01"


@dataclass
class Machine:
    """Its identities are service principals. `keys` is where its Arc agent leaves the files that only root reads."""

    system: object = None
    assigned: dict = field(default_factory=dict)  # by client id
    identity_header: str = "identity-header-for-rehearsals"
    keys: Path | None = None
    challenges: set = field(default_factory=set)
    names_identity: bool = True  # a newer Arc agent says whose token it gives; an older one gives the machine's
    padding: int = 0


def refusal(text, status=400):
    return PlatformError(status, {"error": "invalid_request", "error_description": text})


def token(call):
    """One address, told apart by its api-version: IMDS, or the agent of Azure Arc."""
    refuse_a_request_without_metadata(call)
    if call.query.get("api-version") == ARC:
        return _arc_token(call)
    if call.query.get("api-version") != IMDS:
        raise refusal("The api-version is not supported.")
    return call.json(_answer(call, _identity(call), "expires_in"))


def app_service_token(call):
    """9 V: the header proves that the caller runs inside; the reply uses expires_on."""
    if call.headers.get("X-IDENTITY-HEADER") != call.tenant.machine.identity_header:
        raise PlatformError(401, {"statusCode": 401, "message": "The X-IDENTITY-HEADER is missing or wrong."})
    return call.json(_answer(call, _identity(call), "expires_on"))


def _arc_token(call):
    """9 V: the first reply names a key file, the second request carries its content."""
    machine = call.tenant.machine
    scheme, _space, secret = call.headers.get("Authorization", "").partition(" ")
    if scheme != "Basic" or secret not in machine.challenges:
        raise _challenge(machine)
    machine.challenges.discard(secret)
    if not machine.names_identity:
        return call.json(_answer(call, machine.system, "expires_in"))
    identity = _identity(call)
    return call.json({**_answer(call, identity, "expires_in"), "client_id": identity.app_id})


def _challenge(machine):
    name, secret = f"{uuid.uuid4()}.key", uuid.uuid4().hex + "x" * machine.padding
    machine.challenges.add(secret)
    if machine.keys:
        (machine.keys / name).write_text(secret, encoding="ascii")
    headers = {"WWW-Authenticate": f"Basic realm={ARC_FOLDER}/{name}"}
    return PlatformError(401, {"error": "unauthorized_client"}, headers)


def refuse_a_request_without_metadata(call):
    """V: a request that was forwarded by mistake has no such header, or has one about forwarding."""
    if call.headers.get("Metadata", "").lower() != "true" or "X-Forwarded-For" in call.headers:
        raise refusal("Required metadata header not specified")


def _identity(call):
    """The identity that is asked for. V: an unknown one is 400, Identity not found."""
    machine, client_id = call.tenant.machine, call.query.get("client_id")
    found = machine.assigned.get(client_id) if client_id else machine.system
    if found is None:
        raise refusal("Identity not found")
    return found


def _answer(call, principal, expiry):
    """V: numbers are text here."""
    resource = call.query.get("resource", "")
    if resource.rstrip("/") not in call.audiences:
        raise refusal(f"AADSTS500011: The resource principal named {resource} was not found in the tenant.")
    current = call.tenant.directory.principal_of(principal.app_id).primary
    issued = access_tokens.issue_app_only(call.tenant, current, resource, "2")
    lifetime = issued["expires_in"]
    until = {"expires_in": str(lifetime), "expires_on": str(int(call.tenant.clock.now().timestamp()) + lifetime)}
    answer = {
        "access_token": issued["access_token"],
        "resource": resource,
        "token_type": "Bearer",
        "client_id": principal.app_id,
    }
    return {**answer, **(until if expiry == "expires_in" else {expiry: until[expiry]})}
