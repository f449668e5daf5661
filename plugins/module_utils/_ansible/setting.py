# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host has to sign in with, and why a way to sign in is passed over here. Found out without asking anybody."""

from __future__ import annotations

import os
import shutil
import typing as t
from dataclasses import dataclass, field

from .._core.texts import trimmed
from .._entra.clock import Timing
from .._entra.sign_in.device_code import Person
from .._entra.sign_in.workload_identity import AzurePipelines, GitHubActions, JobToken, TokenFile
from .arguments import Options
from .files import read_file
from .shelf import Shelf


@dataclass(frozen=True)
class Setting:
    """What the ways to sign in choose from, and are made of."""

    options: Options
    shelf: Shelf
    # The application that signs in as itself, and what is done before it does.
    app_id: str | None
    note: t.Callable[[str], None]
    timing: Timing
    person: Person | None = None
    # The options that the environment gave, and its variables.
    from_environment: t.Collection[str] = ()
    environment: t.Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


def job_token(setting: Setting) -> JobToken | None:
    """The platform that vouches for this job, by its variables; a file that is named comes first."""
    variables = setting.environment
    path = trimmed(variables.get("AZURE_FEDERATED_TOKEN_FILE", ""))
    if path:
        return TokenFile(path, lambda: read_file(path, "AZURE_FEDERATED_TOKEN_FILE"))
    if variables.get("ACTIONS_ID_TOKEN_REQUEST_URL") and variables.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        return GitHubActions(variables["ACTIONS_ID_TOKEN_REQUEST_URL"], variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
    service_connection_id = trimmed(variables.get("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", ""))
    if variables.get("SYSTEM_OIDCREQUESTURI") and variables.get("SYSTEM_ACCESSTOKEN") and service_connection_id:
        return AzurePipelines(
            variables["SYSTEM_OIDCREQUESTURI"], variables["SYSTEM_ACCESSTOKEN"], service_connection_id
        )
    return None


def without(option: str, variable: str = "") -> t.Callable[[Setting], str | None]:
    """Why a way whose own option is not set is skipped."""

    def why(setting: Setting) -> str | None:
        if setting.options.get(option):
            return None
        if setting.environment.get(variable):
            return f"{variable} is set, and not used beside what the options say."
        return f"{option} ({variable}) is not set." if variable else f"{option} is not set."

    return why


def without_own_key(setting: Setting) -> str | None:
    if setting.shelf.needs_identity:
        return "key_store is a vault, which another identity has to open."
    return without("key_store")(setting)


def without_job_token(setting: Setting) -> str | None:
    if job_token(setting):
        return None
    return "Neither AZURE_FEDERATED_TOKEN_FILE nor the variables of GitHub Actions or Azure Pipelines are set."


def without_identity_variables(setting: Setting) -> str | None:
    """IMDS cannot be told from a network that swallows requests without asking it: it has to be asked for."""
    variables = setting.environment
    if "IDENTITY_ENDPOINT" in variables or ("MSI_ENDPOINT" in variables and "MSI_SECRET" in variables):
        return None
    return "IDENTITY_ENDPOINT is not set. On a virtual machine set auth_source to managed_identity."


def without_login(setting: Setting) -> str | None:
    variables = setting.environment
    if not shutil.which("az", path=variables.get("PATH")):
        return "'az' is not on the PATH."
    folder = variables.get("AZURE_CONFIG_DIR") or os.path.join(os.path.expanduser("~"), ".azure")
    if not os.path.exists(os.path.join(folder, "azureProfile.json")):
        return "Nobody has signed in with 'az login'."
    return None
