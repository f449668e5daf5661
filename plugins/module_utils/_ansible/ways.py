# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to sign in: one table of all that is said of them anywhere."""

from __future__ import annotations

import shutil
import typing as t
from dataclasses import dataclass

from .._core.errors import EvercertError
from .._core.model import StoreContents
from .._entra.assertion import Signer
from .._entra.sign_in.access_token import GivenToken
from .._entra.sign_in.azure_cli import AzureCli
from .._entra.sign_in.certificate import ClientCertificate
from .._entra.sign_in.client_secret import ClientSecret
from .._entra.sign_in.device_code import DeviceCode
from .._entra.sign_in.key_store import KeyStoreCertificate
from .._entra.sign_in.managed_identity import ManagedIdentity
from .._entra.sign_in.method import SignInMethod
from .._entra.sign_in.workload_identity import WorkloadIdentity
from .._keys.store import KeyReader
from .files import read_key_pair
from .setting import (
    Setting,
    job_token,
    without,
    without_identity_variables,
    without_job_token,
    without_login,
    without_own_key,
)


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
        return _current_key(setting.shelf.at_hand)

    return KeyStoreCertificate(setting.app_id, setting.shelf.location, load, setting.note)


def _current_key(store: KeyReader | None) -> Signer:
    contents = store.read() if store else StoreContents()
    if store is None or contents.current is None:
        where = store.location if store else ""
        nothing = f"The key store {where} holds no current certificate to sign in with."
        raise EvercertError(contents.obstacle.sentence if contents.obstacle else nothing)
    return store.signer(contents.current.thumbprint)


def _workload_identity(setting: Setting) -> SignInMethod:
    return WorkloadIdentity(setting.options.get("client_id"), job_token(setting))


def _managed_identity(setting: Setting) -> SignInMethod:
    return ManagedIdentity(setting.options.get("client_id"), "IDENTITY_SERVER_THUMBPRINT" in setting.environment)


def _azure_cli(setting: Setting) -> SignInMethod:
    return AzureCli(shutil.which("az", path=setting.environment.get("PATH")))


def _device_code(setting: Setting) -> SignInMethod:
    return DeviceCode(setting.options.get("client_id"), setting.person, setting.timing)


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
        without("access_token", "ENTRA_ACCESS_TOKEN"),
        credentials=("access_token",),
        needs_tenant=False,
        is_shared=False,  # it belongs to whoever handed it in
    ),
    Way(
        "client_secret",
        _client_secret,
        without("client_secret", "AZURE_CLIENT_SECRET"),
        credentials=("client_secret",),
    ),
    Way(
        "certificate",
        _certificate,
        without("client_certificate_path", "AZURE_CLIENT_CERTIFICATE_PATH"),
        credentials=("client_certificate_path", "client_certificate_passphrase"),
    ),
    Way(
        "key_store",
        _key_store,
        without_own_key,
        is_shared=False,  # each sign-in is proof that the key is accepted
        not_for_polls="signs in as one application",
        not_for_inventories=(
            "is for one application that renews itself. To list with such an application, name its file "
            "current/bundle.pem in client_certificate_path, and its client_id."
        ),
    ),
    Way("workload_identity", _workload_identity, without_job_token),
    Way("managed_identity", _managed_identity, without_identity_variables, synonyms=("msi",)),
    Way("azure_cli", _azure_cli, without_login, synonyms=("cli",)),
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
