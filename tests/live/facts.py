# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nobody has confirmed about the service, as questions to a tenant.

A question returns what was observed and the evidence for it. `switch` names the emulator's switch that assumes the
answer, so that a refuted assumption is one line there; other questions say themselves what is assumed. What was
observed is written down without the evidence (`answers.py`), and the emulator takes it from there.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from emulator import certificates
from emulator.switches import Switches

from .service import NotObserved

UNKNOWN_ID = "00000000-0000-4000-8000-00000000dead"


@dataclass(frozen=True)
class Fact:
    """One assumption, the question that tests it, and whether asking changes the throw-away application."""

    statement: str
    assumed: t.Any
    ask: t.Callable
    changes: bool
    switch: str | None = None

    @property
    def name(self):
        return self.ask.__name__

    def verdict(self, observed):
        if self.assumed is None:
            return "measured"
        return "confirmed" if observed == self.assumed else "REFUTED"


FACTS: list[Fact] = []


def fact(statement, assumed=None, switch=None, changes=False, measured=False):
    """Register a question. `assumed` or the value of the emulator's `switch` is what we build on.

    What is `measured` is another number each time: it sets the switch, and refutes nothing.
    """

    def register(ask):
        expected = getattr(Switches(), switch) if switch and not measured else assumed
        FACTS.append(Fact(statement, expected, ask, changes, switch))
        return ask

    return register


# Reading only


@fact("a list with $select=keyCredentials shows `key`", switch="list_returns_key")
def list_returns_key(service, _application):
    answer = service.graph("GET", "/applications?$select=id,appId,keyCredentials&$top=20")
    entries = [entry for one in answer.body.get("value", ()) for entry in one["keyCredentials"]]
    if not entries:
        raise NotObserved(f"no application with a certificate among the first 20 ({answer})")
    return any(entry.get("key") for entry in entries), f"{len(entries)} entries looked at"


@fact("an unknown app ID is 404 Request_ResourceNotFound", assumed="404 Request_ResourceNotFound")
def unknown_app_id(service, _application):
    answer = service.graph("GET", f"/applications(appId='{UNKNOWN_ID}')?$select=id")
    return str(answer), str(answer)


@fact("a sign-in with an unregistered certificate is HTTP 401, AADSTS700027", assumed="401 AADSTS700027")
def unregistered(service, _application):
    answer = service.sign_in(service.settings.client_id or UNKNOWN_ID, service.pair())
    if "700016" in str(answer):
        raise NotObserved("AZURE_CLIENT_ID names no application of this tenant")
    return str(answer), _first_words(answer)


@fact("its reason is 'The key was not found.'", assumed=True)
def reason(service, _application):
    answer = service.sign_in(service.settings.client_id or UNKNOWN_ID, service.pair())
    return "[Reason - The key was not found." in answer.body.get("error_description", ""), _first_words(answer)


@fact("a line end stands before 'Trace ID'", switch="old_separators")
def separators(service, _application):
    answer = service.sign_in(service.settings.client_id or UNKNOWN_ID, service.pair())
    text = answer.body.get("error_description", "")
    if "Trace ID" not in text:
        raise NotObserved("the answer has no Trace ID")
    return "\r\nTrace ID" in text, repr(text[text.index("Trace ID") - 3 :][:14])


@fact("Graph and the token service tell the time in a Date header", assumed=True)
def dates(service, _application):
    graph = service.graph("GET", "/applications?$select=id&$top=1")
    login = service.token_request(UNKNOWN_ID, client_secret="x")
    found = [{name.lower(): value for name, value in one.headers.items()}.get("date") for one in (graph, login)]
    return all(found), " and ".join(map(str, found))


@fact("what this identity may read of management policies")
def policies(service, _application):
    answer = service.graph("GET", "/policies/defaultAppManagementPolicy")
    return str(answer), "enabled" if answer.body.get("isEnabled") else "not enabled, or not readable"


# On the throw-away application


@fact("seconds from PATCH to the first accepted sign-in", changes=True)
def until_accepted(service, application):
    pair = _registered(service, application)
    return application.wait_until_it_signs_in(pair), "one token server; others may lag"


@fact(
    "a certificate of two years may be registered for two years: there is no limit of one",
    switch="one_year_limit",
    changes=True,
)
def one_year_limit(service, application):
    answer = application.add(service.pair(ends=730))
    return not answer.accepted, str(answer)


@fact("without dates the service picks one year", switch="omitted_end_is_one_year", changes=True)
def omitted_end(service, application):
    answer = application.add(service.pair(ends=730), startDateTime=None, endDateTime=None)
    if not answer.accepted:
        raise NotObserved(str(answer))
    entry = application.added()
    years = int(entry["endDateTime"][:4]) - int(entry["startDateTime"][:4])
    return years == 1, f"{entry['startDateTime']} to {entry['endDateTime']}"


@fact("a start before the certificate's is refused", switch="start_before_certificate_refused", changes=True)
def early_start(service, application):
    pair = service.pair()
    early = pair.not_before.replace(year=pair.not_before.year - 1)
    answer = application.add(pair, startDateTime=f"{early:%Y-%m-%dT%H:%M:%SZ}")
    return not answer.accepted, str(answer)


@fact("a certificate that has ended is refused", switch="ended_new_entry_refused", changes=True)
def ended(service, application):
    answer = application.add(service.pair(starts=-90, ends=-1))
    return not answer.accepted, str(answer)


@fact("the same certificate a second time is refused", switch="duplicate_certificate_refused", changes=True)
def duplicate(service, application):
    answer = application.add(_registered(service, application))
    return not answer.accepted, str(answer)


@fact("an EC certificate is refused", switch="ec_certificates_refused", changes=True)
def ec_certificate(service, application):
    answer = application.add(service.pair(key=certificates.new_ec_key()))
    return not answer.accepted, str(answer)


@fact(
    "a new entry without a key is 400 KeyCredentialsInvalidValue",
    assumed="400 KeyCredentialsInvalidValue",
    changes=True,
)
def without_key(service, application):
    answer = application.add(service.pair(), key=None)
    return str(answer), str(answer)


@fact("a key that is no certificate is 400 Request_BadRequest", assumed="400 Request_BadRequest", changes=True)
def garbage(service, application):
    answer = application.add(service.pair(), key="bm8gY2VydGlmaWNhdGU=")
    return str(answer), str(answer)


@fact("the audience of a proof ends with", switch="proof_audience", changes=True)
def proof_audience(service, application):
    signs = _signs_in(service, application)
    token = service.sign_in(application.app_id, signs).body["access_token"]
    worked = [name for name in ("0002", "0003") if _add_key(service, application, signs, token, name).accepted]
    return (
        "either" if len(worked) == 2 else worked[0] if worked else "neither"
    ), f"worked: {', '.join(worked) or 'none'}"


@fact("a key may sign its own removal", switch="signing_key_removable", changes=True)
def signing_key_removable(service, application):
    signs = _signs_in(service, application)
    token = service.sign_in(application.app_id, signs).body["access_token"]
    answer = _remove_key(service, application, signs, token, application.added()["keyId"])
    return answer.accepted, str(answer)


@fact("removeKey of a key that is not there is 404, not 400", switch="absent_key_is_404", changes=True)
def absent_key(service, application):
    signs = _signs_in(service, application)
    token = service.sign_in(application.app_id, signs).body["access_token"]
    answer = _remove_nothing(service, application, signs, token)
    if answer.status not in (400, 404):
        raise NotObserved(str(answer))
    return answer.status == 404, str(answer)


@fact(
    "seconds until a proof by a key that addKey made is taken",
    switch="young_key_refused",
    changes=True,
    measured=True,
)
def young_key(service, application):
    signs, new = _signs_in(service, application), service.pair()
    token = service.sign_in(application.app_id, signs).body["access_token"]
    answer = _with_either(lambda audience: _add_key(service, application, signs, token, audience, new))
    if not answer.accepted:
        raise NotObserved(str(answer))
    started = service.now()
    while True:
        answer = _remove_nothing(service, application, new, token)
        waited = (service.now() - started).total_seconds()
        if answer.status != 401:
            return round(waited), str(answer)
        if waited > 1800:
            raise NotObserved(f"not within half an hour: {answer}")
        service.pause(service.settings.interval)


@fact("the app ID issues proofs", switch="app_id_issues_proofs", changes=True)
def app_id_as_issuer(service, application):
    signs = _signs_in(service, application)
    token = service.sign_in(application.app_id, signs).body["access_token"]
    addresses = {"by_app_id": f"(appId='{application.app_id}')", "by_object_id": f"/{application.object_id}"}
    taken = [
        name
        for name, address in addresses.items()
        if _remove_nothing(service, application, signs, token, address, application.app_id).status != 401
    ]
    word = {("by_app_id", "by_object_id"): "always", ("by_app_id",): "by_app_id", (): "never"}.get(tuple(taken))
    if word is None:
        raise NotObserved("only by the object ID")
    return word, f"taken: {', '.join(taken) or 'none'}"


@fact("without dates addKey picks one year", switch="add_key_ends_in_one_year", changes=True)
def omitted_end_of_add_key(service, application):
    signs = _signs_in(service, application)
    token = service.sign_in(application.app_id, signs).body["access_token"]
    new = service.pair(ends=730)
    answer = _with_either(lambda audience: _add_key(service, application, signs, token, audience, new))
    if not answer.accepted:
        raise NotObserved(str(answer))
    entry = answer.body
    years = int(entry["endDateTime"][:4]) - int(entry["startDateTime"][:4])
    return years == 1, f"{entry['startDateTime']} to {entry['endDateTime']}"


@fact("a new certificate gets a token for a second resource as soon as for the first", assumed=True, changes=True)
def second_resource(service, application):
    pair = _signs_in(service, application)
    answer = service.sign_in(application.app_id, pair, scope="https://vault.azure.net/.default")
    if not answer.accepted and "700027" not in str(answer):
        raise NotObserved(str(answer))
    return answer.accepted, str(answer)


@fact("seconds for which a removed certificate still signs in", changes=True)
def until_refused(service, application):
    pair = _signs_in(service, application)
    application.clear()
    return application.wait_until_it_is_refused(pair), "one token server; others may lag"


@fact(
    "a certificate that is not valid yet is refused with AADSTS1000502", switch="not_yet_valid_is_1000502", changes=True
)
def not_yet_valid(service, application):
    pair = service.pair(starts=1, ends=30)
    answer = application.add(pair)
    if not answer.accepted:
        raise NotObserved(str(answer))
    service.pause(2 * service.settings.interval)
    refused = service.sign_in(application.app_id, pair)
    return "1000502" in str(refused), _first_words(refused)


@fact(
    "an expired entry, sent back unchanged, refuses the whole PATCH", switch="expired_entry_refuses_patch", changes=True
)
def expired_entry(service, application):
    short = service.pair(ends=3 / 1440)
    answer = application.add(short)
    if not answer.accepted:
        raise NotObserved(f"an entry of three minutes: {answer}")
    service.pause(200)
    answer = application.add(service.pair())
    return not answer.accepted, str(answer)


def _registered(service, application):
    pair = service.pair()
    answer = application.add(pair)
    if not answer.accepted:
        raise NotObserved(str(answer))
    return pair


def _signs_in(service, application):
    pair = _registered(service, application)
    application.wait_until_it_signs_in(pair)
    return pair


def _with_either(send):
    """The answer to a proof with the audience that is taken, or the last refusal."""
    for audience in ("0002", "0003"):
        answer = send(audience)
        if answer.status != 401:
            break
    return answer


def _add_key(service, application, signs, token, audience, new=None):
    proof = service.proof(application.object_id, signs, audience)
    return application.add_key(new or service.pair(), token, proof)


def _remove_nothing(service, application, signs, token, address=None, issuer=None):
    """removeKey of a key that is not there: what it says about the proof changes nothing."""
    return _remove_key(service, application, signs, token, UNKNOWN_ID, address, issuer)


def _remove_key(service, application, signs, token, key_id, address=None, issuer=None):
    path = f"/applications{address or '/' + application.object_id}/removeKey"

    def send(audience):
        proof = service.proof(issuer or application.object_id, signs, audience)
        return service.graph("POST", path, {"keyId": key_id, "proof": proof}, token)

    return _with_either(send)


def _first_words(answer):
    return str(answer.body.get("error_description", answer))[:120]
