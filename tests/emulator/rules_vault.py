# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a vault refuses (facts section 14 and the pages that vaults.py names)."""

from __future__ import annotations

import re

from . import access_tokens
from .errors import GraphError, VaultError
from .vaults import resource_of

NEEDED = {"sign_with_key": "crypto"}
API_VERSIONS = ("7.0", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01")  # 14 V as what clients send
DIGEST = re.compile(r"[A-Za-z0-9_-]+")


def check(call):
    """Who asks, and whether this vault lets them."""
    call.claims = _claims(call)
    refuse_another_api_version(call)
    vault = call.vault
    if vault is None:
        raise VaultError(404, "VaultNotFound", f"There is no vault at {call.host}.")
    if vault.blocks_network:
        message = "Client address is not authorized and caller is not a trusted service."
        raise VaultError(403, "Forbidden", message, inner="ForbiddenByFirewall")
    if NEEDED.get(call.operation, "certificates") not in vault.roles.get(call.app_id, ()):
        message = "Caller is not authorized to perform action on resource."
        raise VaultError(403, "Forbidden", message, inner="ForbiddenByRbac")


def _claims(call):
    """14 V: without a token of this vault's resource, 401 says where to get one."""
    try:
        return access_tokens.check(call, {resource_of(call.host)})
    except GraphError as error:
        root = f"https://{_login_host(call)}/{call.tenant.id}"
        resource = call.tenant.switches.vault_resource or resource_of(call.host)
        challenge = f'Bearer authorization="{root}", resource="{resource}"'
        words = "AKV10000: Request is missing a Bearer or PoP token." if _is_bare(call) else error.message
        raise VaultError(401, "Unauthorized", words, headers={"WWW-Authenticate": challenge}) from error


def _is_bare(call):
    return not call.headers.get("Authorization")


def _login_host(call):
    """14 V, recorded challenge: a vault of the public cloud still names login.windows.net."""
    public = resource_of(call.host) == "https://vault.azure.net"
    return "login.windows.net" if public else call.login_host


def refuse_another_api_version(call):
    """14 V that the query names one; U on the answer, and that the token is asked for first."""
    if call.query.get("api-version") not in API_VERSIONS:
        message = f"The api-version is missing or not supported. Known: {', '.join(API_VERSIONS)}."
        raise VaultError(400, "BadParameter", message)


def refuse_what_is_no_base64url(text):
    """14 V: a digest comes as base64url without padding."""
    if not isinstance(text, str) or not DIGEST.fullmatch(text):
        raise VaultError(400, "BadParameter", "Property value is not base64url.")


def refuse_a_deleted_name(vault, name):
    """14 U, message P."""
    if vault.is_deleted(name):
        message = (
            f"Certificate {name} is currently in a deleted but recoverable state, and its name cannot be reused; in "
            "this state, the certificate can only be recovered or purged."
        )
        raise VaultError(409, "Conflict", message, inner="ObjectIsDeletedButRecoverable")


def refuse_a_second_operation(certificate):
    """P."""
    if certificate and certificate.pending and certificate.pending.status == "inProgress":
        message = "A new key vault certificate can not be created or imported while a pending key vault certificate's "
        raise VaultError(409, "Conflict", message + "status is inProgress.", inner="PendingOperation")


def refuse_tags_out_of_bounds(call, tags):
    """U: 15 tags of 256 characters."""
    longest = call.tenant.switches.vault_tag_length
    texts = [text for pair in tags.items() for text in pair]
    if len(tags) > 15 or not all(isinstance(text, str) and len(text) <= longest for text in texts):
        raise VaultError(400, "BadParameter", "The tags exceed their number or length.")


def refuse_a_key_that_may_not_sign(version, now):
    """V: operations outside nbf and exp, or while disabled, are disallowed; codes P."""
    if not version.enabled:
        raise VaultError(403, "Forbidden", "Operation sign is not allowed on a disabled key.", inner="KeyDisabled")
    if now < version.not_before:
        raise VaultError(403, "Forbidden", "Operation sign is not allowed on a key not yet valid.", "KeyNotYetValid")
    if now >= version.not_after:
        raise VaultError(403, "Forbidden", "Operation sign is not allowed on an expired key.", inner="KeyExpired")
