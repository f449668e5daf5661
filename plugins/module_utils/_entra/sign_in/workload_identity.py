# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign in without a secret: a platform vouches for this workload, and the application trusts that platform.

The platform's token is fetched anew for each sign-in, as it lives for minutes, and goes to the authority's host only.
"""

from __future__ import annotations

import typing as t
import urllib.parse
from dataclasses import dataclass, field

from ..._core.errors import SignInRefused
from ..answers import refused_elsewhere, token_in
from ..clouds import host_of, is_https
from ..tokens import AccessToken, TokenService
from ..transport import Request, Response

# "Workload identity federation considerations".
AUDIENCE = "api://AzureADTokenExchange"

NEEDS = (
    "auth_source workload_identity needs AZURE_FEDERATED_TOKEN_FILE in the environment; or in GitHub Actions the "
    "permission 'id-token: write', which sets ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN; or in "
    "Azure Pipelines SYSTEM_OIDCREQUESTURI, SYSTEM_ACCESSTOKEN and AZURESUBSCRIPTION_SERVICE_CONNECTION_ID."
)


class JobToken(t.Protocol):
    """Where this workload's token comes from."""

    def problems(self) -> list[str]: ...

    def fetch(self, service: TokenService) -> str: ...


@dataclass(frozen=True)
class TokenFile:
    """A file that Kubernetes, or another platform, keeps up to date."""

    path: str
    read: t.Callable[[], bytes] = field(repr=False)

    def problems(self) -> list[str]:
        return []

    def fetch(self, service: TokenService) -> str:
        found = token_in({"token": self.read().decode(errors="replace").strip()}, "token")
        if not found:
            raise _unavailable("this machine", None, f"{self.path} holds no token.")
        return found


@dataclass(frozen=True)
class GitHubActions:
    """A job with the permission `id-token: write`."""

    url: str
    token: str = field(repr=False)

    def problems(self) -> list[str]:
        return _problems_of_address("ACTIONS_ID_TOKEN_REQUEST_URL", self.url)

    def fetch(self, service: TokenService) -> str:
        url = f"{self.url}{'&' if '?' in self.url else '?'}{urllib.parse.urlencode({'audience': AUDIENCE})}"
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        return _token(service.ask(Request("GET", url, headers)), "value", url)


@dataclass(frozen=True)
class AzurePipelines:
    """A step that was handed the job's access token, and a service connection with workload identity federation."""

    url: str
    token: str = field(repr=False)
    service_connection_id: str

    def problems(self) -> list[str]:
        return _problems_of_address("SYSTEM_OIDCREQUESTURI", self.url)

    def fetch(self, service: TokenService) -> str:
        query = {"api-version": "7.1", "serviceConnectionId": self.service_connection_id}
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
            # Else a refused token is answered with a sign-in page, as azure-identity notes.
            "X-TFS-FedAuthRedirect": "Suppress",
        }
        url = f"{self.url}?{urllib.parse.urlencode(query)}"
        return _token(service.ask(Request("POST", url, headers, b"")), "oidcToken", url)


@dataclass(frozen=True)
class WorkloadIdentity:
    """Identity: an application that trusts the platform on which this runs."""

    client_id: str | None
    job_token: JobToken | None
    name: str = "workload_identity"

    def problems(self) -> list[str]:
        found = [] if self.client_id else ["auth_source workload_identity needs client_id (AZURE_CLIENT_ID)."]
        return found + (self.job_token.problems() if self.job_token else [NEEDS])

    def token(self, service: TokenService) -> AccessToken:
        assertion = t.cast(JobToken, self.job_token).fetch(service)
        return service.with_assertion(self.client_id or "", assertion, self.name)


def _problems_of_address(name: str, url: str) -> list[str]:
    """The job's token travels there."""
    return [] if is_https(url) else [f"{name} must be an https URL, not '{url[:200]}'."]


def _token(answer: Response, name: str, url: str) -> str:
    found = token_in(answer.json_object() or {}, name)
    if answer.status != 200 or not found:
        raise _unavailable(host_of(url), answer.status, f"{host_of(url)} answered {answer.status}.")
    return found


def _unavailable(host: str, status: int | None, text: str) -> SignInRefused:
    return refused_elsewhere("job_token_unavailable", host, text, status)
