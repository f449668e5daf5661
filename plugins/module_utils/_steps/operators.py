# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the credential ends that an operator signs in with, as far as that can be known. Never worth a wait."""

from __future__ import annotations

import datetime as dt

from .._core.errors import EvercertError
from .._core.operators import Credential, end_of_secret
from .._entra.applications import list_passwords
from .._entra.sign_in.certificate import ClientCertificate
from .._entra.sign_in.client_secret import ClientSecret
from .connection import Connection


def find_credential(connection: Connection) -> Credential | None:
    """The credential that this call has signed in with; None without one that somebody must renew."""
    identity = connection.identity
    if not connection.graph.is_signed_in:
        return None
    if isinstance(identity, ClientCertificate):
        name = f"certificate that signs in as application {identity.client_id} ({identity.path})"
        return Credential(name, identity.load().certificate.not_after)
    if isinstance(identity, ClientSecret):
        name = f"client secret that signs in as application {identity.client_id}"
        return Credential(name, _end_of_secret(connection, identity))
    return None


def _end_of_secret(connection: Connection, identity: ClientSecret) -> dt.datetime | None:
    try:
        passwords = list_passwords(connection.graph, identity.client_id or "")
    except EvercertError:
        return None
    return end_of_secret(passwords, identity.secret or "")
