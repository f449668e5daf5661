# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the numbers of Entra and the codes of Graph mean: our code for each, with a more exact word where there is one.

AADSTS 700027 is not here: `diagnosis.py` tells it apart by the reason in its text.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """Our stable code; an empty cause or remedy leaves the code's general one."""

    code: str
    cause: str = ""
    remedy: str = ""


_TRANSIENT = Meaning("service_unavailable")
_REVOKED = Meaning("certificate_refused", "Entra refuses this certificate: it was revoked.")
_NO_LOGIN_HOST = Meaning(
    "wrong_cloud",
    "The tenant lives in another cloud, and this sign-in may not cross over.",
    "Set the option cloud, or authority_host, to the login host of the tenant's own cloud.",
)
_SCOPE = Meaning(
    "wrong_cloud",
    "The scope that was asked for is none that {host} can give an application.",
    "Check cloud and graph_url: an application asks for '<Graph's address>/.default' in the tenant's own cloud.",
)

# AADSTS number → meaning. The numbers are those of Microsoft's page "Microsoft Entra authentication and authorization
# error codes", and those that clients of Microsoft know.
SIGN_IN: dict[int, Meaning] = {
    # the assertion
    700024: Meaning(
        "clock_skew",
        "The client assertion is outside its time: the clock of this host is wrong, or a federated token is too old.",
        "Correct the time of this host (NTP), renew the federated token if one is used, then run again.",
    ),
    700021: Meaning(
        "assertion_refused",
        "The client assertion names another application than client_id.",
        "Give the application that the assertion or federated token was made for as client_id.",
    ),
    700023: Meaning(
        "wrong_cloud",
        "The client assertion was made for another tenant or another cloud.",
        "Check tenant_id and cloud.",
    ),
    5002723: Meaning(
        "assertion_refused",
        "The client assertion does not say which certificate signed it.",
        "Let whatever makes the assertion name the certificate's thumbprint (x5t#S256 or x5t) in its header.",
    ),
    5002730: Meaning(
        "assertion_refused",
        "This authority does not take the algorithm that signed the client assertion.",
        "An assertion of this collection is signed again with RS256, where PS256 is refused. One that comes from "
        "elsewhere has to be made anew: have whatever makes it sign with RS256.",
    ),
    50027: Meaning("assertion_refused", "The client assertion is no well-formed token."),
    50013: Meaning(
        "assertion_refused",
        "The signature of the assertion that was presented on behalf of somebody cannot be confirmed.",
        "Get a new token for this application from the issuer, and present that.",
    ),
    # the certificate
    50012: Meaning(
        "certificate_not_trusted",
        "Entra does not trust the certificate: its subject, its chain, its thumbprint or its signature.",
    ),
    700030: Meaning(
        "certificate_not_trusted",
        "The subject names in the certificate are not those that the application trusts.",
    ),
    7000214: _REVOKED,
    7000277: _REVOKED,
    7000274: Meaning("certificate_refused"),
    1000502: Meaning(
        "certificate_refused",
        "Entra refuses this certificate: it lies outside its validity.",
        "Check the time of this host, then renew it with an identity that may write the application.",
    ),
    50032: Meaning("weak_key"),
    392200: Meaning(
        "credential_missing",
        "The mutual-TLS sign-in carried no client certificate.",
        "Present the client certificate in the TLS handshake, or sign in at the ordinary token endpoint.",
    ),
    392204: Meaning(
        "certificate_expired",
        "The client certificate of the mutual-TLS sign-in has expired.",
    ),
    # the secret
    7000215: Meaning(
        "secret_invalid",
        "A client secret was sent, and it is not one of the application's.",
    ),
    7000222: Meaning("secret_expired"),
    7000216: Meaning(
        "credential_missing",
        "No credential was sent at all: neither a client secret nor a client assertion.",
        "Give client_secret, client_certificate_path or key_store; an empty variable counts as nothing.",
    ),
    7000218: Meaning("public_client_refused"),
    700025: Meaning(
        "bad_request",
        "The application is registered as a public client, so it may not present a secret or a certificate.",
        "Sign in as an application that is a confidential client, or turn off public client flows on it.",
    ),
    # the application and the tenant
    700016: Meaning(
        "application_not_found",
        "The application is not known in this tenant: wrong ID, wrong tenant, wrong cloud, or deleted.",
    ),
    700011: Meaning("application_not_found"),
    7000229: Meaning("service_principal_missing"),
    7000112: Meaning("application_disabled"),
    70001: Meaning("application_disabled"),
    90002: Meaning("tenant_not_found"),
    9001023: Meaning(
        "tenant_not_found",
        "An application cannot sign in at 'common' or 'consumers': it must name one tenant.",
        "Set tenant_id to the tenant's GUID or domain.",
    ),
    900382: _NO_LOGIN_HOST,
    900432: _NO_LOGIN_HOST,
    500011: Meaning(
        "wrong_cloud",
        "The tenant does not know the service that the token was asked for; usually it lives in another cloud.",
        "Set the option cloud (and graph_url, if it is given) to the cloud where the tenant lives.",
    ),
    70011: _SCOPE,
    1002012: _SCOPE,
    50034: Meaning("account_not_found"),
    # a person with a code
    65004: Meaning("sign_in_declined"),
    70018: Meaning("sign_in_expired"),
    70019: Meaning("sign_in_expired"),
    70020: Meaning("sign_in_expired"),
    # consent and policies
    65001: Meaning("consent_missing"),
    501051: Meaning(
        "consent_missing",
        "The service asks for an assignment, and the application is assigned to none of its roles.",
        "An administrator assigns the application to a role of that service.",
    ),
    53003: Meaning("conditional_access"),
    # federation
    70021: Meaning("federation_refused"),
    700211: Meaning(
        "federation_refused",
        "No federated credential of the application has the issuer of this token.",
        "Compare the token's issuer (iss) with the federated credential, letter by letter, a last slash included.",
    ),
    700212: Meaning(
        "federation_refused",
        "No federated credential of the application has the audience of this token.",
        "Ask the issuer for the audience api://AzureADTokenExchange, or enter the token's audience (aud).",
    ),
    700213: Meaning(
        "federation_refused",
        "No federated credential of the application has the subject of this token.",
        "Compare the subject that the service quotes exactly with the federated credential, letter by letter.",
    ),
    7002131: Meaning(
        "federation_refused",
        "No federated credential of the application has the subject of this token.",
        "Compare the token's subject (sub), or the expression that stands for it, with the federated credential.",
    ),
    # the request
    900144: Meaning(
        "bad_request",
        "A field that the token endpoint needs is missing; the service says which.",
    ),
    9002313: Meaning("bad_request"),
    1002016: Meaning(
        "tls",
        "Entra no longer accepts the TLS version or cipher of this connection.",
        "Update Python and OpenSSL where the module runs, or the proxy that opens TLS: TLS 1.2 or later is needed.",
    ),
    # passing trouble
    50196: Meaning(
        "throttled",
        "Entra sees a loop: too many equal sign-ins of one application in 5 minutes.",
        "Wait 5 minutes; keep sign_in_budget at 14 or less, and do not sign in with the same application elsewhere.",
    ),
    90055: Meaning("throttled"),
    90033: _TRANSIENT,
    90006: _TRANSIENT,
    90012: _TRANSIENT,
    90024: _TRANSIENT,
    90090: _TRANSIENT,
    50033: _TRANSIENT,
    50087: _TRANSIENT,
}

# Words of RFC 8628 that may come without a number.
SIGN_IN_WORDS = {
    "authorization_declined": "sign_in_declined",
    "access_denied": "sign_in_declined",
    "expired_token": "sign_in_expired",
    "bad_verification_code": "sign_in_expired",
}

# Numbers with two meanings: where the service's text has this word, it is this one.
SIGN_IN_TEXTS: dict[int, tuple[str, Meaning]] = {
    50012: ("audience", SIGN_IN[700023]),
}

# AADSTS 530032 and its neighbours: security policies.
SECURITY_POLICIES = range(530000, 531000)

_THROTTLED = Meaning("throttled")
_UNKNOWN_OUTCOME = Meaning(
    "service_unavailable",
    "Graph did not finish the request in time.",
    "Try again later. A write may have taken effect all the same: the modules read back before they send it again.",
)

# Graph's error code, or that of one of its details → meaning. Codes that say no more than their status, such as
# Request_BadRequest and UnknownError, are left to that.
GRAPH: dict[str, Meaning] = {
    # the request
    "BadRequest": Meaning("bad_request", "The request does not fit Graph's schema."),
    "Request_UnsupportedQuery": Meaning(
        "bad_request",
        "Graph does not support this filter or order for applications.",
        "Use a simpler filter: appId, displayName (eq, startsWith), createdDateTime and signInAudience are supported.",
    ),
    "KeyNotUpdatable": Meaning(
        "bad_request",
        "Graph takes the write for a change of a credential that exists, and refuses that.",
        "Run again: entries are sent back as they are read. If it stays, quote the correlation ID to the support.",
    ),
    "KeyCredentialsInvalidEndDate": Meaning("dates_refused"),
    "KeyCredentialsInvalidValue": Meaning("value_refused"),
    "CredentialInvalidLifetimeAsPerAppPolicy": Meaning(
        "policy_refused",
        "An application management policy of the tenant allows certificates only a shorter life.",
    ),
    "CredentialTypeNotAllowedAsPerAppPolicy": Meaning(
        "policy_refused",
        "An application management policy of the tenant forbids this kind of credential.",
        "Use another kind of credential, or have the policy changed.",
    ),
    # who asks
    "InvalidAuthenticationToken": Meaning("token_refused"),
    "Authentication_MissingOrMalformed": Meaning(
        "token_refused",
        "Graph does not accept the token, or the proof that addKey and removeKey carry: "
        "its audience, its time or its key.",
        "Check the time of this host and that object_id is the application's own; with add_method 'update' no proof is "
        "needed.",
    ),
    "Authorization_RequestDenied": Meaning("permission_denied"),
    "CannotUpdateLockedServicePrincipalProperty": Meaning(
        "permission_denied",
        "The application's instance property lock forbids the change of its service principal's credentials.",
        "Write to the application object instead, or have servicePrincipalLockConfiguration changed by its owner.",
    ),
    # what is there
    "Request_ResourceNotFound": Meaning(
        "application_not_found",
        "Graph does not find the object: wrong ID, an app ID in place of an object ID, deleted, or not visible yet.",
    ),
    "Request_MultipleObjectsWithSameKeyValue": Meaning(
        "conflict",
        "The directory holds an object with the same key already.",
    ),
    "Request_ResourceModified": Meaning("conflict"),
    "Directory_ResourceSizeExceeded": Meaning(
        "limit_reached",
        "The application object is full: it holds too many credentials and other entries.",
        "Remove expired credentials of the application (application_certificate with state absent), then run again.",
    ),
    "Directory_QuotaExceeded": Meaning(
        "limit_reached",
        "The quota of directory objects is used up.",
        "Delete objects that nobody needs, also from the deleted ones, or have the quota raised.",
    ),
    # passing trouble
    "Directory_ConcurrencyViolation": Meaning(
        "service_unavailable",
        "Others write to the directory at the same moment.",
        "Wait a moment and try again.",
    ),
    "Error_MsaAppDoesNotExist": Meaning(
        "service_unavailable",
        "The part of the service for personal accounts does not know the application yet.",
        "Wait a moment and try again: this is seen just after an application was made.",
    ),
    "TooManyRequests": _THROTTLED,
    "activityLimitReached": _THROTTLED,
    "generalException": _TRANSIENT,
    "Service_InternalServerError": _TRANSIENT,
    "serviceNotAvailable": _TRANSIENT,
    "Service_Unavailable": _TRANSIENT,
}

# The family of codes whose ending is their meaning, whatever stands before it.
POLICY_ENDING = "AsPerAppPolicy"
POLICY_FAMILY = Meaning(
    "policy_refused",
    "An application management policy of the tenant refuses this; the service's own words say by which rule.",
    "Give what that rule allows, or have the policy changed.",
)

# What the service says first where its code says no more than that the request was bad.
GRAPH_TEXTS: dict[str, Meaning] = {
    "Invalid credential value.": Meaning("value_refused"),
}
# A proof that is refused although nothing is wrong with it: what addKey makes signs in before it is good for proofs.
YOUNG_KEY = Meaning(
    "token_refused",
    "The key that signed the proof was registered a short while ago and is not good for proofs yet; sign-ins work.",
    "Run again in an hour. Nothing was changed by this request.",
)
# How removeKey says, with a code that says nothing, that it knows no such key (any more, or yet).
NOTHING_TO_REMOVE = "No credentials found to be removed"

# What an HTTP status of Graph means where its code is not listed; any other from 500 on is trouble that passes, too.
STATUSES: dict[int, Meaning] = {
    400: Meaning("bad_request"),
    401: Meaning("token_refused"),
    403: Meaning("permission_denied"),
    404: GRAPH["Request_ResourceNotFound"],
    405: Meaning(
        "bad_request",
        "Graph does not know this method at this address.",
        "Check graph_url and, for a probe, its url.",
    ),
    408: Meaning("timeout"),
    409: _TRANSIENT,
    412: Meaning("conflict"),
    429: _THROTTLED,
    499: Meaning("timeout"),
    500: _TRANSIENT,
    503: _TRANSIENT,
    504: _UNKNOWN_OUTCOME,
}
