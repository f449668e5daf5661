# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What someone else may do to the world: used by the control API, by scenarios, and by faults of kind `change`."""

from __future__ import annotations

from . import certificates


def add_credential(tenant, application, certificate=None, days=180, display_name=None):
    """Register a certificate (PEM), or a new one of nobody's, as someone else in the portal."""
    if certificate is None:
        certificate = tenant.issue("someone-else", starts=-1, ends=days, key=certificates.new_key())
    named = {"display_name": display_name} if display_name else {}
    entry = tenant.add_credential(application, certificate, **named)
    return {"key_id": entry.key_id, "thumbprint": entry.certificate.thumbprint}


def remove_credential(tenant, application, key_id=None, thumbprint=None):
    """Remove a certificate by key id or thumbprint; without either, the newest."""
    entries = tenant.application(application).key_credentials
    wanted = [one for one in entries if key_id in (None, one.key_id)]
    if thumbprint:
        wanted = [one for one in wanted if one.certificate and one.certificate.thumbprint == thumbprint.upper()]
    if not wanted:
        raise LookupError("No such credential.")
    tenant.remove_credential(application, wanted[-1].key_id)
    return {"key_id": wanted[-1].key_id}


def disable(tenant, application):
    """Stop the application from signing in (7000112)."""
    tenant.enable(application, False)


def enable(tenant, application):
    tenant.enable(application)


def soft_delete(tenant, application):
    """404 at Graph, 700016 at sign-in, until restored."""
    tenant.soft_delete(application)


def restore(tenant, application):
    tenant.restore(application)


def grant(tenant, application, roles):
    """Consent to application permissions of Microsoft Graph."""
    tenant.grant(application, *roles)


def revoke(tenant, application):
    """Withdraw every application permission: the missing consent."""
    tenant.change_service_principal(application, assignments=())


def disable_by_microsoft(tenant, application):
    """What nobody in the tenant can undo (facts section 10)."""
    tenant.change_service_principal(application, disabled_by_microsoft="DisabledDueToViolationOfServicesAgreement")


def remove_service_principal(tenant, application):
    """7000229 at sign-in."""
    tenant.change_service_principal(application, deleted="2026-01-01T00:00:00Z")


def block_sign_in(tenant, application):
    """Conditional access for workload identities (53003)."""
    tenant.conditional_access.add(tenant.application(application).app_id)


def unblock_sign_in(tenant, application):
    tenant.conditional_access.discard(tenant.application(application).app_id)


def add_user(tenant, name, directory_roles=()):
    """A person, with directory roles such as Application Administrator."""
    return {"object_id": tenant.add_user(name, directory_roles).object_id}


def approve_device_code(tenant, user, user_code=None):
    """A person signs in: to the code named, to the one that waits, or to the next one."""
    tenant.device_codes.answer("approved", tenant.user(user), user_code)


def deny_device_code(tenant, user_code=None):
    tenant.device_codes.answer("denied", None, user_code)


def expire_device_codes(tenant):
    """Nobody answered in time."""
    tenant.device_codes.expire()


def federate(tenant, application, issuer, subject):
    """Let tokens of an outside issuer sign the application in."""
    tenant.federate(application, issuer, subject)


def limit_lifetime(tenant, max_lifetime, application=None, created_after=None):
    """An app management policy: for the tenant, or for one application."""
    tenant.limit_lifetime(max_lifetime, application, created_after)


def clock(tenant, advance=0.0, skew=None):
    """Let time pass, or set the service's clock wrong."""
    tenant.clock.advance(advance)
    if skew is not None:
        tenant.clock.skew = float(skew)


def lag(tenant, reads=None, sign_ins=None, after_reads=0, after_sign_ins=0, order="round_robin"):
    """Replication lag of directory reads and of the token service, each in seconds or after so many reads."""
    if reads is not None or after_reads:
        tenant.reads.lag(reads or 0.0, after_reads, order)
    if sign_ins is not None or after_sign_ins:
        tenant.sign_ins.lag(sign_ins or 0.0, after_sign_ins, order)


def switches(tenant, **values):
    """Decide what the documentation leaves open."""
    tenant.switches.set(**values)


def throttle(tenant, enabled=True, **limits):
    """Count resource units; limits as {units: [3500, 10]}."""
    tenant.throttle.enabled = enabled
    tenant.throttle.limits.update({name: tuple(limit) for name, limit in limits.items()})


def fault(tenant, kind, **details):
    """Ask for a fault."""
    return {"id": tenant.faults.add(kind, **details).id}


def add_vault(tenant, name, applications=()):
    """A key vault, and who may make certificates in it and sign with them."""
    vault = tenant.vaults.add(name)
    for application in applications:
        vault.allow(tenant.application(application))


def auto_renew(tenant, vault, certificate):
    """Key Vault makes a new version of a certificate by its policy, and tells nobody."""
    made = tenant.vaults.add(vault).auto_renew(certificate)
    return {"version": made.id, "thumbprint": made.pair.thumbprint}


def clear(tenant):
    """No fault, lag, skew, switch or throttle any more; the directory stays as it is."""
    tenant.faults.clear()
    tenant.reads.reset()
    tenant.sign_ins.reset()
    tenant.switches.reset()
    tenant.throttle.reset()
    tenant.conditional_access.clear()
    tenant.clock.skew = 0.0


ACTIONS = {
    function.__name__: function
    for function in (
        add_credential,
        remove_credential,
        disable,
        enable,
        soft_delete,
        restore,
        grant,
        revoke,
        disable_by_microsoft,
        remove_service_principal,
        block_sign_in,
        unblock_sign_in,
        add_user,
        approve_device_code,
        deny_device_code,
        expire_device_codes,
        federate,
        limit_lifetime,
        clock,
        lag,
        switches,
        throttle,
        fault,
        add_vault,
        auto_renew,
        clear,
    )
}


def perform(tenant, name, arguments):
    """Do one of the actions; LookupError for one that does not exist."""
    if name not in ACTIONS:
        raise LookupError(f"Unknown action {name!r}. Known: {', '.join(sorted(ACTIONS))}.")
    return ACTIONS[name](tenant, **arguments) or {}
