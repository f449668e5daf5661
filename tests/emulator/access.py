# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding what a request is about, asking whether it is allowed, and showing it (facts sections 7.3 and 10)."""

from __future__ import annotations

from itertools import islice

from . import listing, roles
from .errors import denied, not_found


def states_of(histories, view, after=0):
    """What a replica shows of a collection without what is deleted, each with its position, which it keeps for ever."""
    for position, history in enumerate(islice(histories.values(), after, None), after + 1):
        state = view.of(history)
        if state and not state.deleted:
            yield position, state


def _find(histories, by_app_id, reference, view):
    """An object by id, or by appId: in the form that the router makes of (appId='…'). An appId as id is 404 (7.3 V)."""
    if reference.startswith("appId:"):
        history = by_app_id(reference.removeprefix("appId:"))
    else:
        history = histories.get(reference.lower())
    state = view.of(history) if history else None
    if state is None or state.deleted:
        raise not_found(reference.removeprefix("appId:"))
    return history, state


def find_application(call, reference, view):
    directory = call.tenant.directory
    return _find(directory.applications, directory.by_app_id, reference, view)


def find_principal(call, reference, view):
    directory = call.tenant.directory
    return _find(directory.service_principals, directory.principal_of, reference, view)


def require_any(call, needed):
    """403 unless the token has one of these roles."""
    if not needed & call.roles:
        raise denied()


def require_write(call, application):
    """403 unless the caller may write every application, or owns this one."""
    owns = call.claims["oid"] in application.owners
    if "Application.ReadWrite.All" in call.roles or ("Application.ReadWrite.OwnedBy" in call.roles and owns):
        return
    raise denied()


def require_write_principal(call, principal):
    """403 unless the caller may write service principals, or owns the application of this one (10; owner: U)."""
    history = call.tenant.directory.by_app_id(principal.app_id)
    if history and history.primary:
        require_write(call, history.primary)
    else:
        require_any(call, {"Application.ReadWrite.All"})


def require_read(call, application=None):
    """403 unless the caller may read applications; whether OwnedBy reads all of them is a switch (10 U)."""
    require_any(call, roles.READ_APPLICATIONS)
    others = call.roles & (roles.READ_APPLICATIONS - {"Application.ReadWrite.OwnedBy"})
    if application and not others and not call.tenant.switches.owned_by_reads_all:
        require_write(call, application)


def page(call, states_after, collection, shape):
    return listing.page(states_after, call.query, call.headers, call.root, collection, shape)


def single(call, collection, shape):
    """One object; `key` only when keyCredentials is selected (1.2 V)."""
    listing.refuse_unknown_options(call.query, frozenset({"$select", "$expand"}))
    names = listing.selected(call.query)
    body = listing.project(shape("keyCredentials" in (names or ())), names, collection)
    return call.json({"@odata.context": listing.context(call.root, collection, names, single=True), **body})
