# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which way to sign in `auto` takes: the first that is configured, found out without asking anybody."""

from __future__ import annotations

import dataclasses
import os
import shutil
import typing as t

from .._core.texts import trimmed
from .._entra.clock import Timing
from .._entra.sign_in.device_code import Person
from .._entra.sign_in.workload_identity import AzurePipelines, GitHubActions, JobToken, TokenFile
from .._keys.store import KeyStore
from .._keys.vault import VaultStore
from .._steps.connection import Choice
from .arguments import Options
from .files import read_file

# The names that azure.azcollection has for the same ways.
SYNONYMS = {"msi": "managed_identity", "cli": "azure_cli"}


@dataclasses.dataclass(frozen=True)
class Setting:
    """What the methods of signing in choose from."""

    options: Options
    key_store: KeyStore | None
    app_id: str | None
    note: t.Callable[[str], None]
    timing: Timing
    person: Person | None = None
    environment: t.Mapping[str, str] = dataclasses.field(default_factory=lambda: os.environ, repr=False)


def job_token(setting: Setting) -> JobToken | None:
    """The platform that vouches for this job, by its variables; a file that is named comes first."""
    variables = setting.environment
    path = trimmed(variables.get("AZURE_FEDERATED_TOKEN_FILE", ""))
    if path:
        return TokenFile(path, lambda: read_file(path, "AZURE_FEDERATED_TOKEN_FILE"))
    if variables.get("ACTIONS_ID_TOKEN_REQUEST_URL") and variables.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        return GitHubActions(variables["ACTIONS_ID_TOKEN_REQUEST_URL"], variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
    service_connection_id = variables.get("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID")
    if variables.get("SYSTEM_OIDCREQUESTURI") and variables.get("SYSTEM_ACCESSTOKEN") and service_connection_id:
        return AzurePipelines(
            variables["SYSTEM_OIDCREQUESTURI"], variables["SYSTEM_ACCESSTOKEN"], service_connection_id
        )
    return None


def _without(option: str, variable: str = "") -> t.Callable[[Setting], str | None]:
    """Why a way whose own option is not set is skipped."""
    why = f"{option} ({variable}) is not set." if variable else f"{option} is not set."
    return lambda setting: None if setting.options.get(option) else why


def _without_own_key(setting: Setting) -> str | None:
    if isinstance(setting.key_store, VaultStore):
        return "key_store is a vault, which another identity has to open."
    return _without("key_store")(setting)


def _without_job_token(setting: Setting) -> str | None:
    if job_token(setting):
        return None
    return "Neither AZURE_FEDERATED_TOKEN_FILE nor the variables of GitHub Actions or Azure Pipelines are set."


def _without_identity_variables(setting: Setting) -> str | None:
    """IMDS cannot be told from a network that swallows requests without asking it: it has to be asked for."""
    variables = setting.environment
    if "IDENTITY_ENDPOINT" in variables or ("MSI_ENDPOINT" in variables and "MSI_SECRET" in variables):
        return None
    return "IDENTITY_ENDPOINT is not set. On a virtual machine set auth_source to managed_identity."


def _without_login(setting: Setting) -> str | None:
    variables = setting.environment
    if not shutil.which("az", path=variables.get("PATH")):
        return "'az' is not on the PATH."
    folder = variables.get("AZURE_CONFIG_DIR") or os.path.join(os.path.expanduser("~"), ".azure")
    if not os.path.exists(os.path.join(folder, "azureProfile.json")):
        return "Nobody has signed in with 'az login'."
    return None


# What `auto` goes by, without asking anybody: the first way that has no reason to be skipped.
AUTO_ORDER: tuple[tuple[str, t.Callable[[Setting], str | None]], ...] = (
    ("access_token", _without("access_token", "ENTRA_ACCESS_TOKEN")),
    ("client_secret", _without("client_secret", "AZURE_CLIENT_SECRET")),
    ("certificate", _without("client_certificate_path", "AZURE_CLIENT_CERTIFICATE_PATH")),
    ("key_store", _without_own_key),
    ("workload_identity", _without_job_token),
    ("managed_identity", _without_identity_variables),
    ("azure_cli", _without_login),
    ("device_code", lambda setting: "It needs a person, so it has to be asked for."),
)


def choose(setting: Setting, problems: list[str]) -> Choice | None:
    """The way to sign in, and which were skipped for it."""
    asked = setting.options.get("auth_source") or "auto"
    if asked != "auto":
        return Choice(SYNONYMS.get(asked, asked))
    skipped: list[tuple[str, str]] = []
    for source, why_not in AUTO_ORDER:
        why = why_not(setting)
        if why is None:
            return Choice(source, tuple(skipped), is_automatic=True)
        skipped.append((source, why))
    reasons = " ".join(f"{source}: {why}" for source, why in skipped)
    problems.append(f"No way to sign in. {reasons}")
    return None
