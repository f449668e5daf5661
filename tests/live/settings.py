# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to look at, and how much may be changed there: environment variables, checked before anything is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
YES = "change-this-application"
THROW_AWAY = "evercert-throw-away"

NEEDED = (
    "make test-live looks at a real tenant. Set AZURE_TENANT_ID, and AZURE_CLIENT_ID with AZURE_CLIENT_SECRET, or "
    "ENTRA_ACCESS_TOKEN, of an identity with Application.Read.All. Nothing is changed there unless "
    f"EVERCERT_LIVE_APPLICATION names an application and EVERCERT_LIVE_RENEW is '{YES}'."
)


class NotChosen(Exception):
    """Nobody asked for a look at a tenant."""


class Wrong(Exception):
    """What was asked for cannot be done."""


@dataclass(frozen=True)
class Settings:
    """One tenant, the identity that looks at it, and the application that may be changed, if any."""

    tenant: str
    client_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    authority: str
    graph: str
    ca_path: str
    application: str
    interval: float

    @property
    def may_change(self):
        return bool(self.application)


def read(environment):
    """The settings in these environment variables. Raises NotChosen or Wrong."""

    def value(name, otherwise=""):
        return environment.get(name, "").strip() or otherwise

    tenant, client_id, secret = value("AZURE_TENANT_ID"), value("AZURE_CLIENT_ID"), value("AZURE_CLIENT_SECRET")
    token, application, consent = (
        value(name) for name in ("ENTRA_ACCESS_TOKEN", "EVERCERT_LIVE_APPLICATION", "EVERCERT_LIVE_RENEW")
    )
    if not tenant or not (token or (client_id and secret)):
        raise NotChosen(NEEDED)
    problems = []
    if bool(application) != bool(consent) or (consent and consent != YES):
        problems.append(
            f"To renew, set both EVERCERT_LIVE_APPLICATION (the app ID of an application whose name begins with "
            f"'{THROW_AWAY}') and EVERCERT_LIVE_RENEW='{YES}'; to change nothing, set neither."
        )
    if application and not GUID.fullmatch(application):
        problems.append(f"EVERCERT_LIVE_APPLICATION must be an app ID, not '{application}'.")
    if application and not (client_id and secret):
        problems.append("A renewal needs AZURE_CLIENT_ID and AZURE_CLIENT_SECRET: a token may end on the way.")
    if problems:
        raise Wrong("\n".join(problems))
    return Settings(
        tenant,
        client_id,
        secret,
        token,
        value("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com").rstrip("/"),
        value("ENTRA_GRAPH_URL", "https://graph.microsoft.com").rstrip("/"),
        value("ENTRA_CA_PATH"),
        application,
        float(value("EVERCERT_LIVE_INTERVAL", "30")),
    )
