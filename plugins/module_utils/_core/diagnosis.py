# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What went wrong, why, and what a person does about it: one table of stable codes. Pure.

The service's own codes are only evidence and advice; the decisions to wait, to try again or to stop are in `Answer`.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field, replace

from .service_codes import (
    GRAPH,
    GRAPH_TEXTS,
    POLICY_ENDING,
    POLICY_FAMILY,
    SECURITY_POLICIES,
    SIGN_IN,
    SIGN_IN_TEXTS,
    SIGN_IN_WORDS,
    STATUSES,
    YOUNG_KEY,
    Meaning,
)

if t.TYPE_CHECKING:
    from .errors import EvercertError

# How an answer is to be taken. `wait`: the certificate may not be visible yet. `later`: passing trouble that says
# nothing about the certificate. `no`: final until somebody changes something.
Retry = t.Literal["wait", "later", "no"]


@dataclass(frozen=True)
class Diagnosis:
    """A stable code, its cause and remedy for people, whether to try again, and what the service said."""

    code: str
    cause: str
    remedy: str
    retry: Retry
    evidence: t.Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def blames_key(self) -> bool:
        """Whether the sign-in was refused because of the key: not found, expired, wrong, revoked."""
        return self.code in KEY_CODES

    @property
    def sentence(self) -> str:
        said = f" The service said: {self.evidence['message']}" if self.evidence.get("message") else ""
        return f"{self.cause} {self.remedy}{said}{self._reference}"

    @property
    def _reference(self) -> str:
        """What support asks for, in the sentence itself where this collection knows no more."""
        correlation_id, timestamp = self.evidence.get("correlation_id"), self.evidence.get("timestamp")
        if self.code != "unknown" or not correlation_id:
            return ""
        return f" (correlation ID {correlation_id}{f', {timestamp}' if timestamp else ''})"


@dataclass(frozen=True)
class Explanation:
    """The row of the table behind a code."""

    cause: str
    remedy: str
    retry: Retry


KEY_CODES = ("certificate_not_registered", "certificate_expired", "wrong_private_key", "certificate_refused")

# Graph refused a certificate for what it is: the same one, sent again, is refused again.
CERTIFICATE_CODES = ("policy_refused", "value_refused", "dates_refused")
# Those that refuse the credential with which somebody signs in: it ended, was revoked, or is wrong.
CREDENTIAL_CODES = (*KEY_CODES, "secret_invalid", "secret_expired")

# Right after a service principal was made or enabled, the token service may not know of it yet (facts page, 4.7 and 6).
LATE_AFTER_REPAIR = ("application_not_found", "service_principal_missing", "application_disabled")

TABLE: dict[str, Explanation] = {
    "network_refused": Explanation(
        "The connection to {host} was refused or broken off.",
        "Check that the host is reachable from here and that no firewall blocks it. "
        "This says nothing about the certificate.",
        "later",
    ),
    "dns": Explanation(
        "The name {host} could not be resolved.",
        "Check the DNS of this host and the options cloud, authority_host and graph_url. "
        "This says nothing about the certificate.",
        "later",
    ),
    "tls": Explanation(
        "No trusted TLS connection to {host} could be made.",
        "Check that the issuer of the host's certificate is trusted here (option ca_path for a private CA or an "
        "inspecting proxy). This says nothing about the application's certificate.",
        "no",
    ),
    "proxy": Explanation(
        "The proxy on the way to {host} refused or broke the connection.",
        "Check HTTPS_PROXY and NO_PROXY where the module runs, and the proxy's own rules.",
        "later",
    ),
    "timeout": Explanation(
        "{host} did not answer in time.",
        "Try again; look at the network on the way if it stays so. This says nothing about the certificate.",
        "later",
    ),
    "clock_skew": Explanation(
        "The clock of this host and the clock of the service differ too much.",
        "Correct the time of this host (NTP), then run again.",
        "no",
    ),
    "tenant_not_found": Explanation(
        "{host} does not know the tenant.",
        "Check tenant_id, and cloud if the tenant lives in a national cloud.",
        "no",
    ),
    "wrong_cloud": Explanation(
        "The tenant or the resource belongs to another cloud than the one that was asked.",
        "Set the option cloud to the cloud where the tenant lives.",
        "no",
    ),
    "application_not_found": Explanation(
        "The application is not known in this tenant.",
        "Check app_id (or client_id), tenant_id and cloud; a deleted application can be restored for 30 days.",
        "no",
    ),
    "service_principal_missing": Explanation(
        "The application has no service principal (enterprise application) in this tenant.",
        "An administrator creates it (application_access, or role recover in an emergency).",
        "no",
    ),
    "application_disabled": Explanation(
        "The application is disabled in this tenant.",
        "An administrator enables its service principal (application_access, or role recover in an emergency). The "
        "certificate is not at fault.",
        "no",
    ),
    "certificate_not_registered": Explanation(
        "Entra does not find the certificate on the application: it was never registered, or it is not visible yet.",
        "Right after a registration wait and try again; otherwise register it (application_certificate_renew).",
        "wait",
    ),
    "certificate_expired": Explanation(
        "The certificate has expired, so Entra refuses every sign-in made with it.",
        "An identity that may write the application adds a new certificate "
        "(role recover, or application_certificate_renew signed in as an administrator).",
        "no",
    ),
    "wrong_private_key": Explanation(
        "The signature does not fit the certificate that the application has: this is another private key.",
        "Use the private key that belongs to the registered certificate, or renew with an administrator's identity.",
        "no",
    ),
    "certificate_refused": Explanation(
        "Entra refuses this certificate: it was revoked or lies outside its validity.",
        "Renew it with an identity that may write the application.",
        "no",
    ),
    "certificate_not_trusted": Explanation(
        "Entra does not trust this certificate for the application.",
        "Register the certificate itself on the application (application_certificate_renew); trust by subject name and "
        "issuer has to be set up in Entra first.",
        "no",
    ),
    "weak_key": Explanation(
        "The RSA key of the certificate is too short.",
        "Renew with a key_size of 2048 or more.",
        "no",
    ),
    "assertion_refused": Explanation(
        "Entra cannot use the client assertion as it was made.",
        "Check client_id and the file or program that the assertion comes from; one that this collection made itself "
        "is worth a bug report.",
        "no",
    ),
    "credential_missing": Explanation(
        "The sign-in carried no credential.",
        "Give client_secret, client_certificate_path or key_store.",
        "no",
    ),
    "secret_invalid": Explanation(
        "The client secret is wrong.",
        "Give the secret's value, not its ID, as client_secret (AZURE_CLIENT_SECRET).",
        "no",
    ),
    "secret_expired": Explanation(
        "The client secret has expired.",
        "Create a new client secret for the identity that signs in, or sign in with a certificate.",
        "no",
    ),
    "sign_in_declined": Explanation(
        "The person who was asked declined the sign-in.",
        "Run again and accept it, or choose another auth_source.",
        "no",
    ),
    "sign_in_expired": Explanation(
        "Nobody signed in before the code expired.",
        "Run again, open the page that is shown and enter the new code in time.",
        "no",
    ),
    "public_client_refused": Explanation(
        "The application of client_id does not allow public client flows, which a device code needs.",
        "Allow them in its registration (Authentication), or leave client_id (AZURE_CLIENT_ID) out to sign in with "
        "Microsoft Graph Command Line Tools.",
        "no",
    ),
    "federation_refused": Explanation(
        "No federated credential of the application fits the token that this job presents.",
        "Compare issuer, subject and audience with the application's federated credentials, letter by letter. One that "
        "was made just now can need some minutes.",
        "no",
    ),
    "job_token_unavailable": Explanation(
        "The platform that runs this job gave no token for it.",
        "GitHub Actions: give the job the permission 'id-token: write'. Azure Pipelines: hand SYSTEM_ACCESSTOKEN to "
        "the step, and name a service connection that it may use.",
        "no",
    ),
    "identity_unavailable": Explanation(
        "This machine gave no token for a managed identity.",
        "Assign the identity to the machine, correct client_id (AZURE_CLIENT_ID; empty for the machine's own "
        "identity), or choose another auth_source.",
        "no",
    ),
    "azure_cli_failed": Explanation(
        "The Azure CLI gave no token.",
        "Run 'az login' as the user who runs the module, with --tenant if that user has several, or choose another "
        "auth_source.",
        "no",
    ),
    "account_not_found": Explanation(
        "The account that signed in does not exist in this tenant.",
        "Sign in with an account of the tenant that tenant_id names, or invite the account as a guest.",
        "no",
    ),
    "consent_missing": Explanation(
        "The permission has not been consented to.",
        "An administrator grants consent for the application's permissions (application_access).",
        "no",
    ),
    "permission_denied": Explanation(
        "The identity that signed in may not do this.",
        "Grant it Application.ReadWrite.OwnedBy as an owner of the application, or Application.ReadWrite.All; "
        "reading needs Application.Read.All. With auth_source key_store no Graph permission is needed.",
        "no",
    ),
    "token_refused": Explanation(
        "Graph does not accept the access token.",
        "Sign in again. A token given as access_token must be for Graph in the same cloud, and may be an hour old at "
        "most.",
        "no",
    ),
    "conditional_access": Explanation(
        "A Conditional Access policy blocks this sign-in.",
        "Allow this host's address for the workload identity or change the policy. The certificate is not at fault.",
        "no",
    ),
    "policy_refused": Explanation(
        "An application management policy of the tenant refuses this credential.",
        "Use a certificate that the policy allows, a shorter one as a rule (application_certificate_renew makes it "
        "with a lower validity, or with on_policy_limit 'clamp'), or have the policy changed.",
        "no",
    ),
    "value_refused": Explanation(
        "Graph did not take the certificate: it cannot be used as the value of a credential.",
        "Use another certificate: X.509 with an RSA key. One that this collection made itself is worth a bug report.",
        "no",
    ),
    "dates_refused": Explanation(
        "Graph refuses the end date of a credential.",
        "Check the time of this host; give a certificate of one year at most, or remove the entries that have expired.",
        "no",
    ),
    "limit_reached": Explanation(
        "A limit of the directory is reached.",
        "Remove what nobody needs, then run again.",
        "no",
    ),
    "conflict": Explanation(
        "What the directory holds contradicts the write: it is there already, or was changed meanwhile.",
        "Run again: what is there is read first.",
        "no",
    ),
    "bad_request": Explanation(
        "The service refuses the request as it was made.",
        "Check the options that the service's own words name; if they are right, report it with the correlation ID.",
        "no",
    ),
    "not_shown": Explanation(
        "Graph acknowledged a write, and the directory never showed it: it was not applied.",
        "Run again: what is there is read first, and what is missing is sent once more. Nothing else was changed.",
        "later",
    ),
    "unsafe": Explanation(
        "Going on could have lost a key that works, or a credential of somebody else, so nothing was sent.",
        "Run again: everything is read anew. If it stops again, compare the key IDs in the message with the "
        "application's credentials; application_certificate changes the one that you name.",
        "no",
    ),
    "throttled": Explanation(
        "The service is limiting requests at the moment.",
        "Wait as long as it says and try again; spread large runs.",
        "later",
    ),
    "service_unavailable": Explanation(
        "The service is not available at the moment.",
        "Try again later. This says nothing about the certificate.",
        "later",
    ),
    "still_accepted": Explanation(
        "Entra accepts sign-ins with a certificate that it should refuse.",
        "Right after a removal wait some minutes and try again; otherwise remove the certificate from the application "
        "(application_certificate with state absent).",
        "wait",
    ),
    "not_proven": Explanation(
        "What was to be proven was not within the time for it.",
        "Run again; raise timeout_propagation where the directory or the sign-ins need longer.",
        "later",
    ),
    "invalid_input": Explanation(
        "The options cannot work as they are given.",
        "Correct what the message names.",
        "no",
    ),
    "key_store_error": Explanation(
        "The key store cannot be used as it is.",
        "Do what the message says, as the user who owns the key store.",
        "no",
    ),
    "unknown": Explanation(
        "The service refused the request for a reason that this collection has no advice for.",
        "Quote the correlation ID and time to Microsoft's support.",
        "no",
    ),
}

_REASON = re.compile(r"\[Reason - ([^,\]]*)")
_NUMBER = re.compile(r"AADSTS([0-9]{1,10})(?![0-9])")
# A token, an assertion or a proof that a peer quotes back at us.
_TOKEN = re.compile(r"eyJ[\w-]+(?:\.[\w-]*)*", re.ASCII)
_LONGEST_TEXT = 1000
_LONGEST_CODE = 100
_MOST_NUMBERS = 20


def explain(code: str, host: str, evidence: t.Mapping[str, t.Any], retry: Retry | None = None) -> Diagnosis:
    """The diagnosis of a code; `host` names the peer in its cause."""
    return _explain(Meaning(code), host, evidence, retry)


def _explain(meaning: Meaning, host: str, evidence: t.Mapping[str, t.Any], retry: Retry | None = None) -> Diagnosis:
    """The same, with the more exact words that one of the service's own codes has."""
    row = TABLE[meaning.code]
    cause = (meaning.cause or row.cause).format(host=host or "the service")
    return Diagnosis(meaning.code, cause, meaning.remedy or row.remedy, retry or row.retry, {"host": host, **evidence})


def diagnosis_of(error: EvercertError) -> Diagnosis:
    """The diagnosis of a failure: its own, else what its kind means, with the sentence of this one."""
    if error.diagnosis:
        return error.diagnosis
    row = explain(error.word if error.word in TABLE else "unknown", "", {"message": None})
    return replace(row, cause=error.message)


def explain_sign_in(
    status: int, body: t.Mapping[str, t.Any], host: str, headers: t.Mapping[str, str], sent_as: str | None = None
) -> Diagnosis:
    """The diagnosis of a token endpoint's answer that holds no token; `sent_as` is the request's correlation ID."""
    numbers = _numbers(body)
    text = said(body.get("error_description")) or ""
    evidence = {
        "http_status": status,
        "error": said(body.get("error")),
        "error_codes": numbers,
        "correlation_id": said(body.get("correlation_id"), _LONGEST_CODE) or sent_as,
        "trace_id": said(body.get("trace_id")),
        "timestamp": said(body.get("timestamp"), _LONGEST_CODE) or said(headers.get("date"), _LONGEST_CODE),
        "message": _first_line(text),
    }
    if headers.get("retry-after"):
        evidence["retry_after"] = said(headers["retry-after"])
    return _explain(_meaning_of_sign_in(status, numbers, text, body), host, evidence)


def _meaning_of_sign_in(status: int, numbers: t.Sequence[int], text: str, body: t.Mapping[str, t.Any]) -> Meaning:
    if 700027 in numbers:
        return Meaning(_code_of_700027(text))
    for number in numbers:
        if number in SIGN_IN:
            return _of_number(number, text)
        if number in SECURITY_POLICIES:
            return Meaning("conditional_access")
    word = said(body.get("error")) or ""
    if word in SIGN_IN_WORDS:
        return Meaning(SIGN_IN_WORDS[word])
    if status == 429:
        return Meaning("throttled")
    if status >= 500 or word in ("temporarily_unavailable", "server_error"):
        return Meaning("service_unavailable")
    return Meaning("unknown")


def _of_number(number: int, text: str) -> Meaning:
    """What a number means, by the service's text where that tells two meanings apart."""
    word, other = SIGN_IN_TEXTS.get(number, ("", None))
    return other if other and word in text.lower() else SIGN_IN[number]


def _code_of_700027(text: str) -> str:
    """Only a key that was not found, or no reason at all, may be a matter of time. The reason stands in brackets."""
    found = _REASON.search(text)
    reason = found.group(1) if found else ""
    if "not found" in reason:
        return "certificate_not_registered"
    if "expired" in reason:
        return "certificate_expired"
    return "wrong_private_key" if reason or "failed signature validation" in text else "certificate_not_registered"


def _numbers(body: t.Mapping[str, t.Any]) -> list[int]:
    """The AADSTS numbers: from the list, else from the text."""
    listed = body.get("error_codes")
    numbers = [number for number in listed if _is_number(number)] if isinstance(listed, list) else []
    if numbers:
        return numbers[:_MOST_NUMBERS]
    match = _NUMBER.match(said(body.get("error_description")) or "")
    return [int(match.group(1))] if match else []


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**10


def _first_line(text: str) -> str:
    """The service's sentence without the IDs that follow it."""
    return re.split(r"Trace ID:|\r\n", text, maxsplit=1)[0].rstrip()


def said(value: object, longest: int = _LONGEST_TEXT) -> str | None:
    """What a peer said, as far as it is text: bounded, and without a token that it quotes."""
    return _TOKEN.sub("(token)", value[: 2 * longest])[:longest] if isinstance(value, str) else None


def explain_graph(status: int, error: t.Mapping[str, t.Any], host: str, headers: t.Mapping[str, str]) -> Diagnosis:
    """The diagnosis of a Graph error; `error` is the object below "error", possibly empty."""
    code = said(error.get("code"), _LONGEST_CODE) or ""
    inner = error.get("innerError") or error.get("innererror")
    named = headers.get("request-id") or (inner.get("request-id") if isinstance(inner, dict) else None)
    request_id = said(named, _LONGEST_CODE)
    evidence: dict[str, t.Any] = {
        "http_status": status,
        "error": code or None,
        "error_codes": [],
        "correlation_id": said(headers.get("client-request-id"), _LONGEST_CODE) or request_id,
        "trace_id": request_id,
        "timestamp": said(headers.get("date"), _LONGEST_CODE),
        "message": said(error.get("message")) or "",
    }
    meaning = _meaning_of_graph(status, [code, *_detail_codes(error)], evidence["message"])
    return _explain(meaning, host, evidence)


def young_key_diagnosis(refused: Diagnosis, retry: Retry) -> Diagnosis:
    """The diagnosis of a refused proof, where the age of the key that signed it may be all that is wrong."""
    return replace(refused, cause=YOUNG_KEY.cause, remedy=YOUNG_KEY.remedy, retry=retry)


def _detail_codes(error: t.Mapping[str, t.Any]) -> list[str]:
    """The codes of the error's details, which say more where its own says no more than that the request was bad."""
    listed = error.get("details")
    details = listed[:_MOST_NUMBERS] if isinstance(listed, list) else []
    return [said(detail.get("code"), _LONGEST_CODE) or "" for detail in details if isinstance(detail, dict)]


def _meaning_of_graph(status: int, codes: t.Sequence[str], text: str) -> Meaning:
    """The first code that is known decides, else how the text begins, else the status."""
    known = next((meaning for meaning in map(_of_code, codes) if meaning), None)
    told = next((meaning for words, meaning in GRAPH_TEXTS.items() if text.startswith(words)), None)
    otherwise = Meaning("service_unavailable" if status >= 500 else "unknown")
    return known or told or STATUSES.get(status) or otherwise


def _of_code(code: str) -> Meaning | None:
    return GRAPH.get(code) or (POLICY_FAMILY if code.endswith(POLICY_ENDING) else None)
