# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options → Connection, for modules and plugins alike. Every problem is found before anything is sent."""

from __future__ import annotations

import dataclasses
import functools
import os
import shutil
import typing as t

from .._core.errors import EvercertError, InvalidInput, KeyStoreError, SignInRefused
from .._core.model import StoreContents
from .._entra.algorithm import Algorithm
from .._entra.assertion import Signer
from .._entra.clock import ServiceClock, Timing
from .._entra.clouds import Cloud, find_cloud, names, problems_of_url, without_secrets
from .._entra.graph import GraphClient
from .._entra.key_vault import KeyVault
from .._entra.patience import VAULT_TOKENS, Patience
from .._entra.sign_in.access_token import GivenToken
from .._entra.sign_in.azure_cli import AzureCli
from .._entra.sign_in.certificate import ClientCertificate
from .._entra.sign_in.client_secret import ClientSecret
from .._entra.sign_in.device_code import DeviceCode, Person
from .._entra.sign_in.key_store import KeyStoreCertificate
from .._entra.sign_in.managed_identity import ManagedIdentity
from .._entra.sign_in.method import SignInMethod
from .._entra.sign_in.workload_identity import WorkloadIdentity
from .._entra.tokens import AccessToken, TokenService
from .._entra.transport import Transport
from .._keys.directory import DirectoryStore
from .._keys.key_pair import certificate_from_der
from .._keys.protection import Protection, wanted_access
from .._keys.store import KeyStore
from .._keys.vault import VaultStore
from .._keys.vault_keys import Vault
from .._steps.connection import Choice, Connection, Selector
from . import arguments
from .arguments import Options
from .choosing import Setting, choose, job_token
from .files import read_key_pair
from .requests_transport import RequestsTransport
from .sharing import share
from .timing import PlainTiming


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
    store = setting.key_store

    def load() -> Signer:
        contents = store.read() if store else StoreContents()
        if store is None or contents.current is None:
            where = store.location if store else ""
            nothing = f"The key store {where} holds no current certificate to sign in with."
            raise EvercertError(contents.obstacle.sentence if contents.obstacle else nothing)
        return store.signer(contents.current.thumbprint)

    return KeyStoreCertificate(setting.app_id, store.location if store else None, load, setting.note)


def _device_code(setting: Setting) -> SignInMethod:
    return DeviceCode(setting.options.get("client_id"), setting.person, setting.timing)


def _workload_identity(setting: Setting) -> SignInMethod:
    return WorkloadIdentity(setting.options.get("client_id"), job_token(setting))


def _managed_identity(setting: Setting) -> SignInMethod:
    return ManagedIdentity(setting.options.get("client_id"), "IDENTITY_SERVER_THUMBPRINT" in setting.environment)


def _azure_cli(setting: Setting) -> SignInMethod:
    return AzureCli(shutil.which("az", path=setting.environment.get("PATH")))


# auth_source → how to make it. Adding a method: a file in _entra/sign_in/, a function here, a line in this table.
METHODS: dict[str, t.Callable[[Setting], SignInMethod]] = {
    "access_token": _access_token,
    "client_secret": _client_secret,
    "certificate": _certificate,
    "key_store": _key_store,
    "workload_identity": _workload_identity,
    "managed_identity": _managed_identity,
    "azure_cli": _azure_cli,
    "device_code": _device_code,
}


def open_connection(
    options: Options,
    *,
    check_mode: bool = False,
    warn: t.Callable[[str], None] = lambda message: None,
    timing: Timing | None = None,
    transport: Transport | None = None,
    needs_application: bool = True,
    problems: t.Sequence[str] = (),
    person: Person | None = None,
    is_audit: bool = False,
    signs_in: bool = False,
) -> Connection:
    """The connection that the options describe. Raises InvalidInput with every problem; sends nothing.

    `signs_in` is for what signs in with the application's own key, whoever reads and writes the directory.
    An audit gives way: where the service's limits are near, its requests are refused before those of a renewal.
    """
    found = [*arguments.problems_of(options), *problems]
    timing = timing or PlainTiming()
    transport = transport or RequestsTransport(options.get("ca_path"))
    patience = Patience(timing)
    connection: list[Connection] = []

    def sign_in_to_vault(resource: str) -> AccessToken:
        return _token_for(resource, connection[0], options)

    cloud = _cloud(options, found)
    store = _store(options, found, lambda location: KeyVault(transport, timing, location, sign_in_to_vault, patience))
    recorded = _recorded_app_id(options, store, found)

    def note(thumbprint: str) -> None:
        connection[0].wait_for_budget()
        connection[0].note_sign_in(thumbprint, "read")

    setting = Setting(options, store, _own_app_id(options, recorded), note, timing, person)
    choice = choose(setting, found)
    source = choice.source if choice else None
    if isinstance(store, VaultStore):
        found += arguments.problems_of_vault(options, source)
    selector = _selector(options, recorded, source)
    identity = METHODS[source](setting) if source else None
    found += identity.problems() if identity else []
    if not options.get("tenant_id") and source != "access_token":
        found.append("tenant_id is needed (AZURE_TENANT_ID): the tenant's GUID or domain.")
    elif not options.get("tenant_id") and signs_in:
        found.append(
            "tenant_id is needed (AZURE_TENANT_ID) beside access_token: the application itself signs in there."
        )
    if not selector and (needs_application or store):
        found.append("Name the application: app_id, object_id or display_name.")
    if found or choice is None or identity is None or cloud is None:
        raise InvalidInput(found)
    connection.append(_assemble(options, selector, identity, cloud, store, patience, transport, choice))
    connection[0].notes_sign_ins = not check_mode
    connection[0].warn = warn
    connection[0].graph.priority = "Low" if is_audit else None
    return connection[0]


def _assemble(
    options: Options,
    selector: Selector,
    identity: SignInMethod,
    cloud: Cloud,
    store: KeyStore | None,
    patience: Patience,
    transport: Transport,
    choice: Choice,
) -> Connection:
    timing = patience.timing
    clock = ServiceClock(timing, arguments.fixed_now(options))
    algorithm = Algorithm(cloud.authority_host, functools.partial(_remembered_algorithms, store))
    service = TokenService(transport, clock, cloud, options.get("tenant_id") or "", algorithm)
    graph = GraphClient(transport, clock, timing, cloud, lambda: _sign_in(identity, service, choice), patience)
    connection = Connection(
        selector=selector,
        transport=transport,
        timing=timing,
        clock=clock,
        service=service,
        identity=identity,
        graph=graph,
        parse_certificate=certificate_from_der,
        key_store=store,
        proof=arguments.proof_policy(options),
        choice=choice,
    )
    share(connection, options)
    return connection


def _sign_in(identity: SignInMethod, service: TokenService, choice: Choice) -> AccessToken:
    """A token. Where auto chose the way, a refusal says which one that was: nobody else named it."""
    try:
        return identity.token(service)
    except SignInRefused as refused:
        if not choice.is_automatic:
            raise
        message = f"{refused.message} (auth_source auto took {choice.source}.)"
        raise SignInRefused(message, refused.diagnosis) from refused


def _cloud(options: Options, problems: list[str]) -> Cloud | None:
    for name in ("authority_host", "graph_url"):
        problems += problems_of_url(name, options.get(name))
    cloud = find_cloud(options.get("cloud") or "public", options.get("authority_host"), options.get("graph_url"))
    if cloud is None:
        problems.append(f"cloud must be one of {', '.join(names())}, not '{options.get('cloud')}'.")
    ca_path = options.get("ca_path")
    if ca_path and not os.path.exists(ca_path):
        problems.append(f"ca_path: {ca_path} does not exist.")
    return cloud


def _token_for(resource: str, connection: Connection, options: Options) -> AccessToken:
    """A token of the same identity for something else than Graph."""
    cloud = dataclasses.replace(connection.service.cloud, graph_url=resource)
    tenant_id, algorithm = options.get("tenant_id") or "", connection.service.algorithm
    service = TokenService(connection.transport, connection.clock, cloud, tenant_id, algorithm)
    return connection.graph.patience.repeat(VAULT_TOKENS, lambda: connection.identity.token(service))


def _remembered_algorithms(store: KeyStore | None) -> list[str]:
    """What earlier runs had to sign with. Whatever speaks against reading the store is said where it is needed."""
    try:
        versions = store.read().versions if store else ()
    except EvercertError:
        return []
    return [version.record.assertion_alg for version in versions if version.record.assertion_alg]


def _store(
    options: Options, problems: list[str], open_vault: t.Callable[[str], Vault]
) -> DirectoryStore | VaultStore | None:
    location = options.get("key_store")
    if not location:
        return None
    if arguments.VAULT.fullmatch(location):
        return VaultStore(open_vault(location), bool(options.get("exportable")))
    if "://" in location or "\n" in location:
        problems.append(
            "key_store must be a directory on the host that runs the module, or https://<vault>/certificates/<name>, "
            f"not '{without_secrets(location)}'."
        )
        return None
    if not os.path.isabs(location):
        problems.append(
            "key_store must be an absolute path, or begin with ~ or a variable such as $HOME: a relative one is "
            f"another directory wherever the module runs, and '{location}' is relative."
        )
        return None
    if options.get("exportable") is not None:
        problems.append("exportable is for a key store in Azure Key Vault, not for a directory.")
    if os.path.exists(location) and not os.path.isdir(location):
        problems.append(f"key_store must be a directory, and {location} is a file.")
        return None
    access = wanted_access(options.get("group"), problems)
    return DirectoryStore(location, Protection(access, options.get("key_passphrase")))


def _selector(options: Options, recorded: str | None, source: str | None) -> Selector:
    """The application named; else the one that signs in as itself, or that the key store was made for."""
    named = Selector(options.get("app_id"), options.get("object_id"), options.get("display_name"))
    if named or not options.get("key_store"):
        return named
    return Selector(app_id=_own_app_id(options, recorded) if source == "key_store" else recorded)


def _own_app_id(options: Options, recorded: str | None) -> str | None:
    """The application that signs in as itself: app_id wins over client_id, which the environment may set for others."""
    return options.get("app_id") or options.get("client_id") or recorded


def _recorded_app_id(options: Options, store: KeyStore | None, problems: list[str]) -> str | None:
    """The application that the key store was made for, read only where app_id does not say it."""
    if store is None or options.get("app_id") or isinstance(store, VaultStore):
        return None
    try:
        return next((version.record.app_id for version in store.look().versions if version.record.app_id), None)
    except KeyStoreError as error:
        problems.append(error.message)
        return None
