# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directory objects as Graph shows them (facts sections 1, 11, 12 and 13)."""

from __future__ import annotations

from .model import GRAPH_APP_ID

APPLICATION_TEXTS = {"displayName": "display_name", "signInAudience": "sign_in_audience", "notes": "notes"}
APPLICATION_PATCHABLE = {
    **APPLICATION_TEXTS,
    "tags": "tags",
    "identifierUris": "identifier_uris",
    "requiredResourceAccess": "required_resource_access",
    "tokenEncryptionKeyId": "token_encryption_key_id",
}


# Where people are sent back to after they signed in (V: "application resource type" of the Graph reference).
REDIRECTS = {
    "publicClient": {"redirectUris": []},
    "web": {
        "homePageUrl": None,
        "logoutUrl": None,
        "redirectUris": [],
        "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": False},
        "redirectUriSettings": [],
    },
    "spa": {"redirectUris": []},
}
# What no rehearsal needs and a real answer has: recorded list_by_app_id (2025-04), names in its order.
PLAIN = {
    "info": dict.fromkeys(("logoUrl", "marketingUrl", "privacyStatementUrl", "supportUrl", "termsOfServiceUrl")),
    "parentalControlSettings": {"countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow"},
    "verifiedPublisher": dict.fromkeys(("displayName", "verifiedPublisherId", "addedDateTime")),
}


def application(state, with_key):
    """An application; `key` of its credentials is null unless asked for (1.2). What is derived has its type (12 V)."""
    return {
        **({"@odata.type": "#microsoft.graph.agentIdentityBlueprint"} if state.is_blueprint else {}),
        "id": state.object_id,
        "deletedDateTime": state.deleted,
        "appId": state.app_id,
        "applicationTemplateId": None,
        "disabledByMicrosoftStatus": state.disabled_by_microsoft,
        "createdDateTime": state.created,
        "displayName": state.display_name,
        "description": None,
        "groupMembershipClaims": None,
        "identifierUris": list(state.identifier_uris),
        "isDeviceOnlyAuthSupported": None,
        "isDisabled": state.is_disabled,
        "isFallbackPublicClient": None,
        "nativeAuthenticationApisEnabled": None,
        "notes": state.notes,
        "publisherDomain": state.publisher_domain,
        "serviceManagementReference": None,
        "signInAudience": state.sign_in_audience,
        "tags": list(state.tags),
        "tokenEncryptionKeyId": state.token_encryption_key_id,
        "uniqueName": None,
        "samlMetadataUrl": None,
        "defaultRedirectUri": None,
        "certification": None,
        "optionalClaims": None,
        "servicePrincipalLockConfiguration": None,
        "requestSignatureVerification": None,
        "addIns": [],
        "api": _api(state.sign_in_audience),
        "appRoles": [],
        "info": PLAIN["info"],
        "keyCredentials": [entry.to_json(with_key) for entry in state.key_credentials],
        "parentalControlSettings": PLAIN["parentalControlSettings"],
        "passwordCredentials": [entry.to_json() for entry in state.password_credentials],
        "publicClient": REDIRECTS["publicClient"],
        "requiredResourceAccess": list(state.required_resource_access),
        "verifiedPublisher": PLAIN["verifiedPublisher"],
        "web": REDIRECTS["web"],
        "spa": REDIRECTS["spa"],
    }


def _api(audience):
    """Recorded: applications for personal accounts ask for tokens of version 2."""
    return {
        "acceptMappedClaims": None,
        "knownClientApplications": [],
        "requestedAccessTokenVersion": 2 if "PersonalMicrosoftAccount" in audience else None,
        "oauth2PermissionScopes": [],
        "preAuthorizedApplications": [],
    }


def service_principal(state, with_key):
    """A service principal."""
    return {
        "id": state.object_id,
        "deletedDateTime": state.deleted,
        "accountEnabled": state.enabled,
        "appId": state.app_id,
        "appDisplayName": state.display_name,
        "displayName": state.display_name,
        "appRoleAssignmentRequired": False,
        "disabledByMicrosoftStatus": state.disabled_by_microsoft,
        "isDisabled": state.is_disabled,
        "servicePrincipalNames": [state.app_id],
        "servicePrincipalType": "Application",
        "signInAudience": "AzureADMultipleOrgs" if state.app_id == GRAPH_APP_ID else "AzureADMyOrg",
        "tags": list(state.tags),
        "tokenEncryptionKeyId": None,
        "appRoles": [_app_role(role) for role in state.app_roles],
        "keyCredentials": [entry.to_json(with_key) for entry in state.key_credentials],
        "passwordCredentials": [],
    }


def _app_role(role):
    return {
        "allowedMemberTypes": ["Application"],
        "description": role.value,
        "displayName": role.value,
        "id": role.id,
        "isEnabled": True,
        "origin": "Application",
        "value": role.value,
    }


def assignment(one, principal, resource):
    """A granted application permission (10)."""
    return {
        "id": one.id,
        "deletedDateTime": None,
        "appRoleId": one.app_role_id,
        "createdDateTime": one.created,
        "principalDisplayName": principal.display_name,
        "principalId": one.principal_id,
        "principalType": "ServicePrincipal",
        "resourceDisplayName": resource.display_name if resource else None,
        "resourceId": one.resource_id,
    }


def organization(tenant):
    """The tenant itself."""
    domain = {
        "capabilities": "Email, OfficeCommunicationsOnline",
        "isDefault": True,
        "isInitial": True,
        "name": tenant.domain,
        "type": "Managed",
    }
    return {
        "id": tenant.id,
        "deletedDateTime": None,
        "displayName": tenant.name,
        "createdDateTime": "2020-01-01T00:00:00Z",
        "tenantType": "AAD",
        "verifiedDomains": [domain],
    }


def default_policy(policy):
    """The tenant's app management policy; an untouched tenant has empty lists (11 V)."""
    return {
        "id": policy.id,
        "deletedDateTime": None,
        "displayName": policy.display_name,
        "description": "Default tenant policy that enforces app management restrictions on applications.",
        "isEnabled": policy.enabled,
        "applicationRestrictions": {"passwordCredentials": [], "keyCredentials": _key_restrictions(policy)},
        "servicePrincipalRestrictions": {"passwordCredentials": [], "keyCredentials": []},
    }


def application_policy(policy):
    """A policy assigned to one application."""
    return {
        "id": policy.id,
        "deletedDateTime": None,
        "displayName": policy.display_name,
        "description": None,
        "isEnabled": policy.enabled,
        "restrictions": {"passwordCredentials": [], "keyCredentials": _key_restrictions(policy)},
    }


def _key_restrictions(policy):
    if policy.max_lifetime is None:
        return []
    restriction = {
        "restrictionType": "asymmetricKeyLifetime",
        "state": "enabled",
        "maxLifetime": policy.max_lifetime,
        "restrictForAppsCreatedAfterDateTime": policy.created_after,
    }
    return [restriction]
