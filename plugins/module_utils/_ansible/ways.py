# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to sign in: one table, and which of them `auto` takes, found out without asking anybody."""

from __future__ import annotations

import os
import shutil
import typing as t
from dataclasses import dataclass, field

from .._core.errors import EvercertError
from .._core.model import StoreContents
from .._entra.assertion import Signer
from .._entra.clock import Timing
from .._entra.sign_in.access_token import GivenToken
from .._entra.sign_in.azure_cli import AzureCli
from .._entra.sign_in.certificate import ClientCertificate
from .._entra.sign_in.client_secret import ClientSecret
from .._entra.sign_in.device_code import DeviceCode, Person
from .._entra.sign_in.key_store import KeyStoreCertificate
from .._entra.sign_in.managed_identity import ManagedIdentity
from .._entra.sign_in.method import SignInMethod
from .._entra.sign_in.workload_identity import (
    AzurePipelines,
    GitHubActions,
    JobToken,
    TokenFile,
    WorkloadIdentity,
)
from .._keys.directory import DirectoryStore
from .._steps.connection import Choice
from .arguments import Options
from .files import read_file, read_key_pair
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


def _access_token(setting: Setting) -> SignInMethod:
    return GivenToken(setting.options.get("access_token"))


def _client_secret(setting: Setting) -> SignInMethod:
    return ClientSecret(setting.options.get("client_id"), setting.options.get("client_secret"))


def _certificate(setting: Setting) -> SignInMethod:
    options, path = setting.options, setting.options.get("client_certificate_path")

    def load() -> Signer:
        return read_key_pair(path or "", options.get("client_certificate_passphrase"), "client_certificate_path")

    return ClientCertificate(options.get("client_id"), path, load)


def _key_store(setting: Setting) -> SignInMethod:
    def load() -> Signer:
        return _current_key(setting.shelf.directory)

    return KeyStoreCertificate(setting.app_id, setting.shelf.location, load, setting.note)


def _current_key(store: DirectoryStore | None) -> Signer:
    contents = store.read() if store else StoreContents()
    if store is None or contents.current is None:
        where = store.location if store else ""
        nothing = f"The key store {where} holds no current certificate to sign in with."
        raise EvercertError(contents.obstacle.sentence if contents.obstacle else nothing)
    return store.signer(contents.current.thumbprint)


def _workload_identity(setting: Setting) -> SignInMethod:
    return WorkloadIdentity(setting.options.get("client_id"), _job_token(setting))


def _managed_identity(setting: Setting) -> SignInMethod:
    return ManagedIdentity(setting.options.get("client_id"), "IDENTITY_SERVER_THUMBPRINT" in setting.environment)


def _azure_cli(setting: Setting) -> SignInMethod:
    return AzureCli(shutil.which("az", path=setting.environment.get("PATH")))


def _device_code(setting: Setting) -> SignInMethod:
    return DeviceCode(setting.options.get("client_id"), setting.person, setting.timing)


def _job_token(setting: Setting) -> JobToken | None:
    """The platform that vouches for this job, by its variables; a file that is named comes first."""
    options, variables = setting.options, setting.environment
    path = options.get("federated_token_file")
    if path:
        return TokenFile(path, lambda: read_file(path, "federated_token_file"))
    if variables.get("ACTIONS_ID_TOKEN_REQUEST_URL") and variables.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        return GitHubActions(variables["ACTIONS_ID_TOKEN_REQUEST_URL"], variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
    service_connection_id = options.get("service_connection_id")
    if variables.get("SYSTEM_OIDCREQUESTURI") and variables.get("SYSTEM_ACCESSTOKEN") and service_connection_id:
        return AzurePipelines(
            variables["SYSTEM_OIDCREQUESTURI"], variables["SYSTEM_ACCESSTOKEN"], service_connection_id
        )
    return None


def _without(option: str, variable: str = "") -> t.Callable[[Setting], str | None]:
    """Why a way whose own option is not set is skipped."""

    def why(setting: Setting) -> str | None:
        if setting.options.get(option):
            return None
        if setting.environment.get(variable) and any(setting.options.get(name) for name in CREDENTIALS):
            return f"{variable} is set, and not used beside a credential that is named."
        return f"{option} ({variable}) is not set." if variable else f"{option} is not set."

    return why


def _without_own_key(setting: Setting) -> str | None:
    if setting.shelf.vault_url:
        return "key_store is a vault, which another identity has to open."
    return _without("key_store")(setting)


def _without_job_token(setting: Setting) -> str | None:
    if _job_token(setting):
        return None
    return "Neither federated_token_file nor the variables of GitHub Actions or Azure Pipelines are set."


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


@dataclass(frozen=True)
class Way:
    """One way to sign in, and all that is said of it anywhere."""

    name: str
    build: t.Callable[[Setting], SignInMethod]
    # Why `auto` passes it over, or None: asked of everybody in turn, without network.
    why_not: t.Callable[[Setting], str | None]
    # The options that are a credential of this way, or belong to one.
    credentials: tuple[str, ...] = ()
    # The names that azure.azcollection has for it.
    synonyms: tuple[str, ...] = ()
    # Whether it has to be told in which tenant it signs in.
    needs_tenant: bool = True
    # Whether the tasks of a play may use one token of it.
    is_shared: bool = True
    # Why it cannot sign in again and again with nobody there, and why it cannot list a tenant; empty where it can.
    not_for_polls: str = ""
    not_for_inventories: str = ""


# In the order of `auto`. To add a way: its file in _entra/sign_in/, what makes it above, its row here, its options.
WAYS: tuple[Way, ...] = (
    Way(
        "access_token",
        _access_token,
        _without("access_token", "ENTRA_ACCESS_TOKEN"),
        credentials=("access_token",),
        needs_tenant=False,
        is_shared=False,  # it belongs to whoever handed it in
    ),
    Way(
        "client_secret",
        _client_secret,
        _without("client_secret", "AZURE_CLIENT_SECRET"),
        credentials=("client_secret",),
    ),
    Way(
        "certificate",
        _certificate,
        _without("client_certificate_path", "AZURE_CLIENT_CERTIFICATE_PATH"),
        credentials=("client_certificate_path", "client_certificate_passphrase"),
    ),
    Way(
        "key_store",
        _key_store,
        _without_own_key,
        is_shared=False,  # each sign-in is proof that the key is accepted
        not_for_polls="signs in as one application",
        not_for_inventories=(
            "is for one application that renews itself. To list with such an application, name its file "
            "current/bundle.pem in client_certificate_path, and its client_id."
        ),
    ),
    Way(
        "workload_identity",
        _workload_identity,
        _without_job_token,
        credentials=("federated_token_file", "service_connection_id"),
    ),
    Way("managed_identity", _managed_identity, _without_identity_variables, synonyms=("msi",)),
    Way("azure_cli", _azure_cli, _without_login, synonyms=("cli",)),
    Way(
        "device_code",
        _device_code,
        lambda setting: "It needs a person, so it has to be asked for.",
        is_shared=False,  # a person signs in for one task
        not_for_polls="needs a person",
    ),
)

# How to sign in goes together: whoever names one of these has none from elsewhere.
CREDENTIALS = tuple(option for way in WAYS for option in way.credentials)
# The secrets among them that only open what another one names.
OPENS = {"client_certificate_passphrase": "client_certificate_path"}


def way_of(auth_source: str | None) -> Way | None:
    """The way that a value of auth_source names; None for auto, which names none."""
    return next((way for way in WAYS if auth_source == way.name or auth_source in way.synonyms), None)


@dataclass(frozen=True)
class Identity:
    """Who signs in, by which way, and how that was chosen."""

    way: Way
    choice: Choice
    method: SignInMethod
    # The options of this way that the environment gave.
    from_environment: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """Where it came from, as far as no task says so: for whoever reads that it was refused."""
        told = [f"auth_source auto took {self.way.name}."] if self.choice.is_automatic else []
        told += [f"From the environment: {', '.join(self.from_environment)}."] if self.from_environment else []
        return f" ({' '.join(told)})" if told else ""


def identify(setting: Setting, problems: list[str]) -> Identity | None:
    """The identity that the options ask for, else the first one that is configured."""
    asked = way_of(setting.options.get("auth_source"))
    if asked:
        return _identity(asked, Choice(asked.name), setting)
    skipped: list[tuple[str, str]] = []
    for way in WAYS:
        why = way.why_not(setting)
        if why is None:
            return _identity(way, Choice(way.name, tuple(skipped), is_automatic=True), setting)
        skipped.append((way.name, why))
    problems.append(f"No way to sign in. {' '.join(f'{name}: {why}' for name, why in skipped)}")
    return None


def _identity(way: Way, choice: Choice, setting: Setting) -> Identity:
    method = way.build(setting)
    client_id = getattr(method, "client_id", None)  # not every way has one, and the key store may know another
    used = ("client_id", *way.credentials) if client_id == setting.options.get("client_id") else way.credentials
    return Identity(way, choice, method, tuple(name for name in used if name in setting.from_environment))
