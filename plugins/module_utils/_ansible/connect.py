# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options → Connection, for modules and plugins alike. Every problem is found before anything is sent.

The place, the shelf with the keys, the application, the identity: each is found from those before it.
"""

from __future__ import annotations

from .._core.errors import EvercertError, InvalidInput
from .._core.which import Selector, Which
from .._entra.algorithm import Algorithm
from .._entra.graph import GraphClient
from .._entra.key_vault import KeyVault
from .._entra.tokens import TokenService
from .._keys.key_pair import certificate_from_der
from .._keys.life import KeyStore
from .._keys.store import KeyReader
from .._steps.connection import Connection, SignIns
from . import arguments, contradictions
from .arguments import Options
from .call import Call
from .identity import Identity, identify
from .place import Place, find_place
from .setting import Setting
from .sharing import Shares, shares_of
from .shelf import Shelf, find_shelf
from .tokens import Tokens


def open_connection(options: Options, call: Call | None = None) -> Connection:
    """The connection that the options describe. Raises InvalidInput with every problem; sends nothing."""
    call = call or Call()
    problems = [*arguments.problems_of(options), *call.problems]
    place = find_place(options, call, problems)
    shelf = find_shelf(options, problems)
    which = find_which(options, call, shelf, problems)
    sign_ins = SignIns(
        shelf.at_hand, place.clock, place.timing, arguments.proof_policy(options), are_noted=not call.check_mode
    )
    setting = Setting(
        options, shelf, which.itself, sign_ins.begin_reading, place.timing, call.person, call.from_environment
    )
    identity = identify(setting, problems)
    selector = which.selected(_signs_in_as_itself(options, identity))
    problems += _problems_of_identity(options, shelf, identity)
    problems += _problems_of_tenant(options, call, identity)
    if not selector and (call.needs_application or shelf.location):
        problems.append("Name the application: app_id, object_id or display_name.")
    if problems or identity is None:
        raise InvalidInput(problems)
    return _connect(options, call, place, shelf, selector, identity)


def find_which(options: Options, call: Call, shelf: Shelf, problems: list[str]) -> Which:
    """All that may say which application it is. The key store is asked only where app_id does not say it."""
    named = Selector(options.get("app_id"), options.get("object_id"), options.get("display_name"))
    client_id, is_around = options.get("client_id"), "client_id" in call.from_environment
    return Which(
        named=named,
        client_id=None if is_around else client_id,
        client_id_around=client_id if is_around else None,
        recorded=None if named.app_id else shelf.recorded_app_id(problems),
    )


def _signs_in_as_itself(options: Options, identity: Identity | None) -> bool:
    return identity is not None and identity.way.name == "key_store" and bool(options.get("key_store"))


def _problems_of_identity(options: Options, shelf: Shelf, identity: Identity | None) -> list[str]:
    source = identity.way.name if identity else None
    found = contradictions.problems_of_vault(options, source) if shelf.needs_identity else []
    return found + (identity.method.problems() if identity else [])


def _problems_of_tenant(options: Options, call: Call, identity: Identity | None) -> list[str]:
    if options.get("tenant_id"):
        return []
    if identity is None or identity.way.needs_tenant:
        return ["tenant_id is needed (AZURE_TENANT_ID): the tenant's GUID or domain."]
    if call.signs_in:
        return ["tenant_id is needed (AZURE_TENANT_ID) beside access_token: the application itself signs in there."]
    return []


def _connect(
    options: Options, call: Call, place: Place, shelf: Shelf, selector: Selector, identity: Identity
) -> Connection:
    shares = shares_of(identity.way.name, options, place.cloud.graph_url, place.tenant_id)
    tokens, store = _open(place, shelf, identity, shares)
    return Connection(
        selector=selector,
        transport=place.transport,
        timing=place.timing,
        clock=place.clock,
        service=tokens.service,
        identity=identity.method,
        graph=_graph(place, tokens, shares, call),
        parse_certificate=certificate_from_der,
        key_store=store,
        proof=arguments.proof_policy(options),
        choice=identity.choice,
        notes_sign_ins=not call.check_mode,
        repairs=call.repairs,
        warn=call.warn,
        forget_tokens=shares.tokens.forget_all if shares else lambda: None,
    )


def _open(place: Place, shelf: Shelf, identity: Identity, shares: Shares | None) -> tuple[Tokens, KeyStore | None]:
    """What signs in, and the key store. A vault opens with a token, and knows how a token has to be signed for."""
    algorithm = Algorithm(place.cloud.authority_host, lambda: _remembered_algorithms(store))
    service = TokenService(place.transport, place.clock, place.cloud, place.tenant_id, algorithm)
    tokens = Tokens(identity, service, place.patience, shares.tokens if shares and identity.way.is_shared else None)
    store = shelf.open(lambda url: KeyVault(place.transport, place.timing, url, tokens.for_vault, place.patience))
    return tokens, store


def _graph(place: Place, tokens: Tokens, shares: Shares | None, call: Call) -> GraphClient:
    return GraphClient(
        place.transport,
        place.clock,
        place.timing,
        place.cloud,
        tokens.for_graph,
        place.patience,
        priority="Low" if call.is_audit else None,
        turns=shares.turns if shares else None,
        drop_token=tokens.drop,
    )


def _remembered_algorithms(store: KeyReader | None) -> list[str]:
    """What earlier runs had to sign with. Whatever speaks against reading the store is said where it is needed."""
    try:
        versions = store.read().versions if store else ()
    except EvercertError:
        return []
    return [version.record.assertion_alg for version in versions if version.record.assertion_alg]
